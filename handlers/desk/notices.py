"""What officers are shown of a ticket: the facts of its notice and the buttons it offers.

Owns the selection; the words are in templates/. Citizens' words are masked here, once more, before an officer sees them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from handlers.case import Case
from handlers.claiming import holder
from handlers.desk.addresses import is_group
from handlers.desk.officers_pictures import photo_needed
from handlers.effects import Act, Audience, Press
from handlers.errands import errands_of
from handlers.facts import Facts, ListedTicket
from handlers.ground import Ground
from handlers.jurisdiction import office_of
from handlers.routing import supervisor_of
from handlers.standing import is_late, promised_at
from handlers.understanding import mask
from handlers.understanding.taxonomy import taxonomy
from store.accounts import Account
from store.people import Directory
from store.tickets import Earlier
from store.vocabulary import ErrandKind, InGroups, Sensitivity, Status

LONGEST_COMPLAINT = 1200  # characters of the citizen's words in a notice (Telegram allows 4,096 in all)
LONGEST_ADDITION = 300
ADDITIONS_SHOWN = 3
NOTES_SHOWN = 2
EARLIER_SHOWN = 3

NOTICE_PRESSES: dict[Status, tuple[Act, ...]] = {
    Status.ASSIGNED: (Act.ACCEPT, Act.ASK, Act.DISPOSE, Act.FORWARD, Act.MORE_TIME, Act.MORE),
    Status.ACCEPTED: (Act.ASK, Act.DISPOSE, Act.FORWARD, Act.MORE_TIME, Act.MORE),
}


def notice_facts(
    case: Case, transcript: Sequence[Mapping[str, Any]], account: Account | None, ground: Ground, now: datetime
) -> Facts:
    """Everything the ticket's notice may show."""
    heard = [row for row in transcript if row["speaker"] == "citizen" and row["text"]]
    newest: dict[str, str] = {}
    for row in heard:
        newest[row["message_id"]] = row["text"]
    said = [mask(text) for text in newest.values()]
    notes = [mask(row["text"]) for row in transcript if row["speaker"] == "note" and row["text"]]
    quoted = next((mask(row["text"]) for row in transcript if row["speaker"] == "quoted" and row["text"]), None)
    owner = ground.directory.posts.get(case.owner_post or "")
    supervisor = supervisor_of(case, ground.directory) if case.escalation_level else None
    hidden = case.keep_name_hidden or case.sensitivity is not Sensitivity.NORMAL
    due_at = promised_at(case)
    return Facts(
        number=case.number,
        status=case.status,
        category=case.category,
        district=case.district,
        locality=case.locality,
        department=office_of(case),
        due_at=due_at,
        hours_left=(due_at - now).total_seconds() / 3600 if due_at else None,
        late=is_late(case, now),
        words=_cut(said[0], LONGEST_COMPLAINT) if said else None,
        has_media=any(row["attachments"] != "[]" for row in transcript if row["speaker"] == "citizen"),
        photo_needed=photo_needed(case, ground),
        additions=tuple(_cut(words, LONGEST_ADDITION) for words in said[1:][-ADDITIONS_SHOWN:]),
        quoted=_cut(quoted, LONGEST_COMPLAINT) if quoted else None,
        for_whom=case.for_whom,
        other_matters=case.other_matters,
        portal_numbers=case.portal_numbers,
        citizen=account.name or account.handle if account and not hidden else None,
        platform=case.platform,
        keep_name_hidden=case.keep_name_hidden,
        sensitivity=case.sensitivity,
        urgent=case.urgent,
        level=case.escalation_level,
        post=owner.title if owner else None,
        supervisor=supervisor.title if supervisor else None,
        reopen_count=case.reopen_count,
        disposal_count=case.disposal_count,
        officer_words=case.last_owner_words,
        notes=tuple(_cut(words, LONGEST_ADDITION) for words in notes[-NOTES_SHOWN:]),
        planned_until=case.planned_until_at,
        standstill_until=case.standstill_until_at,
        marked_to=next(iter(_titles(case, ErrandKind.MARK, ground)), None),
        helping=tuple(_titles(case, ErrandKind.HELP, ground)),
        language=case.language,
        category_choices=case.category_choices,
        district_choices=case.district_choices,
        opened_at=case.opened_at,
        claimed_by=_clerk(case, ground, now),
        claimed_until_at=case.claimed_until_at,
    )


def _clerk(case: Case, ground: Ground, now: datetime) -> str | None:
    """The name of whoever is working on it at the CMO desk."""
    clerk = holder(case, now)
    return name_of(clerk, ground.directory) if clerk is not None else None


