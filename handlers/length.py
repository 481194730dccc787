"""How long a text counts on X and may be on Telegram, cutting at a word, and stripping characters that deceive the eye.

Owns measuring and cutting only. Pure: it must not know templates, tickets or platforms' clients.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

X_LIMIT = 280  # weighted characters of one post
TELEGRAM_LIMIT = 4096  # characters of one message (Bot API, sendMessage); markup is counted here too
CAPTION_LIMIT = 1024  # of a photo on Telegram
ADDRESS_WEIGHT = 23  # X shortens every address to this
ELLIPSIS = "…"

# X's published counting configuration, version 3: these ranges weigh 1 (Indic scripts lie in the first), all else 2.
_HEAVY = re.compile("[^\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]|[©®]")
_LATIN = "a-zA-Z0-9\u00c0-\u024f\u0253-\u0272\u02bb\u0300-\u036f\u1e00-\u1eff"
# Addresses that X is sure to shorten: a usual top-level domain and nothing doubtful around them.
_PLAIN_ADDRESS = re.compile(
    r"(?<!\S)(?:https?://)?(?:[a-z0-9]{1,60}\.){1,4}(?:com|org|net|gov|edu|in|io|info)"
    r"(?:/[a-z0-9_\-/=]{0,400})?(?!\S)",
    re.IGNORECASE,
)
# A dot where X may see an address: a Latin label before it (after a scheme, any), a top-level domain after it.
_AFTER = r"(?=[a-zA-Z]{2}|[^\x00-\x7f])"
_BARE_DOT = re.compile(rf"(?<=[{_LATIN}\-])\.{_AFTER}")
_ANY_DOT = re.compile(rf"\.{_AFTER}")

# Controls, directional marks, overrides and isolates, byte-order marks and soft hyphens; tab and newline stay, and
# ZWNJ and ZWJ (U+200C, U+200D), which shape Indic letters.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064"
    "\u2066-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e001f]"
)


@lru_cache(maxsize=4096)
def weighted_length(text: str) -> int:
    """The length of `text` in X's units; 280 is the most a post may have.

    Exact for text without emoji sequences and unusual addresses; for those it may count more than X, never
    less, because a text refused here can be shortened and a text refused there is late.
    """
    normal = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    length, after = 0, 0
    for address in _PLAIN_ADDRESS.finditer(normal):
        length += _bound(normal[after : address.start()]) + ADDRESS_WEIGHT
        after = address.end()
    return length + _bound(normal[after:])


def cut_at_word(text: str, room: int) -> tuple[str, bool]:
    """`text` within `room` weighted characters and whether it was cut; a cut ends at a word, with "…"."""
    if weighted_length(text) <= room:
        return text, False
    kept = ""
    for match in re.finditer(r"\s*\S+", text):
        longer = text[: match.end()]
        if weighted_length(longer + ELLIPSIS) > room:
            break
        kept = longer
    if not kept:  # one word longer than the room: cut inside it, never between a letter and its marks
        for end in range(1, len(text)):
            if weighted_length(text[:end] + ELLIPSIS) > room:
                break
            if not _joined(text[end - 1], text[end]):
                kept = text[:end]
    return kept.rstrip(" \t\n.,;:।-") + ELLIPSIS, True


def strip_unsafe(text: str) -> str:
    """`text` without controls (tab and newline stay) and without marks that reorder or hide letters."""
    return _UNSAFE.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n"))


def _joined(before: str, after: str) -> bool:
    """Do two characters belong to one letter: a mark after its base, or a consonant after a virama or joiner?"""
    virama = 9  # canonical combining class
    return (
        unicodedata.category(after).startswith("M")
        or unicodedata.combining(before) == virama
        or "\u200d" in (before, after)
    )


def _weight_of(text: str) -> int:
    return len(text) + len(_HEAVY.findall(text))


def _bound(text: str) -> int:
    """Never less than X counts: each doubtful dot is taken for an address on top of its characters."""
    doubtful = _ANY_DOT if "://" in text else _BARE_DOT
    return _weight_of(text) + ADDRESS_WEIGHT * len(doubtful.findall(text))
