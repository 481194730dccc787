"""The one table of settings: it feeds the environment's reading, `smgt check`, `--help` and the README.

Owns names, defaults, meanings and what contradicts what; the accounts and their credentials are those of
bot.settings_channels. It must not know platforms' SDKs nor read anything but what bot.settings_sources hands over.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator
from pydantic.fields import FieldInfo

from bot.settings_channels import CREDENTIALS, Channel, doubled_accounts, read_channels, webhook_faults
from bot.settings_mail import mail_faults
from bot.settings_sources import CONFIG, FILE_SUFFIX, PREFIX, SECRETS_DIR, SettingsError, Sources
from handlers.reach import Reach, UnknownMode, reach_of
from handlers.understanding.taxonomy import taxonomy
from store.vocabulary import Platform

__all__ = ["Channel", "Settings", "SettingsError", "is_real_host", "load_settings", "settings_table", "shown_values"]


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("url")
    return text.rstrip("/")


def _reach(mode: str) -> Reach:
    return reach_of(mode, {name: one.alt_names for name, one in taxonomy().districts.items()})


def _word(text: object) -> object:
    return text.lower() if isinstance(text, str) else text


Url = Annotated[str, BeforeValidator(_url)]
Number = Annotated[int, Field(ge=0)]


def _say(default: Any, meaning: str, **limits: Any) -> Any:
    return Field(default=default, description=meaning, **limits)


class Settings(BaseModel):
    """Every setting. A field `web_port` is the environment's SMGT_WEB_PORT."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    database_url: str = _say(
        "sqlite:///smgt.db", "where everything is kept: sqlite:///<file> or postgresql+psycopg://...", repr=False
    )
    mode: str = _say(
        "all",
        "who hears SMGT: `shadow` nobody, on no platform, it only notes what it would say; `district:Hisar` citizens "
        "and officers of that district's complaints (not those whose district is unknown yet); `all` everybody",
    )
    live: bool = _say(False, "yes: really send to hosts that are not this machine")
    channels: tuple[Channel, ...] = _say((), "our accounts, as `x:cmohry facebook:cmo telegram:desk`; names are unique")
    x_api_url: Url = _say("https://api.x.com", "X API, or the sandbox's")
    facebook_graph_url: Url = _say("https://graph.facebook.com", "Facebook's Graph API, or the sandbox's")
    telegram_api_url: Url = _say("https://api.telegram.org", "Telegram's Bot API, or the sandbox's")
    clock_url: Url | None = _say(None, "take the office clock from this sandbox; refused with real hosts")
    proxy_url: Url | None = _say(None, "HTTP proxy for all platforms", repr=False)

    ticket_prefix: str = _say(
        "HRY", "first letters of every ticket number, three to six capitals", pattern="^[A-Z]{3,6}$"
    )
    x_followups: Literal["permitted", "asked", "never"] = _say(
        "permitted", "later news on X: whenever permitted, only after the citizen wrote again, or never"
    )
    any_state: bool = _say(False, "yes: complaints from outside Haryana get tickets too")
    max_unasked_per_ticket: int = _say(6, "most replies to one ticket that answer no post of the citizen", ge=1, le=100)

    details_hours: int = _say(24, "wait for district or category before people look", ge=1, le=720)
    satisfaction_reminder_hours: int = _say(48, "after a disposal, until the one reminder", ge=1, le=720)
    satisfaction_close_hours: int = _say(168, "after a disposal, until it closes as not answered", ge=1, le=2160)
    reopen_days: int = _say(30, "after closing, how long `not solved` reopens", ge=0, le=365)
    withdraw_undo_days: int = _say(7, "how long a withdrawal can be undone", ge=0, le=90)
    thread_join_seconds: int = _say(
        180, "posts of one author in one thread within this are one complaint", ge=0, le=3600
    )
    flood_per_hour: int = _say(
        20, "posts of one account within an hour; what is beyond is parked for a person", ge=1, le=10_000
    )
    emergency_confirm_minutes: int = _say(10, "until an unconfirmed emergency goes one level up", ge=1, le=240)
    undo_seconds: int = _say(
        60,
        "in which an officer's forward, answer or plan can be taken back; its public words wait so long",
        ge=0,
        le=300,
    )
    night_from: int = _say(22, "hour from which what is not urgent waits", ge=0, le=23)
    night_to: int = _say(7, "hour until which it waits", ge=0, le=23)
    digest_at: time = _say(time(8), "time of the daily digest in Haryana, HH:MM")
    mail_host: str = _say("", "mail server that takes the digest; nothing: no e-mail is sent")
    mail_port: int = _say(587, "its port: 587 with starttls, 465 with implicit", ge=1, le=65535)
    mail_tls: Literal["starttls", "implicit", "none"] = _say(
        "starttls", "how it is spoken to in secret; `none` on this machine only"
    )
    mail_from: str = _say("", "address from which the digest comes")
    mail_to: str = _say("", "addresses that get it, parted by spaces")
    mail_user: str = _say("", "name by which the mail server knows us")
    mail_password: str = _say("", "its password; better a file, SMGT_MAIL_PASSWORD_FILE", repr=False)
    mail_ca_file: Path | None = _say(None, "certificates by which the mail server is known, instead of the system's")
    understanding_dir: Path | None = _say(
        None, "folder of the office's own tables: what `smgt understand train` learned, localities, jurisdiction"
    )
    holidays_file: Path | None = _say(None, "CSV of office holidays above those of the library `holidays`")

    send_start_seconds: int = _say(5, "H: a request must start this soon after it was noted down", ge=1, le=60)
    send_deadline_seconds: int = _say(30, "D: total time of one request", ge=1, le=300)
    platform_lateness_seconds: int = _say(60, "L: how late a platform may show what it took", ge=0, le=3600)
    telegram_group_per_minute: int = _say(
        20, "most messages a minute to one Telegram group, a quarter kept for urgent ones; 0: no limit", ge=0, le=1000
    )
    max_attempts: int = _say(8, "tries of one message before a person must look", ge=1, le=100)

    x_poll_seconds: int = _say(30, "between two reads of X", ge=1, le=3600)
    x_sweep_seconds: int = _say(
        120, "between two looks at our own posts, awaited threads and deletes on X; each costs reads", ge=0, le=86400
    )
    x_posts_per_day: int = _say(0, "most replies of each X account in a day; 0: no limit", ge=0, le=10_000)
    x_posts_per_month: int = _say(0, "the same in a month; each reply costs money", ge=0, le=1_000_000)
    x_reads_per_month: int = _say(
        0,
        "posts to read of each X account in a month before only mentions are read on; 0: no limit",
        ge=0,
        le=10_000_000,
    )
    urgent_reserve_percent: int = _say(10, "part of each limit of replies that is kept for emergencies", ge=0, le=50)
    facebook_poll_seconds: int = _say(60, "between two reads of Facebook", ge=1, le=3600)
    telegram_poll_seconds: int = _say(2, "between two reads of Telegram", ge=1, le=60)
    webhooks: bool = _say(False, "yes: also take webhooks of Facebook and Telegram")
    web_host: str = _say("127.0.0.1", "address the web server listens on")
    web_port: int = _say(8080, "port the web server listens on", ge=1, le=65535)

    photo_hosts: str = _say(
        "pbs.twimg.com *.fbcdn.net *.facebook.com *.fbsbx.com",
        "hosts from which citizens' photos are fetched, parted by spaces; `*.` is all below",
        pattern=r"^(\*\.)?[a-z0-9.-]+( (\*\.)?[a-z0-9.-]+)*$",
    )
    photo_days: int = _say(90, "after so many days photos are deleted here", ge=1, le=3650)
    photo_far_km: int = _say(
        25, "an officer is shown that a photo was taken farther than this from the complaint's place", ge=1, le=500
    )

    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_word)] = _say(
        "info", "least weight of a log line"
    )

    @field_validator("mode")
    @classmethod
    def _known_mode(cls, text: str) -> str:
        return str(_reach(text))

    @property
    def allowed_photo_hosts(self) -> tuple[str, ...]:
        """The hosts from which citizens' photos are fetched."""
        return tuple(self.photo_hosts.split())

    @property
    def reach(self) -> Reach:
        """Whom SMGT speaks to."""
        return _reach(self.mode)

    @property
    def is_live(self) -> bool:
        """Whether any channel's platform is reached at a host that is not this machine."""
        return any(is_real_host(self.base_url(channel.platform)) for channel in self.channels)

    def base_url(self, platform: Platform) -> str:
        """The platform's address."""
        return str(getattr(self, _URL_FIELDS[platform]))

    def missing_to_run(self) -> tuple[str, ...]:
        """What `smgt run` needs beyond right settings, one sentence each."""
        platforms = {channel.platform for channel in self.channels}
        faults = []
        if not platforms & {Platform.X, Platform.FACEBOOK}:
            faults.append("SMGT_CHANNELS names no account on X or Facebook to read; write e.g. x:cmohry.")
        if Platform.TELEGRAM not in platforms:
            faults.append("SMGT_CHANNELS names no Telegram bot for the officers; write e.g. telegram:desk.")
        if self.is_live and not self.live:
            urls = sorted({_name(_URL_FIELDS[p]) for p in platforms if is_real_host(self.base_url(p))})
            faults.append(f"SMGT_LIVE=yes is needed to send to the real hosts of {', '.join(urls)}.")
        return tuple(faults)


