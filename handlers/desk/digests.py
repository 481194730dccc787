"""Digests on demand in Telegram: /digest, /district NAME, /department NAME, for the CMO, and for heads of what is theirs.

Owns reading the command and who may ask for what. The figures and their words are those of the editions. The answer is
queued at once; nothing else is written.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from handlers.desk.addresses import language_of_chat
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome
from handlers.desk.telling import refuse
from handlers.digest.demand import telling
from handlers.digest.editions import digest_text
from handlers.digest.message import message_of
from handlers.digest.period import PeriodKind, office_day, period_of
from handlers.digest.scope import STATE, Scope, UnknownScope, Whose, scope_of
from handlers.digest.sheets import sheet_of
from handlers.gate import queue
from handlers.understanding.taxonomy import taxonomy
from store.inbound import DeskUpdate
from store.inbox import InboxRow
from store.outbound import Outgoing
from store.outbox import NewRow
from store.people import Post
from store.vocabulary import DeskVerb, Language, OutgoingAct, Role

COMMANDS: Final = {"/digest": Whose.CMO, "/district": Whose.DISTRICT, "/department": Whose.DEPARTMENT}
PERIODS: Final = {
    PeriodKind.DAY: ("day", "today", "yesterday", "aaj", "kal", "आज", "कल", "ਅੱਜ", "ਕੱਲ੍ਹ"),
    PeriodKind.WEEK: ("week", "hafta", "saptah", "हफ़्ता", "सप्ताह", "ਹਫ਼ਤਾ"),
    PeriodKind.MONTH: ("month", "mahina", "maah", "महीना", "माह", "ਮਹੀਨਾ"),
}
YESTERDAY: Final = frozenset({"yesterday", "kal", "कल", "ਕੱਲ੍ਹ"})
OF_CMO: Final = frozenset({Role.CMO_DESK, Role.CMO_VIEWER})


def decide_digest(conn: sa.Connection, snapshot: Snapshot, row: InboxRow, update: DeskUpdate) -> Outcome | None:
    """Answer an update that asks for a digest; None for all else."""
    command, _, words = update.text.partition(" ")
    whose = COMMANDS.get(command.split("@")[0].lower())
    if update.verb is not DeskVerb.WROTE or whose is None:
        return None
    origin = Origin(key=f"in:{row.id}", actor="officer", inbox_id=row.id, channel_id=row.channel_id, update=update)
    if update.anonymous or update.author is None:
        return refuse(origin, "anonymous")
    posts = list(snapshot.ground.directory.posts_of(update.author.id))
    if not posts:
        return refuse(origin, "not_linked")
    kind, is_yesterday, name = _read(words)
    try:
        scope = STATE if whose is Whose.CMO else scope_of(f"{whose}:{_code(whose, name)}")
    except UnknownScope:
        return refuse(origin, "scope_unknown")
    if not any(_may_read(post, scope) for post in posts):
        return refuse(origin, "for_cmo")
    language = language_of_chat(update.chat_id, snapshot.ground.directory)
    text = _text(conn, snapshot, kind, scope, language, is_yesterday=is_yesterday)
    queue(conn, snapshot.ground.policy.reach, [_answer(origin, update, text)], snapshot.now)
    return Outcome("answered:digest")


def _read(words: str) -> tuple[PeriodKind, bool, str]:
    """Which period, whether the day is yesterday, and the words that are left: a name."""
    kind, is_yesterday, left = PeriodKind.DAY, False, []
    for word in words.split():
        found = next((one for one, names in PERIODS.items() if word.casefold() in names), None)
        if found is None:
            left.append(word)
        else:
            kind, is_yesterday = found, word.casefold() in YESTERDAY
    return kind, is_yesterday, " ".join(left)


def _code(whose: Whose, name: str) -> str:
    """A department's code where it was named as people say it; else the words as they are."""
    if whose is not Whose.DEPARTMENT:
        return name
    asked = name.casefold()
    named = {
        said.casefold(): code
        for code, one in taxonomy().departments.items()
        for language in Language
        for said in (one.short(language), one.name(language))
    }
    return named.get(asked, name)


def _may_read(post: Post, scope: Scope) -> bool:
    if post.role in OF_CMO:
        return True
    if scope.whose is Whose.DEPARTMENT:
        return post.role is Role.DEPARTMENT_HEAD and post.department == scope.code
    return scope.whose is Whose.DISTRICT and post.role is Role.DISTRICT_NODAL and scope.code in post.districts


def _text(
    conn: sa.Connection, snapshot: Snapshot, kind: PeriodKind, scope: Scope, language: Language, *, is_yesterday: bool
) -> str:
    day = office_day(snapshot.now) - timedelta(days=is_yesterday)
    if scope.whose is Whose.CMO and kind is PeriodKind.DAY:
        return digest_text(conn, day, language, snapshot.now)
    return message_of(sheet_of(telling(conn, kind, period_of(kind, day).day, scope, snapshot.now), language))


def _answer(origin: Origin, update: DeskUpdate, text: str) -> NewRow:
    return NewRow(
        channel_id=origin.channel_id or 0,
        step_id=f"{origin.key}:digest",
        recipient=update.chat_id,
        destination=f"{update.chat_id}:0",
        template="digest_answer",
        outgoing=Outgoing(
            act=OutgoingAct.MESSAGE,
            text=text,
            thread_id=update.chat_id,
            topic_id=update.topic_id,
            reply_to_id=update.message_id,
        ),
        urgent=True,
    )
