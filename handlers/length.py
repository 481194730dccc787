"""How long a text counts on X, cutting at a word, and stripping characters that deceive the eye.

Owns measuring and cutting only. Pure: it must not know templates, tickets or platforms' clients.
"""

from __future__ import annotations

import re
import unicodedata

X_LIMIT = 280  # weighted characters of one post
URL_WEIGHT = 23  # every link is shortened to this by X
ELLIPSIS = "…"

# X's text configuration, version 3: these ranges weigh 1, all else 2. Devanagari and Gurmukhi lie in the first.
_LIGHT_RANGES = ((0x0000, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))

# A link with its scheme, or a bare host name; a bare host needs a known ending to count (counted either way here:
# too long an estimate costs nothing, too short a one costs a refused reply).
_URL = re.compile(
    r"https?://[^\s]*[^\s.,;:!?)\]}'\"।]"
    r"|(?<![\w@.-])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:com|org|net|in|gov|edu|info|io|co|me|is|tv|app|dev|be|ly)"
    r"(?![\w-])(?:/[^\s]*[^\s.,;:!?)\]}'\"।])?",
    re.IGNORECASE,
)

_EMOJI_BASE = "[\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u2460-\u24ff\u25a0-\u27bf\u2934\u2935\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff©®]"
_EMOJI_ONE = rf"{_EMOJI_BASE}\ufe0f?[\U0001f3fb-\U0001f3ff]?[\U000e0020-\U000e007f]*"
_EMOJI = re.compile(rf"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_EMOJI_ONE}(?:\u200d{_EMOJI_ONE})*")

# Directional marks, overrides and isolates, byte-order marks and soft hyphens; ZWNJ and ZWJ (U+200C, U+200D) shape
# Indic letters and stay.
_UNSAFE_FORMAT = frozenset(
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff"
) | frozenset(
    chr(code)
    for span in ((0x202A, 0x202E), (0x2066, 0x206F), (0xFFF9, 0xFFFB))
    for code in range(span[0], span[1] + 1)
)


def weighted_length(text: str) -> int:
    """Characters as X counts them: after NFC, links 23, an emoji sequence 2, most scripts 1, the rest 2."""
    text = unicodedata.normalize("NFC", text)
    links = _URL.findall(text)
    text = _URL.sub("", text)
    emojis = _EMOJI.findall(text)
    text = _EMOJI.sub("", text)
    return URL_WEIGHT * len(links) + 2 * len(emojis) + sum(_weight(char) for char in text)


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
            if not unicodedata.category(text[end]).startswith("M"):
                kept = text[:end]
    return kept.rstrip(" \t\n.,;:।-") + ELLIPSIS, True


def strip_unsafe(text: str) -> str:
    """`text` without control characters (tab and newline stay) and without marks that reorder or hide letters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(char for char in text if char in "\n\t" or not _unsafe(char))


def _weight(char: str) -> int:
    return 1 if any(low <= ord(char) <= high for low, high in _LIGHT_RANGES) else 2


def _unsafe(char: str) -> bool:
    return (
        char in _UNSAFE_FORMAT
        or unicodedata.category(char) in ("Cc", "Cs")
        or 0xE0000 <= ord(char) <= 0xE001F
    )
