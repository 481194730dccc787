"""What a message asks of us besides its matter: stop, withdraw, status, thanks, correction and the like.

Owns the signs of data/wants.tsv. It must not know what was asked before. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from handlers.understanding.meaning import Wants
from handlers.understanding.phrases import Hit, Phrases, load_phrases
from handlers.understanding.tables import compiled
from handlers.understanding.text import Token

FEW = 8  # words up to which a message may be a bare "stop" or "let it be"
PLAIN = 2.0  # weight of a phrase that says by itself that it is solved
REACH = 4  # words that may stand between the work and "ho gaya"
OPENING = ("polite", "yes", "no", "thanks", "ok")
_QUESTION_MARKS = re.compile(r"^[\s?？!.]*[?？]{2,}[\s?？!.]*$")
_UP = re.compile("[👍👌✅🙌👏]")
_DOWN = re.compile("[👎😡😠🤬😤🤮❌]")


@compiled
def _table() -> Phrases:
    return load_phrases("wants.tsv")


def want_hits(tokens: Sequence[Token], keys: Sequence[str]) -> dict[str, list[Hit]]:
    """Hits of each sign; of resolved and unresolved that overlap, the longer one stands.

    A light verb ("ho gaya", "aa gayi") counts as resolved only where it is said of the work, and nothing counts as
    resolved beside a word of new trouble.
    """
    found: dict[str, list[Hit]] = {}
    for hit in _table().find(tokens, keys):
        found.setdefault(hit.phrase.code, []).append(hit)
    done = [] if "trouble" in found else [hit for hit in found.get("resolved", ()) if _is_done(hit, found)]
    found["resolved"] = done
    for hit in list(found.get("unresolved", ())):
        wider = [one for one in done if one.start <= hit.start and hit.end <= one.end]
        if any(one.end - one.start > hit.end - hit.start for one in wider):
            found["unresolved"].remove(hit)
        elif any(one.start <= hit.start and hit.end < one.end for one in found.get("correction", ())):
            found["unresolved"].remove(hit)  # "galat vibhag" says nothing about the work
    return {sign: hits for sign, hits in found.items() if hits}


def _is_done(hit: Hit, found: Mapping[str, Sequence[Hit]]) -> bool:
    """Whether a hit of "resolved" is plain by itself, opens the message, or stands close behind what was done."""
    if hit.phrase.weight >= PLAIN or _all_covered(0, hit.start, found, OPENING):
        return True
    return any(hit.start - REACH < one.end <= hit.start + 1 for one in found.get("done_about", ()))


def _all_covered(start: int, end: int, found: Mapping[str, Sequence[Hit]], signs: Iterable[str]) -> bool:
    """Whether every word from `start` to `end` belongs to one of the signs."""
    covered = {at for sign in signs for hit in found.get(sign, ()) for at in range(hit.start, hit.end)}
    return all(at in covered for at in range(start, end))


def _is_whole(sign: str, found: Mapping[str, Sequence[Hit]], size: int) -> bool:
    """Whether a message of `size` words is nothing but this sign and politeness."""
    return sign in found and size <= FEW and _all_covered(0, size, found, (sign, "polite"))


def _is_forced(found: Mapping[str, Sequence[Hit]]) -> bool:
    """Whether somebody presses for a complaint to be taken back."""
    return "forced" in found and "withdraw_topic" in found


def _withdraws(text: str, found: Mapping[str, Sequence[Hit]], size: int) -> bool:
    """Whether the writer, unforced and in the first person, takes the complaint back."""
    if {"not_withdraw", "reported", "forced"} & set(found) or text.rstrip().endswith(("?", "？")):
        return False
    if "withdraw" in found or _is_whole("withdraw_bare", found, size):
        return True
    let_be = [hit for hit in found.get("withdraw_bare", ()) if _all_covered(0, hit.start, found, OPENING)]
    return bool(let_be) and size <= FEW and "trouble" not in found


def wants(text: str, found: dict[str, list[Hit]], size: int) -> Wants:
    """Wants of a message of `size` words."""
    return Wants(
        stop=_is_whole("stop", found, size),
        start=_is_whole("start", found, size),
        withdraw=_withdraws(text, found, size),
        status="status" in found or bool(_QUESTION_MARKS.match(text)),
        thanks="thanks" in found and "trouble" not in found,
        resolved="resolved" in found and "unresolved" not in found,
        unresolved="unresolved" in found,
        reopen="reopen" in found,
        correction="correction" in found,
        me_too="me_too" in found,
        dont_know="dont_know" in found,
        threatened="threatened" in found or _is_forced(found),
    )


def thumb(text: str) -> bool | None:
    """True for a thumb up, False for a thumb down or an angry face, None for neither."""
    if _DOWN.search(text):
        return False
    return True if _UP.search(text) else None
