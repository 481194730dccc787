"""What the forms of the digest say, in all four languages; and what is told of figures and on demand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from handlers.digest.cells import grouped, written
from handlers.digest.demand import Scope, UnknownScope, days_of, scope_of
from handlers.digest.fairness import Results, Standing, Standings, ranked
from handlers.digest.report import (
    Against,
    Burning,
    CheckCall,
    Checks,
    Complaint,
    GrowingIncident,
    LateTicket,
    Matter,
    Surge,
)
from handlers.digest.shapes import ChannelWork, Gap, Holes, Latest, Spread, Trouble
from handlers.digest.sheet import Sheet
from handlers.digest.sheets import sheet_of, stem_of
from handlers.digest.telling import Call, Change, Day, Span, Telling, Whose
from handlers.render import DigestWords, MissingFact, RenderError
from handlers.understanding.taxonomy import taxonomy
from store.vocabulary import CheckResult, Language, Outcome, Platform

NOW = datetime(2026, 11, 28, 2, 30, tzinfo=UTC)
LATE = LateTicket(
    number="HRY26-004821-6", department="power", district="Hisar", category="power_fault",
    opened_at=NOW - timedelta(days=12), due_at=NOW - timedelta(days=9), hours=216.0,
)  # fmt: skip
CALLS = (
    Call(kind="late", department="power", district="Hisar", many=12, hours=216.0),
    Call(kind="surge", district="Rohtak", category="waterlogging", many=41, usual=4.4),
    Call(kind="again", department="ulb", district="Hansi", number="HRY26-004700-3", many=2),
    Call(kind="latest", department="police", number="HRY26-004900-8", hours=1.4),
    Call(kind="channel", channel="cmohry"),
    Call(kind="nobody", many=1),
    Call(kind="again", department="power", number="HRY26-004700-3", many=3),
    Call(kind="growing", department="ulb", district="Rohtak", category="waterlogging", many=14, open=20),
)
OLDEST = Latest(number="HRY26-004821-6", department="power", district="Hisar", hours=216.0)
THIRTY = (NOW - timedelta(days=30), NOW)
DEPARTMENTS = ranked([
    Standing(code="power", received=60, disposed=40, reopened=3, pending=700, late=12, results=Results(
        solved=31, accepted_otherwise=4, not_satisfied=15, no_answer=9, not_askable=2, closed_early=5, rejected=1,
        withdrawn=2, merged=6, planned=7)),
    Standing(code="ulb", received=50, disposed=30, pending=300, results=Results(solved=3, not_satisfied=1, no_answer=1)),
])  # fmt: skip
DISTRICTS = (Standing(code="Hansi", received=7, pending=9, late=1),)
TROUBLE = Trouble(
    parked_inbox=1, parked_outbox=2, unknown_outbox=2, stopped_channels=("cmohry",), older_gaps=4,
    gaps=(Gap(channel="cm_page", since_at=NOW - timedelta(hours=5), until_at=NOW - timedelta(hours=4)),),
    alarms={"budget_spent": 1, "reads_low": 2, "day_not_adding_up": 1, "other": 1},
    channels=(
        ChannelWork(channel="cm_page", platform=Platform.FACEBOOK, stopped=False, read=180, posted=95,
                    lag=Spread(many=180, median=0.4, ninth_decile=12.0), waiting_minutes=20.0),
        ChannelWork(channel="cmohry", platform=Platform.X, stopped=True),
        ChannelWork(channel="desk_bot", platform=Platform.TELEGRAM, stopped=False, read=40, posted=1),
    ),
)  # fmt: skip
WELL = Trouble(parked_inbox=0, parked_outbox=0, unknown_outbox=0, stopped_channels=(), gaps=())
COMPLAINT = Complaint(
    number="HRY26-004811-2", opened_at=NOW, language=Language.HI_LATN, words="Sadak par pani bhara hai, call [hidden]"
)
BURNING = Burning(
    surges=(Surge(day=date(2026, 11, 27), district="Rohtak", category="waterlogging", seen=41, expected=4.4, chance=1e-9,
                  newest=(COMPLAINT, replace(COMPLAINT, number="HRY26-004810-4"))),),
    incidents=(GrowingIncident(incident=1, category="waterlogging", district="Rohtak", department="ulb",
                               began_at=NOW - timedelta(hours=30), new=14, total=30, open=20),),
)  # fmt: skip
CHECK = CheckCall(
    ticket_id=1, cycle=2, number="HRY26-004100-1", outcome=Outcome.SATISFIED, department="power", district="Hisar",
    settled_at=NOW - timedelta(hours=9), result=CheckResult.AGREES,
)  # fmt: skip
CHECKS = Checks(
    calls=(CHECK, replace(CHECK, number="HRY26-004101-9", outcome=Outcome.NO_ANSWER, district=None, result=None)),
    results={"satisfied:agrees": 9, "satisfied:disagrees": 2, "no_answer:agrees": 3, "no_answer:not_reached": 1},
)
HOLES = Holes(met={"power": 3, "": 1}, unreached={"power": 5, "ulb": 2}, nobody_above={"police": 1})
FULL = Telling(
    span=Span.DAY, whose=Whose.CMO, code=None, first=date(2026, 11, 27), last=date(2026, 11, 27), now=NOW,
    received=192, opened=171, pending=112407, late=37, due_today=45, oldest=OLDEST, disposed=144, yes=72, no=21,
    outcomes={"satisfied": 72, "accepted": 4, "not_satisfied": 21, "no_answer": 40, "not_askable": 9},
    ages=(150, 220, 90, 111947), changes={
        "opened": (Change(Against.DAY_BEFORE, 0), Change(Against.SAME_WEEKDAY, -12)),
        "pending": (Change(Against.DAY_BEFORE, 27), Change(Against.SAME_WEEKDAY, 0)),
    },
    days=tuple(Day(day=date(2026, 11, 14 + at), received=150 + at, disposed=140, pending=400 + at) for at in range(14)),
    by_district={name: at for at, name in enumerate(taxonomy().districts)},
    departments=Standings(start=THIRTY[0], end=THIRTY[1], rows=DEPARTMENTS),
    districts=Standings(start=THIRTY[0], end=THIRTY[1], rows=DISTRICTS),
    categories=(Matter(code="waterlogging", received=41, pending=60, late=2),),
    late_tickets=(LATE, replace(LATE, number="HRY26-000001-4", district=None, category=None)),
    calls=CALLS[:3], half_replied=3.4, most_replied=130.0, unreplied=2,
    blind=True, without_owner=3, burning=BURNING, urgent=2, reopened_twice=1, checks=CHECKS, trouble=TROUBLE, holes=HOLES,
    odd_rows=3,
)  # fmt: skip
NOTHING = replace(
    FULL, received=0, opened=0, pending=0, late=0, due_today=0, oldest=None, disposed=0, yes=0, no=0, outcomes={},
    ages=(0, 0, 0, 0), changes={}, days=(), by_district=None, departments=None, districts=None, categories=(),
    late_tickets=(), calls=(), half_replied=None, unreplied=0, blind=False, without_owner=0, burning=Burning(), urgent=0,
    reopened_twice=0, checks=Checks(), trouble=WELL, holes=Holes(), odd_rows=None,
)  # fmt: skip
SO_FAR = replace(
    NOTHING, span=Span.WEEK, whose=Whose.DISTRICT, code="Charkhi Dadri", first=date(2026, 11, 23), last=date(2026, 11, 29),
    so_far=True, blind=True, unreplied=1, calls=CALLS[3:5], received=0, pending=1, disposed=1, yes=1,
)  # fmt: skip
MONTH = replace(
    FULL, span=Span.MONTH, whose=Whose.DEPARTMENT, code="power", first=date(2026, 11, 1), last=date(2026, 11, 30),
    pending=1, late=1, received=1, opened=1, calls=CALLS[5:], departments=None, urgent=1, odd_rows=0, checks=Checks(),
    changes={"opened": (Change(Against.MONTH_BEFORE, -170),), "disposed": (Change(Against.MONTH_BEFORE, 0),)},
    without_owner=1, half_replied=0.2, most_replied=3000.0, unreplied=0,
)  # fmt: skip


def shown(sheet: Sheet) -> Iterator[str]:
    """Everything that a reader may see of it."""
    yield from (f"[{sheet.stem}]", f"# {sheet.title}", sheet.about, *sheet.story)
    if sheet.calls.lines:
        yield from (f"## {sheet.calls.title}", *sheet.calls.lines)
    if sheet.burning.matters:
        yield f"## {sheet.burning.title}"
        yield from (f"> {line}" if is_quote else line for line, is_quote in sheet.burning.told(3))
    yield f"## {sheet.figures_title}"
    for one in sheet.figures:
        yield (
            f"{one.label}: {grouped(one.value or 0)}"
            + (f" ({one.change})" if one.change else "")
            + ("!" if one.burns else "")
        )
    for chart in (sheet.charts.trend, sheet.charts.ages, sheet.charts.outcomes, sheet.charts.districts):
        if chart is not None:
            yield from (f"## {chart.title}", chart.alt)
    if sheet.charts.trend is not None:
        yield " | ".join([*sheet.charts.trend.days[-2:], *(one.name for one in sheet.charts.trend.series)])
    if sheet.charts.districts is not None:
        yield f"{sheet.charts.districts.legend} | {sheet.charts.districts.nothing}"
    for table in sheet.tables:
        yield f"## {table.title}" + ("" if table.on_paper else " (xlsx)")
        yield " | ".join(
            one.head + (f" [{one.low} {one.high}]" if one.low else "") + ("" if one.on_paper else "*")
            for one in table.columns
        )
        for row in table.rows:
            yield " | ".join(
                written(cell, one.kind, sheet.language) for cell, one in zip(row, table.columns, strict=True)
            )
        if table.note:
            yield table.note
    for note in sheet.notes:
        yield from (f"## {note.title}", *note.lines)
    yield from (sheet.author, sheet.summary_title, sheet.method_title, sheet.rest, sheet.foot)


@pytest.mark.parametrize("language", list(Language))
def test_the_golden_sheets(language: Language) -> None:
    text = "\n----\n".join("\n".join(shown(sheet_of(told, language))) for told in (FULL, NOTHING, SO_FAR, MONTH)) + "\n"
    file = Path(__file__).parent / "golden" / f"digest_sheets.{language}.txt"
    if os.environ.get("SMGT_UPDATE_GOLDENS"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), "SMGT_UPDATE_GOLDENS=1 writes the golden files anew"


@pytest.mark.parametrize("language", list(Language))
def test_every_call_has_words_and_is_short(language: Language) -> None:
    said = [DigestWords(language).say("call", one) for one in CALLS]
    assert all(said)
    assert max(map(len, said)) <= 160


def test_what_has_no_words_is_told() -> None:
    words = DigestWords(Language.EN)
    with pytest.raises(RenderError, match="phrase 'word' of the digest cannot be filled"):
        words.say("word", "nothing")
    with pytest.raises(MissingFact, match="a printed value is None"):
        words.say("stopped", None)
    assert words.name("district", "Atlantis") == "Atlantis"  # as old tickets have it


def test_files_are_named_by_what_they_are() -> None:
    assert stem_of(FULL, Language.HI) == "smgt-2026-11-27-day-cmo-hi"
    assert stem_of(SO_FAR, Language.EN) == "smgt-2026-11-29-week-district-charkhi-dadri-en"
    assert stem_of(MONTH, Language.HI_LATN) == "smgt-2026-11-30-month-department-power-hi-Latn"


@pytest.mark.parametrize(
    ("span", "on", "days"),
    [
        (Span.DAY, date(2026, 12, 31), ("2026-12-31", "2026-12-31")),
        (Span.WEEK, date(2026, 12, 31), ("2026-12-28", "2027-01-03")),
        (Span.WEEK, date(2026, 11, 23), ("2026-11-23", "2026-11-29")),
        (Span.MONTH, date(2026, 12, 31), ("2026-12-01", "2026-12-31")),
        (Span.MONTH, date(2028, 2, 29), ("2028-02-01", "2028-02-29")),
        (Span.MONTH, date(2026, 11, 1), ("2026-11-01", "2026-11-30")),
    ],
)
def test_the_days_of_a_period(span: Span, on: date, days: tuple[str, str]) -> None:
    assert tuple(one.isoformat() for one in days_of(span, on)) == days


def test_whose_digest_is_read_as_people_write() -> None:
    assert scope_of("CMO") == Scope(Whose.CMO)
    assert scope_of("department:POWER") == Scope(Whose.DEPARTMENT, "power")
    assert (
        scope_of("district: charkhi dadri") == scope_of("district:चरखी दादरी") == Scope(Whose.DISTRICT, "Charkhi Dadri")
    )
    for text, told in (
        ("department:powre", "did you mean power?"),
        ("department:zzz", "choose one of"),
        ("everybody", "write cmo, department:CODE or district:NAME"),
    ):
        with pytest.raises(UnknownScope) as fault:
            scope_of(text)
        assert told in str(fault.value)
