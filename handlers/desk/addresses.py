"""Which Telegram chat a notice goes to, in which language, and under whose eyes.

Reads the directory only. A sensitive ticket goes to its senior officer's private chat, never to a group.
"""

from __future__ import annotations

from dataclasses import dataclass

from handlers.case import Case
from handlers.effects import Audience
from handlers.routing import cmo_post, supervisor_of
from store.people import Desk, Directory, Post
from store.vocabulary import Language, Sensitivity


@dataclass(frozen=True, slots=True)
class Address:
    """A chat (and topic) and the language spoken there; `private` for a person's own chat."""

    chat_id: str
    topic_id: str | None
    language: Language
    private: bool = False


def address_of(case: Case, audience: Audience, directory: Directory, post_code: str | None = None) -> Address | None:
    """Where this audience of the ticket reads; None when nobody can be reached, not even the CMO desk."""
    match audience:
        case Audience.OWNER:
            post = directory.posts.get(case.owner_post or "") or cmo_post(directory)
        case Audience.SUPERVISOR:
            post = supervisor_of(case, directory)
        case Audience.CMO:
            post = cmo_post(directory)
        case Audience.POST:
            post = directory.posts.get(post_code or "")
    sensitive = case.sensitivity is Sensitivity.SENSITIVE and audience is not Audience.CMO
    found = address_of_post(post, directory, private_only=sensitive) if post else None
    if found is not None or audience is Audience.CMO:
        return found
    chief = cmo_post(directory)
    if chief is None:
        return None
    person = address_of_post(chief, directory, private_only=True) if sensitive else None
    return person or address_of_post(chief, directory)


def address_of_desk(desk: Desk) -> Address:
    """Where a desk reads that can be reached."""
    return Address(desk.chat_id or "", desk.topic_id, desk.language)


def is_group(chat_id: str) -> bool:
    """Is this a chat of several people? Telegram numbers groups and channels below zero, persons above."""
    return chat_id.startswith("-")


def address_of_post(post: Post, directory: Directory, *, private_only: bool = False) -> Address | None:
    """Where this chair reads: its desk's chat, or the own chat of one who sits there; None when neither is known."""
    desk = directory.desks.get(post.desk) if post.desk else None
    if desk is not None and desk.reachable and not private_only and desk.chat_id is not None:
        return address_of_desk(desk)
    for one in post.acting:
        if one.telegram_user_id is not None:
            language = desk.language if desk else Language.HI
            return Address(one.telegram_user_id, None, language, private=True)
    return None


def language_of_chat(chat_id: str, directory: Directory) -> Language:
    """The language of the desk that sits in this chat, or of the desk of the person whose own chat it is; else Hindi."""
    if is_group(chat_id):
        return next((desk.language for desk in directory.desks.values() if desk.chat_id == chat_id), Language.HI)
    desks = (directory.desks.get(post.desk or "") for post in directory.posts_of(chat_id))
    return next((desk.language for desk in desks if desk is not None), Language.HI)
