"""Remarks of the Chief Minister's Office at the desk: /remark on a ticket or to an office, and the officers' answers.

Owns the way from an update to a remark or an answer, and what stays on record. Who may is handlers/remarks.py's; what is
told to whom, remark_news.py's.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import sqlalchemy as sa

from handlers.case import Case
from handlers.desk import remark_news
from handlers.desk.remark_news import ANSWER, ANSWERED_UNDER, About, number_of
from handlers.desk.snapshot import Ours, Snapshot
from handlers.desk.steps import Origin, Outcome, Step
from handlers.desk.telling import chair_of, refuse
from handlers.effects import Decision, Effect, How, Record, Tell
from handlers.facts import Facts
from handlers.gate import queue
from handlers.heard import OfficerBy
from handlers.remarks import (
    Office,
    addressee,
    chair_at_cmo,
    chair_to_answer,
    is_command,
    kept_words,
    may_remark,
    read_order,
    why_not_kept,
    words_of,
)
from store import remarks, tickets
from store.inbound import DeskUpdate
from store.inbox import InboxRow
from store.people import Post
from store.remarks import Remark
from store.vocabulary import DeskVerb, Platform, Role, Sensitivity

PRIVATE: Final = "private"


def decide_remark(conn: sa.Connection, snapshot: Snapshot, row: InboxRow, update: DeskUpdate) -> Outcome | None:
    """Take up a remark or an answer to one; None for all else."""
    if update.verb not in (DeskVerb.WROTE, DeskVerb.EDITED):
        return None
    origin = Origin(key=f"in:{row.id}", actor="officer", inbox_id=row.id, channel_id=row.channel_id, update=update)
    ours = snapshot.ours.get((Platform.TELEGRAM, f"{update.chat_id}:{update.reply_to_id}"))
    case = snapshot.cases[ours.ticket_id] if ours is not None and ours.ticket_id is not None else None
    commands, answers = is_command(update.text), ours is not None and ours.template in ANSWERED_UNDER
    if update.verb is DeskVerb.EDITED:
        return refuse(origin, "remark_edited", case) if commands or answers else None
    if commands or _is_plain_remark(snapshot, update, ours, case):
        return _remarked(conn, snapshot, origin, update, ours, case)
    if ours is not None and answers and not update.text.startswith("/"):
        return _answered(conn, snapshot, origin, update, ours, case)
    return None


def _is_plain_remark(snapshot: Snapshot, update: DeskUpdate, ours: Ours | None, case: Case | None) -> bool:
    """Alone with the bot a viewer's reply to a ticket's card is a remark, since they can do nothing else to it; and so is
    whatever the Chief Minister's Office replies to an answer."""
    if ours is None or update.chat_kind != PRIVATE or update.text.startswith("/"):
        return False
    posts = _posts(snapshot, update)
    if ours.template == ANSWER:
        return chair_at_cmo(posts) is not None
    looks = ours.template == "ticket_card" and any(post.role is Role.CMO_VIEWER for post in posts)
    return looks and case is not None and chair_of(snapshot, update, case) is None


def _posts(snapshot: Snapshot, update: DeskUpdate) -> list[Post]:
    if update.author is None or update.anonymous:
        return []
    return list(snapshot.ground.directory.posts_of(update.author.id))


def _by(snapshot: Snapshot, update: DeskUpdate, post: Post | None) -> OfficerBy | None:
    """Who acts in this chair."""
    officer = snapshot.ground.directory.officer(update.author.id) if update.author else None
    if officer is None or post is None:
        return None
    return OfficerBy(officer_id=officer.id, name=officer.name, post=post.code, role=post.role)


def _unknown(update: DeskUpdate, posts: list[Post], why: str) -> str:
    """Why this person may not: nobody we can check, not linked, or `why`."""
    if update.anonymous or update.author is None:
        return "anonymous"
    return why if posts else "not_linked"


# -- the remark ----------------------------------------------------------------------------------------------------------


def _remarked(
    conn: sa.Connection, snapshot: Snapshot, origin: Origin, update: DeskUpdate, ours: Ours | None, case: Case | None
) -> Outcome:
    posts = _posts(snapshot, update)
    by = _by(snapshot, update, chair_at_cmo(posts))
    if by is None:
        return refuse(origin, _unknown(update, posts, "remark_for_cmo"), case)
    origin = replace(origin, by=by)
    if case is None:
        return _to_office(conn, snapshot, origin, update, by, ours)
    if not may_remark(case, posts, snapshot.ground.directory):
        return refuse(origin, "number_unknown")
    if not _may_be_read_here(snapshot, update, case):
        return refuse(origin, "not_here")
    words = words_of(update.text)
    if (wrong := why_not_kept(words)) is not None:
        return refuse(origin, wrong, case)
    made = remarks.make(
        conn, kept_words(words), snapshot.now, officer_id=by.officer_id, from_post=by.post, ticket_id=case.id
    )
    return _made(conn, snapshot, origin, made, case)


