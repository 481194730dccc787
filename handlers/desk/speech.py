"""Saying what a batch decided: every public reply, notice, toast and button as an outbox row.

Owns the rendering: every text is made here, once, and is final. It decides nothing and writes no ticket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

from handlers.case import Case
from handlers.desk.addresses import Address, address_of, language_of_chat
from handlers.desk.buttons import Buttons
from handlers.desk.details import DETAILS
from handlers.desk.discretion import discreet
from handlers.desk.notices import (
    details_facts,
    earlier_facts,
    for_audience,
    for_chat,
    notice_facts,
    notice_presses,
    notice_step,
    turns_of,
)
from handlers.desk.papers import Papers, thread
from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Step
from handlers.desk.stopped import listener
from handlers.desk.together import split_presses, told_together
from handlers.desk.undoing import key_of
from handlers.effects import (
    OF_NO_TICKET,
    Act,
    Audience,
    Effect,
    Hand,
    How,
    Notify,
    Press,
    Record,
    RefreshNotice,
    SaidBefore,
    Say,
    Stop,
    Tell,
)
from handlers.facts import Facts
from handlers.render import render
from handlers.time_limits import after_the_night
from store.outbound import Outgoing, OutgoingPhoto
from store.outbox import SHOWN, NewRow
from store.rewinding import FoundWords
from store.tickets import Earlier
from store.vocabulary import Language, OutgoingAct, Platform, Sensitivity

_BLANK = Facts()
_ACTS = {
    How.TOAST: OutgoingAct.ANSWER_PRESS,
    How.REPLY: OutgoingAct.MESSAGE,
    How.PROMPT: OutgoingAct.MESSAGE,
    How.EDIT: OutgoingAct.EDIT,
}


class Speech:
    """Queues the messages of one batch in the caller's transaction, after its tickets are written."""

    def __init__(
        self,
        papers: Papers,
        snapshot: Snapshot,
        numbered: Callable[[Case], Case],
        draft_ids: Mapping[int, int],
    ) -> None:
        self._papers = papers
        self._snapshot = snapshot
        self._now = snapshot.now
        self._numbered = numbered
        self._draft_ids = draft_ids
        self._messages: list[NewRow] = []
        self._said_before: list[tuple[NewRow, FoundWords]] = []
        self._buttons = Buttons(snapshot.now)
        self._transcripts: dict[int, list[Mapping[str, Any]]] = {}
        self._earlier: dict[int, list[Earlier]] = {}  # by account
        self._notices: dict[str, Address] = {}
        self._said: set[tuple[int, str]] = set()  # public words of the last days: ticket (0: none) and text
        self._stopped: list[int] = []

    def say_all(self, steps: Sequence[Step]) -> None:
        """Queue everything the steps say, in their order."""
        self._load(steps)
        for step in steps:
            self._queue(step)
        self._papers.keep(self._messages, self._buttons.new)
        self._hurry()
        self._papers.take_over(self._said_before)
        for account_id in self._stopped:
            self._papers.hush(account_id)

    def _hurry(self) -> None:
        telegram = self._telegram()
        urgent = {row.destination for row in self._messages if row.urgent and row.channel_id == telegram}
        if telegram is not None:
            self._papers.hurry(telegram, urgent)

    def _load(self, steps: Sequence[Step]) -> None:
        """The transcripts that notices show, where notices already stand, and what was answered lately."""
        wanted: set[int] = set()
        standing: set[str] = set()
        spoken_of: set[int] = set()
        writers: set[int] = set()
        for step in steps:
            case = step.decision.case or step.before
            if case is None:
                continue
            for effect in step.decision.effects:
                if isinstance(effect, Hand | RefreshNotice | Notify | Tell):
                    wanted.add(self._numbered(case).id)
                    writers |= {case.account_id} if case.account_id is not None else set()
                if isinstance(effect, RefreshNotice):
                    standing |= {notice_step(one, turn) for one in (step.before, case) if one for turn in turns_of(one)}
                if isinstance(effect, Say) and not case.is_new:
                    spoken_of.add(case.id)
        for row in self._papers.transcripts(wanted):
            self._transcripts.setdefault(row["ticket_id"], []).append(row)
        for one in self._papers.earlier(writers):
            self._earlier.setdefault(one.account_id, []).append(one)
        for step_id, chat in self._papers.standing(standing):
            self._notices[step_id] = Address(chat, None, language_of_chat(chat, self._snapshot.ground.directory))
        self._said = set(self._papers.said(spoken_of))

    def _queue(self, step: Step) -> None:
        """Effects before a hand-over speak to the office that had the ticket, those after it to the new one."""
        after = self._numbered(step.decision.case) if step.decision.case else None
        handed_over = any(isinstance(effect, Hand) for effect in step.decision.effects)
        current = step.before if handed_over and step.before is not None else after
        for effect in step.decision.effects:
            if isinstance(effect, Hand):
                current = after
            self._queue_effect(step, effect, current, after)

    def _queue_effect(self, step: Step, effect: Effect, current: Case | None, after: Case | None) -> None:
        match effect:
            case Say():
                self._say(step, effect, after)
            case SaidBefore():
                self._take_over(step, effect, after)
            case Notify() if after is not None:
                self._notify(step, effect, current or after, after)
            case Hand(along=False) if after is not None:
                self._hand(after)
            case RefreshNotice() if after is not None:
                self._refresh(step, current or after, after)
            case Tell():
                self._tell(step, effect, after)
            case Record(kind="human_spoke") if after is not None:
                self._papers.withhold(after)
            case Stop(silent=True) if step.origin.account_id is not None:
                self._stopped.append(step.origin.account_id)

    def _take_over(self, step: Step, before: SaidBefore, case: Case | None) -> None:
        words = next(one for one in self._snapshot.found.words if one.message_id == before.message_id)
        self._say(step, before.say, case, words)

    def _say(self, step: Step, wanted: Say, case: Case | None, before: FoundWords | None = None) -> None:
        """Queue a public reply; one that was said `before` is kept as sent."""
        say = discreet(wanted, case)
        if say is None:
            return
        origin, account = step.origin, listener(self._snapshot, step, say)
        language, platform, thread_id, reply_to, channel_id = self._where(step, say, case)
        again = case is not None and case.turn > (2 if say.template == "reopened" else 1)
        facts = replace(say.facts, number=case.number if case else say.facts.number, said_at=self._now, again=again)
        if case is None and facts.note is None:
            to = account.id if account else None
            self._said |= set(self._papers.said_without_ticket(to, thread(platform, thread_id), say.template))
        text = before.text if before else self._new_words(language, say, facts, case)
        if text is None:
            if case is not None:
                self._papers.note(case.id, origin.inbox_id, {"template": say.template, "why": "said_already"})
            return
        answer = say.step == "answer"
        author = account.author_id if account else thread_id
        urgent_or_asked = say.urgent or answer or not say.unasked
        row = NewRow(
            channel_id=channel_id,
            step_id=f"answer:{origin.key}" if answer else f"{case.id if case else 0}:{say.step}",
            recipient=f"{platform}:{author}",
            destination=thread(platform, thread_id),
            template=say.template,
            outgoing=Outgoing(
                act=OutgoingAct.REPLY,
                text=text,
                thread_id=thread_id,
                reply_to_id=reply_to,
                exclude_author_ids=self._others(step, case, author),
                photo=None if before else self._photo(step, say, platform),
            ),
            ticket_id=case.id if case else None,
            account_id=account.id if account else None,
            urgent=say.urgent,
            not_before=None if urgent_or_asked else self._not_before(step),
        )
        if before is None:
            self._messages.append(row)
        else:
            self._said_before.append((row, before))

    def _not_before(self, step: Step) -> datetime:
        """By day, and not while the act behind the words can be taken back."""
        policy = self._snapshot.ground.policy
        return after_the_night(self._now + (policy.undo_within if step.undo else timedelta(0)), policy)

    def _new_words(self, language: Language, say: Say, facts: Facts, case: Case | None) -> str | None:
        """Words that were not said in the last days, since no platform takes the same ones twice; None if all were."""
        ticket_id = case.id if case else 0
        for again in (facts.again, True):
            text = render(language, "citizen", say.template, replace(facts, again=again))
            if (ticket_id, text) not in self._said:
                self._said.add((ticket_id, text))
                return text
        return None

    def _where(self, step: Step, say: Say, case: Case | None) -> tuple[Language, Platform, str, str, int]:
        """Language, platform, thread, post to reply to and channel of a public reply."""
        post, origin = step.origin.post, step.origin
        elsewhere = case is not None and post is not None and origin.channel_id != case.channel_id
        if case is not None and not (elsewhere and say.step == "answer"):
            reply_to = say.reply_to or case.reply_to_id
            of_stranger = self._snapshot.understood.get(origin.inbox_id or 0) if origin.actor == "stranger" else None
            return (
                of_stranger.language if of_stranger is not None else case.language,
                case.platform,
                case.thread_id if post is None else post.thread_id,
                reply_to,
                case.channel_id,
            )
        if post is None:
            raise ValueError(f"The message {say.template} belongs to no ticket and answers no post.")
        language = self._snapshot.understood[origin.inbox_id or 0].language
        return language, post.platform, post.thread_id, post.message_id, origin.channel_id or 0

    def _others(self, step: Step, case: Case | None, author_id: str) -> tuple[str, ...]:
        """The accounts a reply must not mention: everybody but the citizen."""
        ids = case.mentioned_ids if case else step.origin.post.mentioned_ids if step.origin.post else ()
        return tuple(one for one in ids if one != author_id)

    def _photo(self, step: Step, say: Say, platform: Platform) -> OutgoingPhoto | None:
        """The officer's photo goes out as an attachment where the platform can carry it."""
        draft = self._snapshot.drafts.get(step.used_draft or 0)
        if say.template != "result" or draft is None or draft["photo_ref"] is None or step.decision.case is None:
            return None
        row = {
            "ticket_id": step.decision.case.id,
            "source": "officer",
            "kind": "photo",
            "ref": draft["photo_ref"],
            "channel_id": step.origin.channel_id,
        }
        media_id = self._papers.keep_photo(row)
        return OutgoingPhoto(media_id=media_id) if platform is Platform.FACEBOOK else None

    # -- officers -----------------------------------------------------------------------------------------------------------

    def _facts(self, case: Case, told: Facts) -> Facts:
        """The ticket's own facts, with what the effect tells laid over them."""
        account = self._snapshot.accounts_by_id.get(case.account_id or 0)
        base = notice_facts(case, self._transcripts.get(case.id, ()), account, self._snapshot.ground, self._now)
        base = replace(base, **told_together(self._snapshot, case, self._numbered))
        base = replace(base, earlier=earlier_facts(case, self._earlier.get(case.account_id or 0, ())))
        said = {
            field.name: getattr(told, field.name)
            for field in fields(Facts)
            if getattr(told, field.name) != getattr(_BLANK, field.name)
        }
        return replace(base, **said)

    def _telegram(self) -> int | None:
        channel = self._snapshot.channel_of(Platform.TELEGRAM)
        return channel.id if channel else None

    def _hand(self, case: Case) -> None:
        address = address_of(case, Audience.OWNER, self._snapshot.ground.directory)
        facts = self._facts(case, Facts())
        presses = (*notice_presses(case), *split_presses(self._snapshot, case, self._numbered))
        self._message(case, address, "notice", facts, notice_step(case), presses, urgent=case.urgent)
        if address is not None:
            self._notices[notice_step(case)] = address
            self._papers.show_anew(case.id, address.chat_id)

    def _notify(self, step: Step, notify: Notify, current: Case, after: Case) -> None:
        address = address_of(current, notify.audience, self._snapshot.ground.directory, notify.post)
        facts = for_audience(self._facts(after, notify.facts), after, notify.audience)
        step_id = f"{after.id}:{notify.step}:{notify.post or notify.audience}"
        self._message(
            after,
            address,
            notify.template,
            facts,
            step_id,
            self._about_draft(step, notify.presses),
            urgent=notify.urgent,
            quiet=notify.quiet,
        )

    def _refresh(self, step: Step, current: Case, after: Case) -> None:
        """Edit the notice where it stands; a notice that was never posted needs no edit.

        Once the matter is sensitive the notices of earlier turns show no words either.
        """
        hides = after.sensitivity is Sensitivity.SENSITIVE is not current.sensitivity
        known = self._numbered(current)
        for turn in turns_of(known) if hides else (known.turn,):
            self._edit(step, notice_step(known, turn), after, moved=turn != after.turn)

    def _edit(self, step: Step, known: str, after: Case, *, moved: bool) -> None:
        address = self._notices.get(known)
        if address is None:
            return
        facts = self._facts(after, Facts(why="moved" if moved else None))
        shown = () if moved else (*notice_presses(after), *split_presses(self._snapshot, after, self._numbered))
        if step.undo is not None:
            shown = (*shown, (Press(act=Act.UNDO, argument=key_of(step.origin)),))
        if not moved:
            self._papers.show_anew(after.id, address.chat_id)
        self._message(
            after,
            address,
            "notice",
            facts,
            f"{known}:edit:{step.origin.key}",
            shown,
            urgent=step.origin.update is not None,  # to the officer who acted, the edit is the answer
            edit_of=known,
        )

    def _message(
        self,
        case: Case,
        address: Address | None,
        template: str,
        facts: Facts,
        step_id: str,
        presses: tuple[tuple[Press, ...], ...],
        *,
        urgent: bool = False,
        quiet: bool = False,
        edit_of: str | None = None,
    ) -> None:
        channel_id = self._telegram()
        if address is None or channel_id is None:
            self._papers.tell_no_chat()
            return
        self._messages.append(
            NewRow(
                channel_id=channel_id,
                step_id=step_id,
                recipient=address.chat_id,
                destination=f"{address.chat_id}:{case.id}",
                template=template,
                outgoing=Outgoing(
                    act=OutgoingAct.EDIT if edit_of else OutgoingAct.MESSAGE,
                    text=render(address.language, "officer", template, self._readable(facts, case, address.chat_id)),
                    thread_id=address.chat_id,
                    topic_id=address.topic_id,
                    buttons=self._buttons.offered(case, presses, address.language),
                    silent=quiet,
                ),
                ticket_id=case.id,
                follows_step=edit_of,
                supersede_key=edit_of,
                urgent=urgent,
            )
        )

    def _about_draft(self, step: Step, presses: tuple[tuple[Press, ...], ...]) -> tuple[tuple[Press, ...], ...]:
        """The same presses, about the draft that this step wrote."""
        if step.draft is None:
            return presses
        draft = str(self._draft_ids[id(step)])
        return tuple(tuple(replace(press, argument=draft) for press in line) for line in presses)

    def _tell(self, step: Step, tell: Tell, case: Case | None) -> None:
        update = step.origin.update
        channel_id = step.origin.channel_id
        if update is None or channel_id is None:
            return
        chat_id = update.author.id if tell.private and update.author is not None else update.chat_id
        language = language_of_chat(chat_id, self._snapshot.ground.directory)
        text = render(language, "officer", tell.template, self._told_facts(tell, case, chat_id))
        toast = tell.how is How.TOAST
        presses = self._about_draft(step, tell.presses)
        step_id = f"{step.origin.key}:{tell.step}:{tell.how}"
        is_card = tell.template == "ticket_card" and case is not None and case.turn > 0
        place = f"{SHOWN}{notice_step(case)}" if is_card and case is not None else None
        listed = any(press.act in OF_NO_TICKET or press.ticket_id is not None for line in presses for press in line)
        if listed:
            buttons = self._buttons.listed(tell.edit_of or step_id, presses, language)
        else:
            buttons = self._buttons.offered(case, presses, language) if case else ()
        self._messages.append(
            NewRow(
                channel_id=channel_id,
                step_id=step_id,
                recipient=chat_id,
                destination=f"press:{update.press_id}" if toast else f"{chat_id}:{case.id if case else 0}",
                template=tell.template,
                outgoing=Outgoing(
                    act=_ACTS[tell.how],
                    text=text,
                    thread_id=chat_id,
                    topic_id=None if tell.private else update.topic_id,
                    reply_to_id=None if toast or tell.edit_of or tell.private else update.message_id,
                    press_id=update.press_id if toast else None,
                    buttons=buttons,
                    force_reply=tell.how is How.PROMPT,
                ),
                ticket_id=case.id if case else None,
                account_id=case.account_id if case and tell.template == DETAILS else None,
                follows_step=tell.edit_of or None,
                supersede_key=tell.edit_of or place,
                urgent=True,
            )
        )
        if tell.expires_after is not None:
            self._messages.append(self._expiring(self._messages[-1], tell.expires_after))

    def _told_facts(self, tell: Tell, case: Case | None, chat_id: str) -> Facts:
        if tell.template in ("toast", "refusal"):
            return tell.facts
        if case is None:
            return replace(tell.facts, said_at=self._now)
        if tell.template == DETAILS:
            account = self._snapshot.accounts_by_id.get(case.account_id or 0)
            return details_facts(case, self._transcripts.get(case.id, ()), account)
        return self._readable(self._facts(case, tell.facts), case, chat_id)

    def _readable(self, facts: Facts, case: Case, chat_id: str) -> Facts:
        """What of the facts may be read in this chat."""
        chief = self._snapshot.ground.directory.cmo_desk()
        return for_chat(facts, case, chat_id, at_cmo=chief is not None and chief.chat_id == chat_id)

    def _expiring(self, row: NewRow, after: timedelta) -> NewRow:
        """The end of a message that deletes itself; it waits for nobody and holds nobody up."""
        return replace(
            row,
            step_id=f"{row.step_id}:expired",
            destination=f"{row.recipient}:expired:{row.step_id}",
            outgoing=Outgoing(act=OutgoingAct.DELETE, thread_id=row.recipient),
            follows_step=row.step_id,
            urgent=False,
            not_before=self._now + after,
        )
