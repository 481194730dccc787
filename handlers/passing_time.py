"""What time does to a ticket: reminding, escalating, asking again, closing; and when time will matter next.

Pure. `next_wake` is derived from the case alone, so a ticket that is written can never be forgotten.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from handlers.case import Case
from handlers.effects import (
    Act,
    Audience,
    Decision,
    Effect,
    Notify,
    Press,
    Record,
    RefreshNotice,
    Say,
    SettleSatisfaction,
)
from handlers.errands import next_late, remind_field, remind_late
from handlers.facts import Facts
from handlers.ground import Ground
from handlers.handing import awaiting_nothing
from handlers.objecting import is_open, objection_notice
from handlers.planning import plan_ended
from handlers.policy import Policy
from handlers.replies import ask_facts, office_facts, to_triage
from handlers.routing import passed_over
from handlers.speaking import is_muted, not_askable_notice
from handlers.standing import let_go, resumed
from handlers.standstill import covered_until
from handlers.time_limits import percent_passed, when_percent
from handlers.triage import triage_presses
from store.vocabulary import Awaiting, Outcome, Register, Sensitivity, Status

EVERY_DAY = timedelta(hours=24)  # how often the CMO desk hears again of what waits for it


def next_wake(case: Case, policy: Policy) -> datetime | None:
    """When time passing will next matter for this case; None when never."""
    moments = [
        moment
        for moment in (
            _wait_ends(case, policy),
            _limit_step(case, policy),
            _confirm(case, policy),
            _waits_for_desk(case),
            case.planned_until_at,
            case.standstill_until_at,
            next_late(case),
        )
        if moment
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
    if case.register is Register.GRAVE:
        return False
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
    """An emergency nobody has taken up: the desk is asked, a period later the next officer up, then day by day."""
    if not case.urgent or case.ended:
        return None
    period = policy.confirm_emergency_after
    told_at = max(case.opened_at, case.last_heard_at or case.opened_at)
    if case.confirm_asked_at is None:
        return told_at + period
    if case.status is Status.ACCEPTED:
        return None
    if case.confirm_asked_at - told_at <= period:
        return max(case.confirm_asked_at, told_at) + period
    return case.confirm_asked_at + EVERY_DAY


def _waits_for_desk(case: Case) -> datetime | None:
    """When the CMO desk is told again of a ticket that nobody but it can move."""
    if is_open(case):
        return (case.paused_at or case.objected_at or case.opened_at) + EVERY_DAY
    asks = case.awaiting is Awaiting.DETAILS and not case.reminded
    if case.status is not Status.TRIAGE or asks:
        return None
    return (
        case.paused_at or case.awaiting_since_at or max(case.opened_at, case.last_heard_at or case.opened_at)
    ) + EVERY_DAY


def hear_silence(case: Case, now: datetime, ground: Ground) -> Decision:
    """Decide everything that time has made due, one thing at a time; the desk calls again while more is due."""
    policy = ground.policy
    if (moment := _confirm(case, policy)) and moment <= now:
        return _ask_confirmation(case, moment) if case.confirm_asked_at is None else _unconfirmed(case, now, policy)
    if (moment := _wait_ends(case, policy)) and moment <= now:
        return _waited_enough(case, now, policy)
    if case.planned_until_at is not None and case.planned_until_at <= now:
        return plan_ended(case, now)
    if (until := covered_until(case, ground.standstills, now)) != case.standstill_until_at:
        return _standstill(case, until, now)
    if (moment := next_late(case)) and moment <= now:
        return remind_late(case, now, ground)
    if (moment := _limit_step(case, policy)) and moment <= now:
        return _limit_passed(case, now, ground)
    if (moment := _waits_for_desk(case)) and moment <= now:
        return _tell_desk_again(case, now, ground)
    return Decision(case=case, result="nothing_due")


def _standstill(case: Case, until: datetime | None, now: datetime) -> Decision:
    """An order of time for all offices took hold of the ticket, was changed, or ended."""
    if until is not None:
        return _stands_still(case, until, now)
    ended = min(now, case.standstill_until_at or now)
    again = let_go(replace(case, standstill_until_at=None), ended)
    return Decision(case=again, effects=(Record(kind="standstill_ended"), RefreshNotice()), result="standstill_ended")


def _stands_still(case: Case, until: datetime, now: datetime) -> Decision:
    """The clock stands; whoever waits for an answer that was due before is told the new day, once."""
    held = replace(case, standstill_until_at=until, paused_at=case.paused_at or now)
    effects: list[Effect] = [
        Record(kind="standstill", codes=(("until", until.date().isoformat()),)),
        RefreshNotice(),
    ]
    if case.due_at is not None and now < case.due_at < until and case.planned_until_at is None:
        facts = office_facts(held, Facts(planned_until=until))
        effects.append(Say(template="standstill", facts=facts, step=f"standstill:{case.turn}", unasked=True))
    return Decision(case=held, effects=tuple(effects), result="standstill")


def _ask_confirmation(case: Case, due: datetime) -> Decision:
    asked = replace(case, confirm_asked_at=due)
    step = f"confirm:{case.turn}:{int(due.timestamp())}"  # a second danger in one turn is asked about again
    notice = Notify(audience=Audience.CMO, template="emergency_confirm", step=step, urgent=True)
    return Decision(case=asked, effects=(Record(kind="confirmation_asked"), notice), result="confirm_asked")


def _unconfirmed(case: Case, now: datetime, policy: Policy) -> Decision:
    """Nobody said that help has come: the next officer up is rung, and the CMO desk once more."""
    raised = replace(case, confirm_asked_at=now, escalation_level=min(case.escalation_level + 1, policy.top_level))
    step = f"unconfirmed:{case.turn}:{int(now.timestamp())}"
    effects: list[Effect] = [
        Record(kind="escalated", codes=(("level", str(raised.escalation_level)), ("why", "unconfirmed"))),
        Notify(audience=Audience.CMO, template="emergency_confirm", step=step, urgent=True),
    ]
    if case.turn:
        facts = Facts(why="emergency", urgent=True)
        effects.append(
            Notify(audience=Audience.SUPERVISOR, template="emergency_notice", facts=facts, step=step, urgent=True)
        )
    return Decision(case=raised, effects=tuple(effects), result="escalated")


def _tell_desk_again(case: Case, now: datetime, ground: Ground) -> Decision:
    record = Record(kind="desk_reminded")
    waiting = replace(case, paused_at=now)
    if is_open(case):
        notice = objection_notice(case, ground.directory, f"objection:waiting:{int(now.timestamp())}")
        return Decision(case=waiting, effects=(record, notice), result="reminded")
    return Decision(case=waiting, effects=(record, _desk_notice(case, now)), result="reminded")


def _desk_notice(case: Case, now: datetime, presses: tuple[tuple[Press, ...], ...] | None = None) -> Notify:
    """Show the CMO desk a ticket that waits for a person; each repetition is a step of its own."""
    return Notify(
        audience=Audience.CMO,
        template="triage_notice",
        facts=Facts(category_choices=case.category_choices, district_choices=case.district_choices),
        step=f"triage:{case.turn}:waiting:{int(now.timestamp())}",
        presses=triage_presses(case) if presses is None else presses,
    )


def _waited_enough(case: Case, now: datetime, policy: Policy) -> Decision:
    match case.awaiting:
        case Awaiting.DETAILS:
            return _details_overdue(case, now)
        case Awaiting.OFFICER_QUESTION:
            return _question_overdue(case, now)
    if _will_remind(case, policy):
        say = Say(
            template="remind_satisfaction",
            facts=office_facts(case, Facts(disposal_count=case.disposal_count, disposal=case.disposal)),
            step=f"remind_satisfaction:{case.disposal_count}",
            unasked=True,
        )
        return Decision(
            case=replace(case, reminded=True),
            effects=(Record(kind="satisfaction_reminded"), say),
            result="reminded",
        )
    if case.register is Register.GRAVE:
        return _never_closed_by_silence(case, now)
    return _close_unanswered(case, now, policy)


def _never_closed_by_silence(case: Case, now: datetime) -> Decision:
    """A death or thoughts of self-harm: a person at the CMO desk looks whether all is done, again and again."""
    notice = _desk_notice(case, now, ((Press(act=Act.REOPEN),),))
    waiting = replace(case, awaiting_since_at=now)
    return Decision(case=waiting, effects=(Record(kind="desk_reminded"), notice), result="reminded")


def _details_overdue(case: Case, now: datetime) -> Decision:
    """No answer to our question: a person decides with what is known, and the question is repeated once."""
    facts, step = ask_facts(case), f"remind_details:{case.turn}:{int(now.timestamp())}"
    say = Say(template="remind_details", facts=facts, step=step, unasked=True)
    if case.status is Status.TRIAGE:
        return Decision(
            case=replace(case, reminded=True, awaiting_since_at=now),
            effects=(Record(kind="details_reminded"), say),
            result="reminded",
        )
    moved, _, _, *told = to_triage(case, "no_answer")
    return Decision(case=replace(moved, reminded=True, awaiting_since_at=now), effects=(*told, say), result="reminded")


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
    """Tell the highest mark that has passed, once; after a standstill the lower ones are not told one by one."""
    policy, reached, limits = ground.policy, case, 0
    while (moment := _limit_step(reached, policy)) and moment <= now:
        mark = _steps(reached, policy)
        limits += mark >= 100
        level = min(case.escalation_level + limits, policy.top_level)
        reached = replace(reached, reminded_percent=mark, escalation_level=level)
    if not limits:
        return _remind(reached, reached.reminded_percent, now)
    return _escalate(reached, reached.reminded_percent, now, ground)


def _remind(case: Case, mark: int, now: datetime) -> Decision:
    """Remind the office; before a breach the citizen gets one interim word."""
    facts = Facts(percent=mark, due_at=case.due_at)
    effects: list[Effect] = [
        Record(kind="reminded", codes=(("percent", str(mark)),)),
        Notify(audience=Audience.OWNER, template="reminder", facts=facts, step=f"remind:{case.turn}:{mark}"),
        *remind_field(case, facts, f"remind:{case.turn}:{mark}"),
    ]
    case, told = _interim(case, mark, now)
    return Decision(case=case, effects=(*effects, *told), result="reminded")


def _interim(case: Case, mark: int, now: datetime) -> tuple[Case, tuple[Effect, ...]]:
    if mark < 90 or case.interim_told or not _worth_an_interim(case):
        return case, ()
    late = Facts(late=case.due_at is not None and now > case.due_at)
    say = Say(template="interim", facts=office_facts(case, late), step=f"interim:{case.turn}", unasked=True)
    return replace(case, interim_told=True), (say,)


def _worth_an_interim(case: Case) -> bool:
    """A limit of less than a day is over before a public word of comfort makes sense; sensitive matters get none."""
    if case.sensitivity is Sensitivity.SENSITIVE or case.assigned_at is None or case.due_at is None:
        return False
    return case.due_at - case.assigned_at >= timedelta(hours=24) and case.turn == 1


def _escalate(case: Case, mark: int, now: datetime, ground: Ground) -> Decision:
    """Late: the next officer up is told, one step per whole limit, the CMO desk last."""
    level = case.escalation_level
    raised, interim = _interim(case, mark, now)
    passed = percent_passed(case.assigned_at, case.due_at, case.due_at) if case.assigned_at and case.due_at else mark
    empty = passed_over(case, ground.directory)
    facts = Facts(
        level=level,
        percent=max(mark, passed),
        due_at=case.due_at,
        late=True,
        passed_over=tuple(post.title for post in empty),
    )
    step = f"escalate:{case.turn}:{mark}"
    holes = (("holes", "|".join(post.code for post in empty)),) if empty else ()
    effects: tuple[Effect, ...] = (
        Record(kind="escalated", codes=(("level", str(level)), ("percent", str(mark)), *holes)),
        Notify(audience=Audience.OWNER, template="reminder", facts=facts, step=f"{step}:owner"),
        *remind_field(case, facts, step),
        Notify(audience=Audience.SUPERVISOR, template="escalated", facts=facts, step=step, urgent=True),
        RefreshNotice(),
        *interim,
    )
    return Decision(case=raised, effects=effects, result="escalated")
