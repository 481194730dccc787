"""What desks and the Chief Minister's Office are told of remarks: the remark, its answer, and that none came in time.

Owns who is told, in which chat, and the outbox rows. It must not know a platform, nor who may remark or answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from handlers.case import Case
from handlers.desk.addresses import Address, address_of, address_of_post, language_of_chat
from handlers.desk.news import news
from handlers.desk.notices import for_chat, in_groups
from handlers.desk.rows import case_of
from handlers.effects import Audience
from handlers.facts import Facts
from handlers.gate import queue
from handlers.reach import Reach
from handlers.remarks import Addressed, next_up
from handlers.routing import cmo_post, supervisor_of
from store import channels, remarks, tickets
from store.outbox import NewRow
from store.people import Directory, Post
from store.remarks import Remark
from store.vocabulary import InGroups

NOTICE: Final = "remark_notice"
REMINDER: Final = "remark_reminder"
LATE: Final = "remark_late"
ANSWER: Final = "remark_answer"
ANSWERED_UNDER: Final = frozenset({NOTICE, REMINDER})  # a reply to these is an answer


@dataclass(frozen=True, slots=True)
class About:
    """A remark with the ticket it is on, if it is on one."""

    remark: Remark
    case: Case | None
    directory: Directory

    @property
    def kept(self) -> Case | Addressed:
        """What it is asked of who may answer."""
        remark = self.remark
        return self.case or Addressed(remark.post, remark.department, remark.district)

    @property
    def facts(self) -> Facts:
        """What every message about it may say."""
        remark, posts = self.remark, self.directory.posts
        owner = posts.get(self.kept.owner_post or "")
        return Facts(
            number=self.case.number if self.case else None,
            department=remark.department,
            district=remark.district,
            question=remark.text,
            from_post=posts[remark.from_post].title if remark.from_post in posts else remark.from_post,
            post=owner.title if owner else None,
            opened_at=remark.made_at,
            due_at=remark.due_at,
        )


def number_of(step_id: str) -> int:
    """The remark that one of these messages is about."""
    return int(step_id.split(":")[1])


def notice(channel_id: int, about: About) -> list[NewRow]:
    """The remark, in the chat of the desk that has to answer."""
    return _letters(channel_id, about, NOTICE, about.facts, "desk", [_desk(about)])


def answer(
    channel_id: int, about: About, words: str, officer: str, title: str, tail: str, *, adds: bool
) -> list[NewRow]:
    """The answer, in the private chat of whoever wrote the remark; at the CMO desk if they are not there any more."""
    facts = replace(about.facts, officer_words=words, officer=officer, post=title, why="addition" if adds else None)
    return _letters(channel_id, about, ANSWER, facts, f"answer:{tail}", [_writer(about) or _chief(about)])


def queue_reminders(conn: sa.Connection, now: datetime, directory: Directory, reach: Reach) -> int:
    """Remind of what was not answered in time, once, in the caller's writing transaction; returns how many messages.

    Without a Telegram channel it waits.
    """
    channel = channels.telegram(conn)
    if channel is None:
        return 0
    late = [one for one in remarks.to_remind(conn, now) if remarks.mark_reminded(conn, one.id, now)]
    cases = {row["id"]: case_of(row) for row in tickets.by_ids(conn, [one.ticket_id for one in late if one.ticket_id])}
    rows: list[NewRow] = []
    for one in late:
        _note_late(conn, one, now)
        rows += _reminders(channel.id, About(one, cases.get(one.ticket_id or 0), directory))
    return len(queue(conn, reach, rows, now))


def _note_late(conn: sa.Connection, remark: Remark, now: datetime) -> None:
    event = {"ticket_id": remark.ticket_id, "kind": "remark_late", "at": now, "actor": "clock"}
    tickets.add_events(conn, [{**event, "codes": {"remark": str(remark.id)}}])


def _reminders(channel_id: int, about: About) -> Iterator[NewRow]:
    """The desk and the next officer up, each chat once; the CMO desk hears that no answer came."""
    yield from _letters(channel_id, about, REMINDER, about.facts, "late", [_desk(about), _senior(about)])
    above = _above(about)
    facts = replace(about.facts, supervisor=above.title if above else None)
    yield from _letters(channel_id, about, LATE, facts, "late:cmo", [_chief(about)])


def _letters(
    channel_id: int, about: About, template: str, facts: Facts, tail: str, to: Sequence[Address | None]
) -> list[NewRow]:
    chats = {one.chat_id: one for one in to if one is not None}
    return [_letter(channel_id, about, template, facts, f"{tail}:{chat}", one) for chat, one in chats.items()]


def _letter(channel_id: int, about: About, template: str, facts: Facts, tail: str, to: Address) -> NewRow:
    chief = about.directory.cmo_desk()
    if about.case is not None:
        facts = for_chat(facts, about.case, to.chat_id, at_cmo=chief is not None and chief.chat_id == to.chat_id)
    number = about.remark.id
    step_id, lane = f"remark:{number}:{tail}", f"remark:{number}"
    ticket_id = about.remark.ticket_id
    return news(channel_id, to, template, facts, step_id=step_id, lane=lane, ticket_id=ticket_id, urgent=True)


# -- where they read -----------------------------------------------------------------------------------------------------


def _desk(about: About) -> Address | None:
    post = about.directory.posts.get(about.kept.owner_post or "")
    if about.case is not None:
        return _for_words(about.case, address_of(about.case, Audience.OWNER, about.directory), post, about.directory)
    return (address_of_post(post, about.directory) if post else None) or _chief(about)


def _above(about: About) -> Post | None:
    """The next officer up; None where that is the CMO desk, which hears of it anyway."""
    kept, directory = about.kept, about.directory
    post = next_up(kept, directory) if isinstance(kept, Addressed) else supervisor_of(kept, directory)
    return None if post is None or post.is_of_cmo else post


def _senior(about: About) -> Address | None:
    post, directory = _above(about), about.directory
    if post is None or about.case is None:
        return address_of_post(post, directory) if post else None
    return _for_words(about.case, address_of(about.case, Audience.SUPERVISOR, directory), post, directory)


def _for_words(case: Case, found: Address | None, post: Post | None, directory: Directory) -> Address | None:
    """Where the words may be read: of matters that no group reads, the own chat of one who sits there."""
    if found is None or post is None or found.private or in_groups(case) is not InGroups.NUMBER:
        return found
    return address_of_post(post, directory, private_only=True) or found


def _chief(about: About) -> Address | None:
    chief = cmo_post(about.directory)
    return address_of_post(chief, about.directory) if chief else None


def _writer(about: About) -> Address | None:
    """Who wrote it, while they are of the Chief Minister's Office."""
    at_cmo = (post for post in about.directory.posts.values() if post.is_of_cmo)
    for one in (person for post in at_cmo for person in post.people):
        if one.id == about.remark.officer_id and one.telegram_user_id is not None:
            return Address(
                one.telegram_user_id, None, language_of_chat(one.telegram_user_id, about.directory), private=True
            )
    return None
