"""People's words as an operator may see them: masked, and left out where the matter is sensitive.

Owns this one rule for all commands. It must not know which command asks.
"""

from __future__ import annotations

from typing import Final

WITHHELD: Final = "(sensitive: --words shows it)"


def shown(text: str | None, *, sensitive: bool, words: bool) -> str | None:
    """The text as it may be shown; `words` is the operator's explicit wish to read it as it was written."""
    from handlers.understanding.post import mask

    if words or text is None:
        return text
    return WITHHELD if sensitive else mask(text)
