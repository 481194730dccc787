"""Action-taken reports, on both databases: what an answer says, what it needs, who must stand behind it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from officers_stage import CMO, HISAR, Office, labels, token

from handlers.desk.reports import is_promise, what_lacks
from handlers.desk.steps import Draft
from store.db import reading, writing
from store.inbound import Attachment
from store.outbound import Outgoing
from store.tables import drafts, events, media, outbox, satisfaction, tickets
from store.vocabulary import Disposal, OutgoingAct

DONE = "The pump was repaired today and water is back."


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine)
    office.complain("Hisar")
    return office


def said(answers: list[Outgoing]) -> list[str]:
    return [one.text for one in answers]


def preview(office: Office, words: str = DONE, *, photo: bool = False) -> Outgoing:
    (shown,) = office.reply("Nodal Hisar", HISAR, office.notice(), words, photo=photo)
    return shown


def other_answer(office: Office, shown: Outgoing, label: str) -> list[Outgoing]:
    """The officer says that the answer says something else."""
    choice, _ = office.press("Nodal Hisar", HISAR, token(shown, "It says something else..."))
    return office.press("Nodal Hisar", HISAR, token(choice, label))


def ticket(office: Office) -> sa.Row[tuple[object, ...]]:
    with reading(office.engine) as conn:
        return conn.execute(sa.select(tickets)).one()


def public(office: Office) -> list[str]:
    """The public results so far."""
    with reading(office.engine) as conn:
        return list(conn.scalars(sa.select(outbox.c.payload).where(outbox.c.template == "result")))


def test_the_preview_is_what_the_citizen_reads(office: Office) -> None:
    shown = preview(office)
    assert labels(shown) == ["Send", "Cancel", "It says something else..."]
    office.press("Nodal Hisar", HISAR, token(shown, "Send"))
    (row,) = public(office)
    told = shown.text.partition("<blockquote>")[2].partition("</blockquote>")[0]
    assert told.replace("&#34;", '\\"') in row
    assert (ticket(office).status, ticket(office).disposal) == ("disposed", "done")


@pytest.mark.parametrize(
    ("label", "disposal", "words", "photo", "says"),
    [
        ("Not found on site", "not_found", "We went to gali 1 and the tap runs.", True, "nahi mila"),
        ("Rules do not allow it", "not_eligible", "By rule 14 a second connection is not given.", False, "niyam"),
        ("Needs a decision or money", "policy", "A new tubewell has not been sanctioned.", False, "budget"),
        ("Another body must do it", "other_body", "The line belongs to the railway.", False, "doosri sanstha"),
    ],
)
def test_an_answer_that_is_not_done_is_told_as_what_it_is(
    office: Office, label: str, disposal: str, words: str, photo: bool, says: str
) -> None:
    shown, _ = other_answer(office, preview(office, words, photo=photo), label)
    assert says in shown.text
    assert "manzoor" in shown.text
    assert labels(shown) == ["Send", "Cancel"]
    office.press("Nodal Hisar", HISAR, token(shown, "Send"))
    assert (ticket(office).status, ticket(office).disposal) == ("disposed", disposal)
    with reading(office.engine) as conn:
        assert conn.scalars(sa.select(satisfaction.c.disposal)).all() == [disposal]
    (row,) = public(office)
    assert says in row


@pytest.mark.parametrize(
    ("label", "told"),
    [
        ("Not found on site", "with a photo of the place"),
        ("Rules do not allow it", "name the rule"),
        ("A court has it", "name the court case"),
    ],
)
def test_what_an_answer_needs_is_asked_for_and_nothing_changes(office: Office, label: str, told: str) -> None:
    shown = preview(office, "Nothing to be done.")
    (toast,) = other_answer(office, shown, label)
    assert toast.act is OutgoingAct.ANSWER_PRESS
    assert told in toast.text
    assert ticket(office).status == "assigned"
    assert public(office) == []
    office.press("Nodal Hisar", HISAR, token(shown, "Cancel"))
    assert ticket(office).status == "assigned"


@pytest.mark.parametrize(
    ("words", "disposal", "lacking"),
    [
        ("CWP-12345-2024 is before the High Court", Disposal.COURT_ORDER, None),
        ("Civil suit No. 45 of 2022", Disposal.COURT_ORDER, None),
        ("a court has stayed it in 2022", Disposal.COURT_ORDER, "cite_case"),
        ("धारा 4 के अनुसार नहीं", Disposal.NOT_ELIGIBLE, None),
        ("niyam ke hisab se nahi banta", Disposal.NOT_ELIGIBLE, None),
        ("It cannot be done", Disposal.NOT_ELIGIBLE, "cite_rule"),
        ("anything", Disposal.POLICY, None),
    ],
)
def test_what_counts_as_a_rule_or_a_case(words: str, disposal: Disposal, lacking: str | None) -> None:
    assert what_lacks(Draft(1, words, None), disposal) == lacking


def test_an_answer_with_a_court_goes_to_the_citizen_once_a_senior_agrees(office: Office) -> None:
    shown, _ = other_answer(office, preview(office, "CWP-77-2025 stays the work."), "A court has it")
    asked, toast = office.press("Nodal Hisar", HISAR, token(shown, "Send"))
    assert toast.text.startswith("Sent to the next officer up")
    assert asked.thread_id == office.users["Head"]
    assert "Nodal Hisar" in asked.text
    assert "CWP-77-2025" in asked.text
    assert public(office) == []
    assert office.press("Nodal Hisar", HISAR, token(shown, "Send"))[-1].act is OutgoingAct.ANSWER_PRESS
    assert office.press("Nodal Hisar", "private", token(asked, "भेजें"))[-1].act is OutgoingAct.ANSWER_PRESS
    assert public(office) == [], "the same officer cannot agree with themselves"
    office.press("Head", "private", token(asked, "भेजें"))
    assert len(public(office)) == 1
    with reading(office.engine) as conn:
        assert conn.scalars(sa.select(satisfaction.c.post)).all() == ["phed-head"]
        kinds = conn.scalars(sa.select(events.c.kind)).all()
    assert "approval_asked" in kinds
    assert ticket(office).status == "disposed"


def test_a_senior_who_does_not_agree_sends_it_back(office: Office) -> None:
    shown, _ = other_answer(office, preview(office, "CWP-77-2025 stays the work."), "A court has it")
    asked, _ = office.press("Nodal Hisar", HISAR, token(shown, "Send"))
    told, toast = office.press("Head", "private", token(asked, "रद्द करें"))
    assert told.thread_id == HISAR
    assert "does not agree" in told.text
    assert toast.act is OutgoingAct.ANSWER_PRESS
    assert ticket(office).status == "assigned"
    (late,) = office.press("Nodal Hisar", HISAR, token(shown, "Send"))
    assert late.text.startswith("This button is old")


def test_after_two_noes_a_done_needs_a_senior_too(office: Office) -> None:
    with writing(office.engine) as conn:
        conn.execute(tickets.update().values(reopen_count=2, disposal_count=2))
    shown = preview(office)
    asked, toast = office.press("Nodal Hisar", HISAR, token(shown, "Send"))
    assert toast.text.startswith("Sent to the next officer up")
    assert "2" in asked.text
    assert public(office) == []


def test_a_stranger_to_the_draft_presses_in_vain(office: Office) -> None:
    shown = preview(office)
    for who, chat in (("Head", "private"), ("Clerk", CMO)):
        (toast,) = office.press(who, chat, token(shown, "Send"))
        assert toast.act is OutgoingAct.ANSWER_PRESS
    assert ticket(office).status == "assigned"


def test_only_done_and_yes_is_solved(office: Office) -> None:
    """The same yes to another answer closes the ticket and is counted apart."""
    from handlers.digest.figures import figures as counted_figures

    shown, _ = other_answer(office, preview(office, "The line belongs to the railway."), "Another body must do it")
    office.press("Nodal Hisar", HISAR, token(shown, "Send"))
    office.say("c1", "1")
    assert (ticket(office).status, ticket(office).outcome) == ("closed", "satisfied")
    with reading(office.engine) as conn:
        day = counted_figures(conn, office.now - timedelta(days=1), office.now + timedelta(days=1), now=office.now)
        (told,) = conn.scalars(sa.select(outbox.c.payload).where(outbox.c.template == "closed_satisfied"))
    assert (day.done.solved, day.done.outcomes, day.done.otherwise) == (0, {"satisfied": 1}, {"other_body": 1})
    assert "manzoor" in told


@pytest.mark.parametrize(
    "words",
    [
        "It will be repaired within 3 days.",
        "Kaam jald kar denge",
        "2 din me theek ho jayega",
        "कर्मचारी भेज देंगे, जल्द हो जाएगा",
        "ਕੱਲ੍ਹ ਤੱਕ ਕਰ ਦਿਆਂਗੇ",
        "The work is in progress",
        "theek kar diya jayega",
        "ठीक कर दिया जाएगा",
        "To be done, will be repaired soon",
    ],
)
def test_a_promise_cannot_be_sent_as_done(office: Office, words: str) -> None:
    shown = preview(office, words)
    assert labels(shown) == ["Cancel", "It says something else..."]
    assert "please answer when it is, or ask for more time" in shown.text
    other, _ = other_answer(office, shown, "Needs a decision or money")
    assert labels(other) == ["Send", "Cancel"]


@pytest.mark.parametrize(
    "words",
    [
        DONE,
        "Team went there and repaired the line",
        "Motor badal di gayi hai, aage bhi dekhte rahenge",
        "पाइप ठीक कर दिया गया है, दोबारा हुआ तो फिर देखेंगे",
        "Pension released, it will be in the account tomorrow",
        "ਪਾਈਪ ਠੀਕ ਕਰ ਦਿੱਤੀ ਗਈ ਹੈ",
    ],
)
def test_a_deed_can_be_sent_whatever_is_promised_besides(words: str) -> None:
    assert not is_promise(words)


# -- photos ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def sewer(engine: sa.Engine) -> Office:
    """An office whose ticket is about work that must be shown."""
    office = Office(engine)
    office.complain("Hisar", words="me sewer overflow ho raha hai, ganda pani gali me")
    assert ticket(office).category == "sewer"
    return office


def kept_pictures(office: Office) -> list[tuple[object, ...]]:
    with reading(office.engine) as conn:
        rows = conn.execute(sa.select(media.c.kind, media.c.ref, media.c.album_id).order_by(media.c.id))
        return [tuple(row) for row in rows]


def answer(office: Office, words: str, **how: Any) -> list[Outgoing]:
    return office.reply("Nodal Hisar", HISAR, office.notice(), words, **how)


def test_work_that_must_be_shown_is_not_done_without_a_photo(sewer: Office) -> None:
    (shown,) = answer(sewer, "Line cleaned with a machine.")
    assert "as the caption of a photo" in shown.text
    assert labels(shown) == ["Cancel", "It says something else..."]
    (again,) = answer(sewer, "Line cleaned with a machine.", photo=True)
    assert labels(again)[0] == "Send"
    sewer.press("Nodal Hisar", HISAR, token(again, "Send"))
    assert ticket(sewer).status == "disposed"
    (row,) = public(sewer)
    assert "photo" in row


def test_without_a_photo_another_answer_than_done_goes(sewer: Office) -> None:
    (shown,) = answer(sewer, "A new line has not been sanctioned.")
    other, _ = other_answer(sewer, shown, "Needs a decision or money")
    assert labels(other) == ["Send", "Cancel"]


def test_the_question_for_a_report_says_that_a_photo_is_needed(sewer: Office) -> None:
    prompt, _ = sewer.press("Nodal Hisar", HISAR, token(sewer.notice(), "Done: answer"))
    assert "This kind of work needs a photo" in prompt.text


def test_a_matter_that_became_one_to_be_shown_is_refused_at_the_end_too(office: Office) -> None:
    shown = preview(office)
    with writing(office.engine) as conn:
        conn.execute(tickets.update().values(category="sewer"))
    (toast,) = office.press("Nodal Hisar", HISAR, token(shown, "Send"))
    assert "as the caption of a photo" in toast.text
    assert ticket(office).status == "assigned"


def test_an_album_is_kept_whole_and_answered_once(sewer: Office) -> None:
    (shown,) = answer(sewer, "Line cleaned.", photo=True, album="a1")
    assert answer(sewer, "", photo=True, album="a1") == []
    assert answer(sewer, "", photo=True, album="a1") == []
    assert [(kind, album) for kind, _, album in kept_pictures(sewer)] == [("photo", "a1")] * 3
    sewer.press("Nodal Hisar", HISAR, token(shown, "Send"))
    assert ticket(sewer).status == "disposed"
    assert len(kept_pictures(sewer)) == 3, "the reported picture is the one that was kept, not another row"


def test_an_album_without_words_is_asked_for_them_once(sewer: Office) -> None:
    (told,) = answer(sewer, "", photo=True, album="a1")
    assert "as its caption" in told.text
    assert answer(sewer, "", photo=True, album="a1") == []
    (shown,) = answer(sewer, "Line cleaned.", photo=True, album="a1")
    assert labels(shown)[0] == "Send"


def test_a_picture_sent_as_a_file_is_a_photo(sewer: Office) -> None:
    sent = Attachment("document", ref="file-1", size=900_000, content_type="image/jpeg")
    (shown,) = answer(sewer, "Line cleaned.", sent=sent)
    assert labels(shown)[0] == "Send"
    assert kept_pictures(sewer) == [("document", "file-1", None)]


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (Attachment("document", ref="f", content_type="application/pdf"), "Only a photo can go with an answer."),
        (Attachment("document", ref="f", content_type="image/heic"), "Only a photo can go with an answer."),
        (Attachment("document", ref="f"), "Only a photo can go with an answer."),
        (Attachment("video", ref="v"), "Only a photo can go with an answer."),
        (Attachment("voice", ref="v"), "Only a photo can go with an answer."),
        (Attachment("document", ref="f", size=6_000_000, content_type="image/png"), "too large (5 MB at most)"),
    ],
)
def test_what_is_no_photo_is_refused_in_one_sentence(sewer: Office, sent: Attachment, told: str) -> None:
    (refused,) = answer(sewer, "Line cleaned.", sent=sent)
    assert told in refused.text
    assert kept_pictures(sewer) == []
    with reading(sewer.engine) as conn:
        assert conn.scalars(sa.select(drafts.c.id)).all() == []


def test_a_photo_without_words_is_asked_for_them(sewer: Office) -> None:
    (refused,) = answer(sewer, "", photo=True)
    assert "as its caption" in refused.text
