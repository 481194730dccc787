"""Reviewing silence: /abuse shows the posts of the last days that were passed over; a clerk may call one a complaint.

Owns which of them are shown, in what order, and what the button does. Who may press is reviewing.py's; what becomes of
such a post, the deciding modules'.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from handlers.desk.review_lines import SHOWN, Keyboard, Pressed, line_of, note, shown
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome
from handlers.effects import Act, Press
from handlers.facts import Facts
from handlers.understanding import hides_a_matter
from store import inbox_reviewing
from store.inbox_reviewing import Called, SeenPost
from store.people import Officer
from store.vocabulary import Kind

TEMPLATE: Final = "abuse_review"
SINCE: Final = timedelta(days=7)
ABUSE: Final = f"ignored:{Kind.ABUSE.value}"
MAY_HIDE: Final = (f"ignored:{Kind.POLITICAL.value}", f"ignored:{Kind.SPAM.value}")  # shown where a matter is inside
MOST_READ: Final = 100  # newest posts of each of these that are read for a matter: half a second of work
TOLD: Final = {Called.TAKEN: "called_complaint", Called.GONE: "post_gone", Called.SETTLED: "settled_already"}


def page(
    conn: sa.Connection,
    now: datetime,
    origin: Origin,
    at: int,
    *,
    in_group: bool,
    edit_of: str = "",
    toast: str = "shown",
) -> Outcome:
    """The posts from the `at`th on, or the last page; a kind sentence when there are none."""
    found = _found(conn, now - SINCE)
    at = min(at, max(0, (len(found) - 1) // SHOWN * SHOWN))
    posts = inbox_reviewing.posts_by_id(conn, found[at : at + SHOWN])
    facts = Facts(
        reviewed=tuple(line_of(one, in_group=in_group) for one in posts),
        listed_before=at,
        total=len(found),
    )
    return shown(origin, TEMPLATE, facts, _presses(posts, at, len(found)), edit_of=edit_of, toast=toast)


def pressed(
    conn: sa.Connection,
    snapshot: Snapshot,
    origin: Origin,
    clerk: Officer,
    button: Pressed,
    *,
    in_group: bool,
) -> Outcome:
    """Turn the page, or take a post for a complaint; the message then shows how it is."""
    act, argument, edit_of = button.act, button.argument, button.edit_of
    if act is Act.PASSED_PAGE:
        return page(conn, snapshot.now, origin, int(argument.partition("|")[2]), in_group=in_group, edit_of=edit_of)
    row_id, number = (int(part) for part in argument.split("|"))
    called = inbox_reviewing.call_complaint(conn, row_id, {ABUSE, *MAY_HIDE}, snapshot.now)
    if called is Called.TAKEN:
        note(conn, "called_complaint", clerk, snapshot.now, post=row_id, press=origin.inbox_id, codes={})
    at = (number - 1) // SHOWN * SHOWN
    return page(conn, snapshot.now, origin, at, in_group=in_group, edit_of=edit_of, toast=TOLD[called])


def _found(conn: sa.Connection, since: datetime) -> list[int]:
    """Abuse first, then what else may hide a matter; the newest of each first."""
    found = inbox_reviewing.passed_over(conn, ABUSE, since)
    for result in MAY_HIDE:
        newest = inbox_reviewing.passed_over(conn, result, since, MOST_READ)
        found += [one.id for one in inbox_reviewing.posts_by_id(conn, newest) if hides_a_matter(one.post.text)]
    return found


def _presses(posts: Sequence[SeenPost], at: int, total: int) -> Keyboard:
    calls = [Press(act=Act.COMPLAINT, argument=f"{one.id}|{number}") for number, one in enumerate(posts, start=at + 1)]
    turns = [
        Press(act=Act.PASSED_PAGE, argument=f"{'next' if to > at else 'back'}|{to}")
        for to in (at - SHOWN, at + SHOWN)
        if 0 <= to < total
    ]
    lines = [*(tuple(calls[one : one + 2]) for one in range(0, len(calls), 2)), tuple(turns)]
    return tuple(line for line in lines if line)
