"""The CMO desk's review on both databases: floods looked at, let go and ended; what was passed over made a complaint."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from officers_stage import CMO, HISAR, labels, token
from officers_stage import Office as OfficersOffice

from handlers.desk import floods
from handlers.desk.batch import Desk
from handlers.digest.period import Period
from handlers.policy import Policy
from handlers.reconciling.days import count_day
from handlers.time_limits import OFFICE_ZONE
from store import inbox as inbox_store
from store.alarms import open_alarms
from store.db import reading, writing
from store.inbound import Author, Inbound
from store.outbound import Outgoing
from store.payloads import outgoing_from_json
from store.tables import events, inbox, outbox, tickets
from store.vocabulary import DeskVerb, InboundVerb, InboxState, OutgoingAct, Platform

LIMIT = 5
PHONE, SWEARING = "9876543210", "haramkhor"
INSULT = f"tum sab {SWEARING} ho, nikamme, {PHONE}"
POLITICS = "BJP hatao, sadak toot gayi, kuch nahi kiya"
SLOGAN = "BJP hatao desh bachao"
NOT_FOR_YOU = ("Only the CMO desk may do that.", "यह केवल सीएमओ डेस्क कर सकता है।")
NOBODY_FLOODS = "No account is set aside. Everyone is being heard."
NOTHING_PASSED = "Nothing was passed over in the last 7 days that needs your eyes."


class Office(OfficersOffice):
    """The same office with a small limit, in which posts may be set aside."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        self.desk = Desk(engine, lambda: self.now, Policy(flood_per_hour=LIMIT))

    def decide(self) -> None:
        while self.desk.decide_batch():
            pass

    def post(self, who: str, *texts: str, **more: Any) -> list[str]:
        """Posts of one account, decided; the ids of the messages."""
        made = []
        for text in texts:
            number = f"20{next(self.ids):06}"
            what: dict[str, Any] = {"thread_id": number, "occurred_at": self.now, "mentions_us": True}
            event = Inbound(
                key=f"{number}:0", verb=InboundVerb.POSTED, platform=Platform.X, message_id=number, text=text,
                author=Author(who, f"u{who}", "A citizen"), **(what | more),
            )  # fmt: skip
            self._put(self.x, event)
            made.append(number)
        self.decide()
        return made

    def delete(self, who: str, message: str) -> None:
        event = Inbound(
            key=f"{message}:deleted", verb=InboundVerb.DELETED, platform=Platform.X, message_id=message,
            thread_id=message, occurred_at=self.now, author=Author(who, f"u{who}", "A citizen"),
        )  # fmt: skip
        self._put(self.x, event)
        self.decide()

    def flood(self, who: str, beyond: int, text: str = "Hisar me pani nahi aa raha") -> None:
        self.post(who, *(f"{text} gali {number}" for number in range(LIMIT + beyond)))

    def ask(self, words: str, chat: str = CMO, who: str = "Clerk") -> Outgoing:
        (answer,) = self.write(who, chat, words)
        return answer

    def do(self, shown: Outgoing, label: str, who: str = "Clerk", chat: str = CMO) -> tuple[Outgoing, str]:
        """The message after a press, and the words over the screen."""
        edited, toast, *_ = self.press(who, chat, token(shown, label))
        assert (edited.act, toast.act) == (OutgoingAct.EDIT, OutgoingAct.ANSWER_PRESS)
        return edited, toast.text

    def results(self, actor: str) -> list[str]:
        with reading(self.engine) as conn:
            wanted = sa.select(inbox.c.result).where(inbox.c.actor_key == actor).order_by(inbox.c.id)
            return list(conn.scalars(wanted))

    def acts(self, kind: str) -> list[Any]:
        with reading(self.engine) as conn:
            return list(conn.execute(sa.select(events).where(events.c.kind == kind).order_by(events.c.id)))

    def all_tickets(self) -> list[Any]:
        with reading(self.engine) as conn:
            return list(conn.execute(sa.select(tickets).order_by(tickets.c.id)))

    def said(self, ticket_id: int) -> list[Outgoing]:
        """What was said publicly about a ticket."""
        with reading(self.engine) as conn:
            rows = conn.scalars(
                sa.select(outbox.c.payload).where(outbox.c.ticket_id == ticket_id, outbox.c.channel_id == self.x)
            )
            return [outgoing_from_json(row) for row in rows]

    def adds_up(self, day: datetime) -> bool:
        with reading(self.engine) as conn:
            return count_day(conn, Period(day.astimezone(OFFICE_ZONE).date()), self.now).adds_up


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    return Office(engine)


