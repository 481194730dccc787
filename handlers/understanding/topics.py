"""A bare word that leaves the category open: "pani ki dikkat" may be a dry tap, dirty water or a flooded street.

Owns the table data/topics.tsv. It must not weigh anything: what is told beside the bare word, the weights read. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from handlers.understanding.key import key
from handlers.understanding.tables import BadTable, compiled, tsv_rows
from handlers.understanding.taxonomy import taxonomy

LONGEST = 14  # words above which a text tells more than a bare word


class _Topics(NamedTuple):
    empty: frozenset[str]
    categories: dict[str, tuple[str, ...]]


@compiled
def _topics() -> _Topics:
    empty: set[str] = set()
    categories: dict[str, tuple[str, ...]] = {}
    for number, (codes, words) in tsv_rows("topics.tsv", 2):
        sounds = {key(word) for word in words.split()}
        if codes == "-":
            empty |= sounds
            continue
        named = tuple(codes.split("|"))
        if unknown := [code for code in named if code not in taxonomy().categories]:
            raise BadTable(f"topics.tsv, line {number}: {unknown[0]!r} is no category; use a code of categories.csv.")
        categories.update(dict.fromkeys(sounds, named))
    return _Topics(frozenset(empty) - categories.keys(), categories)


def left_open(keys: Sequence[str], hidden: Collection[int] = ()) -> tuple[str, ...]:
    """Categories that a text leaves open, the likeliest first; none where it says more than one bare word.

    `hidden` are positions of words that name a place.
    """
    if len(keys) > LONGEST:
        return ()
    table = _topics()
    told = {word for at, word in enumerate(keys) if at not in hidden and word not in table.empty}
    named = {table.categories.get(word, ()) for word in told}
    return named.pop() if len(named) == 1 else ()
