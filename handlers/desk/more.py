"""What officers do more seldom: send a field officer, ask another office, plan for a day, leave a note for colleagues.

Owns the way from presses and replies to those acts. What they do to a ticket is in errands.py and planning.py of the
deciding core; who may press was checked in officers.py.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Final

from handlers.case import Case
from handlers.desk import details
from handlers.desk.acting import act_on
from handlers.desk.dates import read_day
from handlers.desk.snapshot import Ours, Snapshot
from handlers.desk.steps import Origin, Outcome, Step, Words
from handlers.desk.telling import refuse, toast_code
from handlers.effects import Act, Audience, Decision, How, Notify, Press, Record, Tell
from handlers.errands import MOST_HELPERS, errands_of, field_posts
from handlers.facts import Facts
from handlers.heard import (
    HelperAnswered,
    OfficerAskedHelp,
    OfficerBroughtBack,
    OfficerBy,
    OfficerMarked,
    OfficerNoted,
    OfficerPlanned,
)
from handlers.time_limits import OFFICE_ZONE, OPENS, into_office_time
from handlers.understanding import mask
from store.inbound import DeskUpdate
from store.vocabulary import ErrandKind, Role, Sensitivity, Status

LEAST_REASON: Final = 3  # words beside the day: "15 January" tells no reason
NOTE: Final = "/note"
PROMPT_HELP: Final = "prompt_help"


def pressed(snapshot: Snapshot, origin: Origin, case: Case, by: OfficerBy, act: Act, argument: str) -> Outcome:
    """A press of the second row of acts."""
    match act:
        case Act.MORE:
            return choose(origin, case, "choose_more", _offered(snapshot, case))
        case Act.PLAN if case.with_office:
            return prompt(origin, case, "prompt_plan")
        case Act.NOTE:
            return prompt(origin, case, "prompt_note")
        case Act.DETAILS:
            return details.asked(origin, case)
        case Act.BRING_BACK:
            return act_on(snapshot, origin, case, OfficerBroughtBack(by=by, until=argument), "brought_back")
        case Act.MARK if case.with_office:
            return _choose_field_officer(snapshot, origin, case)
        case Act.MARK_TO:
            return act_on(snapshot, origin, case, OfficerMarked(by=by, post=argument), "marked")
        case Act.HELP if case.with_office:
            return choose(origin, case, "choose_helper", departments(snapshot, case, Act.HELP_OF))
        case Act.HELP_OF if case.with_office:
            return prompt(origin, case, PROMPT_HELP, step=f"{PROMPT_HELP}:{argument}")
        case Act.PLAN | Act.MARK | Act.HELP | Act.HELP_OF:
            return toast_code(origin, "closed_ticket", case)
    return toast_code(origin, "not_your_ticket", case)


def _offered(snapshot: Snapshot, case: Case) -> tuple[tuple[Press, ...], ...]:
    """The acts that are possible now, two to a row."""
    acts = [Act.NOTE]
    if case.with_office and case.sensitivity is Sensitivity.NORMAL:
        acts = [
            *([Act.MARK] if field_posts(case, snapshot.ground.directory) else []),
            *([Act.HELP] if len(tuple(errands_of(case, ErrandKind.HELP))) < MOST_HELPERS else []),
            *([] if case.urgent or case.planned_until_at else [Act.PLAN]),
            *([Act.BRING_BACK] if case.planned_until_at else []),
            Act.NOTE,
        ]
    if case.status is Status.ACCEPTED:
        acts.append(Act.DETAILS)
    return paired([Press(act=act) for act in acts])


def paired(presses: list[Press]) -> tuple[tuple[Press, ...], ...]:
    """Two buttons to a row, as a small phone shows them."""
    return tuple(tuple(presses[at : at + 2]) for at in range(0, len(presses), 2))


def choose(origin: Origin, case: Case, template: str, presses: tuple[tuple[Press, ...], ...]) -> Outcome:
    """A message with buttons to choose from."""
    tell = Tell(template=template, how=How.REPLY, step=template, presses=presses)
    return _asked(origin, case, template, tell, "choose")


def prompt(origin: Origin, case: Case, template: str, *, step: str = "") -> Outcome:
    """A message to be answered by a reply."""
    return _asked(origin, case, template, Tell(template=template, how=How.PROMPT, step=step or template), "write_reply")


def _asked(origin: Origin, case: Case, template: str, tell: Tell, toast: str) -> Outcome:
    told = Tell(template="toast", facts=Facts(why=toast), how=How.TOAST)
    decision = Decision(case=case, effects=(tell, told), result="asked")
    return Outcome(f"asked:{template}", (Step(origin, case, decision),))


def departments(snapshot: Snapshot, case: Case, act: Act) -> tuple[tuple[Press, ...], ...]:
    """The offices that may be meant: the category's other ones first, two to a row."""
    taxonomy = snapshot.ground.taxonomy
    category = taxonomy.categories.get(case.category or "")
    likely = [
        *(category.other_departments if category else ()),
        *([category.rural_department] if category else ()),
    ]
    codes = [code for code in dict.fromkeys([*likely, *taxonomy.departments]) if code and code != case.department]
    return paired([Press(act=act, argument=code) for code in codes if code not in ("triage", "central")])


