"""Who is working on a ticket that waits for the CMO desk: five minutes at a time, so that two clerks do not collide.

Pure. Owns how long a claim lasts, whom it keeps out and when it ends. Who may claim is checked by the desk.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from handlers.case import Case
from store.vocabulary import Status

LASTS = timedelta(minutes=5)


def claimed(case: Case, officer_id: int, now: datetime) -> Case:
    """The case in this clerk's hands from now on; claiming again renews."""
    return replace(case, claimed_by=officer_id, claimed_until_at=now + LASTS)


def released(case: Case) -> Case:
    """The case in nobody's hands."""
    return replace(case, claimed_by=None, claimed_until_at=None)


def holder(case: Case, now: datetime) -> int | None:
    """The clerk who is working on it now, if any."""
    if case.status is not Status.TRIAGE or case.claimed_until_at is None or now >= case.claimed_until_at:
        return None
    return case.claimed_by


def keeps_out(case: Case, officer_id: int, now: datetime) -> bool:
    """Is somebody else working on it?"""
    return holder(case, now) not in (None, officer_id)


def let_go_when_placed(case: Case) -> Case:
    """A ticket that waits for the CMO desk no longer is claimed by nobody."""
    return case if case.status is Status.TRIAGE or case.claimed_by is None else released(case)
