"""Errands: the owner of a ticket sends a field officer to it, or asks other offices to help. One owner all the same.

Pure. A field officer (JE, SHO, patwari) works under the ticket's own clock and reports to the owner, who answers the
citizen; a helping office has a clock of its own. Errands end when the ticket leaves the owner's hands. Neither gives a
right to dispose, forward or reject.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from handlers.case import Case, Errand
from handlers.effects import Audience, Decision, Effect, Notify, Record, RefreshNotice
from handlers.facts import Facts
from handlers.ground import Ground
from handlers.heard import HelperAnswered, OfficerAskedHelp, OfficerMarked
from handlers.refusing import ActRefused
from handlers.routing import assign, is_held
from handlers.time_limits import add_office_hours
from store.people import Directory, Post
from store.vocabulary import ErrandKind, Role, Sensitivity

MOST_HELPERS = 3  # at once; more offices than that need a meeting, not a ticket
HELP_HOURS = 24  # office hours: three days of open offices for an answer to a colleague
HELP_AGAIN = timedelta(hours=24)  # how often a late helper is asked again


def errands_of(case: Case, kind: ErrandKind) -> Iterator[Errand]:
    """The ticket's open errands of one kind."""
    return (errand for errand in case.errands if errand.kind is kind)


def field_posts(case: Case, directory: Directory) -> list[Post]:
    """The field officers of the ticket's own department and district whom somebody can reach, by their titles."""
    found = (
        post
        for post in directory.posts.values()
        if post.role is Role.FIELD_OFFICER and post.department == case.department and post.covers(case.district)
    )
    return sorted((post for post in found if is_held(post)), key=lambda post: (post.title, post.code))


def _must_be_ordinary(case: Case) -> None:
    """Whom a ticket accuses, or whose safety it is about, must not depend on who else is sent."""
    if not case.with_office:
        raise ActRefused("closed_ticket")
    if case.sensitivity is not Sensitivity.NORMAL:
        raise ActRefused("not_for_others")


def mark(case: Case, act: OfficerMarked, now: datetime, ground: Ground) -> Decision:
    """Send a field officer, in the place of one who was sent before."""
    _must_be_ordinary(case)
    if act.post not in (post.code for post in field_posts(case, ground.directory)):
        raise ActRefused("no_field_officer")
    if any(errand.post == act.post for errand in errands_of(case, ErrandKind.MARK)):
        raise ActRefused("marked_already")
    errand = Errand(kind=ErrandKind.MARK, post=act.post, asked_by=act.by.post, asked_at=now)
    others = tuple(one for one in case.errands if one.kind is not ErrandKind.MARK)
    relieved = tuple(_over(case, one, now) for one in errands_of(case, ErrandKind.MARK))
    marked = replace(case, errands=(*others, errand))
    notice = Notify(
        audience=Audience.POST,
        post=act.post,
        template="marked_notice",
        facts=Facts(officer=act.by.name),
        step=f"marked:{case.turn}:{_stamp(now)}",
    )
    record = Record(kind="marked", codes=(("to", act.post),))
    return Decision(case=marked, effects=(record, RefreshNotice(), *relieved, notice), result="marked")


def ask_help(case: Case, act: OfficerAskedHelp, now: datetime, ground: Ground) -> Decision:
    """Ask another department's office in the same district; it answers to the owner by its own time."""
    _must_be_ordinary(case)
    helper = _helper(case, act.department, ground)
    helping = tuple(errands_of(case, ErrandKind.HELP))
    if any(errand.post == helper.code for errand in helping):
        raise ActRefused("helping_already")
    if len(helping) >= MOST_HELPERS:
        raise ActRefused("enough_helpers")
    due_at = add_office_hours(now, HELP_HOURS, ground.policy.holidays)
    errand = Errand(kind=ErrandKind.HELP, post=helper.code, asked_by=act.by.post, asked_at=now, due_at=due_at)
    notice = Notify(
        audience=Audience.POST,
        post=helper.code,
        template="help_notice",
        facts=Facts(officer=act.by.name, question=act.question, help_due_at=due_at),
        step=f"help:{case.turn}:{_stamp(now)}",
    )
    record = Record(kind="help_asked", codes=(("of", helper.code),))
    asked = replace(case, errands=(*case.errands, errand))
    return Decision(case=asked, effects=(record, RefreshNotice(), notice), result="help_asked")


