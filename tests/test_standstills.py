"""Time given to all offices of a district, on both databases: ordered, told, its clocks, its end, and who may do so."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from core_office import case, ground
from hypothesis import given, settings
from hypothesis import strategies as st
from officers_stage import CMO, HISAR, KARNAL, NOW, PWD, Office, labels, token

from bot.cli import main
from handlers.desk.standstill_news import queue_standstills
from handlers.desk.standstills import read_order
from handlers.passing_time import hear_silence
from handlers.reach import EVERYBODY, Reach
from handlers.standing import promised_at, resumed
from handlers.standstill import covers
from store import standstills
from store.db import reading, writing
from store.directory import load_directory
from store.outbound import Outgoing
from store.payloads import outgoing_from_json
from store.people import WHOLE_STATE, Standstill
from store.tables import events, outbox, tickets
from store.vocabulary import Awaiting, OutgoingAct, Sensitivity, Status

ORDER = "/pause Hisar until 5 December: flood, roads are closed"
RUNS_AGAIN = datetime(2026, 12, 7, 3, 30, tzinfo=UTC)  # the 5th is a Saturday: Monday, 9 am in Haryana
HOUR = timedelta(hours=1)


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine)
    office.complain("Hisar")
    office.complain("Karnal")
    return office


def order(office: Office, words: str = ORDER) -> Outgoing:
    (proposed,) = office.write("Clerk", CMO, words)
    return proposed


def confirm(office: Office, proposed: Outgoing, who: str = "Clerk") -> str:
    (answer,) = office.press(who, CMO, token(proposed, "Stop the time limits"))
    return answer.text


def pass_until(office: Office, moment: datetime) -> None:
    office.now = moment
    while office.desk.hear_time():
        pass


def tell(office: Office, reach: Reach = EVERYBODY) -> dict[str, str]:
    """What each chat is told now."""
    with writing(office.engine) as conn:
        before = conn.scalar(sa.select(sa.func.coalesce(sa.func.max(outbox.c.id), 0)))
        queue_standstills(conn, office.now, load_directory(conn, office.now), reach)
        rows = conn.execute(sa.select(outbox).where(outbox.c.id > before)).all()
    return {row.recipient: outgoing_from_json(row.payload).text for row in rows if row.state == "pending"}


def row(office: Office, district: str = "Hisar") -> Any:
    with reading(office.engine) as conn:
        return conn.execute(sa.select(tickets).where(tickets.c.district == district).order_by(tickets.c.id)).first()


def queued(office: Office, *templates: str) -> list[str]:
    with reading(office.engine) as conn:
        return list(conn.scalars(sa.select(outbox.c.template).where(outbox.c.template.in_(templates))))


# -- the order -----------------------------------------------------------------------------------------------------------


def test_nothing_stands_still_before_a_clerk_confirms(office: Office) -> None:
    proposed = order(office)
    assert "Hisar, all departments" in proposed.text
    assert "Open complaints that would stand still: 1" in proposed.text
    assert "flood, roads are closed" in proposed.text
    pass_until(office, office.now + HOUR)
    assert row(office).standstill_until_at is None
    assert tell(office) == {}


def test_the_clocks_of_the_district_stand_and_run_again_by_themselves(office: Office) -> None:
    before, elsewhere = row(office), row(office, "Karnal")
    office.now += HOUR
    assert confirm(office, order(office)) == "The time limits stand still; the desks are told."
    pass_until(office, office.now)
    held = row(office)
    assert (held.standstill_until_at, held.paused_at, held.due_at) == (RUNS_AGAIN, office.now, before.due_at)
    assert row(office, "Karnal") == elsewhere
    ordered_at = office.now
    pass_until(office, RUNS_AGAIN - HOUR)
    with reading(office.engine) as conn:
        late = conn.scalars(sa.select(events.c.ticket_id).where(events.c.kind.in_(("reminded", "escalated")))).all()
    assert set(late) == {elsewhere.id}, "only the other district's time has passed"
    pass_until(office, RUNS_AGAIN)
    after = row(office)
    assert (after.standstill_until_at, after.paused_at) == (None, None)
    assert after.due_at - before.due_at == RUNS_AGAIN - ordered_at


def test_the_desks_concerned_hear_of_it_once_and_of_its_end_once(office: Office) -> None:
    confirm(office, order(office))
    told = tell(office)
    assert set(told) == {HISAR, PWD, CMO}
    assert all("flood, roads are closed" in text and "Mon 7 Dec, 9 am" in text for text in told.values())
    assert tell(office) == {}
    office.now = RUNS_AGAIN
    assert set(tell(office)) == {HISAR, PWD, CMO}
    assert tell(office) == {}


def test_one_department_stands_still_alone(office: Office) -> None:
    confirm(office, order(office, "/pause Hisar pwd until 5 December: strike of the roads staff"))
    pass_until(office, office.now)
    assert row(office).standstill_until_at is None, "its complaint is with the water department"
    assert set(tell(office)) == {PWD, CMO}


def test_the_whole_state_may_stand_still(office: Office) -> None:
    confirm(office, order(office, "/pause Haryana 3 din tak: hartal"))
    pass_until(office, office.now)
    assert row(office).standstill_until_at == row(office, "Karnal").standstill_until_at != None  # noqa: E711
    assert set(tell(office)) == {HISAR, KARNAL, PWD, CMO}


def test_a_complaint_that_comes_meanwhile_is_promised_an_honest_day(office: Office) -> None:
    confirm(office, order(office))
    pass_until(office, office.now)
    office.complain("Hisar", words="sadak par gadda hai, kai din se")
    with reading(office.engine) as conn:
        new = conn.execute(sa.select(tickets).order_by(tickets.c.id.desc())).first()
        payload = conn.scalars(
            sa.select(outbox.c.payload).where(outbox.c.ticket_id == new.id).order_by(outbox.c.id)
        ).first()
    assert new.standstill_until_at == RUNS_AGAIN
    promised = new.due_at + (RUNS_AGAIN - new.paused_at)
    assert f"{promised.astimezone().day}" in outgoing_from_json(payload or "").text


def test_the_notice_says_so_and_the_citizen_is_told_the_new_day_without_the_reason(office: Office) -> None:
    confirm(office, order(office))
    pass_until(office, office.now)
    with reading(office.engine) as conn:
        said = [
            outgoing_from_json(one)
            for one in conn.scalars(sa.select(outbox.c.payload).where(outbox.c.template == "standstill"))
        ]
    assert all(one.act is OutgoingAct.REPLY and "flood" not in one.text for one in said)
    assert "stand still here" in office.notice().text
    pass_until(office, office.now + HOUR)
    assert len(queued(office, "standstill")) == len(said)


def test_calling_it_off_lets_the_clocks_run_from_that_moment(office: Office) -> None:
    before = row(office)
    confirm(office, order(office))
    pass_until(office, office.now)
    began = office.now
    tell(office)
    office.now += 5 * HOUR
    (listed,) = office.write("Clerk", CMO, "/pause")
    assert labels(listed) == ["Let them run: Hisar"]
    press = token(listed, "Let them run: Hisar")
    assert office.press("Clerk", CMO, press)[0].text.startswith("The time limits run again")
    assert office.press("Clerk", CMO, press)[0].text == "It is over already."
    pass_until(office, office.now)
    assert row(office).due_at - before.due_at == office.now - began
    assert all("run again" in text for text in tell(office).values())


def test_two_orders_count_once_and_the_longer_one_holds(office: Office) -> None:
    before = row(office)
    confirm(office, order(office, "/pause Hisar until 1 December: strike"))
    pass_until(office, office.now)
    began = office.now
    office.now += HOUR
    confirm(office, order(office))
    pass_until(office, office.now)
    assert row(office).standstill_until_at == RUNS_AGAIN
    pass_until(office, RUNS_AGAIN)
    assert row(office).due_at - before.due_at == RUNS_AGAIN - began


# -- what never stands still -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"urgent": True}, {"sensitivity": "sensitive"}, {"sensitivity": "restricted"}])
def test_danger_and_sensitive_matters_go_on(office: Office, change: dict[str, Any]) -> None:
    confirm(office, order(office))
    pass_until(office, office.now)
    assert row(office).standstill_until_at is not None
    with writing(office.engine) as conn:
        conn.execute(sa.update(tickets).where(tickets.c.id == row(office).id).values(**change))
    pass_until(office, office.now + timedelta(minutes=1))
    assert row(office).standstill_until_at is None
    assert row(office).paused_at is None


# -- who may, and bad input ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["Nodal Hisar", "Head", "Viewer"])
def test_only_the_cmo_desk_may(office: Office, who: str) -> None:
    (answer,) = office.write(who, "private", ORDER)
    assert answer.text in ("Only the CMO desk may do that.", "यह केवल सीएमओ डेस्क कर सकता है।")
    (refused,) = office.press(who, CMO, token(order(office), "Stop the time limits"))
    assert refused.text == "Only the CMO desk may do that."
    with reading(office.engine) as conn:
        assert standstills.in_force(conn, office.now) == ()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("/pause Hisar: flood", "Please name a day within 30 days"),
        ("/pause Hisar until 5 February: flood", "Please name a day within 30 days"),
        ("/pause Hisar until 31 November: flood", "Please name a day within 30 days"),
        ("/pause Lahore until 5 December: flood", "Please name the district"),
        ("/pause Hisar until 5 December", "Please write the reason"),
        ("/pause Hisar until 5 December: !!", "Please write the reason"),
    ],
)
def test_an_order_that_lacks_something_says_what(office: Office, words: str, told: str) -> None:
    assert order(office, words).text.startswith(told)


def test_an_old_proposal_and_a_second_press_change_nothing(office: Office) -> None:
    proposed = order(office)
    office.now += 2 * HOUR
    assert confirm(office, proposed) == "This proposal is too old. Please write /pause again."
    proposed = order(office)
    confirm(office, proposed)
    assert confirm(office, proposed) == "It has begun already."


def test_the_day_named_is_the_last_one_without_a_clock() -> None:
    found = read_order("रोहतक 5 दिसंबर तक: बाढ़", NOW, frozenset({date(2026, 12, 7)}))
    assert not isinstance(found, str)
    assert (found.district, found.department, found.until) == ("Rohtak", None, RUNS_AGAIN + timedelta(days=1))


def test_in_the_shadow_no_desk_is_told(office: Office) -> None:
    confirm(office, order(office))
    assert tell(office, Reach(silent=True)) == {}


def test_who_gave_the_time_stays_on_record(office: Office) -> None:
    confirm(office, order(office))
    with reading(office.engine) as conn:
        found = conn.execute(sa.select(events).where(events.c.kind == "standstill_ordered")).one()
    assert (found.actor, found.officer_id is not None) == ("officer", True)
    assert "flood" not in found.codes


def test_the_commands(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMGT_DATABASE_URL", office.engine.url.render_as_string(hide_password=False))

    def run(*words: str) -> tuple[int, str]:
        told = CliRunner().invoke(main, ["standstills", *words])
        return told.exit_code, told.output

    last = (datetime.now(UTC) + timedelta(days=3)).date().isoformat()
    assert run() == (0, "All clocks run.\n")
    done, told = run("order", "Hisar", "--until", last, "--reason", "flood")
    assert done == 0
    assert "the clocks of 1 open complaints stand" in told
    assert "Hisar" in run()[1]
    for wrong in (
        ["order", "Lahore", "--until", last, "--reason", "flood"],
        ["order", "Hisar", "--department", "navy", "--until", last, "--reason", "flood"],
        ["order", "Hisar", "--until", "2020-01-01", "--reason", "flood"],
        ["order", "Hisar", "--until", last, "--reason", " "],
        ["end", "77"],
    ):
        code, told = run(*wrong)
        assert (code, told.count("\n")) == (1, 1), told
    assert run("end", "1") == (0, "Standstill 1 has ended; the desks are told.\n")
    assert run() == (0, "All clocks run.\n")


# -- a slow recount --------------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_the_due_time_moves_by_the_hours_that_anything_held_the_clock(seed: int) -> None:
    """Questions, plans and orders at random: each hour that at least one of them holds is given once."""
    chance = random.Random(seed)
    orders = [
        Standstill(at + 1, "Hisar", None, "flood", NOW + HOUR * begin, NOW + HOUR * (begin + chance.randrange(1, 40)))
        for at, begin in enumerate(sorted(chance.randrange(120) for _ in range(chance.randrange(4))))
    ]
    ticket = case(
        status=Status.ACCEPTED, category="water_supply", district="Hisar", department="phed", owner_post="phed-nodal-hisar",
        turn=1, assigned_at=NOW, due_at=NOW + HOUR * 1000, interim_told=True, reminded_percent=90,
    )  # fmt: skip
    due, asked_until, held = ticket.due_at, 0, 0
    for hour in range(200):
        now = NOW + HOUR * hour
        here = replace(ground(), standstills=tuple(one for one in orders if one.from_at <= now < one.until_at))
        while (woken := hear_silence(ticket, now, here)).result != "nothing_due":
            assert woken.case is not None
            ticket = woken.case
        if ticket.awaiting is Awaiting.OFFICER_QUESTION and hour >= asked_until:
            ticket = resumed(ticket, now)
        if ticket.awaiting is Awaiting.NOTHING and hour < 160 and chance.random() < 0.05:
            asked_until = hour + chance.randrange(1, 30)
            ticket = replace(
                ticket, awaiting=Awaiting.OFFICER_QUESTION, awaiting_since_at=now, paused_at=ticket.paused_at or now
            )
        held += hour < asked_until or any(covers(one, ticket) and one.from_at <= now < one.until_at for one in orders)
        promised = promised_at(ticket)
        assert promised is not None
        assert promised >= (ticket.due_at or NOW)
    assert ticket.paused_at is None
    assert ticket.due_at is not None
    assert due is not None
    assert ticket.due_at - due == HOUR * held


def test_the_tables_are_asked_what_the_core_decides(office: Office) -> None:
    scopes = list(itertools.product(("Hisar", "Karnal", WHOLE_STATE), (None, "phed", "pwd")))
    for status, urgent, sensitivity in itertools.product(Status, (False, True), Sensitivity):
        ended = status in (Status.CLOSED, Status.REJECTED, Status.WITHDRAWN, Status.MERGED)
        change = {
            "status": status, "urgent": urgent, "sensitivity": sensitivity, "ended_at": NOW if ended else None,
            "outcome": "satisfied" if status is Status.CLOSED else None, "disposed_at": NOW,
        }  # fmt: skip
        with writing(office.engine) as conn:
            conn.execute(sa.update(tickets).values(**change))
            found = conn.execute(sa.select(tickets.c.district, tickets.c.department)).all()
            stand = {"status": status, "urgent": urgent, "sensitivity": sensitivity}
            cases = [case(**stand, district=one.district, department=one.department) for one in found]
            for district, department in scopes:
                order = Standstill(1, district, department, "flood", NOW, NOW + HOUR)
                expected = sum(covers(order, one) for one in cases)
                assert standstills.count_covered(conn, district, department) == expected