def misread(office: Office, words: str) -> None:
    """Let the insult of the first account have been these words, which a hurried reading took for abuse."""
    with writing(office.engine) as conn:
        payload = conn.scalar(sa.select(inbox.c.payload).where(inbox.c.actor_key == "x:1"))
        assert payload is not None
        conn.execute(inbox.update().where(inbox.c.actor_key == "x:1").values(payload=payload.replace(INSULT, words)))


# -- floods --------------------------------------------------------------------------------------------------------------


def test_the_largest_flood_is_shown_first_with_its_newest_posts(office: Office) -> None:
    office.flood("1", 2)
    office.flood("2", 7)
    shown = office.ask("/flood")
    assert "of one account: 7 posts" in shown.text
    assert "X, @u2; the first of them Mon 23 Nov, 10:30 am" in shown.text
    assert "One more account waits." in shown.text
    assert [f"gali {LIMIT + 7 - place}" in shown.text for place in range(1, 7)] == [True] * 5 + [False]
    assert shown.text.index(f"gali {LIMIT + 6}") < shown.text.index(f"gali {LIMIT + 2}")
    assert labels(shown) == ["1", "2", "3", "4", "5", "End all: 7", "Next account"]
    other, toast = office.do(shown, "Next account")
    assert "@u1" in other.text
    assert toast == "Shown below."
    assert labels(other) == ["1", "2", "End all: 2", "Next account"]
    assert "@u2" in office.do(other, "Next account")[0].text


def test_nothing_set_aside_is_one_kind_sentence(office: Office) -> None:
    shown = office.ask("/flood")
    assert (shown.text, labels(shown)) == (NOBODY_FLOODS, [])


def test_what_is_shown_is_masked_and_short(office: Office) -> None:
    office.flood("1", 1, f"{INSULT} {'bahut bura hai ' * 50}")
    shown = office.ask("/flood").text
    assert PHONE not in shown
    assert SWEARING not in shown
    assert "•" in shown
    assert len(shown) < 500


def test_a_sensitive_matter_is_read_alone_with_the_bot(office: Office) -> None:
    words = "mere pati mujhe roz peette hain, dahej maangte hain, koi bachao, Hisar"
    office.flood("1", 0, "Karnal me sadak par gaddhe hain")
    office.post("1", words)
    assert office.results("x:1")[-1] == inbox_store.FLOOD
    assert "peette" not in office.ask("/flood").text
    alone = office.ask("/flood", chat="private").text
    assert "peette" in alone


def test_one_post_is_let_go_and_decided(office: Office) -> None:
    office.flood("1", 3)
    shown = office.ask("/flood")
    edited, toast = office.do(shown, "1")
    assert toast == "It is decided now, like any other post."
    assert "of one account: 2 posts" in edited.text
    assert office.results("x:1").count(inbox_store.FLOOD) == 2
    assert office.results("x:1")[-1] not in (None, inbox_store.FLOOD)
    (act,) = office.acts("flood_post_let_go")
    assert (act.actor, act.officer_id is not None, act.inbox_id is not None) == ("officer", True, True)
    edited, toast = office.do(shown, "1")
    assert toast == "That was settled already."
    assert len(office.acts("flood_post_let_go")) == 1


