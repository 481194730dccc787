"""Rows from Telegram: who acts, in which chair, on which ticket, and what is decided.

Group membership is no authority: every press, reply and command is checked against the directory. Owns the path from a
stored update to decisions and answers; it reads the snapshot and writes nothing.
"""

from __future__ import annotations

import re
from dataclasses import replace

from handlers.case import Case
from handlers.desk import more
from handlers.desk.acting import act_on
from handlers.desk.cards import command, shown
from handlers.desk.more import as_note, choose, departments, errand_chair, is_note, prompt
from handlers.desk.officers_pictures import picture_of
from handlers.desk.own_words import is_own_words, said_by_hand, say_to_citizen
from handlers.desk.reports import album_picture, draft_report, report_pressed
from handlers.desk.snapshot import ABOUT_DRAFTS, Ours, Snapshot
from handlers.desk.steps import Origin, Outcome, Step, Words
from handlers.desk.telling import chair_of, refuse, stranger_code, toast_code
from handlers.desk.together import split_pressed
from handlers.desk.triage import is_triage, placed_by_words, pressed_at_triage
from handlers.effects import Act, Decision, Effect, How, Press, Record, RefreshNotice, Tell
from handlers.facts import Facts
from handlers.heard import (
    DeskPlaced,
    DeskReopened,
    ObjectionRefused,
    OfficerAccepted,
    OfficerAsked,
    OfficerAskedTime,
    OfficerBy,
    OfficerForwarded,
    OfficerRejected,
    SeniorSettledTime,
)
from handlers.triage import REJECT_REASONS
from handlers.understanding import mask, read_answer
from handlers.understanding.meaning import Asked, Verdict
from store.inbound import DeskUpdate
from store.inbox import InboxRow
from store.vocabulary import DeskVerb, ErrandKind, Platform, Register, Role, Status

LONGEST_WORDS = 2000  # characters of an officer's reply that are kept
ATR_TEMPLATES = frozenset(
    {
        "notice",
        "ticket_card",
        "prompt_atr",
        "reminder",
        "escalated",
        "reopened_notice",
        "addition_notice",
        "answer_notice",
        "photos",
        "field_report_notice",
        "help_answer",
        "plan_ended",
    }
)
HELP_TEMPLATES = frozenset({"help_notice", "help_reminder"})
LISTS = frozenset({"gathered", "ticket_list"})
PLACING_TEMPLATES = frozenset({"triage_notice", "emergency_notice", "objection_notice"})
REPORTED_UNDER = ATR_TEMPLATES | PLACING_TEMPLATES
DESK_WORDS_TEMPLATES = frozenset({"triage_notice", "emergency_notice", "addition_notice"})
PROMPTS = {Act.ASK: "prompt_question", Act.DISPOSE: "prompt_atr", Act.MORE_TIME: "prompt_time"}
LEAST_REASON = 3  # words beside the number: "5 days" tells no reason
LONGEST_PLACING = 3  # words: more than a district and a matter is meant for the one who grieves


def decide_update(snapshot: Snapshot, row: InboxRow, update: DeskUpdate) -> Outcome:
    """Decide one Telegram update. Moves of chats and memberships are store matters, see batch.py."""
    origin = _origin(row, update)
    if update.verb is DeskVerb.PRESSED:
        return _pressed(snapshot, origin, update)
    if update.verb is DeskVerb.EDITED:
        return _edited(snapshot, origin, update)
    if update.verb is not DeskVerb.WROTE:
        return Outcome("ignored:update")
    is_reply = update.reply_to_id is not None and (is_note(update.text) or is_own_words(update.text))
    if update.text.startswith("/") and not is_reply:
        return command(snapshot, origin, update)
    if update.reply_to_id is not None:
        return _replied(snapshot, origin, update)
    return Outcome("ignored:talk")


def _origin(row: InboxRow, update: DeskUpdate) -> Origin:
    return Origin(
        key=f"in:{row.id}",
        actor="officer",
        inbox_id=row.id,
        channel_id=row.channel_id,
        author_id=update.author.id if update.author else "",
        update=update,
    )