def name_of(officer_id: int, directory: Directory) -> str:
    """The officer's name; that of nobody who left the directory."""
    people = (one for post in directory.posts.values() for one in post.holders)
    return next((one.name for one in people if one.id == officer_id), "?")


def _titles(case: Case, kind: ErrandKind, ground: Ground) -> Iterator[str]:
    posts = ground.directory.posts
    return (posts[errand.post].title for errand in errands_of(case, kind) if errand.post in posts)


def earlier_facts(case: Case, tickets: Sequence[Earlier]) -> tuple[ListedTicket, ...]:
    """What the same writer complained of before, there and on the same matter."""
    if case.keep_name_hidden or case.hidden_author:
        return ()
    before = (
        one for one in tickets if one.id < case.id and (one.category, one.district) == (case.category, case.district)
    )
    return tuple(
        ListedTicket(number=one.number, status=one.status, opened_at=one.opened_at)
        for one in itertools.islice(before, EARLIER_SHOWN)
    )


def for_audience(facts: Facts, case: Case, audience: Audience) -> Facts:
    """A sensitive ticket's words never reach a group, the CMO's own included."""
    return _without_words(facts) if case.sensitivity is Sensitivity.SENSITIVE and audience is Audience.CMO else facts


def in_groups(case: Case) -> InGroups:
    """What a group may read of this ticket: never more than its category allows, nor its own sensitivity."""
    if case.sensitivity is Sensitivity.SENSITIVE:
        return InGroups.NUMBER
    category = taxonomy().categories.get(case.category or "")
    allowed = category.in_groups if category is not None else InGroups.FULL
    return InGroups.SUMMARY if case.sensitivity is Sensitivity.RESTRICTED and allowed is InGroups.FULL else allowed


def for_chat(facts: Facts, case: Case, chat_id: str, *, at_cmo: bool = False) -> Facts:
    """What may be read in this chat; the CMO's own desk (`at_cmo`) reads all but sensitive tickets."""
    shown = in_groups(case)
    if not is_group(chat_id) or shown is InGroups.FULL or (at_cmo and shown is InGroups.SUMMARY):
        return facts
    if shown is InGroups.NUMBER:
        bare = _without_words(facts)
        return replace(bare, department=None, district=None, post=None, officer_words=None, question=None)
    return replace(
        _without_words(facts),
        category=facts.category,
        locality=facts.locality,
        other_matters=facts.other_matters,
        officer_words=None if facts.why == "moved" else facts.officer_words,
        words_withheld=bool(facts.words or facts.quoted or facts.additions),
    )


def details_facts(case: Case, transcript: Sequence[Mapping[str, Any]], account: Account | None) -> Facts:
    """What the citizen wrote, as they wrote it, and who they are unless they asked to stay unnamed."""
    newest = {row["message_id"]: row["text"] for row in transcript if row["speaker"] == "citizen" and row["text"]}
    known = account if not case.keep_name_hidden else None
    return Facts(
        number=case.number,
        words="\n".join(newest.values()) or None,
        citizen=known.name or known.handle if known else None,
        handle=known.handle or None if known else None,
        platform=case.platform,
        keep_name_hidden=case.keep_name_hidden,
    )


def _without_words(facts: Facts) -> Facts:
    return replace(
        facts,
        words=None,
        quoted=None,
        additions=(),
        citizen=None,
        category=None,
        locality=None,
        category_choices=(),
        district_choices=(),
        for_whom=None,
        other_matters=(),
        portal_numbers=(),
        earlier=(),
        notes=(),
    )


def notice_presses(case: Case) -> tuple[tuple[Press, ...], ...]:
    """The buttons under the notice as the ticket stands, two to a row."""
    acts = [act for act in NOTICE_PRESSES.get(case.status, ()) if act is not Act.ASK or _askable(case)]
    presses = [Press(act=act) for act in acts]
    return tuple(tuple(presses[at : at + 2]) for at in range(0, len(presses), 2))


def _askable(case: Case) -> bool:
    return case.sensitivity is not Sensitivity.SENSITIVE


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rsplit(" ", 1)[0] + "…"


def turns_of(case: Case) -> range:
    """The turns of a ticket so far."""
    return range(1, case.turn + 1)


def notice_step(case: Case, turn: int | None = None) -> str:
    """The step id of the ticket's notice, in its present turn unless told."""
    return f"{case.id}:notice:{case.turn if turn is None else turn}"
