"""The inbox: kept before decided, once, in order, on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import sqlalchemy as sa

from store import channels, inbox
from store.db import reading, writing
from store.inbound import Attachment, Author, DeskUpdate, Heard, Inbound, Undeliverable, Unreadable
from store.inbox import Decided
from store.tables import inbox as inbox_table
from store.vocabulary import DeskVerb, InboundVerb, InboxState, Platform

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def post(key: str, author: str | None = "7", text: str = "pani nahi aa raha", **other: Any) -> Inbound:
    return Inbound(
        key=key,
        verb=InboundVerb.POSTED,
        platform=Platform.X,
        message_id=key,
        thread_id="t1",
        occurred_at=NOW,
        author=Author(author, "asha", "Asha") if author else None,
        text=text,
        **other,
    )


def update(key: str, chat: str = "-100", author: str | None = "5") -> DeskUpdate:
    return DeskUpdate(
        key=key,
        verb=DeskVerb.WROTE,
        occurred_at=NOW,
        chat_id=chat,
        chat_kind="supergroup",
        author=Author(author, "", "Officer") if author else None,
    )


@pytest.fixture
def channel_id(engine: sa.Engine) -> int:
    with writing(engine) as conn:
        return channels.register(conn, "cmohry", Platform.X, "99", "cmohry").id


def put(engine: sa.Engine, channel_id: int, *events: Heard, **cursors: str) -> int:
    with writing(engine) as conn:
        return inbox.put(conn, channel_id, events, cursors, NOW)


def claimed(engine: sa.Engine, limit: int = 50, now: datetime = NOW) -> list[str]:
    with writing(engine) as conn:
        return [row.event_key for row in inbox.claim(conn, limit, now)]


def test_an_event_comes_back_as_it_was_heard(engine: sa.Engine, channel_id: int) -> None:
    heard: list[Heard] = [
        post("1:1", attachments=(Attachment("photo", "https://pbs.twimg.com/a.jpg"),), mentions_us=True),
        update("9:10"),
        Undeliverable(key="refused:4", occurred_at=NOW, outbox_id=4, ticket_id=None, code="x:403"),
    ]
    assert put(engine, channel_id, *heard) == 3
    with writing(engine) as conn:
        assert [row.heard for row in inbox.claim(conn, 10, NOW)] == heard


def test_duplicates_are_kept_once_whether_in_one_batch_or_two(engine: sa.Engine, channel_id: int) -> None:
    assert put(engine, channel_id, post("1:1"), post("1:1"), post("2:1")) == 2
    assert put(engine, channel_id, post("2:1", text="later copy"), post("3:1")) == 1
    assert claimed(engine) == ["1:1", "2:1", "3:1"]


def test_events_and_cursors_move_together_or_not_at_all(engine: sa.Engine, channel_id: int) -> None:
    put(engine, channel_id, post("1:1"), since_id="1")
    with engine.connect() as dying, dying.begin() as transaction:
        inbox.put(dying, channel_id, [post("2:1")], {"since_id": "2"}, NOW)
        transaction.rollback()
    with reading(engine) as conn:
        assert channels.cursors(conn, channel_id) == {"since_id": "1"}
        assert inbox.count_by_state(conn)[InboxState.PENDING] == 1
    put(engine, channel_id, post("2:1"), since_id="2", sweep="x")
    with reading(engine) as conn:
        assert channels.cursors(conn, channel_id) == {"since_id": "2", "sweep": "x"}


@pytest.mark.parametrize(
    ("heard", "key"),
    [
        (post("1:1"), "x:7"),
        (replace(post("1:1", author=None), platform=Platform.FACEBOOK), "facebook:thread:t1"),
        (update("1:1"), "telegram:chat:-100:5"),
        (update("1:1", author=None), "telegram:chat:-100:"),
        (Undeliverable(key="k", occurred_at=NOW, outbox_id=4, ticket_id=8, code="c"), "ticket:8"),
        (Undeliverable(key="k", occurred_at=NOW, outbox_id=4, ticket_id=None, code="c"), "outbox:4"),
    ],
)
def test_whose_events_stay_in_order(heard: Heard, key: str) -> None:
    assert inbox.actor_key(heard) == key


def test_a_malformed_event_is_parked_and_the_others_go_on(engine: sa.Engine, channel_id: int) -> None:
    bad = replace(post("2:1"), text=cast(str, 17))
    naive = replace(post("3:1"), occurred_at=datetime(2026, 11, 24, 4, 0))  # noqa: DTZ001 - the fault
    not_an_event = cast(Inbound, {"id": 1})
    nul = post("5\x001:1")
    assert put(engine, channel_id, post("1:1"), bad, naive, not_an_event, nul, post("4:1")) == 6
    assert put(engine, channel_id, bad, naive, not_an_event, nul) == 0
    waiting = claimed(engine)
    assert waiting[0] == "1:1"
    assert waiting[2] == "4:1"
    assert "\x00" not in waiting[1]
    with reading(engine) as conn:
        parked = conn.execute(
            sa.select(inbox_table.c.error).where(inbox_table.c.state == "parked").order_by(inbox_table.c.id)
        )
        errors = list(parked.scalars())
    assert "$.text" in errors[0]
    assert errors[1:] == ["occurred_at has no time zone", "not an event but a dict"]


def test_half_an_emoji_does_not_cost_the_complaint(engine: sa.Engine, channel_id: int) -> None:
    put(engine, channel_id, post("1:1", text="bijli nahi \ud83d hai"))
    with writing(engine) as conn:
        (row,) = inbox.claim(conn, 1, NOW)
    assert isinstance(row.heard, Inbound)
    assert row.heard.text == "bijli nahi � hai"


def test_an_oversized_event_is_cut_to_its_safe_parts_and_marked(engine: sa.Engine, channel_id: int) -> None:
    put(engine, channel_id, post("1:1", text="पानी " * 30_000))
    put(engine, channel_id, post("2:1", author="8", reply_to_id="9" * 100_000))
    with writing(engine) as conn:
        (row,) = inbox.claim(conn, 10, NOW)
        found = conn.execute(sa.select(inbox_table.c.event_key, inbox_table.c.error))
        errors = {row.event_key: row.error for row in found}
    assert isinstance(row.heard, Inbound)
    assert len(row.heard.text) == 10_000
    assert str(errors["1:1"]).startswith("cut: ")
    assert "id longer" in str(errors["2:1"])


def test_long_keys_keep_apart_what_differs(engine: sa.Engine, channel_id: int) -> None:
    long = "k" * 400
    assert put(engine, channel_id, post(long + "a"), post(long + "b"), post(long + "a")) == 2


def test_a_row_that_waits_holds_later_rows_of_its_actor_only(engine: sa.Engine, channel_id: int) -> None:
    put(engine, channel_id, post("1:1"), post("2:1"), post("3:1", author="8"))
    with writing(engine) as conn:
        first, *_ = inbox.claim(conn, 1, NOW)
        inbox.defer(conn, first.id, NOW + timedelta(minutes=3))
    assert claimed(engine) == ["3:1"]
    with reading(engine) as conn:
        assert inbox.next_due(conn) == NOW  # of the other actor
    with writing(engine) as conn:
        (other,) = inbox.claim(conn, 5, NOW)
        inbox.mark_done(conn, [Decided(other.id, "ticketed")], NOW)
    with reading(engine) as conn:
        assert inbox.next_due(conn) == NOW + timedelta(minutes=3)
    assert claimed(engine, now=NOW + timedelta(minutes=3)) == ["1:1", "2:1"]


def test_a_waiting_flood_does_not_hide_others(engine: sa.Engine, channel_id: int) -> None:
    put(engine, channel_id, *(post(f"{n}:1") for n in range(200)), post("900:1", author="8"))
    with writing(engine) as conn:
        first, *_ = inbox.claim(conn, 1, NOW)
        inbox.defer(conn, first.id, NOW + timedelta(minutes=3))
    assert claimed(engine, limit=10) == ["900:1"]


def test_a_flood_waits_its_turn_behind_everybody_else(engine: sa.Engine, channel_id: int) -> None:
    put(
        engine, channel_id, *(post(f"flood{number}", "666") for number in range(60)), post("1:0", "1"), post("2:0", "2")
    )
    first = claimed(engine, 12)
    assert first == [*(f"flood{number}" for number in range(10)), "1:0", "2:0"]
    assert len(claimed(engine, 62)) == 62


def test_named_rows_come_first_and_keep_their_actors_order(engine: sa.Engine, channel_id: int) -> None:
    put(engine, channel_id, post("1:0", "1"), post("2:0", "2"), post("3:0", "3"), post("2:1", "2"))
    with writing(engine) as conn:
        ids = {key: number for number, key in enumerate(("1:0", "2:0", "3:0", "2:1"), 1)}
        assert [row.event_key for row in inbox.claim(conn, 2, NOW, [ids["2:0"], ids["2:1"]])] == ["2:0", "2:1"]
        assert [row.event_key for row in inbox.claim(conn, 1, NOW, [ids["2:1"]])] != ["2:1"], "2:0 waits before it"


def test_what_happens_in_the_future_happened_now(engine: sa.Engine, channel_id: int) -> None:
    put(engine, channel_id, replace(post("1:0"), occurred_at=NOW + timedelta(days=900)))
    with writing(engine) as conn:
        (row,) = inbox.claim(conn, 1, NOW)
    assert row.occurred_at == row.heard.occurred_at == NOW


def test_what_is_no_event_is_parked_once_with_its_reason(engine: sa.Engine, channel_id: int) -> None:
    broken = Unreadable("malformed:7", "X listed a post that cannot be read (it has no id)")
    with writing(engine) as conn:
        assert inbox.put(conn, channel_id, [broken, post("1:0")], {}, NOW) == 2
        assert inbox.put(conn, channel_id, [broken], {}, NOW) == 0
        assert inbox.count_by_state(conn)[InboxState.PARKED] == 1
    assert claimed(engine) == ["1:0"]


def test_a_parked_row_lets_later_rows_go_and_can_be_released(engine: sa.Engine, channel_id: int) -> None:
    put(engine, channel_id, post("1:1"), post("2:1"))
    with writing(engine) as conn:
        (first,) = inbox.claim(conn, 1, NOW)
        assert inbox.park(conn, first.id, "KeyError in decide", NOW)
        assert not inbox.park(conn, first.id, "again", NOW)
    assert claimed(engine) == ["2:1"]
    with writing(engine) as conn:
        assert inbox.release(conn, first.id)
    assert claimed(engine) == ["1:1", "2:1"]


def test_done_rows_say_how_and_are_not_given_out_again(engine: sa.Engine, channel_id: int) -> None:
    put(engine, channel_id, post("1:1"), post("2:1", author="8"))
    with writing(engine) as conn:
        rows = inbox.claim(conn, 10, NOW)
        inbox.mark_done(conn, [Decided(row.id, "ignored:praise") for row in rows], NOW)
    assert claimed(engine) == []
    with reading(engine) as conn:
        assert inbox.count_by_state(conn, channel_id)[InboxState.DONE] == 2
        assert inbox.next_due(conn) is None


def test_a_payload_of_an_unknown_shape_is_parked_at_the_claim(engine: sa.Engine, channel_id: int) -> None:
    put(engine, channel_id, post("1:1"), post("2:1"), post("3:1"))
    with writing(engine) as conn:
        for key, payload in (("1:1", '{"type":"later","heard":{}}'), ("2:1", None)):
            conn.execute(inbox_table.update().where(inbox_table.c.event_key == key).values(payload=payload))
    assert claimed(engine) == ["3:1"]
    with reading(engine) as conn:
        assert inbox.count_by_state(conn)[InboxState.PARKED] == 2


def _elsewhere(told: Inbound) -> Inbound:
    """The post in a thread of its author's own."""
    return replace(told, thread_id=f"t{told.author.id if told.author else ''}")