# -- presses -----------------------------------------------------------------------------------------------------------------


def _pressed(snapshot: Snapshot, origin: Origin, update: DeskUpdate) -> Outcome:
    button = snapshot.buttons.get(update.press_data or "")
    if button is None or button["ticket_id"] is None:  # pages are turned in lists.py
        return toast_code(origin, "unknown_button")
    case = snapshot.cases[button["ticket_id"]]
    if button["act"] == Act.SHOW:
        return shown(snapshot, origin, update, case)
    by = None if update.anonymous else chair_of(snapshot, update, case)
    if by is None:
        return toast_code(origin, stranger_code(snapshot, update))
    if button["cycle"] != str(case.turn):
        return toast_code(origin, "closed_ticket" if case.ended else "old_button")
    origin = replace(origin, by=by)
    act, argument = Act(button["act"]), button["argument"]
    if is_triage(case, by, act):
        return pressed_at_triage(snapshot, origin, case, by, act, argument, _act_pressed)
    if act in ABOUT_DRAFTS:
        return report_pressed(snapshot, origin, case, by, act, argument)
    return _act_pressed(snapshot, origin, case, by, act, argument)


def _act_pressed(snapshot: Snapshot, origin: Origin, case: Case, by: OfficerBy, act: Act, argument: str) -> Outcome:
    from_cmo = by.role is Role.CMO_DESK
    match act:
        case Act.ACCEPT:
            return act_on(snapshot, origin, case, OfficerAccepted(by=by), "accepted")
        case Act.ASK | Act.DISPOSE | Act.MORE_TIME:
            if not case.with_office:
                return toast_code(origin, "closed_ticket", case)
            return prompt(origin, case, PROMPTS[act])
        case Act.GRANT | Act.REFUSE_TIME:
            days, _, asked_at = argument.partition("|")
            granted = act is Act.GRANT
            settled = SeniorSettledTime(by=by, days=int(days), asked_at=asked_at, granted=granted)
            return act_on(snapshot, origin, case, settled, "time_granted" if granted else "time_refused")
        case Act.SPLIT | Act.SPLIT_OFF:
            return split_pressed(snapshot, origin, case, act, argument)
        case Act.FORWARD if not (case.with_office or (from_cmo and case.status is Status.TRIAGE)):
            return toast_code(origin, "closed_ticket", case)
        case Act.REJECT if from_cmo and (case.ended or case.status is Status.DISPOSED):
            return toast_code(origin, "closed_ticket", case)
        case Act.FORWARD:
            offices = (*departments(snapshot, case, Act.FORWARD_TO), (Press(act=Act.FORWARD_TO, argument="cmo"),))
            return choose(origin, case, "choose_department", offices)
        case Act.FORWARD_TO:
            department = None if argument == "cmo" else argument
            return act_on(snapshot, origin, case, OfficerForwarded(by=by, department=department), "forwarded")
        case Act.REJECT if from_cmo:
            presses = tuple((Press(act=Act.REJECT_FOR, argument=reason),) for reason in REJECT_REASONS)
            return choose(origin, case, "choose_reason", presses)
        case Act.REJECT_FOR if from_cmo:
            return act_on(snapshot, origin, case, OfficerRejected(by=by, reason=argument), "rejected")
        case Act.REOPEN if from_cmo:
            return act_on(snapshot, origin, case, DeskReopened(by=by), "reopened")
        case Act.UPHOLD if from_cmo:
            return act_on(snapshot, origin, case, ObjectionRefused(by=by), "upheld")
        case Act.SET_CATEGORY if from_cmo:
            return act_on(snapshot, origin, case, DeskPlaced(by=by, category=argument), "set")
        case Act.SET_DISTRICT if from_cmo:
            return act_on(snapshot, origin, case, DeskPlaced(by=by, district=argument), "set")
    return more.pressed(snapshot, origin, case, by, act, argument)


# -- replies and commands ------------------------------------------------------------------------------------------------


