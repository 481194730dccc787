"""Taking an act back within a minute: the ticket is again what it was before, and nobody was told otherwise.

Pure. Which acts can be taken back stands here; that their public words wait so long is kept by speech.
"""

from __future__ import annotations

from dataclasses import replace

from handlers.case import Case
from handlers.effects import Decision, Effect, Hand, Record, RefreshNotice, UnaskSatisfaction
from handlers.heard import OfficerActed, OfficerDisposed, OfficerForwarded, OfficerPlanned

UNDOABLE = (OfficerForwarded, OfficerDisposed, OfficerPlanned)  # each tells a citizen or another office something


def can_be_undone(act: OfficerActed, before: Case) -> bool:
    """Has the act a notice on which it can be taken back? Accepting binds nobody; a rejection is placed anew."""
    return isinstance(act, UNDOABLE) and before.turn > 0 and before.with_office


def undone(now_is: Case, before: Case) -> Decision:
    """The ticket as it was; back in another office's hands it is a new turn, so that no button of the last one works."""
    moved = now_is.turn != before.turn
    again = replace(before, turn=now_is.turn + 1 if moved else before.turn)
    effects: list[Effect] = [Record(kind="undone"), RefreshNotice()]
    if now_is.disposal_count != before.disposal_count:
        effects.append(UnaskSatisfaction(cycle=now_is.disposal_count))
    if moved:
        effects.append(Hand())
    return Decision(case=again, effects=tuple(effects), result="undone")
