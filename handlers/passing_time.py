"""What time does to a ticket: reminding, escalating, asking again, closing; and when time will matter next.

Pure. `next_wake` is derived from the case alone, so a ticket that is written can never be forgotten.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from handlers.case import Case
from handlers.effects import (
    Audience,
    Decision,
    Effect,
    Notify,
    Record,
    RefreshNotice,
    Say,
    SettleSatisfaction,
)
from handlers.facts import Facts
from handlers.ground import Ground
from handlers.handing import awaiting_nothing
from handlers.policy import Policy
from handlers.replies import ask_facts, office_facts, to_triage
from handlers.speaking import is_muted, not_askable_notice, resumed
from handlers.time_limits import percent_passed, when_percent
from store.vocabulary import Awaiting, Outcome, Sensitivity, Status


def next_wake(case: Case, policy: Policy) -> datetime | None:
    """When time passing will next matter for this case; None when never."""
    moments = [
        moment for moment in (_wait_ends(case, policy), _limit_step(case, policy), _confirm(case, policy)) if moment
    ]
    return min(moments, default=None)


def _wait_ends(case: Case, policy: Policy) -> datetime | None:
    since = case.awaiting_since_at
    if since is None:
        return None
    match case.awaiting:
        case Awaiting.DETAILS:
            return None if case.reminded else since + policy.details_after
        case Awaiting.OFFICER_QUESTION:
            return since + policy.question_cap
        case Awaiting.SATISFACTION if _will_remind(case, policy):
            return since + policy.satisfaction_reminder_after
        case Awaiting.SATISFACTION:
            return since + policy.satisfaction_close_after
    return None


def _will_remind(case: Case, policy: Policy) -> bool:
    """Once, and only of a question that was asked in public."""
    return not case.reminded and case.sensitivity is not Sensitivity.SENSITIVE and not is_muted(case, policy)


def _steps(case: Case, policy: Policy) -> int:
    """The next per cent mark of the time limit: 50, 90, 100, then every further whole limit."""
    for mark in (*policy.remind_at, 100):
        if case.reminded_percent < mark:
            return mark
    return (case.reminded_percent // 100 + 1) * 100


def _limit_step(case: Case, policy: Policy) -> datetime | None:
    if not case.with_office or case.paused_at is not None or case.assigned_at is None or case.due_at is None:
        return None
    if case.escalation_level >= policy.top_level and case.reminded_percent >= 100:
        return None  # at the top of the ladder; the digest shows it every day
    return when_percent(case.assigned_at, case.due_at, _steps(case, policy))


def _confirm(case: Case, policy: Policy) -> datetime | None:
    if not case.urgent or case.ended or case.confirm_asked_at is not None:
        return None
    return max(case.opened_at, case.last_heard_at or case.opened_at) + policy.confirm_emergency_after


def hear_silence(case: Case, now: datetime, ground: Ground) -> Decision:
    """Decide everything that time has made due, one thing at a time; the desk calls again while more is due."""
    policy = ground.policy
    if (moment := _confirm(case, policy)) and moment <= now:
        return _ask_confirmation(case, now)
    if (moment := _wait_ends(case, policy)) and moment <= now:
        return _waited_enough(case, now, policy)
    if (moment := _limit_step(case, policy)) and moment <= now:
        return _limit_passed(case, now, ground)
    return Decision(case=case, result="nothing_due")


def _ask_confirmation(case: Case, now: datetime) -> Decision:
    asked = replace(case, confirm_asked_at=now)
    notice = Notify(audience=Audience.CMO, template="emergency_confirm", step=f"confirm:{case.turn}", urgent=True)
    return Decision(case=asked, effects=(Record(kind="confirmation_asked"), notice), result="confirm_asked")


def _waited_enough(case: Case, now: datetime, policy: Policy) -> Decision:
    match case.awaiting:
        case Awaiting.DETAILS:
            return _details_overdue(case)
        case Awaiting.OFFICER_QUESTION:
            return _question_overdue(case, now)
    if _will_remind(case, policy):
        say = Say(
            template="remind_satisfaction",
            facts=office_facts(case, Facts(disposal_count=case.disposal_count)),
            step=f"remind_satisfaction:{case.disposal_count}",
            unasked=True,
        )
        return Decision(
            case=replace(case, reminded=True),
            effects=(Record(kind="satisfaction_reminded"), say),
            result="reminded",
        )
    return _close_unanswered(case, now, policy)


def _details_overdue(case: Case) -> Decision:
    """No answer to our question: a person decides with what is known, and the question is repeated once."""
    facts = ask_facts(case)
    say = Say(template="remind_details", facts=facts, step=f"remind_details:{case.turn}", unasked=True)
    if case.status is Status.TRIAGE:
        return Decision(
            case=replace(case, reminded=True),
            effects=(Record(kind="details_reminded"), say),
            result="reminded",
        )
    moved, _, _, *told = to_triage(case, "no_answer")
    return Decision(case=replace(moved, reminded=True), effects=(*told, say), result="reminded")


def _question_overdue(case: Case, now: datetime) -> Decision:
    """The office's clock does not stand still for ever: it goes on after the cap."""
    notice = Notify(
        audience=Audience.OWNER,
        template="answer_notice",
        facts=Facts(why="no_answer"),
        step=f"no_answer:{case.turn}:{int(now.timestamp())}",
    )
    return Decision(
        case=resumed(case, now),
        effects=(Record(kind="question_unanswered"), notice, RefreshNotice()),
        result="resumed",
    )