_URL_FIELDS: Final = {
    Platform.X: "x_api_url",
    Platform.FACEBOOK: "facebook_graph_url",
    Platform.TELEGRAM: "telegram_api_url",
}
_PRIVATE: Final = ("database_url", "proxy_url", "mail_password")  # is, or may hold, a password


def is_real_host(url: str) -> bool:
    """Whether an address leads away from this machine; only loopback is taken for a sandbox."""
    host = urlsplit(url).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")


# -- loading ----------------------------------------------------------------------------------------------------------


def load_settings(environ: Mapping[str, str]) -> Settings:
    """The settings of an environment (usually os.environ). Raises SettingsError with every fault at once."""
    names = {_name(each): each for each in Settings.model_fields}
    sources = Sources(environ, frozenset(name for name in names if name.endswith(FILE_SUFFIX)))
    faults = list(sources.faults)
    raw = dict(sources.values)
    channels = read_channels(raw.pop(_name("channels"), ""), raw, names, faults)
    values: dict[str, Any] = {names[name]: raw.pop(name) for name in list(raw) if name in names}
    faults += _unknown(raw, names, channels)
    try:
        settings = Settings.model_validate({**values, "channels": channels})
    except ValidationError as error:
        faults += [_sentence(str(each["loc"][0]), values) for each in error.errors(include_input=False)]
        bad = {str(each["loc"][0]) for each in error.errors(include_input=False)}
        good = {key: value for key, value in values.items() if key not in bad}
        settings = Settings.model_validate({**good, "channels": channels})
    faults += _contradictions(settings)
    if faults:
        raise SettingsError(list(dict.fromkeys(faults)))
    return settings


