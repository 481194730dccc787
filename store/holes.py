"""What is missing in the directory, so that no complaint waits where nobody sits.

Owns the looking, over the directory's shapes; sentences for people are bot/checking.py's. No SQL, no clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from store.people import Directory, Leave, Post
from store.seating import held_by, why_not
from store.vocabulary import Role


@dataclass(frozen=True, slots=True)
class Hole:
    """Something missing in the directory.

    `code`: no_cmo_desk · nobody_reachable (`department`, `districts`) · post_vacant (`post`: nobody holds it) ·
    post_unlinked (`post`: a holder has not used the invite link) · away_uncovered (`post`: whoever holds it is on leave
    and nobody stands in) · substitute_unlinked, substitute_unfit (`post`, `officer`: they cannot act, or may not) ·
    desk_unbound, desk_lost (`desk`).
    """

    code: str
    department: str = ""
    districts: tuple[str, ...] = ()
    post: str = ""
    desk: str = ""
    officer: str = ""


def holes(
    directory: Directory, departments_of: Mapping[str, Collection[str]], districts: Collection[str]
) -> list[Hole]:
    """What would keep a complaint from reaching a person: missing people, posts and chats.

    `departments_of`: category -> the departments it may be routed to. A department and district are reachable if
    at any level a post covers them in which somebody who has linked Telegram sits today.
    """
    return [
        *_missing_cmo(directory),
        *_unreached(directory, {d for found in departments_of.values() for d in found}, districts),
        *_empty_posts(directory),
        *_leaves(directory),
        *_mute_desks(directory),
    ]


def _missing_cmo(directory: Directory) -> Iterator[Hole]:
    if directory.cmo_desk() is None:
        yield Hole("no_cmo_desk")


def _unreached(directory: Directory, departments: Collection[str], districts: Collection[str]) -> Iterator[Hole]:
    for department in sorted(departments):
        linked = [
            post
            for post in directory.posts.values()
            if post.department == department
            and post.role is not Role.FIELD_OFFICER
            and any(one.telegram_user_id for one in post.acting)
        ]
        open_districts = sorted(d for d in districts if not any(post.covers(d) for post in linked))
        if open_districts:
            yield Hole("nobody_reachable", department=department, districts=tuple(open_districts))


def _empty_posts(directory: Directory) -> Iterator[Hole]:
    for post in directory.posts.values():
        if not post.holders:
            yield Hole("post_vacant", department=post.department or "", post=post.code)
        elif not all(holder.telegram_user_id for holder in post.holders):
            yield Hole("post_unlinked", department=post.department or "", post=post.code)


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