def test_all_are_ended_after_asking_once_more_and_newer_ones_stay(office: Office) -> None:
    office.flood("1", 4)
    shown = office.ask("/flood")
    asked, toast = office.do(shown, "End all: 4")
    assert (toast, labels(asked)) == ("Please press once more to end them all.", ["Yes, end all: 4", "Back"])
    assert office.results("x:1").count(inbox_store.FLOOD) == 4
    office.post("1", "Hisar me pani nahi aa raha phir se")
    edited, toast = office.do(asked, "Yes, end all: 4")
    assert toast == "They are ended. What came later stays."
    assert "of one account: 1 posts" in edited.text
    assert office.results("x:1").count("ignored:dropped") == 4
    assert office.results("x:1")[-1] == inbox_store.FLOOD
    (act,) = office.acts("flood_ended")
    assert json.loads(act.codes)["posts"] == "4"
    assert office.do(asked, "Yes, end all: 4")[1] == "That was settled already."
    assert office.do(shown, "End all: 4")[1] == "That was settled already."
    assert len(office.acts("flood_ended")) == 1


def test_going_back_ends_nothing(office: Office) -> None:
    office.flood("1", 2)
    asked, _ = office.do(office.ask("/flood"), "End all: 2")
    assert labels(office.do(asked, "Back")[0]) == ["1", "2", "End all: 2"]
    assert office.results("x:1").count(inbox_store.FLOOD) == 2


def test_the_alarm_ends_with_the_last_of_them(office: Office) -> None:
    office.flood("1", 2)
    asked, _ = office.do(office.ask("/flood"), "End all: 2")
    assert office.do(asked, "Yes, end all: 2")[0].text == NOBODY_FLOODS
    with writing(office.engine) as conn:
        floods.settle(conn, office.now)
        assert [one for one in open_alarms(conn) if one.code == floods.ALARM] == []


def test_ended_posts_keep_no_flood_alive(office: Office) -> None:
    office.flood("1", 30)
    asked, _ = office.do(office.ask("/flood"), "End all: 30")
    office.do(asked, "Yes, end all: 30")
    office.now += timedelta(minutes=61)
    office.post("1", "Karnal me sadak par gaddhe hain")
    assert office.results("x:1")[-1] != inbox_store.FLOOD


def test_a_deleted_post_of_a_flood_says_so(office: Office) -> None:
    office.flood("1", 1)
    shown = office.ask("/flood")
    with reading(office.engine) as conn:
        key = conn.scalar(sa.select(inbox.c.event_key).where(inbox.c.state == InboxState.PARKED))
    office.delete("1", str(key).partition(":")[0])
    edited, toast = office.do(shown, "1")
    assert toast == "Its author has deleted this post, so there is nothing left to decide."
    assert "The newest ones were deleted by their author." in edited.text
    assert office.results("x:1").count(inbox_store.FLOOD) == 1


# -- what was passed over --------------------------------------------------------------------------------------------------


def test_abuse_comes_first_and_newest_first_with_what_may_hide_a_matter(office: Office) -> None:
    office.post("1", POLITICS, SLOGAN)
    office.post("2", f"{INSULT} ek")
    office.post("3", f"{INSULT} do")
    assert office.results("x:1") == ["ignored:political", "ignored:political"]
    shown = office.ask("/abuse").text
    assert "in the last 7 days: 3" in shown
    assert [shown.count(word) for word in ("<b>Abuse</b>", "<b>Politics</b>", "desh bachao")] == [2, 1, 0]
    assert shown.index(" do</blockquote>") < shown.index(" ek</blockquote>") < shown.index("sadak toot gayi")
    assert PHONE not in shown
    assert SWEARING not in shown


def test_five_to_a_page_and_not_older_than_a_week(office: Office) -> None:
    office.post("0", f"{INSULT} purana")
    office.now += timedelta(days=7, seconds=1)
    for number in range(1, 8):
        office.post(f"{number}", f"{INSULT} nambar {number}")
    shown = office.ask("/abuse")
    assert "7 days: 7</b> (1 to 5)" in shown.text
    assert "purana" not in shown.text
    assert labels(shown) == [*(f"Complaint: {number}" for number in range(1, 6)), "Next"]
    second, _ = office.do(shown, "Next")
    assert labels(second) == ["Complaint: 6", "Complaint: 7", "Back"]
    assert office.do(second, "Back")[0].text == shown.text