def _ours(snapshot: Snapshot, update: DeskUpdate) -> Ours | None:
    return snapshot.ours.get((Platform.TELEGRAM, f"{update.chat_id}:{update.reply_to_id}"))


def _replied(snapshot: Snapshot, origin: Origin, update: DeskUpdate) -> Outcome:
    ours = _ours(snapshot, update)
    if ours is None or ours.ticket_id is None:
        return _about_no_ticket(snapshot, origin, update, ours)
    case = snapshot.cases[ours.ticket_id]
    chair = _chair_for_reply(snapshot, update, case, ours)
    if chair is None:
        return refuse(origin, stranger_code(snapshot, update))
    by, errand = chair
    origin = replace(origin, by=by)
    if update.album_id and not update.text:
        return album_picture(snapshot, origin, update, case, answers_notice=ours.template in REPORTED_UNDER)
    words = _words(update)
    if isinstance(words, str):
        return refuse(origin, words, case)
    if errand is None:
        outcome = _reply_meant(snapshot, origin, update, case, by, ours)
    elif errand is ErrandKind.HELP:
        outcome = more.help_answered(snapshot, origin, update, case, by)
    else:
        outcome = draft_report(snapshot, origin, update, case, by)
    kept = as_note(words, ours, update.text)
    steps = (replace(outcome.steps[0], words=kept), *outcome.steps[1:]) if outcome.steps else ()
    return replace(outcome, steps=steps)


def _about_no_ticket(snapshot: Snapshot, origin: Origin, update: DeskUpdate, ours: Ours | None) -> Outcome:
    """Talk among people is no business of ours; but a report under a list, or under a lost message, must not vanish."""
    to_us = update.reply_to_words if ours is None else ours.template in LISTS
    author = None if update.anonymous else update.author
    is_officer = author is not None and any(snapshot.ground.directory.posts_of(author.id))
    return refuse(origin, "no_notice") if to_us and is_officer else Outcome("ignored:talk")


def _chair_for_reply(
    snapshot: Snapshot, update: DeskUpdate, case: Case, ours: Ours
) -> tuple[OfficerBy, ErrandKind | None] | None:
    """In which chair somebody replies: as whoever may act, or as one who was sent or asked."""
    if update.anonymous:
        return None
    helper = errand_chair(snapshot, update, case, ErrandKind.HELP)
    if helper is not None and ours.template in HELP_TEMPLATES:
        return helper, ErrandKind.HELP
    acting = chair_of(snapshot, update, case)
    if acting is not None:
        return acting, None
    sent = errand_chair(snapshot, update, case, ErrandKind.MARK)
    return (sent, ErrandKind.MARK) if sent is not None else None


def _words(update: DeskUpdate) -> tuple[Words, ...] | str:
    """The officer's reply for the transcript, or the code of what is wrong with it."""
    if any(attachment.kind == "sticker" for attachment in update.attachments):
        return "sticker"
    if not update.text.strip():
        return "caption_missing" if picture_of(update) else "no_text"
    if len(update.text) > LONGEST_WORDS:
        return "text_too_long"
    message = f"{update.chat_id}:{update.message_id}"
    return (Words(Platform.TELEGRAM, "officer", message, update.chat_id, update.text, update.occurred_at),)


