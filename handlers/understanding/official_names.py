"""The names we ourselves give to categories, recognised when a citizen or clerk answers with them.

Owns this look-up over the taxonomy's names in all four languages. Pure after loading. It must not weigh anything: a
name of ours is no evidence, it is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from handlers.understanding.key import key
from handlers.understanding.tables import compiled
from handlers.understanding.taxonomy import taxonomy
from handlers.understanding.text import read
from store.vocabulary import Language

WORDS_ROUND_ONE = 2  # a name of one word ("other") counts only where little else is said

Name = tuple[str, ...]


def named_category(keys: Sequence[str]) -> str | None:
    """The category whose name, or one part of it between slashes, stands in these word keys; the longest decides."""
    names = _names()
    for length in range(min(len(keys), _longest()), 0, -1):
        if length == 1 and len(keys) > 1 + WORDS_ROUND_ONE:
            return None
        found = {
            names[part] for at in range(len(keys) - length + 1) if (part := tuple(keys[at : at + length])) in names
        }
        if found:
            return found.pop() if len(found) == 1 else None
    return None


@compiled
def _names() -> dict[Name, str]:
    whole: dict[Name, str] = {}
    parts: dict[Name, set[str]] = {}
    for category in taxonomy().categories.values():
        for language in Language:
            name = category.name(language)
            whole.setdefault(_keys(name), category.code)
            for part in name.split("/"):
                parts.setdefault(_keys(part), set()).add(category.code)
    unique = {part: codes.pop() for part, codes in parts.items() if len(codes) == 1}
    return {name: code for name, code in (unique | whole).items() if name}


@compiled
def _longest() -> int:
    return max(len(name) for name in _names())


def _keys(name: str) -> Name:
    return tuple(key(word) for word in read(name).words)
