"""Remarks of the Chief Minister's Office: who may make one, whom it reaches, who may answer, and how it is written.

Pure. Owns the rules and the reading of the command. It must not know tables, chats or words of templates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from handlers.length import strip_unsafe
from handlers.routing import Kept, above, assign, cmo_post, is_held, may_act, may_see
from handlers.understanding import mask, read_answer
from handlers.understanding.meaning import Asked
from handlers.understanding.taxonomy import taxonomy
from store.people import Directory, Post
from store.vocabulary import Language, Role, Sensitivity

LONGEST: Final = 1000  # characters, of a remark and of an answer to it
COMMAND: Final = "/remark"
OF_CMO: Final = frozenset({Role.CMO_DESK, Role.CMO_VIEWER})
NO_OFFICES: Final = frozenset({"triage", "central"})
CALLED: Final = re.compile(r"\b(department|deptt?|vibhag)\b|विभाग|ਵਿਭਾਗ")
NOT_A_WORD: Final = re.compile(r"[^\w\u0900-\u097f\u0a00-\u0a7f]+")  # the vowel signs of Hindi and Punjabi are no \w


@dataclass(frozen=True, slots=True)
class Office:
    """An office as the command names it; without a district it is the department's head."""

    department: str
    district: str | None


@dataclass(frozen=True, slots=True)
class Addressed:
    """A post to which a remark went, in the form in which a ticket is asked who may act for it."""

    owner_post: str | None
    department: str | None
    district: str | None
    sensitivity: Sensitivity = Sensitivity.NORMAL
    errand_posts: frozenset[str] = frozenset()


# -- the words -----------------------------------------------------------------------------------------------------------


def is_command(text: str) -> bool:
    """Does the message say by itself that it is a remark?"""
    return text.split(maxsplit=1)[:1] != [] and text.split(maxsplit=1)[0].split("@", maxsplit=1)[0].lower() == COMMAND


def words_of(text: str) -> str:
    """What was written, without the command."""
    if not is_command(text):
        return text.strip()
    _, *left = text.split(maxsplit=1)
    return left[0].strip() if left else ""


def why_not_kept(words: str) -> str | None:
    """The code of what is wrong with the words of a remark or of an answer; None when they can be kept."""
    if not re.search(r"\w", words):
        return "empty_text"
    return "remark_too_long" if len(words) > LONGEST else None


def kept_words(words: str) -> str:
    """The words as they are kept and told."""
    return strip_unsafe(mask(words.strip()))


def read_order(text: str) -> tuple[Office, str] | str:
    """DEPARTMENT [DISTRICT]: WORDS, or the code of what is missing."""
    head, colon, words = words_of(text).partition(":")
    if not colon:
        return "remark_how"
    found = _department(_plain(head))
    if found is None:
        return "remark_department"
    department, beside = found
    district = read_answer(beside, asked=Asked.DISTRICT).district if beside else None
    if beside and district is None:
        return "remark_district"
    return Office(department, district), words.strip()


def _department(head: str) -> tuple[str, str] | None:
    """The department with the longest name in the words, and the words beside it."""
    named = {
        name: code for code, one in taxonomy().departments.items() if code not in NO_OFFICES for name in _names(code)
    }
    for name in sorted(named, key=lambda name: (-len(name), name)):
        if (at := f" {head} ".find(f" {name} ")) >= 0:
            return named[name], f"{head[:at]}{head[at + len(name) :]}".strip()
    return None


def _names(code: str) -> Iterator[str]:
    """What a department is called: its code, its names, and what stands in brackets or before them."""
    one = taxonomy().departments[code]
    for name in (code, *(said for language in Language for said in (one.short(language), one.name(language)))):
        parts = (name, *re.split(r"[()/]", name))
        yield from (plain for part in parts if (plain := _plain(part)))


def _plain(words: str) -> str:
    """Lower case, one space between words, without what every department is called."""
    return " ".join(CALLED.sub(" ", NOT_A_WORD.sub(" ", words.casefold())).split())


# -- who -----------------------------------------------------------------------------------------------------------------


def chair_at_cmo(posts: Iterable[Post]) -> Post | None:
    """The chair in which somebody speaks for the Chief Minister's Office; a viewer's before a clerk's."""
    of_cmo = [post for post in posts if post.role in OF_CMO]
    return min(of_cmo, key=lambda post: (post.role is not Role.CMO_VIEWER, post.code), default=None)


def may_remark(case: Kept, posts: Iterable[Post], directory: Directory) -> bool:
    """May they remark on this ticket? Whoever of the Chief Minister's Office may see it."""
    return any(post.role in OF_CMO and may_see(case, post, directory) for post in posts)


def addressee(office: Office, directory: Directory) -> Post | None:
    """The chair that would own an ordinary complaint there, or the department's head; None where nobody is to be reached."""
    if office.district is None:
        heads = [
            post
            for post in directory.posts.values()
            if post.role is Role.DEPARTMENT_HEAD and post.department == office.department and is_held(post)
        ]
        return min(heads, key=lambda post: (not post.covers(None), post.code), default=None)
    ordinary = taxonomy().categories["other"]
    post = assign(ordinary, office.district, None, directory, department=office.department).post
    return None if post is None or post.is_of_cmo else post


def chair_to_answer(kept: Kept, posts: Iterable[Post], directory: Directory) -> Post | None:
    """The chair in which somebody may answer for the ticket or the office, the lowest first."""
    return next(
        (post for post in sorted(posts, key=lambda post: post.level) if may_act(kept, post, directory)),
        None,
    )


def next_up(kept: Addressed, directory: Directory) -> Post | None:
    """The next officer above the post that a remark went to."""
    owner = directory.posts.get(kept.owner_post or "")
    if owner is None or kept.department is None:
        return cmo_post(directory)
    return above(owner, kept.department, kept.district, directory, steps=1)
