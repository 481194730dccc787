"""How long a text counts on X, cutting at a word, and stripping characters that deceive the eye.

Owns measuring and cutting only. Pure: it must not know templates, tickets or platforms' clients.
"""

from __future__ import annotations

import re
import unicodedata

X_LIMIT = 280  # weighted characters of one post
URL_WEIGHT = 23  # every link is shortened to this by X
ELLIPSIS = "…"

# X's text configuration, version 3: these ranges weigh 1 (Indic scripts lie in the first), all else 2.
_HEAVY = re.compile("[^\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")

# A link with its scheme, or a bare host name with a usual ending.
_URL = re.compile(
    r"https?://[^\s]*[^\s.,;:!?)\]}'\"।]"
    r"|(?<![\w@.-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:com|org|net|in|gov|edu|info|io|co|me|is|tv|app|dev|be|ly)"
    r"(?![\w-])(?:/[^\s]*[^\s.,;:!?)\]}'\"।])?",
    re.IGNORECASE,
)

_EMOJI_BASE = (
    "[©®\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2934\u2935"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_EMOJI_ONE = rf"{_EMOJI_BASE}\ufe0f?[\U0001f3fb-\U0001f3ff]?[\U000e0020-\U000e007f]*"
_EMOJI = re.compile(rf"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_EMOJI_ONE}(?:\u200d{_EMOJI_ONE})*")

# Controls, directional marks, overrides and isolates, byte-order marks and soft hyphens; tab and newline stay, and
# ZWNJ and ZWJ (U+200C, U+200D), which shape Indic letters.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064"
    "\u2066-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e001f]"
)


def weighted_length(text: str) -> int:
    """Characters as X counts them: after NFC, links 23, an emoji sequence 2, most scripts 1, the rest 2."""
    text = unicodedata.normalize("NFC", text)
    links = _URL.findall(text)
    text = _URL.sub("", text)
    emojis = _EMOJI.findall(text)
    text = _EMOJI.sub("", text)
    return URL_WEIGHT * len(links) + 2 * len(emojis) + len(text) + len(_HEAVY.findall(text))


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
