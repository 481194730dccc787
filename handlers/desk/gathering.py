"""Linking what a batch decided: many who report one outage are shown to their office once.

Owns what linking does to decisions: which notice is posted, whose notice speaks for all, what a linked citizen is told,
which reminders are told once. When two tickets are of one incident is the rule of handlers/incidents.py. Nothing is closed
or merged here: every ticket keeps its number, its clock and its answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from handlers.case import Case
from handlers.desk.rows import case_of
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Step
from handlers.desk.ties import Gathering, Ties, member_of
from handlers.effects import Decision, Effect, Hand, Notify, Record, RefreshNotice, Say
from handlers.incidents import SHARED, WITHIN, Told, is_same_incident, told_by, with_another
from store.vocabulary import Register, Sensitivity

TELLS_OF_OTHERS = frozenset({"received_routed", "routed"})
TOLD_ONCE = frozenset({"reminder", "escalated", "plan_ended"})


def gathered(snapshot: Snapshot, steps: Sequence[Step]) -> list[Step]:
    """The same steps with tickets linked, and after them what the notices of their incidents need."""
    ties = snapshot.ties
    if ties is None or not any(_matters(step) for step in steps):
        return list(steps)
    return _Round(snapshot, ties).gather(steps)


def _matters(step: Step) -> bool:
    case = step.decision.case
    return case is not None and (case.incident_id is not None or _was_linked(step) or _is_handed(step))


def _was_linked(step: Step) -> bool:
    return step.before is not None and step.before.incident_id is not None


def _is_handed(step: Step) -> bool:
    """Does an office get the ticket now, rather than only a new notice of it?"""
    case, before = step.decision.case, step.before
    new_turn = case is not None and (before is None or case.turn != before.turn)
    return new_turn and any(isinstance(effect, Hand) for effect in step.decision.effects)


class _Round:
    """One batch being gathered."""

    def __init__(self, snapshot: Snapshot, ties: Ties) -> None:
        self._snapshot = snapshot
        self._ties = ties
        self._now_of: dict[int, int | None] = {}  # the incident that a ticket was given in this batch
        self._touched: dict[int, Origin] = {}
        self._seen: set[int] = set()  # tickets whose notice would be seen
        self._shown: set[int] = set()  # tickets whose notice is posted or edited in this batch anyway

    def gather(self, steps: Sequence[Step]) -> list[Step]:
        self._read(steps)
        done = [self._linked(step) for step in steps]
        return [*done, *self._notices()]

    def _read(self, steps: Sequence[Step]) -> None:
        cases = [case for step in steps for case in (step.before, step.decision.case) if case is not None]
        self._ties.know({case.incident_id for case in cases if case.incident_id is not None})
        handed = [case for step in steps if _is_handed(step) and (case := step.decision.case) is not None]
        may_link = [case for case in handed if self._is_spoken_of(case) and told_by(case) is not None]
        silent = self._ties.in_shadow([case.id for case in may_link if not case.is_new])
        self._seen = {case.id for case in may_link} - silent
        told = [one for case in may_link if case.id in self._seen and (one := told_by(case)) is not None]
        if told:
            blocks = {(one.district, one.category) for one in told}
            self._ties.open_in(blocks, min(one.opened_at for one in told) - WITHIN)

    def _is_spoken_of(self, case: Case) -> bool:
        """Does the office's mode let notices of this ticket go at all? What nobody reads speaks for nobody."""
        reach = self._snapshot.ground.policy.reach
        return not reach.silent and reach.district in (None, case.district)

    # -- one step ----------------------------------------------------------------------------------------------------------

    def _linked(self, step: Step) -> Step:
        case = step.decision.case
        if case is None:
            return step
        before = self._as_now(step.before) if step.before is not None else None
        splits = step.before is not None and step.before.incident_id is not None and case.incident_id is None
        if not splits:
            case = self._as_now(case)
        step = replace(step, before=before, decision=replace(step.decision, case=case))
        had = before.incident_id if before is not None else None
        if _is_handed(step):
            step = self._handed(step, case, had)
        elif had is not None and (splits or not _may_stay(case)):
            step = self._parted(step, case, had)
        elif had is not None:
            step = self._stayed(step, case, had)
        after = step.decision.case
        if after is not None:
            self._now_of[after.id] = after.incident_id
            self._snapshot.keep(after)
            if any(isinstance(one, RefreshNotice) or one == Hand() for one in step.decision.effects):
                self._shown.add(after.id)
        return step

    def _as_now(self, case: Case) -> Case:
        return replace(case, incident_id=self._now_of[case.id]) if case.id in self._now_of else case

    def _handed(self, step: Step, case: Case, had: int | None) -> Step:
        if had is not None:
            self._leave(had, case.id, step.origin)
        alone = replace(case, incident_id=None)
        told = told_by(alone) if case.id in self._seen else None
        if told is None:
            return _with_case(step, alone)
        found = self._same(told)
        if found is None:
            begun = self._ties.begin(told, alone)
            return _with_case(step, self._enter(begun, alone))
        others = len(found.members)
        found.told = with_another(found.told, told)
        self._touch(found, step.origin)
        linked = Record(kind="linked", codes=(("incident", str(found.id)),))
        effects = (linked, *(_told_of_others(effect, others) for effect in step.decision.effects))
        return _with_case(step, self._enter(found, alone), effects)

    def _same(self, told: Told) -> Gathering | None:
        """The oldest open incident that it is of."""
        policy = self._snapshot.ground.policy
        return next(
            (
                one
                for _, one in sorted(self._ties.gatherings.items())
                if one.open_members() and is_same_incident(one.told, told, policy)
            ),
            None,
        )

    def _enter(self, gathering: Gathering, case: Case) -> Case:
        gathering.members[case.id] = member_of(case, gathering.id)
        gathering.is_changed = True
        return replace(case, incident_id=gathering.id)

    def _parted(self, step: Step, case: Case, had: int) -> Step:
        """Taken out, or not to be told of with others any more: its own notice, its own clock as it was."""
        led = self._ties.gatherings[had].lead == case.id
        self._leave(had, case.id, step.origin)
        alone = replace(case, incident_id=None, stands_apart=True)
        effects = (*step.decision.effects, Record(kind="split_off", codes=(("incident", str(had)),)))
        if case.with_office:
            effects += (RefreshNotice(),) if led else (Hand(),)
        return _with_case(step, alone, effects)

    def _stayed(self, step: Step, case: Case, had: int) -> Step:
        gathering = self._ties.gatherings[had]
        known = gathering.members.get(case.id)
        gathering.members[case.id] = member_of(case, had)
        if known is not None and known.is_open != gathering.members[case.id].is_open:
            self._touch(gathering, step.origin)
        effects = tuple(one for one in step.decision.effects if not self._is_told_already(one, case, gathering))
        return _with_case(step, case, effects)

    def _is_told_already(self, effect: Effect, case: Case, gathering: Gathering) -> bool:
        """Is this a reminder that the office had of the incident's leading ticket?"""
        if not isinstance(effect, Notify) or effect.template not in TOLD_ONCE or gathering.lead == case.id:
            return False
        lead = gathering.members.get(gathering.lead or 0)
        if lead is None or not lead.is_open or lead.paused_at is not None:
            return False
        return lead.reminded_percent >= case.reminded_percent and lead.escalation_level >= case.escalation_level

    def _leave(self, incident_id: int, ticket_id: int, origin: Origin) -> None:
        gathering = self._ties.gatherings[incident_id]
        gathering.members.pop(ticket_id, None)
        self._touch(gathering, origin)

    def _touch(self, gathering: Gathering, origin: Origin) -> None:
        gathering.is_changed = True
        self._touched[gathering.id] = origin

    # -- their notices -----------------------------------------------------------------------------------------------------

    def _notices(self) -> list[Step]:
        """Each incident that changed shows how it stands, in one message; a new one where the old one has ended."""
        wanted: list[tuple[Gathering, int, Effect]] = []
        for incident_id in sorted(self._touched):
            gathering = self._ties.gatherings[incident_id]
            lead = gathering.members.get(gathering.lead or 0)
            if lead is not None and lead.is_open:
                if lead.id not in self._shown:
                    wanted.append((gathering, lead.id, RefreshNotice()))
            elif left := gathering.open_members():
                gathering.lead = left[0].id
                wanted.append((gathering, left[0].id, Hand()))
        self._know_cases({ticket_id for _, ticket_id, _ in wanted})
        return [self._notice(one, ticket_id, effect) for one, ticket_id, effect in wanted]

    def _know_cases(self, ids: set[int]) -> None:
        unknown = ids - self._snapshot.cases.keys()
        if unknown:
            for row in self._ties.tickets(unknown):
                self._snapshot.keep(case_of(row))
            self._snapshot.accounts_by_id |= self._ties.accounts_of(self._snapshot.cases[one] for one in unknown)

    def _notice(self, gathering: Gathering, ticket_id: int, effect: Effect) -> Step:
        case = self._snapshot.cases[ticket_id]
        caused = self._touched[gathering.id]
        origin = Origin(key=f"{caused.key}:incident", actor="office", inbox_id=caused.inbox_id)
        effects = (Record(kind="speaks_for_all"), effect) if isinstance(effect, Hand) else (effect,)
        return Step(origin, case, Decision(case=case, effects=effects, result="incident"), along=True)


def _may_stay(case: Case) -> bool:
    """Danger, grief and what must not be seen stand alone, and so does another matter."""
    plain = case.sensitivity is Sensitivity.NORMAL and case.register is Register.NORMAL
    return plain and not case.urgent and not case.stands_apart and case.category in SHARED


def _with_case(step: Step, case: Case, effects: tuple[Effect, ...] | None = None) -> Step:
    told = step.decision.effects if effects is None else effects
    return replace(step, decision=replace(step.decision, case=case, effects=told))


def _told_of_others(effect: Effect, others: int) -> Effect:
    """The ticket's notice is the incident's; its citizen may hear how many report the same."""
    if isinstance(effect, Hand):
        return Hand(along=True)
    if isinstance(effect, Say) and effect.template in TELLS_OF_OTHERS:
        return replace(effect, facts=replace(effect.facts, others=others))
    return effect
