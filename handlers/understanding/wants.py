"""What a message asks of us besides its matter: stop, withdraw, status, thanks, correction and the like.

Owns the signs of data/wants.tsv. It must not know what was asked before. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from handlers.understanding.meaning import Wants
from handlers.understanding.phrases import Hit, Phrases, load_phrases
from handlers.understanding.text import Token

_QUESTION_MARKS = re.compile(r"^[\s?？!.]*[?？]{2,}[\s?？!.]*$")
_UP = re.compile("[👍👌✅🙌👏]")
_DOWN = re.compile("[👎😡😠🤬😤🤮❌]")


@cache
def _table() -> Phrases:
    return load_phrases("wants.tsv")


def want_hits(tokens: Sequence[Token], keys: Sequence[str]) -> dict[str, list[Hit]]:
    """Hits of each sign; of resolved and unresolved that overlap, the longer one stands."""
    found: dict[str, list[Hit]] = {}
    for hit in _table().find(tokens, keys):
        found.setdefault(hit.phrase.code, []).append(hit)
    for hit in list(found.get("unresolved", ())):
        wider = [one for one in found.get("resolved", ()) if one.start <= hit.start and hit.end <= one.end]
        if any(one.end - one.start > hit.end - hit.start for one in wider):
            found["unresolved"].remove(hit)
    return {sign: hits for sign, hits in found.items() if hits}


def wants(text: str, found: dict[str, list[Hit]], size: int) -> Wants:
    """Wants of a message of `size` words."""
    return Wants(
        stop="stop" in found and size <= 8,
        start="start" in found and size <= 4,
        withdraw="withdraw" in found,
        status="status" in found or bool(_QUESTION_MARKS.match(text)),
        thanks="thanks" in found,
        resolved="resolved" in found and "unresolved" not in found,
        unresolved="unresolved" in found,
        reopen="reopen" in found,
        correction="correction" in found,
        me_too="me_too" in found,
        dont_know="dont_know" in found,
        threatened="threatened" in found,
    )


def thumb(text: str) -> bool | None:
    """True for a thumb up, False for a thumb down or an angry face, None for neither."""
    if _DOWN.search(text):
        return False
    return True if _UP.search(text) else None
