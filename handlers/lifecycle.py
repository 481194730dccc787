"""Which status a ticket may move to, and what an ending is.

Pure. The one home of the lifecycle: the desk refuses to write a move that is not in this table.
"""

from __future__ import annotations

from store.vocabulary import Status

S = Status

MOVES: dict[Status, frozenset[Status]] = {
    S.COLLECTING: frozenset({S.TRIAGE, S.ASSIGNED, S.REJECTED, S.WITHDRAWN, S.MERGED, S.CLOSED}),
    S.TRIAGE: frozenset({S.ASSIGNED, S.REJECTED, S.WITHDRAWN, S.MERGED, S.CLOSED}),
    S.ASSIGNED: frozenset({S.ACCEPTED, S.ASSIGNED, S.TRIAGE, S.DISPOSED, S.REJECTED, S.WITHDRAWN, S.MERGED, S.CLOSED}),
    S.ACCEPTED: frozenset({S.ASSIGNED, S.TRIAGE, S.DISPOSED, S.REJECTED, S.WITHDRAWN, S.MERGED, S.CLOSED}),
    S.DISPOSED: frozenset({S.CLOSED, S.ASSIGNED, S.WITHDRAWN, S.MERGED}),
    S.CLOSED: frozenset({S.ASSIGNED}),  # only by reopening
    S.WITHDRAWN: frozenset({S.COLLECTING, S.TRIAGE, S.ASSIGNED}),  # undone by the citizen within the window
    S.REJECTED: frozenset({S.ASSIGNED, S.TRIAGE}),  # the CMO desk takes it back
    S.MERGED: frozenset(),
}

ENDED = frozenset({S.CLOSED, S.REJECTED, S.WITHDRAWN, S.MERGED})
WITH_OFFICE = frozenset({S.ASSIGNED, S.ACCEPTED})


class ForbiddenMove(ValueError):
    """A ticket cannot go from the one status to the other."""


def check_move(before: Status, after: Status) -> None:
    """Raise ForbiddenMove unless the lifecycle allows the step (staying is always allowed)."""
    if before is not after and after not in MOVES[before]:
        raise ForbiddenMove(f"A ticket cannot go from {before} to {after}.")
