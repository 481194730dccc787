"""Action-taken reports: the draft, what the citizen will read of it, what it says, and who must stand behind it.

Owns the way from an officer's words to a disposal: preview, kind, what a kind needs, a senior's approval. What a
disposal does to the ticket is in office_acts.py. A promise is no disposal: there is no kind for it, and no way to send it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from handlers.case import Case
from handlers.desk.acting import act_on
from handlers.desk.examining import doubts_about, is_being_looked_at, is_lost, of_draft
from handlers.desk.more import field_reported, is_field_post
from handlers.desk.officers_pictures import photo_needed, picture_of, what_is_wrong
from handlers.desk.snapshot import Snapshot, draft_of
from handlers.desk.steps import Draft, Origin, Outcome, Picture, Step
from handlers.desk.telling import refuse, tell_officer, toast_code
from handlers.desk.together import left_since, others_for
from handlers.effects import Act, Audience, Decision, Effect, How, Notify, Press, Record, Tell
from handlers.facts import Facts, PhotoDoubt
from handlers.heard import OfficerBy, OfficerDisposed
from handlers.office_acts import needs_senior
from handlers.render import RenderError, render_result_within
from handlers.replies import office_facts
from handlers.understanding import mask
from store.inbound import DeskUpdate
from store.vocabulary import Disposal, Sensitivity

OTHER_ANSWERS: Final = tuple(one for one in Disposal if one is not Disposal.DONE)
# A rule is cited by its number or by its name; a case by its number and year: CWP-1234-2024, suit 45 of 2022.
A_RULE: Final = re.compile(
    r"\d|\b(?:rules?|section|clause|act|notification|policy|niyam|dhara)\b|नियम|धारा|अधिनियम|ਨਿਯਮ|ਧਾਰਾ", re.IGNORECASE
)
# What will be done, in the words of the four languages; and what was, which may well be followed by a promise.
A_PROMISE: Final = re.compile(
    r"\b(?:will|shall|would) (?:be|get|do)\b|\b(?:under|in) (?:process|progress)\b|\bwithin \d+\b|\bsoon\b|\btomorrow\b"
    r"|\b(?:kar|karwa|karva|bhej) ?(?:denge|dege|lenge)\b|\bkarenge\b|\bho ?ja?yega\b|\bho jaega\b|\bja?yega\b|\bjald\w*\b"
    r"|\bchal raha\b|\bjari hai\b|करेंगे|देंगे|जाएगा|जायेगा|जाएगी|जायेगी|जल्द|चल रहा|जारी है"
    r"|ਕਰਾਂਗੇ|ਦਿਆਂਗੇ|ਦੇਵਾਂਗੇ|ਜਾਵੇਗਾ|ਜਾਵੇਗੀ|ਜਲਦੀ|ਚੱਲ ਰਿਹਾ|ਜਾਰੀ ਹੈ",
    re.IGNORECASE,
)
A_DEED: Final = re.compile(
    r"(?<!\bbe )(?<!\bget )\b(?:done|completed?|repaired|fixed|restored|resolved|replaced|cleaned|removed|installed|released"
    r"|issued|paid|has been|have been|was|were)\b"
    r"|\b(?:diya|diye|di|gaya|gayi|gaye|liya|hua|hui|chuka|chuki|chuke)\b(?! ja)"
    r"|(?:दिया|दिए|दी|गया|गई|गए|लिया|हुआ|हुई|चुका|चुकी|चुके)(?!\w)(?! जा)"
    r"|(?:ਦਿੱਤਾ|ਦਿੱਤੀ|ਗਿਆ|ਗਈ|ਹੋਇਆ|ਚੁੱਕਾ|ਚੁੱਕੀ)(?!\w)(?! ਜਾ)",
    re.IGNORECASE,
)
A_CASE: Final = re.compile(r"\d{1,7}\D{0,12}\b(?:19|20)\d\d\b")


def draft_report(snapshot: Snapshot, origin: Origin, update: DeskUpdate, case: Case, by: OfficerBy) -> Outcome:
    """An action-taken report: shown exactly as the citizen will read it, and sent only when confirmed."""
    if not case.with_office:
        return refuse(origin, "closed_ticket", case)
    wrong = what_is_wrong(update)
    if wrong is not None:
        return refuse(origin, wrong, case)
    picture = picture_of(update)
    if picture is None:
        return _drafted(snapshot, origin, case, Draft(by.officer_id, update.text.strip(), None, post=by.post), by)
    _know_album(snapshot, case, picture)
    draft = Draft(by.officer_id, update.text.strip(), picture.ref, album_id=picture.album_id, post=by.post)
    outcome = _drafted(snapshot, origin, case, draft, by)
    if not outcome.steps[0].draft:
        return outcome
    return replace(outcome, steps=(replace(outcome.steps[0], pictures=(picture,)), *outcome.steps[1:]))


def album_picture(
    snapshot: Snapshot, origin: Origin, update: DeskUpdate, case: Case, *, answers_notice: bool
) -> Outcome:
    """A picture of an album without words: another one carries them, and if that is not the first there are none."""
    picture = picture_of(update)
    if not answers_notice or picture is None or what_is_wrong(update) is not None:
        return Outcome("ignored:album")
    is_first = (case.id, picture.album_id) not in snapshot.albums
    _know_album(snapshot, case, picture)
    if is_first:
        refused = refuse(origin, "caption_missing", case)
        return replace(refused, steps=(replace(refused.steps[0], pictures=(picture,)),))
    step = Step(origin, case, Decision(case=case, result="album"), pictures=(picture,))
    return Outcome("album", (step,))


def _know_album(snapshot: Snapshot, case: Case, picture: Picture) -> None:
    if picture.album_id is not None:
        snapshot.albums.add((case.id, picture.album_id))


def _drafted(snapshot: Snapshot, origin: Origin, case: Case, draft: Draft, by: OfficerBy) -> Outcome:
    if is_field_post(snapshot, by.post):
        return _field_report(snapshot, origin, case, draft, by)
    return _previewed(snapshot, origin, case, draft)


def _field_report(snapshot: Snapshot, origin: Origin, case: Case, draft: Draft, by: OfficerBy) -> Outcome:
    """A field officer's words and photo: the owner reads what the citizen would read, and decides."""
    lacking = _lacking(snapshot, case, draft)
    if lacking is not None:
        return refuse(origin, lacking, case)
    try:
        text, _ = _reads(case, draft)
    except RenderError:
        return _refused(origin, "text_too_long", case)
    decision = field_reported(case, by, text, has_photo=draft.photo_ref is not None, key=origin.key)
    return Outcome("field_reported", (Step(origin, case, decision, draft=draft),))


