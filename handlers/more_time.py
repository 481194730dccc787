"""More time for a ticket: the office asks with a reason, the next officer up grants or refuses.

Pure. Whoever holds the ticket never grants it to themselves; the citizen's number, turn and talk stay as they are.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from handlers.case import Case
from handlers.effects import Act, Audience, Decision, Notify, Press, Record, RefreshNotice
from handlers.facts import Facts
from handlers.ground import Ground
from handlers.heard import OfficerAskedTime, SeniorSettledTime
from handlers.refusing import ActRefused
from handlers.routing import is_owner_chair
from handlers.time_limits import into_office_time

MOST_DAYS = 60  # asked for at once; what takes longer is a matter of policy


def ask_time(case: Case, act: OfficerAskedTime) -> Decision:
    """The next officer up is asked; until they answer, the limit stays what it was."""
    if not case.with_office or case.due_at is None:
        raise ActRefused("closed_ticket")
    if not 1 <= act.days <= MOST_DAYS:
        raise ActRefused("days_missing")
    argument = f"{act.days}|{limit_stamp(case)}"
    notice = Notify(
        audience=Audience.SUPERVISOR,
        template="time_asked_notice",
        facts=Facts(days=act.days, question=act.reason, officer=act.by.name),
        step=f"time:{case.turn}:{limit_stamp(case)}:{act.days}",
        presses=((Press(act=Act.GRANT, argument=argument), Press(act=Act.REFUSE_TIME, argument=argument)),),
    )
    record = Record(kind="time_asked", codes=(("days", str(act.days)),))
    return Decision(case=case, effects=(record, notice), result="time_asked")


def settle_time(case: Case, act: SeniorSettledTime, ground: Ground) -> Decision:
    """Grant or refuse; only while the limit is the one that was asked about, so that one request is granted once."""
    if not case.with_office or case.due_at is None:
        raise ActRefused("closed_ticket")
    if is_owner_chair(case, act.by.post, ground.directory):
        raise ActRefused("senior_needed_for_time")
    if act.asked_at != limit_stamp(case):
        raise ActRefused("old_button")
    kind = "time_granted" if act.granted else "time_refused"
    later = _later(case.due_at, act.days, ground) if act.granted else case.due_at
    settled = replace(case, due_at=later)
    notice = Notify(
        audience=Audience.OWNER,
        template="time_answer",
        facts=Facts(why=kind, days=act.days, officer=act.by.name, due_at=later),
        step=f"{kind}:{case.turn}:{limit_stamp(case)}:{act.days}",
    )
    record = Record(kind=kind, codes=(("days", str(act.days)),))
    return Decision(case=settled, effects=(record, RefreshNotice(), notice), result=kind)


def _later(due_at: datetime, days: int, ground: Ground) -> datetime:
    return into_office_time(due_at + timedelta(days=days), ground.policy.holidays)


def limit_stamp(case: Case) -> str:
    """The present limit, as a request for more of it remembers it."""
    return str(int(case.due_at.timestamp())) if case.due_at else ""
