"""Whether somebody whose complaint was linked with others says that theirs is something else.

Owns the phrases of data/apart.tsv. It must not know tickets; it is asked only where a complaint is linked, for elsewhere
"a different street" means nothing of the kind. Pure.
"""

from __future__ import annotations

from handlers.understanding.key import key
from handlers.understanding.phrases import Phrases, load_phrases
from handlers.understanding.tables import compiled
from handlers.understanding.text import read


@compiled
def _table() -> Phrases:
    return load_phrases("apart.tsv")


def says_apart(text: str) -> bool:
    """Do these words part the writer's matter from the others'?"""
    tokens = read(text).tokens
    said = {hit.phrase.code for hit in _table().find(tokens, [key(token.surface) for token in tokens])}
    return "apart" in said and "together" not in said