def _unknown(raw: Mapping[str, str], names: Mapping[str, str], channels: Iterable[Channel]) -> Iterator[str]:
    known = [*names, CONFIG, SECRETS_DIR]
    known += [f"{PREFIX}{c.name.upper()}_{key}" for c in channels for key in CREDENTIALS[c.platform]]
    for name in sorted(raw):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.88)
        hint = (
            f"did you mean {near[0]}?" if near else "`smgt check --help` lists them; is its channel in SMGT_CHANNELS?"
        )
        yield f"{name} is not a setting; {hint}"


def _sentence(key: str, values: Mapping[str, Any]) -> str:
    given = "" if key in _PRIVATE else f" {values[key]!r} will not do:"
    if key == "mode":
        return f"{_name(key)}:{given} {_mode_fault(values[key])}."
    return f"{_name(key)}:{given} it must be {_needs(Settings.model_fields[key])}."


def _mode_fault(text: str) -> str:
    try:
        return str(_reach(text))
    except UnknownMode as fault:
        return str(fault)


def _needs(info: FieldInfo) -> str:
    kind: Any = info.annotation
    if kind is int:
        low = next(limit.ge for limit in info.metadata if hasattr(limit, "ge"))
        high = next(limit.le for limit in info.metadata if hasattr(limit, "le"))
        return f"a whole number from {low} to {high}"
    if kind is bool:
        return "yes or no"
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if kind is time:
        return "a time like 08:00"
    if kind is str and not any(isinstance(each, BeforeValidator) for each in info.metadata):
        if info.default == "HRY":
            return "three to six capital letters"
        return "hosts like pbs.twimg.com *.fbcdn.net" if "*." in str(info.default) else "text"
    return "an address like https://host or http://127.0.0.1:8901"