def test_nothing_passed_over_is_one_kind_sentence(office: Office) -> None:
    shown = office.ask("/abuse", chat="private")
    assert labels(shown) == []
    assert shown.text in (NOTHING_PASSED, "पिछले 7 दिन में ऐसा कुछ नहीं छूटा जिसे आपको देखना हो।")


def test_abuse_becomes_a_complaint_with_a_number_a_reply_and_a_place_in_triage(office: Office) -> None:
    (message,) = office.post("1", INSULT)
    assert office.results("x:1") == ["ignored:abuse"]
    assert office.all_tickets() == []
    began = office.now
    office.now += timedelta(days=2)
    shown = office.ask("/abuse")
    edited, toast = office.do(shown, "Complaint: 1")
    assert (edited.text, toast) == (NOTHING_PASSED, "Taken up as a complaint; it gets its number now.")
    (ticket,) = office.all_tickets()
    assert (ticket.status, ticket.first_message_id) == ("triage", message)
    assert office.results("x:1") == ["ticketed:called_by_desk"]
    (reply,) = office.said(ticket.id)
    assert (reply.act, reply.reply_to_id) == (OutgoingAct.REPLY, message)
    assert ticket.number in reply.text
    with reading(office.engine) as conn:
        noticed = conn.scalars(sa.select(outbox.c.payload).where(outbox.c.template == "triage_notice")).all()
    assert [outgoing_from_json(one).thread_id for one in noticed] == [CMO]
    (act,) = office.acts("called_complaint")
    assert (act.actor, act.officer_id is not None, SWEARING in act.codes) == ("officer", True, False)
    assert office.adds_up(began)
    assert office.adds_up(office.now)


def test_a_second_press_opens_no_second_ticket(office: Office) -> None:
    office.post("1", INSULT)
    shown = office.ask("/abuse")
    office.do(shown, "Complaint: 1")
    assert office.do(shown, "Complaint: 1")[1] == "That was settled already."
    assert len(office.all_tickets()) == len(office.acts("called_complaint")) == 1


def test_what_is_guessed_is_offered_to_the_desk(office: Office) -> None:
    office.post("1", "BJP hatao desh bachao, Hisar me bijli gul hai")
    assert office.results("x:1") == ["ignored:political"]
    _, _, *more = office.press("Clerk", CMO, token(office.ask("/abuse"), "Complaint: 1"))
    (notice,) = (one for one in more if one.thread_id == CMO)
    assert "Power cut" in labels(notice)


def test_a_complaint_whose_matter_is_plain_goes_to_its_office(office: Office) -> None:
    office.post("1", INSULT)
    misread(office, "Hisar me 3 din se pani nahi aa raha, gali 5")
    office.do(office.ask("/abuse"), "Complaint: 1")
    (ticket,) = office.all_tickets()
    assert (ticket.district, ticket.status, ticket.owner_post) == ("Hisar", "assigned", "phed-hisar")
    assert len(office.said(ticket.id)) == 1


def test_the_parts_of_a_thread_come_along(office: Office) -> None:
    first = Inbound(
        key="900:0", verb=InboundVerb.POSTED, platform=Platform.X, message_id="900", thread_id="900",
        occurred_at=office.now, author=Author("1", "u1", "A citizen"), text=f"{INSULT}", mentions_us=True,
    )  # fmt: skip
    second = replace(
        first, key="901:0", message_id="901", reply_to_id="900", text="kutte kaminey saale", mentions_us=False
    )
    with writing(office.engine) as conn:
        inbox_store.put(conn, office.x, [first, second], {}, office.now)
    office.decide()
    assert office.results("x:1") == ["ignored:abuse", "joined"]
    office.do(office.ask("/abuse"), "Complaint: 1")
    (ticket,) = office.all_tickets()
    assert office.results("x:1") == ["ticketed:called_by_desk", "joined"]
    with reading(office.engine) as conn:
        about = conn.scalars(sa.select(inbox.c.ticket_id).where(inbox.c.actor_key == "x:1")).all()
    assert set(about) == {ticket.id}


