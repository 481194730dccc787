"""Messages held in the outbox: whatever is written, held, let out and sent while modes come and go, nothing leaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.gate import hold_back, queue
from handlers.reach import EVERYBODY, Reach
from store import accounts, channels, held, lanes, outbox, outbox_by_hand, recognising, sending
from store.db import reading, writing
from store.inbound import Author
from store.outbound import Outgoing
from store.outbox import NewRow, OutboxRow
from store.sending import Failure
from store.tables import events, metadata, tickets
from store.vocabulary import DeliveryState, Language, OutgoingAct, Platform

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
SHADOW, HISAR, KARNAL = Reach(silent=True), Reach(district="Hisar"), Reach(district="Karnal")
MODES = (SHADOW, HISAR, KARNAL, EVERYBODY)
RELEASED = "released"
HELD, SENT = DeliveryState.HELD, DeliveryState.SENT


@dataclass
class Desk:
    """Tickets, their messages on one channel, and a sender that obeys the mode of the moment."""

    engine: sa.Engine
    mode: Reach = EVERYBODY
    now: datetime = NOW
    posted: list[tuple[Reach, OutboxRow, str | None]] = field(default_factory=list)  # mode, row, its ticket's district
    steps: int = 0

    def __post_init__(self) -> None:
        with writing(self.engine) as conn:
            self.channel = channels.register(conn, "cmohry", Platform.X)
            known = accounts.know(conn, [(Platform.X, Author(id="7", handle="a", name="A"))], NOW)
            self.account = next(iter(known.values())).id
        lane = lanes.take_lane(self.engine, self.channel.id, self.channel.name)
        assert lane is not None
        self.lane = lane

    def open(self, ticket: int, district: str | None) -> None:
        row = {
            "id": ticket,
            "number": f"HRY26-{ticket:06}-0",
            "platform": Platform.X,
            "channel_id": self.channel.id,
            "account_id": self.account,
            "thread_id": f"t{ticket}",
            "first_message_id": f"p{ticket}",
            "language": Language.EN,
            "status": "collecting",
            "district": district,
            "opened_at": self.now,
        }
        with writing(self.engine) as conn:
            conn.execute(tickets.insert().values(**row))

    def place(self, ticket: int, district: str) -> None:
        with writing(self.engine) as conn:
            conn.execute(tickets.update().where(tickets.c.id == ticket).values(district=district))

    def write(self, ticket: int | None, **other: Any) -> int:
        """Queue a message of a ticket; returns its row's id."""
        self.steps += 1
        thread = f"t{ticket}"
        row = NewRow(
            channel_id=self.channel.id,
            step_id=other.pop("step", f"s:{self.steps}"),
            recipient="x:7",
            destination=thread,
            template="first_reply",
            outgoing=other.pop("outgoing", Outgoing(act=OutgoingAct.REPLY, text="words", thread_id=thread)),
            ticket_id=ticket,
            account_id=self.account,
            **other,
        )
        with writing(self.engine) as conn:
            (row_id,) = queue(conn, self.mode, [row], self.now)
        return row_id

    def send(self, *, fails: bool = False) -> list[int]:
        """What the lane does: look what is due, take what may go, post it."""
        posted = []
        for _ in range(50):
            with writing(self.engine) as conn:
                due = [row.id for row in outbox.due(conn, self.channel.id, self.now, 10)]
            if not due:
                break
            with writing(self.engine) as conn:
                for row_id in hold_back(conn, self.mode, due, self.now):
                    row = sending.mark_sending(conn, row_id, self.lane.epoch, self.now)
                    assert row is not None
                    posted.append(row.id)
                    self._settle(conn, row, fails=fails)
        return posted

    def _settle(self, conn: sa.Connection, row: OutboxRow, *, fails: bool) -> None:
        if fails:
            later = self.now + timedelta(minutes=1)
            failure = Failure("x:429", "later")
            sending.mark_retry(conn, row.id, failure, self.now, epoch=self.lane.epoch, next_attempt_at=later)
            return
        district = conn.execute(sa.select(tickets.c.district).where(tickets.c.id == row.ticket_id)).scalar()
        self.posted.append((self.mode, row, district))
        sending.mark_sent(conn, row.id, f"id{row.id}", self.now)

    def retry(self, row_id: int) -> bool:
        with writing(self.engine) as conn:
            return outbox_by_hand.retry_by_hand(conn, row_id, self.now)

    def release(self, ticket: int) -> int:
        with writing(self.engine) as conn:
            return held.release(conn, [ticket], self.now)

    def rows(self) -> dict[int, OutboxRow]:
        with reading(self.engine) as conn:
            return {row.id: row for row in outbox.list_rows(conn, limit=10_000)}

    def states(self, *row_ids: int) -> list[DeliveryState]:
        rows = self.rows()
        return [rows[one].state for one in row_ids]