def _reply_meant(
    snapshot: Snapshot, origin: Origin, update: DeskUpdate, case: Case, by: OfficerBy, ours: Ours
) -> Outcome:
    if (meant := more.replied(snapshot, origin, update, case, by, ours)) is not None:
        return meant
    if is_own_words(update.text):
        return said_by_hand(snapshot, origin, update, case, by)
    if ours.template == "prompt_question":
        return act_on(snapshot, origin, case, OfficerAsked(by=by, question=mask(update.text.strip())), "asked")
    if ours.template == "prompt_time":
        return _time_asked(snapshot, origin, update, case, by)
    if ours.template == "choose_department":
        reason = mask(update.text.strip())
        return act_on(snapshot, origin, case, OfficerForwarded(by=by, department=None, reason=reason), "forwarded")
    if ours.template == "emergency_confirm":
        return _confirmed(snapshot, origin, update, case)
    from_cmo = by.role is Role.CMO_DESK
    if from_cmo and case.register is Register.GRAVE and ours.template in DESK_WORDS_TEMPLATES:
        return _to_the_grieving(snapshot, origin, update, case, by)
    if ours.template in PLACING_TEMPLATES and from_cmo and not case.with_office:
        return placed_by_words(snapshot, origin, case, by, lambda: _placed(snapshot, origin, update, case, by))
    if ours.template in REPORTED_UNDER:
        return draft_report(snapshot, origin, update, case, by)
    return refuse(origin, "not_here", case)


def _time_asked(snapshot: Snapshot, origin: Origin, update: DeskUpdate, case: Case, by: OfficerBy) -> Outcome:
    """How many days, and why: both are needed."""
    found = re.search(r"\d{1,4}", update.text)
    if found is None:
        return refuse(origin, "days_missing", case)
    reason = f"{update.text[: found.start()]} {update.text[found.end() :]}"
    if len(re.findall(r"[^\W\d_]+", reason)) < LEAST_REASON:
        return refuse(origin, "reason_missing", case)
    asked = OfficerAskedTime(by=by, days=int(found.group()), reason=mask(update.text.strip()))
    return act_on(snapshot, origin, case, asked, "time_asked")


def _confirmed(snapshot: Snapshot, origin: Origin, update: DeskUpdate, case: Case) -> Outcome:
    """The desk says whether help has come; a no leaves the ticket urgent."""
    answer = read_answer(update.text, asked=Asked.SATISFACTION)
    missing_still = answer.wants.unresolved or answer.verdict is Verdict.UNSATISFIED
    record = Record(kind="help_missing" if missing_still else "help_confirmed")
    told = Tell(template="refusal", facts=Facts(why="set"), how=How.REPLY)
    effects: tuple[Effect, ...] = (record, told)
    if case.with_office:
        effects = (record, RefreshNotice(), told)
    calm = case if missing_still else replace(case, urgent=False)
    snapshot.keep(calm)
    decision = Decision(case=calm, effects=effects, result=record.kind)
    return Outcome(record.kind, (Step(origin, case, decision),))


def _to_the_grieving(snapshot: Snapshot, origin: Origin, update: DeskUpdate, case: Case, by: OfficerBy) -> Outcome:
    """A clerk's reply is written to the citizen as it stands; two or three words of place and matter only place it."""
    words = mask(update.text.strip())
    if len(words.split()) <= LONGEST_PLACING and not case.with_office:
        placed = _placed(snapshot, origin, update, case, by)
        if placed.result != "refused:understood_nothing":
            return placed
    return say_to_citizen(snapshot, origin, update, case, words)


def _placed(snapshot: Snapshot, origin: Origin, update: DeskUpdate, case: Case, by: OfficerBy) -> Outcome:
    """A clerk names district and matter in their own words."""
    answer = read_answer(
        update.text,
        asked=Asked.BOTH,
        category_choices=case.category_choices,
        district_choices=case.district_choices,
    )
    if answer.category is None and answer.district is None:
        if answer.wants.reopen:
            return act_on(snapshot, origin, case, DeskReopened(by=by), "set")
        return refuse(origin, "understood_nothing", case)
    return act_on(snapshot, origin, case, DeskPlaced(by=by, category=answer.category, district=answer.district), "set")


def _edited(snapshot: Snapshot, origin: Origin, update: DeskUpdate) -> Outcome:
    """An edited report does not change what was sent or previewed: the officer is told to write again."""
    ours = _ours(snapshot, update) if update.reply_to_id else None
    if ours is None or ours.ticket_id is None or ours.template not in ATR_TEMPLATES | {"prompt_question"}:
        return Outcome("ignored:edited")
    return refuse(origin, "edited_after_sending", snapshot.cases[ours.ticket_id])
