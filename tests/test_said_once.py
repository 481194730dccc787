"""What is said, and to whom, when people repeat themselves, stop us, or point at others: each was once done wrong.

Found by lives of the office (bot/bench/simulate.py); each test is the shortest way there, on both databases.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from handlers.conversation import decide
from handlers.effects import Notify, Say, SettleSatisfaction
from handlers.heard import DeskReopened, HumanSpoke, OfficerAsked, OfficerForwarded, Silence
from handlers.understanding import understand
from handlers.understanding.meaning import Asked
from store import channels, inbox, outbox, sending
from store.db import reading, writing
from store.inbound import Author, Inbound, QuotedPost
from store.outbox import OutboxRow
from store.tables import conversations, coverage, desks, events, lanes, posts, tickets, transcript
from store.vocabulary import Awaiting, DeliveryState, InboundVerb, Outcome, Platform, Register, Sensitivity, Status
from tests.core_office import NOW, by, case, ground, wrote
from tests.test_desk import Office


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    return Office(engine)


def public(office: Office) -> list[OutboxRow]:
    with reading(office.engine) as conn:
        return [row for row in outbox.list_rows(conn) if row.channel_id in (office.x.id, office.x2.id, office.page.id)]


def texts(office: Office) -> list[str]:
    return [row.outgoing.text for row in public(office) if row.outgoing is not None]


# -- the same words ------------------------------------------------------------------------------------------------------


def test_two_additions_within_a_minute_get_one_answer_and_a_later_one_its_own(office: Office) -> None:
    thread = office.post("Bijli nahi hai do din se, Rohtak sector 3")
    office.post("gali number 4, mandir ke saamne", thread_id=thread)
    office.post("bahut din ho gaye ji", thread_id=thread)
    assert [row.template for row in public(office)] == ["received_routed", "addition"]
    with reading(office.engine) as conn:
        withheld = conn.scalars(sa.select(events.c.codes).where(events.c.kind == "withheld")).all()
    assert len(withheld) == 1
    assert "said_already" in withheld[0]
    office.now += timedelta(minutes=1)
    office.post("bacche pareshan hai", thread_id=thread)
    assert [row.template for row in public(office)] == ["received_routed", "addition", "addition"]
    assert len(set(texts(office))) == 3


def test_words_that_never_went_out_may_be_said_again(office: Office) -> None:
    thread = office.post("Bijli nahi hai do din se, Rohtak sector 3")
    office.post("gali number 4, mandir ke saamne", thread_id=thread)
    with writing(office.engine) as conn:
        outbox.cancel(conn, public(office)[-1].id, "by_hand", office.now)
    office.post("bahut din ho gaye ji", thread_id=thread)
    assert [row.state for row in public(office)][1:] == [DeliveryState.CANCELLED, DeliveryState.PENDING]


def test_asking_twice_which_ticket_is_meant_is_done_once_a_minute(office: Office) -> None:
    office.post("Bijli nahi hai do din se, Rohtak sector 3")
    office.post("Paani nahi aaya chaar din se, Hisar sector 14")
    office.post("kya hua meri shikayat ka")
    office.post("update?")
    assert [row.template for row in public(office)].count("status_which") == 1
    office.now += timedelta(minutes=1)
    office.post("update?")
    assert [row.template for row in public(office)].count("status_which") == 2
    assert len(set(texts(office))) == len(texts(office))


# -- stop ------------------------------------------------------------------------------------------------------------------


def test_stop_holds_back_what_still_waits(office: Office) -> None:
    thread = office.post("Bijli nahi hai do din se, Rohtak sector 3")
    office.post("STOP", thread_id=thread)
    assert [(row.template, row.state) for row in public(office)] == [
        ("received_routed", DeliveryState.CANCELLED),
        ("stopped", DeliveryState.PENDING),
    ]


def test_a_question_held_back_by_stop_counts_as_refused(engine: sa.Engine) -> None:
    office = Office(engine)
    office.post("Pension nahi aayi teen mahine se")
    with writing(engine) as conn:  # the first answer went out long ago
        conn.execute(lanes.insert().values(channel_id=office.x.id, epoch=1))
        sending.mark_sending(conn, public(office)[0].id, 1, office.now)
        sending.mark_sent(conn, public(office)[0].id, "our1", office.now)
    office.now += timedelta(hours=24, minutes=1)
    office.desk.hear_time()
    assert [row.template for row in public(office)] == ["received_ask", "remind_details"]
    office.post("STOP")
    while office.desk.decide_batch():
        pass
    assert [row.state for row in public(office)][1:] == [DeliveryState.CANCELLED, DeliveryState.PENDING]
    assert "not_askable" in office.results()


# -- what became sensitive -------------------------------------------------------------------------------------------------


def test_notices_of_every_turn_hide_what_became_sensitive(office: Office) -> None:
    with writing(office.engine) as conn:
        channels.register(conn, "desk", Platform.TELEGRAM, "700", "desk")
        conn.execute(desks.insert().values(code="cmo", title="CMO", language="hi", chat_id="-1"))
        conn.execute(posts.insert().values(code="cmo-desk", title="CMO", role="cmo_desk", level=3, desk="cmo"))
        conn.execute(coverage.insert().values(post="cmo-desk", district="*"))
    thread = office.post("Bijli nahi hai do din se, Rohtak sector 3")
    office.post("galti se likha, Hisar hai", thread_id=thread)
    office.post("shikayat karne par mujhe jaan se maarne ki dhamki mil rahi hai", thread_id=thread)
    with reading(office.engine) as conn:
        rows = [row for row in outbox.list_rows(conn) if row.template == "notice" and row.outgoing is not None]
    standing = {row.follows_step or row.step_id: row.outgoing.text for row in rows if row.outgoing is not None}
    assert {step.rpartition(":")[2] for step in standing} == {"1", "2", "3"}
    assert not [text for text in standing.values() if "sector 3" in text]


# -- posts that others pointed at ------------------------------------------------------------------------------------------


def pointing(office: Office, message_id: str, who: str, at: str, text: str) -> Inbound:
    return Inbound(
        key=f"{message_id}:1",
        verb=InboundVerb.POSTED,
        platform=Platform.X,
        message_id=message_id,
        thread_id=message_id,
        occurred_at=office.now,
        author=Author(who, who, who),
        text="@cmohry please see this sir",
        mentions_us=True,
        quoted=QuotedPost(at, "someone", text),
    )


@pytest.mark.parametrize("together", [True, False])
def test_a_post_that_another_pointed_at_first_is_still_its_writers_complaint(office: Office, together: bool) -> None:
    words = "Hisar sector 14 me chaar din se nal me paani nahi aaya"
    own = replace(pointing(office, "77", "writer", "", ""), text=f"@cmohry {words}", quoted=None)
    with writing(office.engine) as conn:
        inbox.put(conn, office.x.id, [pointing(office, "88", "helper", "77", words)], {}, office.now)
        if together:
            inbox.put(conn, office.x.id, [own], {}, office.now)
    office.desk.decide_batch()
    with writing(office.engine) as conn:
        inbox.put(conn, office.x.id, [own], {}, office.now)
    office.desk.decide_batch()
    assert office.results() == ["ticketed:routed", "ticketed:routed"]
    with reading(office.engine) as conn:
        assert list(conn.scalars(sa.select(tickets.c.first_message_id).order_by(tickets.c.id))) == ["88", "77"]


@pytest.mark.parametrize("together", [True, False])
def test_parts_that_come_in_reverse_are_all_kept(office: Office, together: bool) -> None:
    parts = (
        "3/3 kripya jaldi karwa de",
        "2/3 ek hafte se tanker bhi nahi aaya",
        "1/3 Rohtak sector 3 me paani ki samasya hai",
    )
    for number, words in zip((3, 2, 1), parts, strict=True):
        above = None if number == 1 else f"{number - 1}"
        post = replace(
            pointing(office, str(number), "writer", "", ""), thread_id="1", reply_to_id=above, text=words, quoted=None
        )
        with writing(office.engine) as conn:
            inbox.put(conn, office.x.id, [post], {}, office.now)
        if not together:
            office.desk.decide_batch()
    office.desk.decide_batch()
    office.now += timedelta(minutes=4)  # the first part waited for the others
    while office.desk.decide_batch():
        pass
    with reading(office.engine) as conn:
        kept = sa.select(transcript.c.message_id).where(transcript.c.ticket_id.is_not(None))
        assert sorted(conn.scalars(kept)) == ["1", "2", "3"], office.results()


def test_two_who_point_at_one_post_both_have_it_as_evidence(office: Office) -> None:
    words = "Hisar sector 14 me chaar din se nal me paani nahi aaya"
    with writing(office.engine) as conn:
        for message_id, who in (("88", "helper"), ("99", "other")):
            inbox.put(conn, office.x.id, [pointing(office, message_id, who, "77", words)], {}, office.now)
    office.desk.decide_batch()
    with reading(office.engine) as conn:
        kept = sa.select(transcript.c.ticket_id).where(transcript.c.speaker == "quoted")
        assert len(set(conn.scalars(kept))) == 2


# -- each cycle is a step of its own ---------------------------------------------------------------------------------------


def steps_of(template: str, effects: object) -> list[str]:
    return [one.step for one in effects if isinstance(one, Notify | Say) and one.template == template]  # type: ignore[attr-defined]


def test_the_cmo_desk_hears_of_every_empty_chair() -> None:
    rules = ground(vacant=[code for code in ground().directory.posts if code != "cmo-desk"])
    told: list[str] = []
    ticket = case(status=Status.TRIAGE, category="garbage", district="Rohtak")
    for department in ("phed", "power"):
        act = OfficerForwarded(by=by(rules.directory.posts["cmo-desk"]), department=department)
        decision = decide(ticket, act, NOW, rules)
        told += steps_of("triage_notice", decision.effects)
        assert decision.case is not None
        ticket = replace(decision.case, status=Status.TRIAGE)
    assert len(told) == len(set(told)) == 2


def test_a_second_danger_in_one_turn_is_asked_about_and_ended_again() -> None:
    rules, asked, over = ground(), [], []
    ticket = case(status=Status.ASSIGNED, category="power_fault", district="Hisar", department="power", turn=1)
    ticket = replace(ticket, owner_post="power-nodal-hisar", assigned_at=NOW, due_at=NOW + timedelta(days=3))
    now = NOW
    for number in (1, 2):
        danger = wrote("abhi aag lagi hai log phanse hai help", ticket, message_id=f"danger{number}", at=now)
        for heard in (danger, Silence(), wrote("police aa gayi, thank you", ticket, message_id=f"over{number}")):
            now += timedelta(minutes=11)
            decision = decide(ticket, heard, now, rules)
            asked += steps_of("emergency_confirm", decision.effects)
            over += steps_of("addition_notice", decision.effects)
            assert decision.case is not None
            ticket = decision.case
    assert len(set(asked)) == 2
    assert len(set(over)) == 2


def test_a_second_question_for_details_is_reminded_of_again() -> None:
    steps = []
    for days in (0, 3):
        since = NOW + timedelta(days=days)
        asking = case(status=Status.TRIAGE, category="garbage", awaiting=Awaiting.DETAILS, awaiting_since_at=since)
        steps += steps_of("remind_details", decide(asking, Silence(), since + timedelta(hours=25), ground()).effects)
    assert len(set(steps)) == 2


def test_reopening_by_the_cmo_desk_gives_the_disposal_its_outcome() -> None:
    rules = ground()
    disposed = case(
        status=Status.DISPOSED,
        category="garbage",
        district="Rohtak",
        department="ulb",
        owner_post="ulb-nodal-rohtak",
        turn=1,
        disposal_count=1,
        disposed_at=NOW,
        assigned_at=NOW,
        due_at=NOW + timedelta(days=3),
        awaiting=Awaiting.SATISFACTION,
        awaiting_since_at=NOW,
    )
    decision = decide(disposed, DeskReopened(by=by(rules.directory.posts["cmo-desk"])), NOW, rules)
    settled = [effect for effect in decision.effects if isinstance(effect, SettleSatisfaction)]
    assert settled == [SettleSatisfaction(cycle=1, outcome=Outcome.NOT_SATISFIED)]


def test_a_disposal_withdrawn_before_an_answer_counts_as_not_answered() -> None:
    ticket = case(status=Status.DISPOSED, category="garbage", turn=1, disposal_count=1, disposed_at=NOW)
    asked = replace(ticket, awaiting=Awaiting.SATISFACTION, asked=Asked.SATISFACTION, awaiting_since_at=NOW)
    decision = decide(asked, wrote("complaint wapas leta hu", asked), NOW, ground())
    assert decision.case is not None
    assert decision.case.status is Status.WITHDRAWN
    assert SettleSatisfaction(cycle=1, outcome=Outcome.NO_ANSWER) in decision.effects


@pytest.mark.parametrize("words", ["complaint wapas leta hu", "शिकायत वापस लेता हूँ", "shikayat wapas le raha hu"])
def test_taking_a_complaint_back_is_no_threat(words: str) -> None:
    ticket = case(status=Status.ASSIGNED, category="garbage", department="ulb", owner_post="ulb-nodal-rohtak", turn=1)
    decision = decide(ticket, wrote(words, ticket), NOW, ground())
    assert decision.case is not None
    assert (decision.case.status, decision.case.sensitivity) == (Status.WITHDRAWN, Sensitivity.NORMAL)


@pytest.mark.parametrize("words", ["complaint wapas leta hu", "शिकायत वापस लेता हूँ"])
def test_taking_a_complaint_back_in_a_post_of_its_own_opens_nothing(office: Office, words: str) -> None:
    office.post(words)
    assert office.results() == ["answered:status_query"]
    office.post("Bijli nahi hai do din se, Rohtak sector 3")
    office.post(words)
    assert office.results()[1:] == ["ticketed:routed", "answered:withdrawn"]


def test_pressed_to_take_a_complaint_back_is_still_a_threat() -> None:
    u = understand("shikayat wapas lene ka dabav bana rahe hai, dhamki de rahe hai")
    assert (u.category, u.register) == ("couple_protection", Register.SENSITIVE)


def test_two_officers_questions_in_one_second_are_both_asked() -> None:
    rules, steps = ground(), []
    ticket = case(status=Status.ASSIGNED, category="garbage", department="ulb", owner_post="ulb-nodal-rohtak", turn=1)
    for question in ("Which lane is it in?", "Which house?"):
        act = OfficerAsked(by=by(rules.directory.posts["ulb-nodal-rohtak"]), question=question)
        steps += steps_of("officer_question", decide(ticket, act, NOW, rules).effects)
    assert len(set(steps)) == 2


def test_a_person_of_ours_who_says_the_same_twice_is_told_of_twice() -> None:
    heard = [HumanSpoke(message_id=message_id, text="We are on it.") for message_id in ("h1", "h2")]
    steps = [steps_of("human_spoke_notice", decide(case(), one, NOW, ground()).effects) for one in heard]
    assert steps[0] != steps[1]


def test_praise_in_a_post_of_its_own_closes_nothing(office: Office) -> None:
    office.post("Bijli nahi hai do din se, Rohtak sector 3")
    with writing(office.engine) as conn:
        conn.execute(
            conversations.update().values(awaiting="satisfaction", asked="satisfaction", awaiting_since_at=office.now)
        )
        disposed = {"status": Status.DISPOSED, "disposed_at": office.now, "disposal_count": 1}
        conn.execute(tickets.update().values(**disposed))
    office.post("Bahut badhiya kaam CM sahab, dhanyawad")
    assert office.results()[-1] == "answered:praise"
    office.post("haan ji ho gaya, dhanyawad")
    assert office.results()[-1] == "closed"