def report_pressed(snapshot: Snapshot, origin: Origin, case: Case, by: OfficerBy, act: Act, argument: str) -> Outcome:
    """A button under a preview, or under a request to approve one."""
    draft_id = draft_of(argument)
    kept = snapshot.drafts.get(draft_id)
    if kept is None or kept["used_at"] is not None:
        return toast_code(origin, "old_button", case)
    draft = _draft(kept)
    from_field = is_field_post(snapshot, draft.post)
    is_another = draft.officer_id != by.officer_id
    if (
        is_another
        and not from_field
        and not (act in (Act.CONFIRM, Act.CANCEL) and _may_approve(snapshot, case, draft, by))
    ):
        return toast_code(origin, "not_your_ticket", case)
    match act:
        case Act.CANCEL:
            back_to = draft.post if from_field else None
            return _cancelled(origin, case, draft_id, by, refused_by_senior=is_another, back_to=back_to)
        case Act.NOT_DONE:
            return _asked_what_it_says(origin, case, draft_id)
        case Act.SAYS:
            return _says(snapshot, origin, case, draft, draft_id, Disposal(argument.partition("|")[2]))
    shown = _pictures(snapshot, case, draft)
    if is_lost(shown):
        draft = replace(draft, photo_ref=None)  # it shows nothing, so none is on record
    lacking = what_lacks(draft, draft.disposal, must_show=photo_needed(case, snapshot.ground))
    if lacking is not None:  # the matter was another one when the preview was shown
        return toast_code(origin, lacking, case)
    if is_being_looked_at(shown, kept.get("created_at"), snapshot.now):
        return toast_code(origin, "photo_awaited", case)
    if needs_senior(case, draft.disposal, by.post, snapshot.ground):
        return _sent_up(snapshot, origin, case, draft, draft_id, by)
    return _disposed(snapshot, origin, case, draft, draft_id, by)