def _contradictions(settings: Settings) -> Iterator[str]:
    used = {channel.platform for channel in settings.channels}
    real = [_URL_FIELDS[p] for p in Platform if p in used and is_real_host(settings.base_url(p))]
    if settings.clock_url and real:
        where = " and ".join(map(_name, real))
        yield f"SMGT_CLOCK_URL cannot be used while {where} is a real host; leave the clock out or name the sandbox."
    for each in real:
        if getattr(settings, each).startswith("http://"):
            yield f"{_name(each)} sends secrets to another machine in the clear; use https."
    if settings.satisfaction_reminder_hours >= settings.satisfaction_close_hours:
        yield (
            f"SMGT_SATISFACTION_REMINDER_HOURS ({settings.satisfaction_reminder_hours}) must be less than "
            f"SMGT_SATISFACTION_CLOSE_HOURS ({settings.satisfaction_close_hours})."
        )
    if settings.understanding_dir and not settings.understanding_dir.is_dir():
        yield (
            f"SMGT_UNDERSTANDING_DIR: there is no folder {settings.understanding_dir}; "
            "make it, or leave the setting out."
        )
    if settings.holidays_file and not settings.holidays_file.is_file():
        yield f"SMGT_HOLIDAYS_FILE: there is no file {settings.holidays_file}; create it or leave the setting out."
    yield from mail_faults(settings)
    yield from doubled_accounts(settings.channels)
    if settings.webhooks:
        yield from webhook_faults(settings.channels)


# -- showing ----------------------------------------------------------------------------------------------------------


def settings_table() -> list[tuple[str, str, str]]:
    """Every setting as (name, default, meaning), in the order to show them."""
    rows = [(_name(key), _text(info.default), info.description or "") for key, info in Settings.model_fields.items()]
    rows += [
        (CONFIG, "", "TOML file of settings: `web_port = 8080`, and a table per channel for its credentials"),
        (SECRETS_DIR, "", "folder of files named like their setting, each holding one secret"),
        ("SMGT_<SETTING>_FILE", "", "file that holds the value of that setting"),
    ]
    for platform, keys in CREDENTIALS.items():
        rows += [(f"SMGT_<NAME>_{key}", "", f"{platform.value}: {meaning}") for key, meaning in keys.items()]
    return rows


def shown_values(settings: Settings) -> list[tuple[str, str]]:
    """Every setting's value in force as (name, text), without passwords and credentials."""
    return [
        (_name(key), _safe(key, value) if key in _PRIVATE and value else _text(value))
        for key, value in ((key, getattr(settings, key)) for key in Settings.model_fields)
    ]


def _safe(key: str, value: str) -> str:
    return re.sub(r"//[^/@]*@", "//***@", value.partition("?")[0]) if key.endswith("_url") else "***"


def _text(value: object) -> str:
    match value:
        case None | ():
            return ""
        case bool():
            return "yes" if value else "no"
        case time():
            return value.strftime("%H:%M")
        case tuple():
            return " ".join(f"{channel.platform.value}:{channel.name}" for channel in value)
        case _:
            return str(value)


def _name(key: str) -> str:
    return PREFIX + key.upper()


if __name__ == "__main__":
    print("| setting | default | meaning |\n|---|---|---|")
    for name, default, meaning in settings_table():
        print(f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} |")