def _close_unanswered(case: Case, now: datetime, policy: Policy) -> Decision:
    """The window has passed in silence: closed, counted as no answer and never as satisfied."""
    unasked = is_muted(case, policy) and not case.reminded  # the citizen never asked for the news
    unaskable = case.hidden_author or case.sensitivity is Sensitivity.SENSITIVE or unasked
    outcome = Outcome.NOT_ASKABLE if unaskable else Outcome.NO_ANSWER
    closed = replace(awaiting_nothing(case), status=Status.CLOSED, outcome=outcome, ended_at=now)
    effects: tuple[Effect, ...] = (
        Record(kind="closed", codes=(("outcome", outcome.value),)),
        SettleSatisfaction(cycle=case.disposal_count, outcome=outcome),
        RefreshNotice(),
    )
    if unasked:
        effects += (not_askable_notice(case, "result"),)
    return Decision(case=closed, effects=effects, result="closed")


def _limit_passed(case: Case, now: datetime, ground: Ground) -> Decision:
    mark = _steps(case, ground.policy)
    reached = replace(case, reminded_percent=mark)
    if mark < 100:
        return _remind(reached, mark, now)
    return _escalate(reached, mark, ground)


def _remind(case: Case, mark: int, now: datetime) -> Decision:
    """Remind the office; before a breach the citizen gets one interim word."""
    facts = Facts(percent=mark, due_at=case.due_at)
    effects: list[Effect] = [
        Record(kind="reminded", codes=(("percent", str(mark)),)),
        Notify(audience=Audience.OWNER, template="reminder", facts=facts, step=f"remind:{case.turn}:{mark}"),
    ]
    if mark >= 90 and not case.interim_told and _worth_an_interim(case):
        case = replace(case, interim_told=True)
        late = Facts(late=case.due_at is not None and now > case.due_at)
        say = Say(template="interim", facts=office_facts(case, late), step=f"interim:{case.turn}", unasked=True)
        effects.append(say)
    return Decision(case=case, effects=tuple(effects), result="reminded")


def _worth_an_interim(case: Case) -> bool:
    """A limit of less than a day is over before a public word of comfort makes sense; sensitive matters get none."""
    if case.sensitivity is Sensitivity.SENSITIVE or case.assigned_at is None or case.due_at is None:
        return False
    return case.due_at - case.assigned_at >= timedelta(hours=24) and case.turn == 1


def _escalate(case: Case, mark: int, ground: Ground) -> Decision:
    """Late: the next officer up is told, one step at a time, the CMO desk last."""
    level = min(case.escalation_level + 1, ground.policy.top_level)
    raised = replace(case, escalation_level=level)
    passed = percent_passed(case.assigned_at, case.due_at, case.due_at) if case.assigned_at and case.due_at else mark
    facts = Facts(level=level, percent=max(mark, passed), due_at=case.due_at, late=True)
    step = f"escalate:{case.turn}:{mark}"
    effects: tuple[Effect, ...] = (
        Record(kind="escalated", codes=(("level", str(level)), ("percent", str(mark)))),
        Notify(audience=Audience.OWNER, template="reminder", facts=facts, step=f"{step}:owner"),
        Notify(audience=Audience.SUPERVISOR, template="escalated", facts=facts, step=step, urgent=True),
        RefreshNotice(),
    )
    return Decision(case=raised, effects=effects, result="escalated")
