"""The daily digest: every figure against a slow recount, its words, and an edition that goes once."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from html.parser import HTMLParser
from pathlib import Path
from random import Random
from threading import Barrier

import pytest
import sqlalchemy as sa
from digest_comparing import compare_figures
from digest_days import BUSY, QUIET
from digest_history import END, INDIA, NOW, START, insert_history
from digest_recount import Recount

from handlers.digest.daily import render_daily
from handlers.digest.editions import DayNotBegun, digest_text, due_edition, queue_daily
from handlers.digest.figures import figures as counted_figures
from handlers.digest.period import Period, latest_period, next_edition_at
from handlers.digest.scope import STATE, Scope, scope_of
from handlers.digest.shapes import Figures, Gap
from handlers.opening import ANSWERED_WITHOUT_TICKET, SILENT_KINDS
from store import channels, outbox
from store.alarms import open_alarms
from store.db import reading, writing
from store.directory import load_directory
from store.people import Desk, Directory, Post
from store.remarks import RemarksTold, RemarkTold
from store.tables import coverage, desks, editions, inbox, posts, tickets
from store.vocabulary import Language, Platform, Role, Sensitivity

MORNING = datetime(2026, 11, 24, 8, tzinfo=INDIA)
LANGUAGES = list(Language)
REMARKS = RemarksTold(
    made=3,
    open=(RemarkTold("HRY26-004821-6", None, None, 31.0), RemarkTold(None, "power", "Hisar", 5.0)),
    answered=(RemarkTold(None, "phed", None, 7.5),),
)


def figures_of(engine: sa.Engine, seed: int, many: int, scope: Scope = STATE) -> Figures:
    with writing(engine) as conn:
        insert_history(conn, Random(seed), many)
    with reading(engine) as conn:
        return counted_figures(conn, START, END, now=NOW, scope=scope)


# -- figures -----------------------------------------------------------------------------------------------------------


SCOPES = ["cmo", "department:ulb", "district:Hisar"]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(("seed", "many"), [(seed, many) for seed, many in enumerate([0, 1, 2, 7, 20, 60, 120, 250])])
def test_every_figure_agrees_with_a_slow_recount(engine: sa.Engine, seed: int, many: int, scope: str) -> None:
    whom = scope_of(scope)
    counted = figures_of(engine, seed, many, whom)
    with reading(engine) as conn:
        recounted = Recount(conn, START, END, NOW, whom).figures()
    compare_figures(counted, recounted)


def test_parts_make_the_whole(sqlite_engine: sa.Engine) -> None:
    counted = figures_of(sqlite_engine, 5, 200)
    got = counted.received
    assert got.total > 50
    without_number = sum(got.answered.values()) + sum(got.ignored.values())
    assert got.total == got.ticketed + got.about_tickets + without_number + got.parked + got.waiting
    for counts in (counted.opened.by_department, counted.opened.by_district, counted.opened.by_category):
        assert sum(counts.values()) == counted.opened.total
    assert sum(counted.pending.ages) == counted.pending.total == sum(counted.pending.by_status.values())
    assert counted.replies.replied + counted.replies.unreplied == counted.opened.total


def test_counts_come_largest_first(sqlite_engine: sa.Engine) -> None:
    counted = figures_of(sqlite_engine, 6, 300)
    for counts in (counted.opened.by_language, counted.received.ignored, counted.done.outcomes):
        assert len(counts) > 1
        assert list(counts.items()) == sorted(counts.items(), key=lambda one: (-one[1], one[0]))


def test_a_sensitive_ticket_is_never_placed(sqlite_engine: sa.Engine) -> None:
    with writing(sqlite_engine) as conn:
        insert_history(conn, Random(3), 60)
        conn.execute(tickets.update().values(district="Hisar", sensitivity=Sensitivity.SENSITIVE))
        hidden = counted_figures(conn, START, END, now=NOW).pending.latest
        conn.execute(tickets.update().values(sensitivity=Sensitivity.NORMAL))
        shown = counted_figures(conn, START, END, now=NOW).pending.latest
    assert hidden is not None
    assert shown is not None
    assert (hidden.district, shown.district) == (None, "Hisar")


# -- days --------------------------------------------------------------------------------------------------------------


def test_a_day_is_the_offices_day() -> None:
    period = Period(date(2026, 12, 31))
    assert period.start == datetime(2026, 12, 30, 18, 30, tzinfo=UTC)
    assert period.end == datetime(2026, 12, 31, 18, 30, tzinfo=UTC) == Period(date(2027, 1, 1)).start


@pytest.mark.parametrize(
    ("hour", "minute", "second", "day"),
    [(7, 59, 59, 22), (8, 0, 0, 23), (8, 0, 1, 23), (23, 59, 59, 23), (0, 0, 0, 22)],
)
def test_the_edition_of_yesterday_goes_at_eight(hour: int, minute: int, second: int, day: int) -> None:
    now = datetime(2026, 11, 24, hour, minute, second, tzinfo=INDIA).astimezone(UTC)
    assert latest_period(now) == Period(date(2026, 11, day))


def test_the_next_edition_is_always_ahead() -> None:
    assert next_edition_at(MORNING - timedelta(seconds=1), time(8)) == MORNING
    assert next_edition_at(MORNING, time(8)) == MORNING + timedelta(days=1)
    assert next_edition_at(datetime(2026, 12, 31, 20, 0, tzinfo=UTC), time(6, 30)) == datetime(
        2027, 1, 1, 6, 30, tzinfo=INDIA
    )


# -- words -------------------------------------------------------------------------------------------------------------


class _Tags(HTMLParser):
    """Telegram's HTML: only these tags, every one closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert tag in ("b", "i"), tag
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def assert_telegram_html(text: str) -> None:
    parser = _Tags()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    assert len(text) < 4096
    assert not re.search(r"\{\{|\}\}|\{%|None|Undefined", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_of_a_day_are_as_agreed(language: Language) -> None:
    page = f"{render_daily(BUSY, language, missed=2, odd_rows=3, remarks=REMARKS)}\n----\n{render_daily(QUIET, language)}\n"
    file = Path(__file__).parent / "golden" / f"digest.{language}.txt"
    if os.environ.get("SMGT_UPDATE_GOLDENS"):
        file.write_text(page, encoding="utf-8")
    assert page == file.read_text(encoding="utf-8"), "SMGT_UPDATE_GOLDENS=1 writes the golden files anew"


@pytest.mark.parametrize("seed", range(4))
def test_every_history_reads_as_telegram_html(sqlite_engine: sa.Engine, seed: int) -> None:
    figures = figures_of(sqlite_engine, seed, seed * 30)
    for language in LANGUAGES:
        assert_telegram_html(render_daily(figures, language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fullest_day_fits_one_message(language: Language) -> None:
    million = 1_234_567
    reasons = {kind.value: million for kind in (*SILENT_KINDS, *ANSWERED_WITHOUT_TICKET)}
    reasons |= dict.fromkeys(["referral", "outside", "which", "number", "stop", "repost", "not_addressed"], million)
    gap = Gap(channel="g" * 64, since_at=START, until_at=END)
    full = replace(
        BUSY,
        received=replace(BUSY.received, answered=reasons, ignored=reasons),
        trouble=replace(BUSY.trouble, gaps=(gap,) * 50, stopped_channels=("<&" * 32,) * 9),
    )
    office = RemarkTold(None, "social", "Charkhi Dadri", 99.0)
    remarks = RemarksTold(made=million, open=(office,) * 9999, answered=(office,) * 9999)
    text = render_daily(full, language, odd_rows=million, remarks=remarks)
    assert_telegram_html(text)
    assert "12,34,567" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_day_that_adds_up_says_so_in_one_line(language: Language) -> None:
    plain, counted = render_daily(BUSY, language).splitlines(), render_daily(BUSY, language, odd_rows=0).splitlines()
    assert len([one for one in counted if one not in plain]) == 1
    assert len(counted) == len(plain) + 1
    quiet = render_daily(QUIET, language, odd_rows=2)
    assert quiet.splitlines()[-1] != render_daily(QUIET, language).splitlines()[-1]
    assert " 2 " in quiet.splitlines()[-1]


def test_a_long_day_names_fewer_and_counts_the_others() -> None:
    names = ("<&" * 48,) * 5
    ignored = {"spam": 30, "political": 20, "news": 10, "chatter": 3, "abuse": 2}
    long = replace(
        BUSY,
        received=replace(BUSY.received, ignored=ignored),
        trouble=replace(BUSY.trouble, stopped_channels=names, gaps=BUSY.trouble.gaps * 4),
    )
    text = render_daily(long, Language.EN)
    assert len(text) < 4096
    assert "Hisar 40, Gurugram 30, Rohtak 20, others 77, not yet known 20" in text
    assert "&lt;&amp; +2. Nothing is read" in text
    assert "And 1 more such gap." in text
    longer = replace(long, trouble=replace(long.trouble, stopped_channels=("<&" * 96,) * 5))
    text = render_daily(longer, Language.EN)
    assert "Hisar 40, others 127, not yet known 20" in text
    assert "spam 30, politics 20, news 10, others 5." in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_silence_under_a_stopped_channel_is_not_called_quiet(language: Language) -> None:
    deaf = replace(QUIET, trouble=replace(QUIET.trouble, stopped_channels=("cm_page",)))
    text = render_daily(deaf, language)
    assert text.splitlines()[1] != render_daily(QUIET, language).splitlines()[1]
    assert "cm_page" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_has_words(language: Language) -> None:
    codes = [kind.value for kind in (*SILENT_KINDS, *ANSWERED_WITHOUT_TICKET)]
    codes += [
        "referral",
        "outside",
        "which",
        "number",
        "stop",
        "repost",
        "not_addressed",
        "implicit",
        "stranger",
    ]
    got = replace(QUIET.received, total=len(codes), ignored=dict.fromkeys(codes, 1))
    text = render_daily(replace(QUIET, received=got), language)
    assert "_" not in text
    if language in (Language.HI, Language.PA):
        assert not [code for code in codes if code in text]


# -- editions ----------------------------------------------------------------------------------------------------------


def open_office(engine: sa.Engine, *, bound: bool = True) -> None:
    """A Telegram channel, the CMO desk, and one post heard yesterday."""
    with writing(engine) as conn:
        channel = channels.register(conn, "cmohry", Platform.X)
        channels.register(conn, "desk_bot", Platform.TELEGRAM)
        chat = {"chat_id": "-100", "topic_id": "7"} if bound else {}
        conn.execute(desks.insert().values(code="cmo", title="CMO", language=Language.EN, **chat))
        conn.execute(posts.insert().values(code="cmo", title="CMO desk", role="cmo_desk", level=3, desk="cmo"))
        conn.execute(coverage.insert().values(post="cmo", district="*"))
        heard(conn, channel.id, MORNING - timedelta(days=1))


def heard(conn: sa.Connection, channel_id: int, at: datetime) -> None:
    row = {"channel_id": channel_id, "event_key": at.isoformat(), "actor_key": "x:1", "occurred_at": at}
    conn.execute(inbox.insert().values(**row, received_at=at))


def queue(engine: sa.Engine, now: datetime) -> int:
    with writing(engine) as conn:
        return queue_daily(conn, now, load_directory(conn, now))


def test_an_edition_goes_once_a_day_to_the_desk(engine: sa.Engine) -> None:
    open_office(engine)
    assert queue(engine, MORNING - timedelta(minutes=1)) == 0
    assert [queue(engine, MORNING + timedelta(hours=hours)) for hours in (0, 0, 5, 23)] == [1, 0, 0, 0]
    assert queue(engine, MORNING + timedelta(days=1)) == 1
    with reading(engine) as conn:
        first, second = outbox.list_rows(conn)
        assert channels.channel(conn, first.channel_id).platform is Platform.TELEGRAM
    assert (first.step_id, second.step_id) == ("digest:daily:2026-11-23", "digest:daily:2026-11-24")
    assert first.outgoing is not None
    assert (first.recipient, first.outgoing.thread_id, first.outgoing.topic_id) == ("-100", "-100", "7")
    assert "Monday 23 November 2026" in first.outgoing.text
    assert "1 post reached us" in first.outgoing.text


def test_after_an_outage_the_newest_missed_edition_goes_once_and_says_so(engine: sa.Engine) -> None:
    open_office(engine)
    assert queue(engine, MORNING) == 1
    later = MORNING + timedelta(days=3, hours=9)
    assert [queue(engine, later), queue(engine, later)] == [1, 0]
    early = MORNING + timedelta(days=5, hours=-2)  # the edition of the day before still waits for eight
    assert [queue(engine, early), queue(engine, early + timedelta(hours=2))] == [1, 1]
    with reading(engine) as conn:
        rows = outbox.list_rows(conn)
    texts = [row.outgoing.text for row in rows if row.outgoing is not None]
    assert [row.step_id[-2:] for row in rows] == ["23", "26", "27", "28"]
    assert "No edition went out for the 2 days before this one." in texts[1]
    assert not [text for text in (texts[0], texts[2], texts[3]) if "No edition went out" in text]


def test_before_anything_was_heard_there_is_no_edition(engine: sa.Engine) -> None:
    open_office(engine)
    with reading(engine) as conn:
        assert due_edition(conn, MORNING - timedelta(days=1)) is None
        assert due_edition(conn, MORNING) == Period(date(2026, 11, 23))
        assert due_edition(conn, MORNING, time(9)) is None


def test_without_a_desk_an_alarm_is_raised_and_the_edition_waits(engine: sa.Engine) -> None:
    open_office(engine, bound=False)
    assert [queue(engine, MORNING), queue(engine, MORNING + timedelta(minutes=1))] == [0, 0]
    with reading(engine) as conn:
        [alarm] = open_alarms(conn)
        assert (alarm.code, conn.execute(sa.select(editions)).all()) == ("digest_unsendable", [])
        assert "the desk cmo is not bound to a Telegram chat" in alarm.sentence
    with writing(engine) as conn:
        conn.execute(desks.update().values(chat_id="-100"))
    assert queue(engine, MORNING + timedelta(hours=1)) == 1
    with reading(engine) as conn:
        assert open_alarms(conn) == []


def test_the_alarm_says_what_is_missing(sqlite_engine: sa.Engine) -> None:
    open_office(sqlite_engine)
    post = Post("cmo", "CMO desk", Role.CMO_DESK, None, 3, "cmo")
    lost = Desk("cmo", "CMO", Language.EN, "-100", lost=True)
    told = []
    for directory in (Directory(), Directory({"cmo": post}, {"cmo": lost})):
        with writing(sqlite_engine) as conn:
            assert queue_daily(conn, MORNING, directory) == 0
            told += [alarm.sentence for alarm in open_alarms(conn)]
            conn.execute(sa.text("DELETE FROM alarms"))
    assert "no post of role cmo_desk has a desk" in told[0]
    assert "the bot was removed from the desk cmo" in told[1]


def test_of_several_processes_one_queues_the_edition(engine: sa.Engine) -> None:
    open_office(engine)
    ready = Barrier(4)

    def race(_: int) -> int:
        ready.wait()
        return queue(engine, MORNING)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(race, range(4))) == [0, 0, 0, 1]
    with reading(engine) as conn:
        assert len(outbox.list_rows(conn)) == len(conn.execute(sa.select(editions)).all()) == 1


@pytest.mark.postgres
def test_a_second_connection_waits_for_the_first_and_takes_over_only_if_it_fails(
    postgres_engine: sa.Engine,
) -> None:
    open_office(postgres_engine)
    for fails, second in ((True, 1), (False, 0)):
        now = MORNING if fails else MORNING + timedelta(days=1)
        with ThreadPoolExecutor(1) as pool, postgres_engine.connect() as conn:
            transaction = conn.begin()
            assert queue_daily(conn, now, load_directory(conn, now)) == 1
            other = pool.submit(queue, postgres_engine, now)
            wait_for_a_waiter(postgres_engine)
            assert not other.done()
            (transaction.rollback if fails else transaction.commit)()
            assert other.result(timeout=10) == second


def wait_for_a_waiter(engine: sa.Engine) -> None:
    """Until another connection of this database waits for a lock."""
    waiting = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(2000):
        with reading(engine) as conn:
            if conn.execute(waiting).scalar_one():
                return
    pytest.fail("nobody waits for the first connection")


def test_the_digest_on_demand(sqlite_engine: sa.Engine) -> None:
    open_office(sqlite_engine)
    now = MORNING.astimezone(UTC)
    with reading(sqlite_engine) as conn:
        assert "Monday 23 November 2026</b>" in digest_text(conn, date(2026, 11, 23), Language.EN, now)
        assert "Tuesday 24 November 2026, so far</b>" in digest_text(conn, date(2026, 11, 24), Language.EN, now)
        assert "सोमवार 23 नवंबर 2026" in digest_text(conn, date(2026, 11, 23), Language.HI, now)
        with pytest.raises(DayNotBegun, match="2026-11-25 has not begun; name a day up to 2026-11-24"):
            digest_text(conn, date(2026, 11, 25), Language.EN, now)