def _pictures(snapshot: Snapshot, case: Case, draft: Draft) -> list[Mapping[str, Any]]:
    return of_draft(snapshot.pictures, {"photo_ref": draft.photo_ref, "album_id": draft.album_id}, case.id)


def _doubts(snapshot: Snapshot, case: Case, draft: Draft) -> tuple[PhotoDoubt, ...]:
    return doubts_about(case, _pictures(snapshot, case, draft), snapshot.ground.policy.photo_far_km)


def _draft(kept: Any) -> Draft:
    return Draft(
        kept["officer_id"],
        kept["text"],
        kept["photo_ref"],
        Disposal(kept["disposal"]),
        kept["album_id"],
        kept["post"],
    )


def _may_approve(snapshot: Snapshot, case: Case, draft: Draft, by: OfficerBy) -> bool:
    """Somebody above the owner's chair, where the answer needs one; whoever may act at all was checked before."""
    needed = needs_senior(case, draft.disposal, case.owner_post or "", snapshot.ground)
    return needed and not needs_senior(case, draft.disposal, by.post, snapshot.ground)


# -- what the citizen will read ------------------------------------------------------------------------------------------


def _reads(case: Case, draft: Draft) -> tuple[str | None, bool]:
    """The public words, and whether they were cut; None where nothing is said in public. Raises RenderError."""
    if case.sensitivity is Sensitivity.SENSITIVE:
        return None, False
    facts = replace(
        office_facts(case),
        number=case.number,
        officer_words=mask(draft.text),
        photo_on_record=draft.photo_ref is not None,
        disposal=draft.disposal,
        disposal_count=case.disposal_count + 1,
    )
    return render_result_within(case.language, facts)


def _previewed(snapshot: Snapshot, origin: Origin, case: Case, draft: Draft, used_draft: int | None = None) -> Outcome:
    try:
        text, cut = _reads(case, draft)
    except RenderError:
        return _refused(origin, "text_too_long", case)
    lacking = _lacking(snapshot, case, draft)
    cancel = Press(act=Act.CANCEL, argument="draft")
    send = (cancel,) if lacking else (Press(act=Act.CONFIRM, argument="draft"), cancel)
    more = ((Press(act=Act.NOT_DONE, argument="draft"),),) if draft.disposal is Disposal.DONE else ()
    facts = Facts(citizen_reads=text, cut=cut, readers=_readers(snapshot, case))
    if text is None:
        facts = Facts(why="not_public")
    facts = replace(facts, photo_doubts=_doubts(snapshot, case, draft))
    if lacking:
        facts = replace(facts, citizen_reads=None, cut=False, why=lacking)
    preview = Tell(template="preview", facts=facts, how=How.REPLY, step="preview", presses=(send, *more))
    effects: tuple[Effect, ...] = (preview,)
    if used_draft is not None:
        effects = (preview, Tell(template="toast", facts=Facts(why="shown"), how=How.TOAST))
    decision = Decision(case=case, effects=effects, result="drafted")
    return Outcome("drafted", (Step(origin, case, decision, draft=draft, used_draft=used_draft),))


def _readers(snapshot: Snapshot, case: Case) -> int:
    """How many people will read the answer, where it is not the one citizen alone."""
    others = len(others_for(snapshot, case))
    return others + 1 if others else 0


def _lacking(snapshot: Snapshot, case: Case, draft: Draft) -> str | None:
    """Why the report cannot be sent as it is, as the code of a sentence."""
    if draft.disposal is Disposal.DONE and is_promise(draft.text):
        return "promise"
    return what_lacks(draft, draft.disposal, must_show=photo_needed(case, snapshot.ground))


def _refused(origin: Origin, why: str, case: Case) -> Outcome:
    pressed = origin.update is not None and origin.update.press_id is not None
    return toast_code(origin, why, case) if pressed else refuse(origin, why, case)


# -- what it says --------------------------------------------------------------------------------------------------------


def _asked_what_it_says(origin: Origin, case: Case, draft_id: int) -> Outcome:
    presses = tuple((Press(act=Act.SAYS, argument=f"{draft_id}|{one.value}"),) for one in OTHER_ANSWERS)
    tell = Tell(template="choose_disposal", how=How.REPLY, step="choose_disposal", presses=presses)
    toast = Tell(template="toast", facts=Facts(why="choose"), how=How.TOAST)
    decision = Decision(case=case, effects=(tell, toast), result="asked")
    return Outcome("asked:choose_disposal", (Step(origin, case, decision),))


