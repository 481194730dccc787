"""The one table of settings: it feeds the environment's reading, `smgt check`, `--help` and the README.

Owns names, defaults, meanings and what contradicts what. It must not know platforms' SDKs (their credential classes
are imported only when asked for) nor read anything but what bot.settings_sources hands over.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from bot.settings_sources import CONFIG, FILE_SUFFIX, PREFIX, SECRETS_DIR, SettingsError, Sources
from store.vocabulary import Platform

if TYPE_CHECKING:
    from bot.platforms.facebook_graph import FacebookCredentials
    from bot.platforms.x_client import XCredentials

__all__ = ["Channel", "Settings", "SettingsError", "is_real_host", "load_settings", "settings_table", "shown_values"]

_CHANNEL: Final = re.compile(r"(x|facebook|telegram):([a-z][a-z0-9_]{0,31})")

CREDENTIALS: Final[dict[Platform, dict[str, str]]] = {
    Platform.X: {
        "BEARER_TOKEN": "app-only token, for reading",
        "CONSUMER_KEY": "API key of the app",
        "CONSUMER_SECRET": "API key secret of the app",
        "ACCESS_TOKEN": "user access token of the account, for replying",
        "ACCESS_SECRET": "user access token secret of the account",
    },
    Platform.FACEBOOK: {
        "PAGE_ID": "number of the Page",
        "PAGE_TOKEN": "long-lived Page access token",
        "APP_ID": "number of the app",
        "APP_SECRET": "secret of the app; signs requests and webhooks",
        "VERIFY_TOKEN": "word Facebook repeats when a webhook is set up; needed with webhooks",
    },
    Platform.TELEGRAM: {
        "BOT_TOKEN": "token of the bot from @BotFather",
        "WEBHOOK_SECRET": "word Telegram sends with each webhook; needed with webhooks",
    },
}
"""What each platform needs; each is read from SMGT_<CHANNEL NAME>_<KEY>."""

_FOR_WEBHOOKS: Final = ("VERIFY_TOKEN", "WEBHOOK_SECRET")
_SHAPES: Final = {
    "PAGE_ID": (re.compile(r"[0-9]{1,32}"), "digits"),
    "APP_ID": (re.compile(r"[0-9]{1,32}"), "digits"),
    "BOT_TOKEN": (re.compile(r"[0-9]+:[A-Za-z0-9_-]+"), "<bot id>:<letters>, copied whole from @BotFather"),
    "WEBHOOK_SECRET": (re.compile(r"[A-Za-z0-9_-]{1,256}"), "letters, digits, _ and - (at most 256)"),
}
_ACCOUNT_KEYS: Final = {Platform.X: "ACCESS_TOKEN", Platform.FACEBOOK: "PAGE_ID", Platform.TELEGRAM: "BOT_TOKEN"}


@dataclass(frozen=True, slots=True)
class Channel:
    """One official account of ours. `credentials` by key of CREDENTIALS, never shown."""

    platform: Platform
    name: str
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)

    def x(self) -> XCredentials:
        """The credentials as the X adapter takes them."""
        from bot.platforms.x_client import XCredentials

        keys = ("BEARER_TOKEN", "CONSUMER_KEY", "CONSUMER_SECRET", "ACCESS_TOKEN", "ACCESS_SECRET")
        return XCredentials(*(self.credentials[key] for key in keys))

    def facebook(self) -> FacebookCredentials:
        """The credentials as the Facebook adapter takes them."""
        from bot.platforms.facebook_graph import FacebookCredentials

        given = self.credentials
        return FacebookCredentials(
            page_id=given["PAGE_ID"],
            page_token=given["PAGE_TOKEN"],
            app_id=given["APP_ID"],
            app_secret=given["APP_SECRET"],
            verify_token=given.get("VERIFY_TOKEN", ""),
        )


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("url")
    return text.rstrip("/")


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
    emergency_confirm_minutes: int = _say(10, "until an unconfirmed emergency goes one level up", ge=1, le=240)
    night_from: int = _say(22, "hour from which what is not urgent waits", ge=0, le=23)
    night_to: int = _say(7, "hour until which it waits", ge=0, le=23)
    digest_at: time = _say(time(8), "time of the daily digest in Haryana, HH:MM")
    holidays_file: Path | None = _say(None, "CSV of office holidays above those of the library `holidays`")

    send_start_seconds: int = _say(5, "H: a request must start this soon after it was noted down", ge=1, le=60)
    send_deadline_seconds: int = _say(30, "D: total time of one request", ge=1, le=300)
    platform_lateness_seconds: int = _say(60, "L: how late a platform may show what it took", ge=0, le=3600)
    max_attempts: int = _say(8, "tries of one message before a person must look", ge=1, le=100)

    x_poll_seconds: int = _say(30, "between two reads of X", ge=1, le=3600)
    x_sweep_seconds: int = _say(
        120, "between two looks at our own posts, awaited threads and deletes on X; each costs reads", ge=0, le=86400
    )
    facebook_poll_seconds: int = _say(60, "between two reads of Facebook", ge=1, le=3600)
    telegram_poll_seconds: int = _say(2, "between two reads of Telegram", ge=1, le=60)
    webhooks: bool = _say(False, "yes: also take webhooks of Facebook and Telegram")
    web_host: str = _say("127.0.0.1", "address the web server listens on")
    web_port: int = _say(8080, "port the web server listens on", ge=1, le=65535)

    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_word)] = _say(
        "info", "least weight of a log line"
    )

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
_PRIVATE: Final = ("database_url", "proxy_url")  # may hold a password


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
    channels = _channels(raw.pop(_name("channels"), ""), raw, names, faults)
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


def _channels(text: str, raw: dict[str, str], names: Mapping[str, str], faults: list[str]) -> tuple[Channel, ...]:
    """The channels of SMGT_CHANNELS with their credentials, which are taken out of `raw`."""
    found: dict[str, Channel] = {}
    for part in text.replace(",", " ").split():
        shape = _CHANNEL.fullmatch(part)
        if shape is None:
            faults.append(f"SMGT_CHANNELS: {part!r} is not <x|facebook|telegram>:<name in small letters>.")
            continue
        platform, name = Platform(shape[1]), shape[2]
        if name in found:
            faults.append(f"SMGT_CHANNELS: the name {name} is given twice; names are unique.")
            continue
        keys = {key: f"{PREFIX}{name.upper()}_{key}" for key in CREDENTIALS[platform]}
        if any(variable in names for variable in keys.values()):
            faults.append(f"SMGT_CHANNELS: the name {name} makes a credential look like a setting; choose another.")
            continue
        credentials = {key: raw.pop(variable) for key, variable in keys.items() if variable in raw}
        faults += _credential_faults(credentials, keys)
        found[name] = Channel(platform, name, credentials)
    return tuple(found.values())


def _credential_faults(credentials: Mapping[str, str], keys: Mapping[str, str]) -> Iterator[str]:
    for key, variable in keys.items():
        if key not in credentials:
            if key not in _FOR_WEBHOOKS:
                yield f"{variable} is missing; set it, or {variable}{FILE_SUFFIX} to a file that holds it."
        elif key in _SHAPES and not _SHAPES[key][0].fullmatch(credentials[key]):
            yield f"{variable} must be {_SHAPES[key][1]}."


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
    return f"{_name(key)}:{given} it must be {_needs(Settings.model_fields[key])}."


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
        return "three to six capital letters" if info.default == "HRY" else "text"
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
    if settings.holidays_file and not settings.holidays_file.is_file():
        yield f"SMGT_HOLIDAYS_FILE: there is no file {settings.holidays_file}; create it or leave the setting out."
    yield from _doubled_accounts(settings.channels)
    if settings.webhooks:
        yield from _webhook_faults(settings.channels)


def _doubled_accounts(channels: Iterable[Channel]) -> Iterator[str]:
    """Two readers of one account would take each other's posts."""
    first: dict[tuple[Platform, str], str] = {}
    for channel in channels:
        key = _ACCOUNT_KEYS[channel.platform]
        variable = f"{PREFIX}{channel.name.upper()}_{key}"
        if account := channel.credentials.get(key):
            other = first.setdefault((channel.platform, account), variable)
            if other != variable:
                yield f"{other} and {variable} are the same account; each channel needs its own."


def _webhook_faults(channels: Iterable[Channel]) -> Iterator[str]:
    for channel in channels:
        for key in CREDENTIALS[channel.platform]:
            if key in _FOR_WEBHOOKS and key not in channel.credentials:
                variable = f"{PREFIX}{channel.name.upper()}_{key}"
                yield f"{variable} is missing, but SMGT_WEBHOOKS is on; set it or turn webhooks off."


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
        (_name(key), _safe_url(value) if key in _PRIVATE and value else _text(value))
        for key, value in ((key, getattr(settings, key)) for key in Settings.model_fields)
    ]


def _safe_url(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//***@", url.partition("?")[0])


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
