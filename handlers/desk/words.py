"""The words of a post from X or Facebook: whose ticket they are about, and what is decided.

Owns the path from understood words to decisions. It reads the snapshot and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec

from handlers.aftermath import verdict_of
from handlers.case import Case
from handlers.conversation import decide, speak_within_limits
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome, Step, Words
from handlers.effects import Audience, Decision, Effect, Notify, Record, Say, Stop
from handlers.facts import Facts
from handlers.finding import (
    Finding,
    Found,
    Hint,
    NewMatter,
    Repeat,
    Several,
    find_conversation,
    is_cry,
    is_same_matter,
)
from handlers.heard import CitizenWrote, Speaker
from handlers.jurisdiction import office_of
from handlers.opening import Seed, open_case, opens_ticket
from handlers.replies import status_facts
from handlers.understanding import read_answer, understand
from handlers.understanding.meaning import Answer, Asked, Understanding, Verdict
from store.inbound import Inbound, QuotedPost
from store.inbox import COMPLAINT, InboxRow
from store.vocabulary import Awaiting, Kind, Platform, Status


def origin_of(snapshot: Snapshot, row: InboxRow, post: Inbound) -> Origin:
    """Where the steps of this post come from."""
    account = snapshot.accounts.get((post.platform, post.author.id)) if post.author else None
    return Origin(
        key=f"in:{row.id}",
        actor="citizen",
        inbox_id=row.id,
        channel_id=row.channel_id,
        account_id=account.id if account else None,
        author_id=post.author.id if post.author else "",
        post=post,
    )


def words_of(post: Inbound, speaker: str, *, version: int = 1) -> Words:
    """The post as the transcript keeps it."""
    return Words(
        platform=post.platform,
        speaker=speaker,
        message_id=post.message_id,
        thread_id=post.thread_id,
        text=post.text,
        occurred_at=post.occurred_at,
        version=version,
        attachments=msgspec.json.encode(post.attachments).decode(),
    )


def kept(snapshot: Snapshot, step: Step) -> Step:
    if step.decision.case is not None:
        snapshot.keep(step.decision.case)
    return step


def outcome_of(snapshot: Snapshot, result: str, step: Step) -> Outcome:
    return Outcome(result, (kept(snapshot, step),))


# -- words -------------------------------------------------------------------------------------------------------------------


def hear_words(snapshot: Snapshot, row: InboxRow, post: Inbound, parts: Sequence[tuple[InboxRow, Inbound]]) -> Outcome:
    u, text = _understood(snapshot, row, post, parts)
    origin = origin_of(snapshot, row, post)
    first = read_answer(text, asked=Asked.NOTHING, language_hint=u.language)
    finding = _find(snapshot, post, origin, u, first)
    words = tuple(words_of(one, _speaker(finding)) for one in (post, *(part for _, part in parts)))
    if post.quoted is not None and not _is_on_record(snapshot, post):
        words += (_quoted_words(row, post, post.quoted),)
    joins = tuple(part_row.id for part_row, _ in parts)
    outcome = _by_finding(snapshot, row, post, origin, finding, u, text, first)
    if not outcome.steps:
        return replace(outcome, joins=joins)
    steps = list(outcome.steps)
    at = -1 if steps[0].decision.result == "other_matter" else 0  # words about another matter stay with that matter
    steps[at] = replace(steps[at], words=words)
    return replace(outcome, steps=tuple(steps), joins=joins)


def _understood(
    snapshot: Snapshot, row: InboxRow, post: Inbound, parts: Sequence[tuple[InboxRow, Inbound]]
) -> tuple[Understanding, str]:
    """The meaning of a post with its parts; a post without a matter of its own lends the one it points to."""
    u, text = snapshot.understood[row.id], post.text
    if parts:
        text = "\n".join(one.text for one in (post, *(part for _, part in parts)))
        u = understand(
            text,
            language_hint=u.language,
            any_state=snapshot.ground.policy.any_state,
            thorough=True,
            is_complaint=row.result == COMPLAINT,
        )
    if post.quoted is not None and not u.has_matter and post.quoted.text and not _is_on_record(snapshot, post):
        theirs = understand(post.quoted.text, any_state=snapshot.ground.policy.any_state, thorough=True)
        if theirs.kind in (Kind.GRIEVANCE, Kind.EMERGENCY) or theirs.has_matter:
            kind = theirs.kind if theirs.kind is Kind.EMERGENCY else Kind.GRIEVANCE
            u = replace(theirs, language=u.language, kind=kind, masked=u.masked, pii=u.pii, numbers=u.numbers)
    return u, text


def _is_on_record(snapshot: Snapshot, post: Inbound) -> bool:
    """The post it points to has a ticket already: its matter is its author's, not this writer's."""
    known = snapshot.heard.get((post.platform, post.quoted.id)) if post.quoted else None
    return known is not None and known["ticket_id"] is not None


def _quoted_words(row: InboxRow, post: Inbound, quoted: QuotedPost) -> Words:
    """Evidence of this post alone: others may point at the same one, and its author may yet write to us."""
    shown = msgspec.json.encode(quoted.attachments).decode()
    return Words(
        post.platform, "quoted", quoted.id, post.thread_id, quoted.text, post.occurred_at, version=row.id,
        attachments=shown,
    )  # fmt: skip


def _find(snapshot: Snapshot, post: Inbound, origin: Origin, u: Understanding, answer: Answer) -> Finding:
    replied = snapshot.ours.get((post.platform, post.reply_to_id)) if post.reply_to_id else None
    own = snapshot.own_cases(origin.account_id)
    in_thread = snapshot.thread_cases(post.platform, post.thread_id)
    known = bool(own or in_thread or u.numbers or replied)
    hint = Hint(
        account_id=origin.account_id,
        thread_id=post.thread_id,
        replied_ticket=replied.ticket_id if replied else None,
        occurred_at=post.occurred_at,
        # Costly to read, and without a ticket it could be about nothing.
        verdict=verdict_of(heard_on(None, post, u, post.text, asked=Asked.SATISFACTION)) if known else None,
        has_media=bool(post.attachments),
    )
    return find_conversation(hint, u, answer, own, in_thread, snapshot.numbered_cases(), snapshot.now, snapshot.ground)


def _speaker(finding: Finding) -> str:
    return "stranger" if isinstance(finding, Found) and not finding.own else "citizen"


def is_complainant(case: Case, origin: Origin) -> bool:
    return case.account_id is not None and case.account_id == origin.account_id


def _by_finding(
    snapshot: Snapshot,
    row: InboxRow,
    post: Inbound,
    origin: Origin,
    finding: Finding,
    u: Understanding,
    text: str,
    first: Answer,
) -> Outcome:
    match finding:
        case Found(case=case):
            return _on_ticket(snapshot, row, post, origin, case, u, text)
        case Repeat(case=case):
            return _repeat(snapshot, row, post, origin, case, u, text)
        case Several(cases=cases) if any(not case.number for case in cases):
            just_opened = next(case for case in reversed(cases) if not case.number)  # nobody can name its number yet
            return _on_ticket(snapshot, row, post, origin, just_opened, u, text)
        case Several(cases=cases):
            numbers = tuple(case.number for case in cases)
            say = Say(template="status_which", facts=Facts(numbers=numbers[:3]), step="answer")
            return Outcome(
                "answered:which",
                (Step(origin, None, Decision(case=None, effects=(say,), result="answered:which")),),
            )
        case NewMatter(linked=linked):
            return _new(snapshot, row, post, origin, u, text, linked, first)


def heard_on(
    case: Case | None,
    post: Inbound,
    u: Understanding,
    text: str,
    *,
    joined: bool = False,
    asked: Asked | None = None,
    answer: Answer | None = None,
) -> CitizenWrote:
    """The words with their meaning as an answer; `answer` where that was read before, on no ticket."""
    answer = answer or read_answer(
        text,
        asked=asked or _asked(case),
        category=case.category if case else None,
        district=case.district if case else None,
        category_choices=case.category_choices if case else (),
        district_choices=case.district_choices if case else (),
        language_hint=case.language if case else u.language,
    )
    return CitizenWrote(
        speaker=Speaker.COMPLAINANT,
        message_id=post.message_id,
        text=text,
        understanding=u,
        answer=answer,
        occurred_at=post.occurred_at,
        names_us=post.platform is not Platform.X or post.mentions_us or post.implicit or post.reply_to_us,
        has_media=bool(post.attachments),
        quoted=post.quoted.text if post.quoted else None,
        joined=joined,
    )


def _asked(case: Case | None) -> Asked:
    """What the words are read as an answer to; an ended ticket is still heard as "is it done?"."""
    if case is None:
        return Asked.NOTHING
    if case.status is Status.CLOSED or case.status is Status.WITHDRAWN:
        return Asked.SATISFACTION
    return case.asked


def _on_ticket(
    snapshot: Snapshot, row: InboxRow, post: Inbound, origin: Origin, case: Case, u: Understanding, text: str
) -> Outcome:
    speaker = Speaker.STRANGER
    if is_complainant(case, origin):
        speaker = Speaker.COMPLAINANT
    elif case.hidden_author and case.thread_id == post.thread_id:
        speaker = Speaker.UNPROVEN
    joined = speaker is Speaker.COMPLAINANT and _continues(snapshot, post, case)
    heard = replace(heard_on(case, post, u, text, joined=joined), speaker=speaker)
    if post.mentioned_ids and heard.names_us:
        case = replace(case, mentioned_ids=post.mentioned_ids)
    decision = decide(case, heard, snapshot.now, snapshot.ground)
    if speaker is Speaker.STRANGER:
        origin = replace(origin, actor="stranger")
    supporter = origin.account_id if decision.result == "me_too" else None
    step = Step(origin, case, decision, supporter=supporter)
    if decision.rest or decision.result in ("too_late", "other_matter"):
        return _with_rest(snapshot, row, post, origin, case, step)
    return outcome_of(snapshot, decision.result, step)


def _continues(snapshot: Snapshot, post: Inbound, case: Case) -> bool:
    """A further part of one complaint: the author goes on under their own post within three minutes."""
    soon = post.occurred_at - case.opened_at <= snapshot.ground.policy.thread_join + timedelta(seconds=30)
    return (
        soon
        and not post.reply_to_us
        and post.reply_to_id is not None
        and (post.platform, post.reply_to_id) in snapshot.heard
    )


def _with_rest(snapshot: Snapshot, row: InboxRow, post: Inbound, origin: Origin, closed: Case, step: Step) -> Outcome:
    """The same message tells of another matter: an addition to another open ticket, or a complaint of its own."""
    decision = step.decision
    if decision.case is not None:
        snapshot.keep(decision.case)
    text, any_state = decision.rest or post.text, snapshot.ground.policy.any_state
    u = understand(text, language_hint=closed.language, any_state=any_state, thorough=True)
    u = replace(
        u,
        kind=Kind.GRIEVANCE if u.kind is not Kind.EMERGENCY else u.kind,
        language=closed.language,
        category=u.category or decision.rest_category,
        district=u.district or closed.district,
        locality=u.locality or closed.locality,
        rural=closed.rural if u.rural is None else u.rural,
    )
    ended = decision.result == "closed"
    others = [case for case in snapshot.own_cases(closed.account_id) if case.id != closed.id and not case.ended]
    for other in others:
        if is_same_matter(other, u, snapshot.now, snapshot.ground):
            added = _added(other, post, u, closed_number=closed.number if ended else None)
            return Outcome(
                "closed_and_added" if ended else "addition",
                (step, kept(snapshot, Step(origin, other, added))),
            )
    late = decision.result == "too_late"
    seed = replace(
        _seed(snapshot, row, post, origin),
        linked_to=closed.id,
        previous_number=closed.number if late else None,
    )
    heard = heard_on(None, post, u, decision.rest or post.text)
    opened = _opened(snapshot, seed, heard)
    if ended:
        opened = replace(opened, effects=tuple(_with_closing(effect, closed.number) for effect in opened.effects))
    return Outcome(opened.result, (step, kept(snapshot, Step(origin, None, opened))))


def _opened(snapshot: Snapshot, seed: Seed, heard: CitizenWrote) -> Decision:
    decision = open_case(seed, heard, snapshot.now, snapshot.ground)
    return speak_within_limits(decision, snapshot.now, snapshot.ground.policy)


def _with_closing(effect: Effect, closed_number: str) -> Effect:
    """One message that closes the one and opens the other: the platform allows one reply to a post."""
    if isinstance(effect, Say) and effect.template in ("received_ask", "received_routed"):
        return replace(effect, template="closed_and_received", facts=replace(effect.facts, closed_number=closed_number))
    return effect


def _added(case: Case, post: Inbound, u: Understanding, *, closed_number: str | None) -> Decision:
    notice = Notify(
        audience=Audience.OWNER if case.turn else Audience.CMO,
        template="addition_notice",
        facts=Facts(words=u.masked or None),
        step=f"addition:{post.message_id}",
    )
    say = Say(template="addition", facts=Facts(department=office_of(case)), step="answer")
    if closed_number is not None:
        say = Say(template="closed_and_added", facts=Facts(closed_number=closed_number), step="answer")
    case = replace(case, reply_to_id=post.message_id)
    return Decision(case=case, effects=(Record(kind="addition"), notice, say), result="addition")


def _repeat(
    snapshot: Snapshot, row: InboxRow, post: Inbound, origin: Origin, case: Case, u: Understanding, text: str
) -> Outcome:
    """The same matter again: the same number; after a disposal it counts as "not solved"."""
    heard = heard_on(case, post, u, text)
    if case.status in (Status.DISPOSED, Status.CLOSED):
        unsolved = replace(heard.answer, wants=replace(heard.answer.wants, unresolved=True, reopen=True))
        verdict = replace(heard, answer=replace(unsolved, verdict=Verdict.UNSATISFIED))
        decision = decide(case, verdict, snapshot.now, snapshot.ground)
        step = Step(origin, case, decision)
        if decision.result == "too_late":
            return _with_rest(snapshot, row, post, origin, case, step)
        return outcome_of(snapshot, decision.result, step)
    if case.awaiting is Awaiting.DETAILS:
        return _on_ticket(snapshot, row, post, origin, case, u, text)
    said_again = replace(case, reply_to_id=post.message_id, keys=case.keys | u.keys, last_heard_at=snapshot.now)
    notice = Notify(
        audience=Audience.OWNER if case.turn else Audience.CMO,
        template="addition_notice",
        facts=Facts(words=u.masked or None, why="repeat"),
        step=f"addition:{post.message_id}",
        quiet=True,
    )
    say = Say(template="repeat", facts=status_facts(said_again, snapshot.now), step="answer")
    decision = Decision(case=said_again, effects=(Record(kind="repeated"), notice, say), result="repeat")
    return outcome_of(snapshot, "repeat", Step(origin, case, decision))


def _seed(snapshot: Snapshot, row: InboxRow, post: Inbound, origin: Origin) -> Seed:
    return Seed(
        id=snapshot.next_id(),
        note=row.id,
        platform=post.platform,
        channel_id=row.channel_id,
        account_id=origin.account_id,
        thread_id=post.thread_id,
        message_id=post.message_id,
        person_first=origin.account_id in snapshot.person_first,
        called_by_desk=row.result == COMPLAINT,
    )


def _new(
    snapshot: Snapshot,
    row: InboxRow,
    post: Inbound,
    origin: Origin,
    u: Understanding,
    text: str,
    linked: Case | None,
    first: Answer,
) -> Outcome:
    """A post that belongs to no ticket."""
    if first.wants.stop or (first.wants.start and _is_silent(snapshot, origin)):
        say = Say(template="stopped" if first.wants.stop else "started", facts=Facts(note=row.id), step="answer")
        decision = Decision(case=None, effects=(Stop(silent=first.wants.stop), say), result="answered:stop")
        return Outcome(decision.result, (Step(origin, None, decision),))
    if u.bad_numbers and not u.numbers and not opens_ticket(u, has_media=bool(post.attachments)):
        facts = Facts(typed_number=u.bad_numbers[0], note=row.id)
        decision = Decision(
            case=None,
            effects=(Say(template="number_wrong", facts=facts, step="answer"),),
            result="answered:number",
        )
        return Outcome(decision.result, (Step(origin, None, decision),))
    called = linked is not None and is_cry(u, snapshot.ground)  # in a thread of ours a cry needs no mention
    if not (_addressed(post) or called) or (post.implicit and not opens_ticket(u, has_media=False)):
        return Outcome(_passed_over(post, u))
    seed = replace(_seed(snapshot, row, post, origin), linked_to=linked.id if linked else None)
    heard = heard_on(None, post, _placed_before(snapshot, post, origin, u, linked), text, answer=first)
    decision = _opened(snapshot, seed, heard)
    if decision.case is not None and post.mentioned_ids:
        decision = replace(decision, case=replace(decision.case, mentioned_ids=post.mentioned_ids))
    if decision.case is None and not decision.effects:
        return Outcome(decision.result)
    return outcome_of(snapshot, decision.result, Step(origin, None, decision))


def _passed_over(post: Inbound, u: Understanding) -> str:
    """Talk that is not for us is passed over as that; abuse of us under our own post stays named, for it is looked at."""
    if not post.implicit:
        return "ignored:not_addressed"
    return f"ignored:{u.kind.value}" if u.kind is Kind.ABUSE else "ignored:implicit"


def _placed_before(
    snapshot: Snapshot, post: Inbound, origin: Origin, u: Understanding, linked: Case | None
) -> Understanding:
    """The meaning with the place its writer named earlier in this thread, if these words name none."""
    if u.district is not None or u.district_choices or u.outside is not None:
        return u
    if linked is not None and linked.account_id is not None and linked.account_id == origin.account_id:
        return replace(u, district=linked.district, locality=u.locality or linked.locality, rural=_rural(u, linked))
    for earlier in reversed(snapshot.untaken.get((post.platform, post.thread_id, origin.account_id), ())):
        before = understand(earlier, any_state=snapshot.ground.policy.any_state)
        if before.district is not None:
            rural = before.rural if u.rural is None else u.rural
            return replace(u, district=before.district, locality=u.locality or before.locality, rural=rural)
    return u


def _rural(u: Understanding, linked: Case) -> bool | None:
    return linked.rural if u.rural is None else u.rural


def _addressed(post: Inbound) -> bool:
    return post.mentions_us or post.implicit or post.reply_to_us


def _is_silent(snapshot: Snapshot, origin: Origin) -> bool:
    account = snapshot.accounts_by_id.get(origin.account_id or 0)
    return account is not None and account.silent
