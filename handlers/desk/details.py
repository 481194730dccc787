"""Personal details of a citizen, for the officer who accepted the ticket: alone, with a reason, for a quarter of an hour.

Owns who may ask, what is asked back, and what is recorded. The words themselves are put in by speech, at the last moment;
the message deletes itself.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from handlers.case import Case
from handlers.desk.steps import Origin, Outcome, Step
from handlers.desk.telling import refuse, toast_code
from handlers.effects import Decision, How, Record, Tell
from handlers.facts import Facts
from store.inbound import DeskUpdate
from store.vocabulary import Status

SHOWN_FOR: Final = timedelta(minutes=15)
LEAST_REASON: Final = 2  # words: "to call" tells one, "ok" does not
PROMPT: Final = "prompt_details"
DETAILS: Final = "details"


def asked(origin: Origin, case: Case) -> Outcome:
    """A press in the group: the reason is asked for in the bot's private chat."""
    if case.status is not Status.ACCEPTED:
        return toast_code(origin, "accept_first", case)
    prompt = Tell(template=PROMPT, how=How.PROMPT, step=PROMPT, private=True)
    toast = Tell(template="toast", facts=Facts(why="see_private"), how=How.TOAST)
    decision = Decision(case=case, effects=(prompt, toast), result="asked")
    return Outcome(f"asked:{PROMPT}", (Step(origin, case, decision),))


def told(origin: Origin, update: DeskUpdate, case: Case) -> Outcome:
    """The reason was written: what the citizen wrote is shown, and that it was is recorded."""
    if update.chat_kind != "private":
        return refuse(origin, "not_here", case)
    if case.status is not Status.ACCEPTED:
        return refuse(origin, "accept_first", case)
    if len(re.findall(r"[^\W\d_]+", update.text)) < LEAST_REASON:
        return refuse(origin, "reason_missing", case)
    shown = Tell(template=DETAILS, how=How.REPLY, step=DETAILS, expires_after=SHOWN_FOR)
    record = Record(kind="details_shown", codes=(("minutes", str(int(SHOWN_FOR.total_seconds() // 60))),))
    decision = Decision(case=case, effects=(record, shown), result="details_shown")
    return Outcome("details_shown", (Step(origin, case, decision),))