@pytest.fixture
def desk(engine: sa.Engine) -> Iterator[Desk]:
    desk = Desk(engine)
    yield desk
    desk.lane.release()


def test_what_waits_is_held_when_its_turn_comes_with_what_follows_it(desk: Desk) -> None:
    desk.open(1, "Hisar")
    edit = Outgoing(act=OutgoingAct.EDIT, text="news", thread_id="t1")
    first, change = desk.write(1, step="notice"), desk.write(1, outgoing=edit, follows_step="notice")
    morning = desk.write(1, not_before=NOW + timedelta(hours=9))
    desk.mode = SHADOW
    assert desk.send() == []
    assert desk.states(first, change, morning) == [HELD, HELD, DeliveryState.PENDING]
    desk.mode, desk.now = EVERYBODY, NOW + timedelta(days=1)
    assert desk.send() == [], "the morning's message belongs to a ticket of the shadow now"
    assert [desk.rows()[one].error_code for one in (first, change, morning)] == ["shadow", "follows_held", "in_shadow"]


def test_every_held_message_has_an_event_without_words(desk: Desk) -> None:
    desk.mode = SHADOW
    desk.open(1, "Hisar")
    row = desk.write(1)
    with reading(desk.engine) as conn:
        (event,) = conn.execute(sa.select(events).where(events.c.kind == "message_held")).all()
    assert event.ticket_id == 1
    assert f'"outbox": {row}' in event.codes
    assert "words" not in event.codes


def test_a_message_to_be_tried_again_is_held_and_a_wish_outlasts_failures(desk: Desk) -> None:
    desk.open(1, "Karnal")
    row = desk.write(1)
    desk.send(fails=True)
    desk.mode, desk.now = HISAR, NOW + timedelta(minutes=2)
    assert desk.send() == []
    assert desk.rows()[row].error_code == "other_district"
    assert desk.retry(row)
    assert desk.send(fails=True) == [row]
    desk.now += timedelta(minutes=2)
    assert desk.send() == [row]
    assert desk.states(row) == [SENT]


def test_a_wish_in_the_shadow_is_not_heard(desk: Desk) -> None:
    desk.mode = SHADOW
    desk.open(1, "Hisar")
    row = desk.write(1)
    assert desk.retry(row)
    assert desk.send() == []
    desk.mode = EVERYBODY
    assert desk.send() == [], "nor does it wait for the shadow's end"
    assert desk.states(row) == [HELD]


def test_a_change_of_what_was_never_posted_is_not_sent_even_by_hand(desk: Desk) -> None:
    desk.mode = SHADOW
    desk.open(1, "Hisar")
    edit = Outgoing(act=OutgoingAct.EDIT, text="news", thread_id="t1")
    desk.write(1, step="notice")
    change = desk.write(1, outgoing=edit, follows_step="notice")
    desk.mode = EVERYBODY
    assert desk.retry(change)
    assert desk.send() == []
    assert desk.states(change) == [DeliveryState.CANCELLED]


def test_a_released_ticket_speaks_and_its_past_stays_unsaid(desk: Desk) -> None:
    desk.mode = SHADOW
    desk.open(1, "Hisar")
    old = desk.write(1)
    desk.mode = EVERYBODY
    assert desk.send() == []
    with reading(desk.engine) as conn:
        assert held.tickets_in_shadow(conn) == [1]
    assert desk.release(1) == 1
    new = desk.write(1)
    assert desk.send() == [new]
    assert desk.states(old) == [HELD]
    with reading(desk.engine) as conn:
        assert held.tickets_in_shadow(conn) == []


def test_a_dropped_message_no_longer_keeps_its_ticket_in_the_shadow(desk: Desk) -> None:
    desk.mode = SHADOW
    desk.open(1, "Hisar")
    old = desk.write(1)
    with writing(desk.engine) as conn:
        assert outbox_by_hand.drop_by_hand(conn, old, "answered_by_hand", NOW)
    desk.mode = EVERYBODY
    assert desk.send() == []
    new = desk.write(1)
    assert desk.send() == [new]