def test_a_cry_for_help_stays_one(office: Office) -> None:
    cry = "Hisar sector 14 me ghar me aag lag gayi hai, log andar phanse hain, jaldi fire brigade bhejo"
    office.post("1", INSULT)
    misread(office, cry)
    office.do(office.ask("/abuse"), "Complaint: 1")
    (ticket,) = office.all_tickets()
    assert ticket.urgent


def test_a_post_deleted_meanwhile_says_so_and_opens_nothing(office: Office) -> None:
    (message,) = office.post("1", INSULT)
    shown = office.ask("/abuse")
    office.delete("1", message)
    edited, toast = office.do(shown, "Complaint: 1")
    assert toast == "Its author has deleted this post, so there is nothing left to decide."
    assert edited.text == NOTHING_PASSED
    assert office.all_tickets() == office.acts("called_complaint") == []


def test_abuse_under_our_own_post_is_shown_and_other_talk_there_is_not(office: Office) -> None:
    office.post("1", INSULT, mentions_us=False, implicit=True)
    office.post("2", "Good morning ji", mentions_us=False, implicit=True)
    assert (office.results("x:1"), office.results("x:2")) == (["ignored:abuse"], ["ignored:implicit"])
    office.do(office.ask("/abuse"), "Complaint: 1")
    assert len(office.all_tickets()) == 1


def test_the_day_adds_up_with_floods_let_go_and_ended(office: Office) -> None:
    office.flood("1", 5)
    office.post("2", INSULT)
    shown, _ = office.do(office.ask("/flood"), "1")
    asked, _ = office.do(shown, "End all: 4")
    office.do(asked, "Yes, end all: 4")
    office.do(office.ask("/abuse"), "Complaint: 1")
    assert office.adds_up(office.now)


# -- who may, and where ----------------------------------------------------------------------------------------------------


def test_only_clerks_of_the_cmo_desk_may(office: Office) -> None:
    office.flood("1", 1)
    office.post("2", INSULT)
    shown = [office.ask("/flood"), office.ask("/abuse")]
    for who in ("Nodal Hisar", "Head", "Viewer"):
        for command in ("/flood", "/abuse"):
            assert office.ask(command, "private", who).text in NOT_FOR_YOU
        for button in (button for one in shown for line in one.buttons for button in line):
            (refused,) = office.press(who, CMO, button.token)
            assert refused.text in NOT_FOR_YOU
    assert office.results("x:1").count(inbox_store.FLOOD) == 1
    assert office.results("x:2") == ["ignored:abuse"]


def test_elsewhere_a_clerk_is_told_that_it_is_not_possible_there(office: Office) -> None:
    assert office.ask("/flood", HISAR).text == "That is not possible in this chat."
    assert office.ask("/abuse", HISAR).text == "That is not possible in this chat."


def test_strangers_and_the_anonymous_change_nothing(office: Office) -> None:
    office.post("2", INSULT)
    shown = office.ask("/abuse")
    (stranger,) = office.press("Nobody", CMO, token(shown, "Complaint: 1"))
    assert stranger.text.startswith("You are not linked")
    update = office._update("Clerk", CMO, DeskVerb.PRESSED, press_id="p1", press_data=token(shown, "Complaint: 1"))
    (hidden,) = office._answers(replace(update, author=None, anonymous=True, message_id="9"))
    assert hidden.text.startswith("Please write under your own name")
    assert office.results("x:2") == ["ignored:abuse"]


def test_the_moment_of_an_act_is_recorded_without_words(office: Office) -> None:
    office.flood("1", 2, INSULT)
    office.do(office.ask("/flood"), "1")
    asked, _ = office.do(office.ask("/flood"), "End all: 1")
    office.do(asked, "Yes, end all: 1")
    acts = [*office.acts("flood_post_let_go"), *office.acts("flood_ended")]
    assert [act.at for act in acts] == [office.now.astimezone(UTC)] * 2
    assert not any(SWEARING in act.codes or "x:1" in act.codes for act in acts)
