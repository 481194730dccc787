"""How long X counts a text: the weighted length that must not pass 280.

Pure; knows nothing of sending. The rule is X's published counting configuration, version 3: NFC first,
weight 1 up to U+10FF and for a few spaces, dashes and quotes, weight 2 for the rest, 23 for a web address.
"""

from __future__ import annotations

import re
import unicodedata

MAX_WEIGHTED_LENGTH = 280
ADDRESS_WEIGHT = 23

_LIGHT = ((0x0000, 0x10FF), (0x2000, 0x200D), (0x2010, 0x201F), (0x2032, 0x2037))
_EMOJI_AMONG_LIGHT = "©®"
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


def _weight_of(text: str) -> int:
    return sum(
        1 if char not in _EMOJI_AMONG_LIGHT and any(low <= ord(char) <= high for low, high in _LIGHT) else 2
        for char in text
    )


def _bound(text: str) -> int:
    """Never less than X counts: each doubtful dot is taken for an address on top of its characters."""
    doubtful = _ANY_DOT if "://" in text else _BARE_DOT
    return _weight_of(text) + ADDRESS_WEIGHT * len(doubtful.findall(text))


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
