"""Telegram updates that change the directory: joining by invite, binding a group, groups that move or are lost.

These write at once, in the batch's transaction, because later rows of the batch must see the new directory.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import sqlalchemy as sa

from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome, Step
from handlers.effects import Decision, How, Tell
from handlers.facts import Facts
from store.closed_chats import NO_RIGHTS, REMOVED, bind_anew, close_chat, open_chat
from store.directory import (
    DirectoryRefused,
    load_directory,
    move_chat,
)
from store.inbound import DeskUpdate
from store.inbox import InboxRow
from store.invites import InviteRefused, redeem_invite
from store.people import Post
from store.vocabulary import DeskVerb, Role

CAN_WRITE = frozenset({"member", "administrator", "creator"})
MAY_BIND = frozenset({Role.CMO_DESK, Role.DEPARTMENT_HEAD, Role.DISTRICT_HEAD})


def decide_store_matter(conn: sa.Connection, snapshot: Snapshot, row: InboxRow, update: DeskUpdate) -> Outcome | None:
    """Take up an update that changes the directory; None when it is not one."""
    match update.verb:
        case DeskVerb.MOVED:
            return _moved(conn, snapshot, update)
        case DeskVerb.MEMBERSHIP:
            return _membership(conn, snapshot, update)
        case DeskVerb.WROTE:
            words = update.text.split()
            command = words[0].split("@")[0].lower() if words else ""
            if command == "/start" and len(words) == 2 and update.chat_kind == "private":
                return _join(conn, snapshot, row, update, words[1])
            if command == "/bind":
                return _bind(conn, snapshot, row, update, words[1] if len(words) > 1 else "")
    return None


def _reload(conn: sa.Connection, snapshot: Snapshot) -> None:
    snapshot.ground = replace(snapshot.ground, directory=load_directory(conn, snapshot.now))


def _moved(conn: sa.Connection, snapshot: Snapshot, update: DeskUpdate) -> Outcome:
    if update.moved_to_chat_id is not None:
        move_chat(conn, update.chat_id, update.moved_to_chat_id)
    elif update.migrated_from_chat_id is not None:
        move_chat(conn, update.migrated_from_chat_id, update.chat_id)
    _reload(conn, snapshot)
    return Outcome("chat_moved")


def _membership(conn: sa.Connection, snapshot: Snapshot, update: DeskUpdate) -> Outcome:
    if update.membership in CAN_WRITE:
        open_chat(conn, update.chat_id, None, snapshot.now)
        result = "desk_found"
    else:
        alarm = NO_RIGHTS if update.membership == "restricted" else REMOVED
        close_chat(conn, alarm, update.chat_id, None, snapshot.now)
        result = "desk_lost"
    _reload(conn, snapshot)
    return Outcome(result)


def _tell(row: InboxRow, update: DeskUpdate, template: str, facts: Facts, result: str) -> Outcome:
    origin = Origin(key=f"in:{row.id}", actor="officer", inbox_id=row.id, channel_id=row.channel_id, update=update)
    tell = Tell(template=template, facts=facts, how=How.REPLY)
    return Outcome(result, (Step(origin, None, Decision(case=None, effects=(tell,), result=result)),))


def _join(conn: sa.Connection, snapshot: Snapshot, row: InboxRow, update: DeskUpdate, token: str) -> Outcome:
    if update.author is None or update.anonymous:
        return _tell(row, update, "refusal", Facts(why="anonymous"), "refused:anonymous")
    joined = redeem_invite(conn, token, update.author.id, snapshot.now)
    if isinstance(joined, InviteRefused):
        return _tell(row, update, "refusal", Facts(why=joined.code), f"refused:{joined.code}")
    _reload(conn, snapshot)
    titles = [post.title for post in snapshot.ground.directory.posts_of(update.author.id)]
    facts = Facts(officer=joined.name, post=", ".join(titles) or "-")
    return _tell(row, update, "invite_welcome", facts, "joined")


def _bind(conn: sa.Connection, snapshot: Snapshot, row: InboxRow, update: DeskUpdate, code: str) -> Outcome:
    directory = snapshot.ground.directory
    desk = directory.desks.get(code)
    if update.author is None or update.anonymous:
        return _tell(row, update, "refusal", Facts(why="anonymous"), "refused:anonymous")
    posts = list(directory.posts_of(update.author.id))
    if not posts:
        return _tell(row, update, "refusal", Facts(why="not_linked"), "refused:not_linked")
    if desk is None or update.chat_kind == "private":
        return _tell(row, update, "refusal", Facts(why="desk_unknown"), "refused:desk_unknown")
    if not any(_may_bind(post, code, directory.posts.values()) for post in posts):
        return _tell(row, update, "refusal", Facts(why="not_here"), "refused:not_here")
    try:
        bind_anew(conn, code, update.chat_id, update.topic_id, snapshot.now)
    except DirectoryRefused:
        return _tell(row, update, "refusal", Facts(why="chat_taken"), "refused:chat_taken")
    _reload(conn, snapshot)
    return _tell(row, update, "desk_bound", Facts(post=desk.title), "desk_bound")


def _may_bind(post: Post, desk_code: str, posts: Iterable[Post]) -> bool:
    """The CMO desk binds any group; a head binds the groups of the own department."""
    if post.role is Role.CMO_DESK:
        return True
    if post.role not in MAY_BIND:
        return False
    return any(other.desk == desk_code and other.department == post.department for other in posts)
