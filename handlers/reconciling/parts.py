"""The parts that everything heard falls into, each row into exactly one.

Pure. The one home of what a result code counts as; the digest and the reconciliation count by it.
"""

from __future__ import annotations

from store.vocabulary import InboxState

TICKETED = "ticketed"
ANSWERED = "answered"
ABOUT_TICKETS = "about_tickets"
IGNORED = "ignored"
PARKED = "parked"
WAITING = "waiting"
PARTS = (TICKETED, ANSWERED, ABOUT_TICKETS, IGNORED, PARKED, WAITING)


def part_of(state: str, result: str, *, has_ticket: bool) -> tuple[str, str]:
    """The part a row counts in, and the code it counts under: answered and ignored ones by their reason.

    What was answered or needed no answer but is about a ticket counts there; so do officers' acts.
    """
    if state != InboxState.DONE:
        part = WAITING if state == InboxState.PENDING else PARKED
        return part, part
    head, _, code = result.partition(":")
    if head in (ANSWERED, IGNORED) and not has_ticket:
        return head, code or head
    part = TICKETED if head == TICKETED else ABOUT_TICKETS
    return part, part