@pytest.mark.postgres
def test_a_worker_does_not_take_what_follows_another_workers_row(postgres_engine: sa.Engine) -> None:
    with writing(postgres_engine) as conn:
        channel_id = channels.register(conn, "cmohry", Platform.X).id
    put(postgres_engine, channel_id, post("1:1"), post("2:1"), _elsewhere(post("3:1", author="8")))
    with writing(postgres_engine) as first, writing(postgres_engine) as second:
        assert [row.event_key for row in inbox.claim(first, 1, NOW)] == ["1:1"]
        assert [row.event_key for row in inbox.claim(second, 2, NOW)] == ["3:1"]


def test_many_workers_decide_each_row_once_and_in_the_actors_order(engine: sa.Engine, channel_id: int) -> None:
    put(engine, channel_id, *(_elsewhere(post(f"{n}:1", author=str(n % 7))) for n in range(140)))
    seen: list[tuple[str, str]] = []
    faults: list[BaseException] = []

    def work() -> None:
        try:
            while True:
                with writing(engine) as conn:
                    rows = inbox.claim(conn, 5, NOW)
                    seen.extend((row.actor_key, row.event_key) for row in rows)
                    inbox.mark_done(conn, [Decided(row.id, "ticketed") for row in rows], NOW)
                    left = inbox.count_by_state(conn)[InboxState.PENDING]
                if left == 0:
                    return
        except BaseException as fault:  # noqa: BLE001 - shown by the assertion below
            faults.append(fault)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    assert not faults
    assert sorted(key for _, key in seen) == sorted(f"{n}:1" for n in range(140))
    for author in range(7):
        mine = [int(key.split(":")[0]) for actor, key in seen if actor == f"x:{author}"]
        assert mine == sorted(mine)
