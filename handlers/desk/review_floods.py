"""Reviewing floods: /flood shows what is set aside, one account at a time; a clerk lets posts be decided, or ends all.

Owns the message, its buttons and what they do. When an account floods is floods.py's; who may press, reviewing.py's.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from handlers.desk import floods
from handlers.desk.review_lines import SHOWN, Keyboard, Pressed, line_of, note, shown
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome
from handlers.effects import Act, Press
from handlers.facts import Facts
from store import inbox, inbox_reviewing
from store.inbox_reviewing import Flood, SeenPost
from store.people import Officer
from store.vocabulary import Platform

TEMPLATE: Final = "flood_review"
SURE: Final = "sure"


def largest(conn: sa.Connection, origin: Origin, *, in_group: bool) -> Outcome:
    """The flood with the most posts."""
    return _review(conn, origin, None, in_group=in_group)


def pressed(
    conn: sa.Connection,
    snapshot: Snapshot,
    origin: Origin,
    clerk: Officer,
    button: Pressed,
    *,
    in_group: bool,
) -> Outcome:
    """Do what the button says; the message then shows how it is."""
    act, argument, edit_of = button.act, button.argument, button.edit_of
    if act is Act.FLOOD_OF:
        actor = inbox_reviewing.actor_of(conn, int(argument.partition("|")[2]))
        return _review(conn, origin, actor, in_group=in_group, edit_of=edit_of)
    row_id = int(argument.partition("|")[0])
    actor = inbox_reviewing.actor_of(conn, row_id)
    if act is Act.END_ALL:
        return _ask(conn, origin, actor, row_id, edit_of, in_group=in_group)
    if act is Act.LET_DECIDE:
        done = _let_decide(conn, snapshot, origin, clerk, row_id)
    else:
        done = _end(conn, snapshot, origin, clerk, actor or "", row_id)
    return _review(conn, origin, actor, in_group=in_group, edit_of=edit_of, toast=done)


# -- what a press does -----------------------------------------------------------------------------------------------------


def _let_decide(conn: sa.Connection, snapshot: Snapshot, origin: Origin, clerk: Officer, row_id: int) -> str:
    """One post is decided as any other; the code of what the clerk is told."""
    if not inbox_reviewing.is_set_aside(conn, row_id):
        return "settled_already"
    if not inbox.release(conn, row_id):
        return "post_gone"  # set aside still, and without its words
    note(conn, "flood_post_let_go", clerk, snapshot.now, post=row_id, press=origin.inbox_id, codes={})
    return "let_decide"


def _end(conn: sa.Connection, snapshot: Snapshot, origin: Origin, clerk: Officer, actor: str, upto: int) -> str:
    """All posts as far as the newest that the clerk saw are ended; the code of what the clerk is told."""
    ended = inbox_reviewing.end_flood(conn, actor, upto, snapshot.now)
    if not ended:
        return "settled_already"
    codes = {"posts": str(ended), "upto": str(upto)}
    note(conn, "flood_ended", clerk, snapshot.now, post=upto, press=origin.inbox_id, codes=codes)
    return "flood_ended"


# -- what is shown -----------------------------------------------------------------------------------------------------------


def _review(
    conn: sa.Connection, origin: Origin, actor: str | None, *, in_group: bool, edit_of: str = "", toast: str = "shown"
) -> Outcome:
    """The flood of this account, or the largest; a kind sentence when there is none."""
    standing = floods.standing(conn)
    if not standing:
        return shown(origin, TEMPLATE, Facts(total=0), (), edit_of=edit_of, toast=toast)
    at = next((at for at, one in enumerate(standing) if one.actor_key == actor), 0)
    flood, others = standing[at], [*standing[at + 1 :], *standing[:at]]
    posts = inbox_reviewing.newest_of_flood(conn, flood.actor_key, SHOWN)
    facts = _facts(flood, posts, others=len(others), in_group=in_group)
    return shown(origin, TEMPLATE, facts, _presses(flood, posts, others), edit_of=edit_of, toast=toast)


def _ask(conn: sa.Connection, origin: Origin, actor: str | None, upto: int, edit_of: str, *, in_group: bool) -> Outcome:
    """Whether really all of them are to be ended, in the same message."""
    flood = inbox_reviewing.flood_of(conn, actor or "", upto)
    if flood is None:
        return _review(conn, origin, actor, in_group=in_group, edit_of=edit_of, toast="settled_already")
    posts = inbox_reviewing.newest_of_flood(conn, flood.actor_key, 1)
    presses = (
        (Press(act=Act.END_ALL_SURE, argument=f"{upto}|{flood.posts}"),),
        (Press(act=Act.FLOOD_OF, argument=f"back|{upto}"),),
    )
    facts = _facts(flood, posts, others=0, in_group=in_group, why=SURE)
    return shown(origin, TEMPLATE, facts, presses, edit_of=edit_of, toast="press_again")


def _facts(flood: Flood, posts: list[SeenPost], *, others: int, in_group: bool, why: str | None = None) -> Facts:
    author = posts[0].post.author if posts else None
    return Facts(
        why=why,
        platform=Platform(flood.actor_key.partition(":")[0]),
        handle=(author.handle or author.name or None) if author else None,
        total=flood.posts,
        since_at=flood.since,
        reviewed=() if why else tuple(line_of(one, in_group=in_group) for one in posts),
        others=others,
    )


def _presses(flood: Flood, posts: list[SeenPost], others: list[Flood]) -> Keyboard:
    numbered = tuple(
        Press(act=Act.LET_DECIDE, argument=str(one.id), label=str(place)) for place, one in enumerate(posts, start=1)
    )
    end = (Press(act=Act.END_ALL, argument=f"{flood.newest_id}|{flood.posts}"),)
    turn = (Press(act=Act.FLOOD_OF, argument=f"next_account|{others[0].newest_id}"),) if others else ()
    return tuple(line for line in (numbered, end, turn) if line)