def _says(snapshot: Snapshot, origin: Origin, case: Case, draft: Draft, draft_id: int, disposal: Disposal) -> Outcome:
    lacking = what_lacks(draft, disposal)
    if lacking is not None:
        return toast_code(origin, lacking, case)
    return _previewed(snapshot, origin, case, replace(draft, disposal=disposal), used_draft=draft_id)


def is_promise(words: str) -> bool:
    """Does a report only tell what will be done?"""
    return bool(A_PROMISE.search(words)) and not A_DEED.search(words)


def what_lacks(draft: Draft, disposal: Disposal, *, must_show: bool = False) -> str | None:
    """What this kind of answer needs and the report does not have, as the code of a sentence."""
    match disposal:
        case Disposal.DONE if must_show and draft.photo_ref is None:
            return "photo_needed"
        case Disposal.NOT_FOUND if draft.photo_ref is None:
            return "photo_of_site"
        case Disposal.NOT_ELIGIBLE if not A_RULE.search(draft.text):
            return "cite_rule"
        case Disposal.COURT_ORDER if not A_CASE.search(draft.text):
            return "cite_case"
    return None


# -- how it ends ---------------------------------------------------------------------------------------------------------


def _sent_up(snapshot: Snapshot, origin: Origin, case: Case, draft: Draft, draft_id: int, by: OfficerBy) -> Outcome:
    """The next officer up reads what the citizen would read, and sends it or does not."""
    try:
        text, _ = _reads(case, draft)
    except RenderError:
        return toast_code(origin, "text_too_long", case)
    presses = ((Press(act=Act.CONFIRM, argument=str(draft_id)), Press(act=Act.CANCEL, argument=str(draft_id))),)
    notice = Notify(
        audience=Audience.SUPERVISOR,
        template="approval_notice",
        facts=Facts(
            citizen_reads=text,
            officer=by.name,
            disposal=draft.disposal,
            readers=_readers(snapshot, case),
            photo_doubts=_doubts(snapshot, case, draft),
        ),
        step=f"approval:{draft_id}",
        presses=presses,
        urgent=True,
    )
    record = Record(kind="approval_asked", codes=(("disposal", draft.disposal.value),))
    toast = Tell(template="toast", facts=Facts(why="sent_up"), how=How.TOAST)
    decision = Decision(case=case, effects=(record, notice, toast), result="approval_asked")
    return Outcome("approval_asked", (Step(origin, case, decision),))


def _cancelled(
    origin: Origin, case: Case, draft_id: int, by: OfficerBy, *, refused_by_senior: bool, back_to: str | None
) -> Outcome:
    """Whoever wrote it hears that it was not sent: the owner, or the field officer's own chair."""
    if not refused_by_senior:
        told = tell_officer(origin, "toast", Facts(why="cancelled"), How.TOAST, "cancelled", case)
        return replace(told, steps=(replace(told.steps[0], used_draft=draft_id),))
    notice = Notify(
        audience=Audience.POST if back_to else Audience.OWNER,
        post=back_to,
        template="not_approved",
        facts=Facts(officer=by.name),
        step=f"not_approved:{draft_id}",
    )
    toast = Tell(template="toast", facts=Facts(why="cancelled"), how=How.TOAST)
    decision = Decision(case=case, effects=(Record(kind="not_approved"), notice, toast), result="not_approved")
    return Outcome("not_approved", (Step(origin, case, decision, used_draft=draft_id),))


def _disposed(snapshot: Snapshot, origin: Origin, case: Case, draft: Draft, draft_id: int, by: OfficerBy) -> Outcome:
    disposed = OfficerDisposed(
        by=by, words=mask(draft.text), has_photo=draft.photo_ref is not None, disposal=draft.disposal
    )
    skipped = left_since(snapshot, case, snapshot.drafts[draft_id]["created_at"])
    outcome = act_on(snapshot, origin, case, disposed, "disposed", skipped=skipped)
    snapshot.drafts[draft_id] = {**snapshot.drafts[draft_id], "used_at": snapshot.now}
    return replace(outcome, steps=tuple(replace(step, used_draft=draft_id) for step in outcome.steps))