def _helper(case: Case, department: str, ground: Ground) -> Post:
    category = ground.taxonomy.categories[case.category or "other"]
    if department not in ground.taxonomy.departments:
        raise ActRefused("no_such_department")
    post = assign(category, case.district, case.rural, ground.directory, department=department).post
    if post is None or post.department != department or not is_held(post):
        raise ActRefused("nobody_there")
    if post.code == case.owner_post:
        raise ActRefused("same_department")
    return post


def answer_help(case: Case, act: HelperAnswered, now: datetime, ground: Ground) -> Decision:
    """The helper's words go to the owner, and the errand is over."""
    errand = next((one for one in errands_of(case, ErrandKind.HELP) if one.post == act.by.post), None)
    if errand is None or not case.with_office:
        raise ActRefused("not_needed_any_more")
    left = tuple(one for one in case.errands if one is not errand)
    notice = Notify(
        audience=Audience.OWNER,
        template="help_answer",
        facts=Facts(officer=act.by.name, from_post=_title(act.by.post, ground), answer_words=act.words),
        step=f"help_answer:{case.turn}:{act.by.post}:{_stamp(now)}",
    )
    record = Record(kind="help_answered", codes=(("by", act.by.post),))
    return Decision(case=replace(case, errands=left), effects=(record, RefreshNotice(), notice), result="help_answered")


# -- time ----------------------------------------------------------------------------------------------------------------


def next_late(case: Case) -> datetime | None:
    """When a helping office must next be asked again; None where none is waited for."""
    if not case.with_office:
        return None
    return min((moment for errand in case.errands if (moment := _late_at(errand))), default=None)


def _late_at(errand: Errand) -> datetime | None:
    return errand.reminded_at + HELP_AGAIN if errand.reminded_at else errand.due_at


def remind_late(case: Case, now: datetime, ground: Ground) -> Decision:
    """The helping office is asked again, and the owner hears that nothing came."""
    effects: list[Effect] = []
    kept: list[Errand] = []
    for errand in case.errands:
        late_at = _late_at(errand)
        if late_at is None or late_at > now:
            kept.append(errand)
            continue
        kept.append(replace(errand, reminded_at=now))
        facts = Facts(help_due_at=errand.due_at, from_post=_title(errand.post, ground))
        step = f"help_late:{case.turn}:{errand.post}:{_stamp(now)}"
        effects += [
            Record(kind="help_late", codes=(("of", errand.post),)),
            Notify(audience=Audience.POST, post=errand.post, template="help_reminder", facts=facts, step=step),
            Notify(audience=Audience.OWNER, template="help_late", facts=facts, step=f"{step}:owner"),
        ]
    return Decision(case=replace(case, errands=tuple(kept)), effects=tuple(effects), result="reminded")


def remind_field(case: Case, facts: Facts, step: str) -> tuple[Effect, ...]:
    """Whoever was sent hears of the ticket's time as the owner does."""
    return tuple(
        Notify(audience=Audience.POST, post=errand.post, template="reminder", facts=facts, step=f"{step}:field")
        for errand in errands_of(case, ErrandKind.MARK)
    )


# -- their end -----------------------------------------------------------------------------------------------------------


def settle(before: Case, decision: Decision, now: datetime) -> Decision:
    """The same decision, with errands and plans ended where the ticket left the hands that gave them."""
    after = decision.case
    if after is None or (not after.errands and after.planned_until_at is None):
        return decision
    hidden = after.sensitivity is not Sensitivity.NORMAL  # told in sensitive words since, it is no longer for others
    if after.with_office and after.turn == before.turn and not hidden:
        return decision
    over = tuple(_over(after, errand, now) for errand in after.errands)
    still_planned = after.planned_until_at if after.with_office and after.turn == before.turn else None
    settled = replace(after, errands=(), planned_until_at=still_planned)
    return replace(decision, case=settled, effects=(*decision.effects, *over))


def _over(case: Case, errand: Errand, now: datetime) -> Effect:
    return Notify(
        audience=Audience.POST,
        post=errand.post,
        template="errand_over",
        step=f"errand_over:{case.turn}:{errand.post}:{_stamp(now)}",
        quiet=True,
    )


def _title(post: str, ground: Ground) -> str:
    found = ground.directory.posts.get(post)
    return found.title if found is not None else post


def _stamp(moment: datetime) -> str:
    return str(int(moment.timestamp()))