def _choose_field_officer(snapshot: Snapshot, origin: Origin, case: Case) -> Outcome:
    posts = field_posts(case, snapshot.ground.directory)
    if not posts:
        return toast_code(origin, "no_field_officer", case)
    presses = tuple((Press(act=Act.MARK_TO, argument=one.code, label=one.title),) for one in posts)
    return choose(origin, case, "choose_field_officer", presses)


# -- replies -------------------------------------------------------------------------------------------------------------


def replied(
    snapshot: Snapshot, origin: Origin, update: DeskUpdate, case: Case, by: OfficerBy, ours: Ours
) -> Outcome | None:
    """What a reply means that answers one of the prompts here, or is a note; None for all others."""
    if ours.template == "prompt_note" or is_note(update.text):
        return _noted(snapshot, origin, update, case, by)
    if ours.template == details.PROMPT:
        return details.told(origin, update, case)
    if ours.template == "prompt_plan":
        return _planned(snapshot, origin, update, case, by)
    if ours.template == PROMPT_HELP:
        department = ours.step_id.partition(f"{PROMPT_HELP}:")[2].partition(":")[0]
        asked = OfficerAskedHelp(by=by, department=department, question=mask(update.text.strip()))
        return act_on(snapshot, origin, case, asked, "help_asked")
    return None


def is_note(text: str) -> bool:
    """Does a reply say by itself that it is for colleagues?"""
    return text.split(maxsplit=1)[:1] == [NOTE]


def note_words(text: str) -> str:
    """The note without the word that says so."""
    return text.strip().removeprefix(NOTE).strip() if is_note(text) else text.strip()


def _noted(snapshot: Snapshot, origin: Origin, update: DeskUpdate, case: Case, by: OfficerBy) -> Outcome:
    if not note_words(update.text):
        return refuse(origin, "empty_text", case)
    return act_on(snapshot, origin, case, OfficerNoted(by=by), "noted")


def as_note(words: tuple[Words, ...], ours: Ours, text: str) -> tuple[Words, ...]:
    """The officer's reply as the transcript keeps it: a note is marked as one, so that no citizen reads it."""
    if ours.template != "prompt_note" and not is_note(text):
        return words
    return tuple(replace(one, speaker="note", text=note_words(one.text)) for one in words)


def _planned(snapshot: Snapshot, origin: Origin, update: DeskUpdate, case: Case, by: OfficerBy) -> Outcome:
    """Until which day, and why: both are needed."""
    found = read_day(update.text, snapshot.now.astimezone(OFFICE_ZONE).date())
    if found is None:
        return refuse(origin, "day_missing", case)
    day, beside = found
    if len(re.findall(r"[^\W\d_]+", beside)) < LEAST_REASON:
        return refuse(origin, "reason_missing", case)
    opens = datetime.combine(day, OPENS, OFFICE_ZONE)
    until = into_office_time(opens, snapshot.ground.policy.holidays)
    planned = OfficerPlanned(by=by, until=until, reason=mask(update.text.strip()))
    return act_on(snapshot, origin, case, planned, "planned")


# -- those who were sent or asked ----------------------------------------------------------------------------------------


def errand_chair(snapshot: Snapshot, update: DeskUpdate, case: Case, kind: ErrandKind) -> OfficerBy | None:
    """The chair in which this person was sent or asked; None when they were not."""
    if update.author is None or update.anonymous:
        return None
    directory = snapshot.ground.directory
    officer = directory.officer(update.author.id)
    wanted = {errand.post for errand in errands_of(case, kind)}
    for post in directory.posts_of(update.author.id):
        if officer is not None and post.code in wanted:
            return OfficerBy(officer_id=officer.id, name=officer.name, post=post.code, role=post.role)
    return None


def help_answered(snapshot: Snapshot, origin: Origin, update: DeskUpdate, case: Case, by: OfficerBy) -> Outcome:
    """A helping office's reply goes to the owner."""
    return act_on(snapshot, origin, case, HelperAnswered(by=by, words=mask(update.text.strip())), "help_answered")


def is_field_post(snapshot: Snapshot, post: str | None) -> bool:
    """Is this the chair of somebody who is sent, and never answers a citizen alone?"""
    found = snapshot.ground.directory.posts.get(post or "")
    return found is not None and found.role is Role.FIELD_OFFICER


def field_reported(case: Case, by: OfficerBy, citizen_reads: str | None, *, has_photo: bool, key: str) -> Decision:
    """What a field officer found, for the owner to send, to send back or to write anew."""
    notice = Notify(
        audience=Audience.OWNER,
        template="field_report_notice",
        facts=Facts(officer=by.name, citizen_reads=citizen_reads, photo_on_record=has_photo),
        step=f"field_report:{key}",
        presses=(
            (Press(act=Act.CONFIRM, argument="draft"), Press(act=Act.CANCEL, argument="draft")),
            (Press(act=Act.NOT_DONE, argument="draft"),),
        ),
        urgent=True,
    )
    told = Tell(template="refusal", facts=Facts(why="field_reported"), how=How.REPLY)
    return Decision(case=case, effects=(Record(kind="field_reported"), notice, told), result="field_reported")
