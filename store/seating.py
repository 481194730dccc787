"""Who sits in a chair while its holder is away: pure rules over the directory's shapes.

Owns who may stand in for whom. A substitute who stands beneath the chair would read complaints about their own office,
so such a one is passed over, and the chair is skipped like an empty one. No SQL, no clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from store.people import WHOLE_STATE, Leave, Post
from store.vocabulary import Role


def is_beneath(post: Post, head: Post) -> bool:
    """Is the post on the head's own ladder, lower down, with a district in common?"""
    if post.is_of_cmo or post.level >= head.level:
        return False
    if head.role is not Role.DISTRICT_NODAL and (post.department is None or post.department != head.department):
        return False
    everywhere = WHOLE_STATE in post.districts or WHOLE_STATE in head.districts
    return everywhere or bool(post.districts & head.districts)


def why_not(own_posts: Sequence[Post], post: Post) -> str:
    """Why whoever holds these posts may not stand in at that one: no_post, not_of_cmo or beneath; empty if they may."""
    if not own_posts:
        return "no_post"
    if post.is_of_cmo and not any(own.is_of_cmo for own in own_posts):
        return "not_of_cmo"
    return "beneath" if any(is_beneath(own, post) for own in own_posts) else ""


def held_by(posts: Iterable[Post]) -> Mapping[int, list[Post]]:
    """The posts of each officer, by the officer's id."""
    found: dict[int, list[Post]] = defaultdict(list)
    for post in posts:
        for holder in post.holders:
            found[holder.id].append(post)
    return found


def seated(posts: Mapping[str, Post], leaves: Sequence[Leave]) -> dict[str, Post]:
    """The posts with those who are away marked, and those who stand in for them seated. `leaves` are those in force."""
    own = held_by(posts.values())
    away = {leave.officer.id for leave in leaves if leave.officer is not None}
    return {code: _seated(post, leaves, own, away) for code, post in posts.items()}


def _seated(post: Post, leaves: Sequence[Leave], own: Mapping[int, list[Post]], away: set[int]) -> Post:
    holders = {holder.id for holder in post.holders}
    here = [one for one in leaves if one.post == post.code or (one.officer is not None and one.officer.id in holders)]
    if not here:
        return post
    gone = holders if any(one.post == post.code for one in here) else holders & away
    present = holders - gone
    standing_in = {
        one.substitute.id: one.substitute
        for one in here
        if one.substitute is not None
        and one.substitute.id not in present | away
        and not why_not(own.get(one.substitute.id, []), post)
    }
    return replace(post, away=frozenset(gone), substitutes=tuple(standing_in[each] for each in sorted(standing_in)))
