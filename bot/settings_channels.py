"""The part of the settings that is about our accounts: SMGT_CHANNELS, and the credentials that belong to each name.

Owns their names and shapes, and which of them contradict each other. It must not know platforms' SDKs: their
credential classes are imported only when asked for. No fault repeats a credential.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bot.settings_sources import FILE_SUFFIX, PREFIX
from store.vocabulary import Platform

if TYPE_CHECKING:
    from bot.platforms.facebook_graph import FacebookCredentials
    from bot.platforms.x_client import XCredentials

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


def read_channels(text: str, raw: dict[str, str], names: Mapping[str, str], faults: list[str]) -> tuple[Channel, ...]:
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


def doubled_accounts(channels: Iterable[Channel]) -> Iterator[str]:
    """Two readers of one account would take each other's posts."""
    first: dict[tuple[Platform, str], str] = {}
    for channel in channels:
        key = _ACCOUNT_KEYS[channel.platform]
        variable = f"{PREFIX}{channel.name.upper()}_{key}"
        if account := channel.credentials.get(key):
            other = first.setdefault((channel.platform, account), variable)
            if other != variable:
                yield f"{other} and {variable} are the same account; each channel needs its own."


def webhook_faults(channels: Iterable[Channel]) -> Iterator[str]:
    """What webhooks need beyond the rest."""
    for channel in channels:
        for key in CREDENTIALS[channel.platform]:
            if key in _FOR_WEBHOOKS and key not in channel.credentials:
                variable = f"{PREFIX}{channel.name.upper()}_{key}"
                yield f"{variable} is missing, but SMGT_WEBHOOKS is on; set it or turn webhooks off."
