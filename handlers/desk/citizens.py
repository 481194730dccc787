"""Rows from X and Facebook: new posts, edits, deletes, our own account, and the posts that belong together.

Owns which way a stored post goes; what its words mean for which ticket is in words.py. It reads the snapshot and writes
nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from handlers.case import Case
from handlers.conversation import decide
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome, Step
from handlers.desk.words import hear_words, heard_on, is_complainant, origin_of, outcome_of, words_of
from handlers.effects import Decision, Effect, Record, RefreshNotice, Withdraw
from handlers.heard import HumanSpoke, PostDeleted
from store.inbound import Inbound
from store.inbox import InboxRow
from store.vocabulary import Awaiting, InboundVerb, Kind

FIRST_OF_SEVERAL = re.compile(r"(?:^|[\s(\[])1\s*/\s*(?:\d{1,2}|n|x)\b|🧵|\bthread\b\s*[:👇]|\(1\)", re.IGNORECASE)


def decide_post(snapshot: Snapshot, row: InboxRow, post: Inbound, parts: Sequence[tuple[InboxRow, Inbound]]) -> Outcome:
    """Decide one post; `parts` are the author's next posts of the same thread that belong to it."""
    if post.is_repost:
        return Outcome("ignored:repost")
    if post.by_us:
        return _our_account(snapshot, row, post)
    match post.verb:
        case InboundVerb.DELETED:
            return _deleted(snapshot, row, post)
        case InboundVerb.EDITED if (post.platform, post.message_id) in snapshot.heard:
            return _edited(snapshot, row, post)
    known = snapshot.heard.get((post.platform, post.message_id))
    if known is not None:
        return _again(snapshot, row, post, known["ticket_id"])
    if _waits_for_parts(snapshot, row, post, parts):
        heard_at = min(post.occurred_at, snapshot.now)  # our clock may lag behind the platform's
        return Outcome("waits", wait_until=heard_at + snapshot.ground.policy.thread_join)
    return hear_words(snapshot, row, post, parts)


def _waits_for_parts(
    snapshot: Snapshot, row: InboxRow, post: Inbound, parts: Sequence[tuple[InboxRow, Inbound]]
) -> bool:
    """A post marked 1/3 waits three minutes for the others, unless it is an emergency or they are here."""
    if row.not_before_at is not None or parts or snapshot.understood[row.id].kind is Kind.EMERGENCY:
        return False
    return (
        bool(FIRST_OF_SEVERAL.search(post.text))
        and snapshot.now - post.occurred_at < snapshot.ground.policy.thread_join
    )


# -- our own account, edits, deletes, second channels ---------------------------------------------------------------------


def _our_account(snapshot: Snapshot, row: InboxRow, post: Inbound) -> Outcome:
    """A post of our account that SMGT did not send is a human's word."""
    if row.id in snapshot.echoes:
        return Outcome("ignored:echo")
    open_here = [case for case in snapshot.thread_cases(post.platform, post.thread_id) if not case.ended]
    if not open_here or post.verb is InboundVerb.DELETED:
        return Outcome("ignored:own_post")
    case = open_here[-1]
    decision = decide(case, HumanSpoke(message_id=post.message_id, text=post.text), snapshot.now, snapshot.ground)
    origin = replace(origin_of(snapshot, row, post), actor="office", account_id=None)
    return outcome_of(snapshot, "human", Step(origin, case, decision, words=(words_of(post, "human"),)))


def _deleted(snapshot: Snapshot, row: InboxRow, post: Inbound) -> Outcome:
    known = snapshot.heard.get((post.platform, post.message_id))
    case = snapshot.cases.get(known["ticket_id"]) if known and known["ticket_id"] is not None else None
    if case is None:
        gone = Decision(case=None, effects=(Withdraw(post.message_id),), result="ignored:deleted")
        return Outcome("ignored:deleted", (Step(origin_of(snapshot, row, post), None, gone),))
    decision = decide(case, PostDeleted(message_id=post.message_id), snapshot.now, snapshot.ground)
    return outcome_of(snapshot, decision.result, Step(origin_of(snapshot, row, post), case, decision))


def _nothing(result: str) -> Decision:
    return Decision(case=None, result=result)


def _edited(snapshot: Snapshot, row: InboxRow, post: Inbound) -> Outcome:
    """The first words stay; a later version may still tell what was missing."""
    known = snapshot.heard[(post.platform, post.message_id)]
    case = snapshot.cases.get(known["ticket_id"]) if known["ticket_id"] is not None else None
    origin = origin_of(snapshot, row, post)
    words = (words_of(post, known["speaker"], version=known["version"] + 1),)
    if case is not None and _shows_author(case, post, origin):
        bound = _bound(case, origin)
        return outcome_of(snapshot, "author_shown", replace(bound, words=words))
    if case is None:
        return Outcome("ignored:edited", (Step(origin, None, _nothing("ignored:edited"), words=words),))
    if case.awaiting is Awaiting.DETAILS and is_complainant(case, origin):
        u = snapshot.understood[row.id]
        heard = heard_on(case, post, u, post.text, joined=True)
        return outcome_of(
            snapshot,
            "edited",
            Step(origin, case, decide(case, heard, snapshot.now, snapshot.ground), words=words),
        )
    refresh: tuple[Effect, ...] = (Record(kind="post_edited"), *((RefreshNotice(),) if case.turn else ()))
    return outcome_of(
        snapshot,
        "edited",
        Step(origin, case, Decision(case=case, effects=refresh, result="edited"), words=words),
    )


def _again(snapshot: Snapshot, row: InboxRow, post: Inbound, ticket_id: int | None) -> Outcome:
    """The same post on a second channel of ours, or one whose hidden author now shows itself."""
    case = snapshot.cases.get(ticket_id) if ticket_id is not None else None
    origin = origin_of(snapshot, row, post)
    if case is None or not _shows_author(case, post, origin):
        return Outcome("ignored:also_tagged")
    return outcome_of(snapshot, "author_shown", _bound(case, origin))


def _shows_author(case: Case, post: Inbound, origin: Origin) -> bool:
    return case.hidden_author and origin.account_id is not None and case.first_message_id == post.message_id


def _bound(case: Case, origin: Origin) -> Step:
    """The ticket belongs to the author who now shows."""
    bound = replace(case, account_id=origin.account_id, hidden_author=False)
    decision = Decision(case=bound, effects=(Record(kind="author_shown"),), result="author_shown")
    return Step(origin, case, decision, binds_account=origin.account_id)


def parts_of(rows: Sequence[InboxRow], at: int, join_within: timedelta) -> list[tuple[InboxRow, Inbound]]:
    """The posts after `rows[at]` by which its author goes on under the own post, within the joining time."""
    first = rows[at].heard
    if not isinstance(first, Inbound) or first.author is None or first.verb is not InboundVerb.POSTED:
        return []
    ids, found, until = {first.message_id}, [], _until(first, join_within)
    for row in rows[at + 1 :]:
        post = row.heard
        if not isinstance(post, Inbound) or row.actor_key != rows[at].actor_key or post.thread_id != first.thread_id:
            continue
        if post.verb is not InboundVerb.POSTED or post.reply_to_id not in ids or post.occurred_at > until:
            break
        ids.add(post.message_id)
        found.append((row, post))
    return found


def _until(first: Inbound, join_within: timedelta) -> datetime:
    return first.occurred_at + join_within
