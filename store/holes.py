"""What is missing in the directory, so that no complaint waits where nobody sits.

Owns the looking, over the directory's shapes; sentences for people are bot/checking.py's. No SQL, no clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from store.people import RUNGS, Directory, Leave, Post
from store.seating import held_by, why_not


@dataclass(frozen=True, slots=True)
class Hole:
    """Something missing in the directory.

    `code`: no_cmo_desk · post_vacant (`post`: nobody holds it) · post_unlinked (`post`: `officer` has not used the
    invite link) · post_off_ladder (`post`: its department's ladder has no place for it) · away_uncovered (`post`:
    whoever holds it is on leave and nobody stands in) · substitute_unlinked, substitute_unfit (`post`, `officer`: they
    cannot act, or may not) · desk_unbound, desk_lost (`desk`).
    """

    code: str
    department: str = ""
    post: str = ""
    desk: str = ""
    officer: str = ""


def holes(directory: Directory) -> list[Hole]:
    """What is missing: people, posts, substitutes and chats. Whom a complaint would reach is handlers/unreached.py's."""
    return [
        *_missing_cmo(directory),
        *_empty_posts(directory),
        *_leaves(directory),
        *_off_the_ladder(directory),
        *_mute_desks(directory),
    ]


def _missing_cmo(directory: Directory) -> Iterator[Hole]:
    if directory.cmo_desk() is None:
        yield Hole("no_cmo_desk")


def _empty_posts(directory: Directory) -> Iterator[Hole]:
    for post in directory.posts.values():
        absent = [holder.name for holder in post.holders if holder.telegram_user_id is None]
        if not post.holders:
            yield Hole("post_vacant", department=post.department or "", post=post.code)
        elif absent:
            yield Hole("post_unlinked", department=post.department or "", post=post.code, officer=", ".join(absent))


def _off_the_ladder(directory: Directory) -> Iterator[Hole]:
    """A chair that the department's own ladder leaves out, or that stands at a level it has not."""
    for post in directory.posts.values():
        if post.department in directory.ladders and post.role in RUNGS:
            on_it = post.role in directory.ladder(post.department) and post.level in directory.levels(post.department)
            if not on_it:
                yield Hole("post_off_ladder", department=post.department or "", post=post.code)


def _mute_desks(directory: Directory) -> Iterator[Hole]:
    for desk in directory.desks.values():
        if desk.lost:
            yield Hole("desk_lost", desk=desk.code)
        elif desk.chat_id is None:
            yield Hole("desk_unbound", desk=desk.code)


def _leaves(directory: Directory) -> Iterator[Hole]:
    for post in directory.posts.values():
        if post.holders and not post.acting:
            yield Hole("away_uncovered", department=post.department or "", post=post.code)
        for one in post.substitutes:
            if one.telegram_user_id is None:
                yield Hole("substitute_unlinked", department=post.department or "", post=post.code, officer=one.name)
    own = held_by(directory.posts.values())
    for leave in directory.leaves:
        other = leave.substitute
        for post in _chairs(directory, leave):
            if other is not None and other.id in {one.id for one in post.holders}:
                continue
            if other is not None and other not in post.substitutes and why_not(own.get(other.id, []), post):
                yield Hole("substitute_unfit", department=post.department or "", post=post.code, officer=other.name)


def _chairs(directory: Directory, leave: Leave) -> Iterator[Post]:
    for post in directory.posts.values():
        away = leave.officer.id if leave.officer else None
        if leave.post == post.code or any(holder.id == away for holder in post.holders):
            yield post