def test_whoever_is_spoken_with_is_also_answered_without_a_ticket(desk: Desk) -> None:
    desk.mode = HISAR
    assert desk.states(desk.write(None)) == [HELD]
    desk.open(1, "Hisar")
    answer = desk.write(None)
    assert desk.send() == [answer]
    desk.mode = KARNAL
    assert desk.states(desk.write(None)) == [HELD]


def test_what_a_held_message_says_is_ours_only_if_it_may_have_been_posted(desk: Desk) -> None:
    desk.open(1, "Hisar")
    never, tried = desk.write(1), 0
    desk.mode = SHADOW
    desk.send()
    with reading(desk.engine) as conn:
        assert not recognising.is_ours(conn, desk.channel.id, "999", "words"), "a person wrote it by hand"
    desk.mode = EVERYBODY
    desk.open(2, "Hisar")
    tried = desk.write(2)
    desk.send(fails=True)
    desk.mode, desk.now = SHADOW, NOW + timedelta(minutes=2)
    desk.send()
    assert desk.states(never, tried) == [HELD, HELD]
    with reading(desk.engine) as conn:
        assert recognising.is_ours(conn, desk.channel.id, "999", "words")


# -- whatever comes ----------------------------------------------------------------------------------------------------

TICKETS = st.integers(1, 2)
ACTS = st.one_of(
    st.tuples(st.just("write"), TICKETS, st.integers(0, 1)),
    st.tuples(st.just("write"), TICKETS, st.integers(0, 1)),
    st.tuples(st.just("place"), TICKETS, st.sampled_from(["Hisar", "Karnal"])),
    st.tuples(st.just("retry"), st.integers(0, 20)),
    st.tuples(st.just("release"), TICKETS),
)
TURNS = st.lists(st.tuples(st.sampled_from(MODES), ACTS, st.booleans()), min_size=6, max_size=14)
PLACES = st.tuples(*[st.sampled_from([None, "Hisar"])] * 2)


@given(TURNS, PLACES)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_leaks_whatever_happens(
    engine: sa.Engine, turns: list[tuple[Reach, tuple[Any, ...], bool]], places: tuple[str | None, ...]
) -> None:
    with writing(engine) as conn:
        for name in ("attempts", "events", "outbox", "tickets", "accounts"):
            conn.execute(metadata.tables[name].delete())
    desk = Desk(engine)
    shadow: dict[int, dict[int, str | None]] = {1: {}, 2: {}}  # what is held of each ticket, and why
    try:
        for ticket, district in enumerate(places, 1):
            desk.open(ticket, district)
        for mode, act, fails in turns:
            desk.mode, desk.now = mode, desk.now + timedelta(hours=1)
            _do(desk, shadow, *act)
            before = desk.rows()
            posted = desk.send(fails=fails)
            _note(before, shadow)
            _nothing_leaked(desk, before, posted, shadow)
            _note(desk.rows(), shadow)
    finally:
        desk.lane.release()


def _do(desk: Desk, shadow: dict[int, dict[int, str | None]], act: str, *what: Any) -> None:
    match act:
        case "write":
            ticket, turns_later = what
            desk.write(ticket, not_before=desk.now + timedelta(hours=turns_later))
        case "place":
            desk.place(*what)
        case "retry":
            held = [row.id for row in desk.rows().values() if row.state is HELD]
            if held:
                desk.retry(held[what[0] % len(held)])
        case "release":
            desk.release(*what)
            shadow[what[0]] = dict.fromkeys(shadow[what[0]], RELEASED)


def _note(rows: dict[int, OutboxRow], shadow: dict[int, dict[int, str | None]]) -> None:
    """What is held by now keeps its ticket silent until a person let it out or sent it."""
    for row in rows.values():
        held = shadow[row.ticket_id or 0]
        if row.state is HELD:
            held.setdefault(row.id, row.error_code)
        else:
            held.pop(row.id, None)


def _nothing_leaked(
    desk: Desk, before: dict[int, OutboxRow], posted: list[int], shadow: dict[int, dict[int, str | None]]
) -> None:
    districts = {row.id: where for _, row, where in desk.posted}
    for row_id in posted:
        assert not desk.mode.silent
        row = before[row_id]
        if row.released_at is not None:  # a person's wish
            continue
        held = shadow[row.ticket_id or 0]
        if desk.mode.district is not None:
            assert districts.get(row_id, desk.mode.district) == desk.mode.district
            if "district_unknown" in held.values():  # it begins to speak
                held.update({one: RELEASED for one, why in held.items() if why == "district_unknown"})
        assert set(held.values()) <= {RELEASED}
