"""The search language of the emulated X, as far as SMGT and people who play with it need it.

`conversation_id:`, `from:`, `@handle`, `is:retweet|reply|quote`, words, `-`, `OR` and parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from bot.sandbox.x_posts import Account, Post

Test = Callable[[Post], bool]
Known = Callable[[str], Account | None]
MAX_QUERY = 512  # characters, X's own limit for recent search

_TOKEN = re.compile(r"\(|\)|-(?=\S)|[^\s()]+")


class BadQuery(ValueError):
    """The query cannot be read; the message says where."""


class _Reader:
    def __init__(self, query: str, known: Known) -> None:
        self._tokens = _TOKEN.findall(query)
        self._known = known
        self._at = 0

    def _peek(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def either(self) -> Test:
        choices = [self._all()]
        while self._peek() == "OR":
            self._at += 1
            choices.append(self._all())
        return lambda post: any(choice(post) for choice in choices)

    def _all(self) -> Test:
        terms = []
        while self._peek() not in (None, "OR", ")"):
            terms.append(self._term())
        if not terms:
            raise BadQuery("a term is missing")
        return lambda post: all(term(post) for term in terms)

    def _term(self) -> Test:
        term = self._tokens[self._at]
        self._at += 1
        if term == "-":
            inner = self._term()
            return lambda post: not inner(post)
        if term == "(":
            inner = self.either()
            if self._peek() != ")":
                raise BadQuery("a closing parenthesis is missing")
            self._at += 1
            return inner
        return self._word(term)

    def _word(self, term: str) -> Test:
        name, colon, value = term.partition(":")
        if term.startswith("@"):
            account = self._known(term)
            return lambda post: account is not None and account.id in post.mention_ids
        if not colon:
            return lambda post: term.lower() in post.text.lower()
        match name:
            case "conversation_id":
                return lambda post: post.conversation_id == value
            case "from":
                return lambda post: post.author.handle.lower() == value.lower().removeprefix("@")
            case "is" if value in ("retweet", "reply", "quote"):
                return lambda post: bool(
                    {"retweet": post.repost_of, "reply": post.parent_id, "quote": post.quote_of}[value]
                )
        raise BadQuery(f"unknown operator {name}:")

    def at_end(self) -> bool:
        return self._at == len(self._tokens)


def search_test(query: str, known: Known) -> Test:
    """A test that says whether a post fits the query. Raises BadQuery."""
    if not query or len(query) > MAX_QUERY:
        raise BadQuery(f"a query has 1 to {MAX_QUERY} characters")
    reader = _Reader(query, known)
    test = reader.either()
    if not reader.at_end():
        raise BadQuery("an opening parenthesis is missing")
    return test
