"""The CMO desk's review in Telegram: /flood and /abuse, and who may use them where.

Owns the two commands, the check of who asks and in which chat, and which part takes up a press. A clerk of the CMO desk
may, in that desk's own group or alone with the bot; nobody else reads other people's posts here.
"""

from __future__ import annotations

import sqlalchemy as sa

from handlers.desk import review_floods, review_silence
from handlers.desk.review_lines import Pressed
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome
from handlers.desk.telling import cmo_clerk, refuse, toast_code
from handlers.effects import OF_REVIEW, Act
from store.inbound import DeskUpdate
from store.inbox import InboxRow
from store.people import Officer
from store.vocabulary import DeskVerb

FLOODS, SILENCE = "/flood", "/abuse"
OF_SILENCE = frozenset({Act.COMPLAINT, Act.PASSED_PAGE})


def decide_review(conn: sa.Connection, snapshot: Snapshot, row: InboxRow, update: DeskUpdate) -> Outcome | None:
    """Take up the two commands and the presses under what they show; None for all else."""
    origin = Origin(key=f"in:{row.id}", actor="officer", inbox_id=row.id, channel_id=row.channel_id, update=update)
    in_group = update.chat_kind != "private"
    if update.verb is DeskVerb.PRESSED:
        button = snapshot.buttons.get(update.press_data or "")
        if button is None or button["act"] not in OF_REVIEW:
            return None
        clerk = _clerk(snapshot, update)
        if isinstance(clerk, str):
            return toast_code(origin, clerk)
        pressed = Pressed(Act(button["act"]), button["argument"], button["cycle"])
        if pressed.act in OF_SILENCE:
            return review_silence.pressed(conn, snapshot, origin, clerk, pressed, in_group=in_group)
        return review_floods.pressed(conn, snapshot, origin, clerk, pressed, in_group=in_group)
    command = update.text.partition(" ")[0].split("@")[0].lower()
    if update.verb is not DeskVerb.WROTE or command not in (FLOODS, SILENCE):
        return None
    clerk = _clerk(snapshot, update)
    if isinstance(clerk, str):
        return refuse(origin, clerk)
    if command == FLOODS:
        return review_floods.largest(conn, origin, in_group=in_group)
    return review_silence.page(conn, snapshot.now, origin, 0, in_group=in_group)


def _clerk(snapshot: Snapshot, update: DeskUpdate) -> Officer | str:
    """The clerk who asks, or why they may not, or not here."""
    clerk = cmo_clerk(snapshot, update)
    desk = snapshot.ground.directory.cmo_desk()
    at_home = update.chat_kind == "private" or (desk is not None and update.chat_id == desk.chat_id)
    return clerk if isinstance(clerk, str) or at_home else "not_here"
