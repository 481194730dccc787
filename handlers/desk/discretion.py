"""What may be said in public about a sensitive ticket: number and safety words, never office, place or matter.

Pure. The one gate before a public message is rendered; whatever a deciding module asks for passes through it.
"""

from __future__ import annotations

from dataclasses import replace

from handlers.case import Case
from handlers.effects import Say
from handlers.facts import Facts
from handlers.standing import promised_at
from store.vocabulary import Sensitivity, Status

# These name no office, place or matter once such facts are withheld.
DISCREET = frozenset(
    {
        "sensitive",
        "threat_raised",
        "grave",
        "self_harm",
        "desk_words",
        "stopped",
        "started",
        "withdrawn",
        "withdrawal_undone",
        "handed_to_desk",
        "received_triage",
        "closed_satisfied",
        "satisfied_late",
        "confirm_unclear",
        "emergency_over",
        "addition",
        "repeat",
        "objection_received",
        "objection_refused",
        "objection_final",
        "status",
        "status_which",
    }
)


def discreet(say: Say, case: Case | None) -> Say | None:
    """The same message without what must not be public; another one, or none, where nothing would be left of it."""
    if case is None or case.sensitivity is not Sensitivity.SENSITIVE:
        return say
    if say.template == "emergency":
        return replace(say, template="sensitive", facts=Facts(helplines=say.facts.helplines))
    if say.template in ("closed_and_received", "closed_and_added"):
        return replace(say, template="sensitive", facts=Facts(helplines=say.facts.helplines or ("emergency",)))
    if say.template in DISCREET:
        return replace(say, facts=_withheld(say.facts))
    if say.unasked:
        return None
    status = Status.TRIAGE if case.status is Status.COLLECTING else case.status
    due_at = promised_at(case) if case.with_office else None
    facts = Facts(
        status=status,
        due_at=due_at,
        disposed_at=case.disposed_at or say.facts.disposed_at,
        previous_number=say.facts.previous_number,
    )
    return replace(say, template="status", facts=facts)


def _withheld(facts: Facts) -> Facts:
    return replace(
        facts,
        department=None,
        district=None,
        category=None,
        locality=None,
        category_choices=(),
        district_choices=(),
        reason=None,
        ask=None,
    )
