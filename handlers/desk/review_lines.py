"""A post as a clerk reads it in a review: masked as officers' notices are, cut by the template, without what is sensitive.

Owns that one line, the answer to a command or press of a review, and the record of an act. It must not know floods or
what was passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from handlers.desk.steps import Origin, Outcome, Step
from handlers.effects import Act, Decision, How, Press, Tell
from handlers.facts import Facts, ReviewedPost
from handlers.length import strip_unsafe
from handlers.understanding import taxonomy, understand
from store import tickets
from store.inbox_reviewing import SeenPost
from store.people import Officer
from store.vocabulary import Register, Sensitivity

SHOWN = 5  # posts to a message: one screen of a small phone

Keyboard = tuple[tuple[Press, ...], ...]


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button of a review: what it does, to what, and the step of the message under which it stands."""

    act: Act
    argument: str
    edit_of: str


def line_of(seen: SeenPost, *, in_group: bool) -> ReviewedPost:
    """The post with personal data and swear words dotted; a sensitive matter is for a private chat."""
    u = understand(seen.post.text)
    category = taxonomy().categories.get(u.category or "")
    sensitive = u.register is Register.SENSITIVE or (
        category is not None and category.sensitivity is Sensitivity.SENSITIVE
    )
    words = strip_unsafe(" ".join(u.masked.split()))
    withheld = bool(words) and sensitive and in_group
    return ReviewedPost(
        written_at=seen.post.occurred_at,
        words=None if withheld else words or None,
        kind=seen.result.partition(":")[2],
        withheld=withheld,
    )


def shown(
    origin: Origin, template: str, facts: Facts, presses: Keyboard, *, edit_of: str = "", toast: str = "shown"
) -> Outcome:
    """The review as a message, or in the place of the one whose button was pressed."""
    step = template.partition("_")[0]
    if not edit_of:
        tell = Tell(template=template, facts=facts, how=How.REPLY, step=step, presses=presses)
        return _told(origin, "answered:review", tell)
    tell = Tell(template=template, facts=facts, how=How.EDIT, step=step, presses=presses, edit_of=edit_of)
    return _told(origin, toast, tell, Tell(template="toast", facts=Facts(why=toast), how=How.TOAST))


def _told(origin: Origin, result: str, *tells: Tell) -> Outcome:
    return Outcome(result, (Step(origin, None, Decision(case=None, effects=tells, result=result)),))


def note(
    conn: sa.Connection,
    kind: str,
    clerk: Officer,
    now: datetime,
    *,
    post: int,
    press: int | None,
    codes: Mapping[str, str],
) -> None:
    """Who did what to which inbox row stays on record, without its words."""
    event = {"ticket_id": None, "kind": kind, "at": now, "actor": "officer", "officer_id": clerk.id, "inbox_id": post}
    tickets.add_events(conn, [{**event, "codes": {**codes, "press": str(press)}}])