def _may_be_read_here(snapshot: Snapshot, update: DeskUpdate, case: Case) -> bool:
    """What is said of a sensitive ticket is said alone with the bot, of a restricted one also at the CMO desk."""
    if case.sensitivity is Sensitivity.NORMAL or update.chat_kind == PRIVATE:
        return True
    chief = snapshot.ground.directory.cmo_desk()
    return case.sensitivity is Sensitivity.RESTRICTED and chief is not None and chief.chat_id == update.chat_id


def _to_office(
    conn: sa.Connection, snapshot: Snapshot, origin: Origin, update: DeskUpdate, by: OfficerBy, ours: Ours | None
) -> Outcome:
    order = _same_office(conn, update, ours) or read_order(update.text)
    if isinstance(order, str):
        return refuse(origin, order)
    office, words = order
    if (wrong := why_not_kept(words)) is not None:
        return refuse(origin, wrong)
    post = addressee(office, snapshot.ground.directory)
    if post is None:
        return refuse(origin, "remark_nobody")
    return _made(conn, snapshot, origin, _keep(conn, snapshot, by, office, post, words), None)


def _same_office(conn: sa.Connection, update: DeskUpdate, ours: Ours | None) -> tuple[Office, str] | None:
    """A reply to an office's answer is for that office again."""
    if ours is None or ours.template != ANSWER:
        return None
    earlier = remarks.take(conn, number_of(ours.step_id))
    if earlier is None or earlier.department is None:
        return None
    return Office(earlier.department, earlier.district), words_of(update.text)


def _keep(conn: sa.Connection, snapshot: Snapshot, by: OfficerBy, office: Office, post: Post, words: str) -> Remark:
    return remarks.make(
        conn,
        kept_words(words),
        snapshot.now,
        officer_id=by.officer_id,
        from_post=by.post,
        post=post.code,
        department=office.department,
        district=office.district,
    )


def _made(conn: sa.Connection, snapshot: Snapshot, origin: Origin, made: Remark, case: Case | None) -> Outcome:
    about = About(made, case, snapshot.ground.directory)
    queue(conn, snapshot.ground.policy.reach, remark_news.notice(origin.channel_id or 0, about), snapshot.now)
    return _on_record(conn, snapshot, origin, made, case, "remarked", "remark_sent")


# -- the answer ----------------------------------------------------------------------------------------------------------


def _answered(
    conn: sa.Connection, snapshot: Snapshot, origin: Origin, update: DeskUpdate, ours: Ours, case: Case | None
) -> Outcome:
    remark = remarks.take(conn, number_of(ours.step_id))
    if remark is None:
        return refuse(origin, "not_needed_any_more", case)
    directory, posts = snapshot.ground.directory, _posts(snapshot, update)
    about = About(remark, case, directory)
    chair = chair_to_answer(about.kept, posts, directory)
    by = _by(snapshot, update, chair)
    if by is None or chair is None:
        return refuse(origin, _unknown(update, posts, "remark_not_yours"), case)
    words = update.text.strip()
    if (wrong := why_not_kept(words)) is not None:
        return refuse(origin, wrong, case)
    kept = kept_words(words)
    closes = remarks.answer(conn, remark, kept, snapshot.now, officer_id=by.officer_id, post=by.post)
    told = remark_news.answer(
        origin.channel_id or 0, about, kept, by.name, chair.title, f"{origin.inbox_id}", adds=not closes
    )
    queue(conn, snapshot.ground.policy.reach, told, snapshot.now)
    kind = "remark_answered" if closes else "remark_added"
    return _on_record(conn, snapshot, replace(origin, by=by), remark, case, kind, kind)


def _on_record(
    conn: sa.Connection, snapshot: Snapshot, origin: Origin, remark: Remark, case: Case | None, kind: str, told: str
) -> Outcome:
    """The event, with ids alone, and a word to whoever wrote."""
    effects: tuple[Effect, ...] = (Tell(template="refusal", facts=Facts(why=told), how=How.REPLY),)
    if case is not None:
        effects = (Record(kind=kind, codes=(("remark", str(remark.id)),)), *effects)
    elif origin.by is not None:
        event = {"ticket_id": None, "kind": kind, "at": snapshot.now, "actor": "officer", "inbox_id": origin.inbox_id}
        who = {"officer_id": origin.by.officer_id, "post": origin.by.post}
        tickets.add_events(conn, [{**event, **who, "codes": {"remark": str(remark.id), "to": remark.post or ""}}])
    return Outcome(kind, (Step(origin, case, Decision(case=case, effects=effects, result=kind)),))
