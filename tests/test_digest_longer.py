"""Weekly and monthly editions, those of heads, and digests on demand: when, for whom, once, and in how many characters."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from officers_stage import CMO, HISAR, MAGISTRATE, NOW, Office

from handlers.digest import longer
from handlers.digest.period import PeriodKind, office_day
from handlers.digest.sheet import Sheet
from handlers.length import TELEGRAM_LIMIT
from handlers.reach import EVERYBODY, Reach
from store.alarms import open_alarms
from store.db import reading, writing
from store.directory import load_directory
from store.payloads import outgoing_from_json
from store.tables import editions, outbox

MONDAY = datetime(2026, 11, 30, 2, 30, tzinfo=UTC)  # 8 am in Haryana
WEEK = timedelta(days=7)


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine, MAGISTRATE)
    office.complain("Hisar", 2)
    office.complain("Karnal")
    return office


def send(office: Office, now: datetime, reach: Reach = EVERYBODY) -> list[tuple[str, str, str]]:
    """Everything that is due: step, chat and text."""
    office.now, made = now, []
    while True:
        with reading(office.engine) as conn:
            edition = longer.next_due(conn, now, load_directory(conn, now))
            if edition is None:
                break
            sheet = longer.sheet_for(conn, edition, now)
        assert isinstance(sheet, Sheet)
        with writing(office.engine) as conn:
            assert longer.queue_edition(conn, edition, sheet, now, reach) == 1
            row = conn.execute(sa.select(outbox).order_by(outbox.c.id.desc()).limit(1)).one()
        made.append((row.step_id, row.recipient, outgoing_from_json(row.payload).text))
    return made


def test_a_week_goes_on_monday_at_eight_to_the_cmo_the_heads_and_the_magistrate(office: Office) -> None:
    assert send(office, MONDAY - timedelta(minutes=1)) == []
    sent = send(office, MONDAY)
    assert {(step.split(":")[1], step.partition("W48:")[2], chat) for step, chat, _ in sent} == {
        ("week", "cmo", CMO),
        ("week", "phed-head", office.users["Head"]),
        ("week", "hisar-cm:Hisar", office.users["Magistrate"]),
    }
    assert all(len(text) < TELEGRAM_LIMIT for _, _, text in sent)
    texts = {chat: text for _, chat, text in sent}
    assert "3 complaints" in texts[CMO]
    assert "2" in texts[office.users["Magistrate"]]
    assert send(office, MONDAY + timedelta(hours=3)) == []


def test_who_had_nothing_to_do_reads_of_nothing(office: Office) -> None:
    assert not any(chat == office.users["Police Head"] for _, chat, _ in send(office, MONDAY))
    office.complain("Hisar", words="mera mobile chori ho gaya, FIR nahi likh rahe")
    assert any(chat == office.users["Police Head"] for _, chat, _ in send(office, MONDAY + WEEK))


def test_a_month_goes_on_the_first(office: Office) -> None:
    send(office, MONDAY)
    first = datetime(2026, 12, 1, 2, 30, tzinfo=UTC)
    assert {step.split(":")[1] for step, _, _ in send(office, first)} == {"month"}
    with reading(office.engine) as conn:
        assert set(conn.scalars(sa.select(editions.c.period).where(editions.c.edition == "month"))) == {"2026-11"}


def test_after_an_outage_the_newest_goes_once(office: Office) -> None:
    sent = send(office, MONDAY + 3 * WEEK)
    weeks = {step.split(":")[2] for step, _, _ in sent if step.startswith("digest:week:")}
    assert weeks == {"2026-W51"}
    assert send(office, MONDAY + 3 * WEEK + timedelta(days=2)) == []


def test_before_anything_was_heard_there_is_no_edition(engine: sa.Engine) -> None:
    assert send(Office(engine), MONDAY) == []


def test_in_the_shadow_it_is_held(office: Office) -> None:
    send(office, MONDAY, Reach(silent=True))
    with reading(office.engine) as conn:
        states = set(conn.scalars(sa.select(outbox.c.state).where(outbox.c.template == "digest_week")))
    assert states == {"held"}


@given(st.integers(0, 430 * 24 * 60))
def test_the_newest_period_is_over_and_the_next_is_not_due(minutes: int) -> None:
    now = datetime(2025, 12, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    for kind in longer.KINDS:
        period = longer.latest_of(kind, now)
        eight = timedelta(hours=8)
        assert period.end + eight <= now
        following = longer.period_of(kind, period.next_day)
        assert following.end + eight > now
        assert office_day(period.start) == period.day


def test_the_turn_of_the_year(office: Office) -> None:
    sent = send(office, datetime(2027, 1, 4, 2, 30, tzinfo=UTC))
    assert {step.split(":")[2] for step, _, _ in sent} == {"2026-W53", "2026-12"}
    assert longer.latest_of(PeriodKind.MONTH, datetime(2027, 1, 4, 2, 30, tzinfo=UTC)).day == date(2026, 12, 1)


def test_an_edition_without_words_is_told_and_keeps_nobody_waiting(office: Office) -> None:
    with reading(office.engine) as conn:
        edition = longer.next_due(conn, MONDAY, load_directory(conn, MONDAY))
    assert edition is not None
    with writing(office.engine) as conn:
        longer.give_up(conn, edition, "Template en/digest/forms.j2 has no word for it.", MONDAY)
    with reading(office.engine) as conn:
        assert [one.code for one in open_alarms(conn)] == ["digest_unsendable"]
    assert edition.reader.chat_id not in {chat for _, chat, _ in send(office, MONDAY)}
    assert len(send(office, MONDAY + WEEK)) >= 3


# -- on demand -----------------------------------------------------------------------------------------------------------


def ask(office: Office, who: str, words: str, chat: str = "private") -> str:
    (answer,) = office.write(who, chat, words)
    return answer.text


@pytest.mark.parametrize("who", ["Clerk", "Viewer"])
def test_the_cmo_asks_for_any(office: Office, who: str) -> None:
    assert "3" in ask(office, who, "/digest", CMO)
    assert "Hisar" in ask(office, who, "/district Hisar week", CMO)
    assert "Public Health department" in ask(office, who, "/department phed month", CMO)
    assert "2 complaints" in ask(office, who, "/district हिसार", CMO)
    assert "none is late" in ask(office, who, "/digest week", CMO)


def test_heads_ask_for_what_is_theirs(office: Office) -> None:
    assert ask(office, "Magistrate", "/district Hisar")
    assert ask(office, "Head", "/department phed")
    for who, words in (("Magistrate", "/district Karnal"), ("Head", "/department police"), ("Head", "/digest")):
        assert "सीएमओ" in ask(office, who, words)
    assert "Only the CMO" in ask(office, "Nodal Hisar", "/digest", HISAR)


@pytest.mark.parametrize("words", ["/district", "/district Lahore", "/department navy", "/department"])
def test_an_unknown_name_is_told(office: Office, words: str) -> None:
    assert ask(office, "Clerk", words, CMO).startswith("There is no such district or department")


def test_a_stranger_reads_nothing(office: Office) -> None:
    office.users["Somebody"] = "4998"
    assert "not linked" in ask(office, "Somebody", "/digest", HISAR)
    assert office.now >= NOW
