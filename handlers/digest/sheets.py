"""The sheet of one edition in one language: from what is told, with the words of templates/<language>/digest/forms.j2.

Owns which tables there are, what stands in them and in which order; the notes beside them are made in
handlers/digest/noted.py. It counts nothing and holds no words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from handlers.digest.charted import charts_of
from handlers.digest.fairness import Standing, Standings
from handlers.digest.noted import burning_of, called_of, notes_of
from handlers.digest.report import CheckCall, LateTicket, Matter
from handlers.digest.sheet import Cell, Column, KeyFigure, Kind, Note, Sheet, Table
from handlers.digest.telling import MOST_CALLS, Telling, Whose
from handlers.render import DigestWords
from store.vocabulary import Language

KEYS: Final = ("received", "opened", "disposed", "yes", "pending", "late", "due_today", "no")
"""The large figures, in the order in which they are read; `late` and `no` burn."""
BURNS: Final = ("late", "no")
Named = Literal["department", "district", "category"]


def sheet_of(told: Telling, language: Language) -> Sheet:
    """The sheet. Raises RenderError when a code has no words."""
    words = DigestWords(language)
    calls = told.calls[:MOST_CALLS]
    name = words.name(_kind(told.whose), told.code) if told.code else ""
    return Sheet(
        stem=stem_of(told, language),
        language=language,
        title=words.say("title", told.whose.value, name),
        about=words.say("about", told.span.value, told.first, told.last, told.so_far, told.now),
        day=told.last,
        made_at=told.now,
        author=words.say("word", "author"),
        story=(
            words.say("came", told.received, told.opened, told.blind),
            words.say("stands", told.pending, told.late, told.oldest),
            words.say("was_done", told.disposed, told.yes, told.no),
            *called_of(told, words),
        ),
        calls=Note(title=words.say("calls", len(calls)), lines=tuple(words.say("call", one) for one in calls)),
        figures=tuple(_figures(told, words)),
        figures_title=words.say("word", "figures"),
        charts=charts_of(told, words),
        tables=tuple(_tables(told, words)),
        notes=tuple(notes_of(told, words)),
        summary_title=words.say("word", "summary"),
        method_title=words.say("word", "method"),
        rest=words.say("word", "rest"),
        foot=words.say("word", "foot"),
        burning=burning_of(told, words),
    )


def stem_of(told: Telling, language: Language) -> str:
    """How its files begin: smgt-2026-11-27-day-cmo-hi, smgt-2026-11-27-week-district-charkhi-dadri-en."""
    whose = [told.whose.value] if told.code is None else [told.whose.value, "-".join(told.code.lower().split())]
    return "-".join(["smgt", told.last.isoformat(), told.span.value, *whose, language.value])


def _kind(whose: Whose) -> Named:
    return "department" if whose is Whose.DEPARTMENT else "district"


def _figures(told: Telling, words: DigestWords) -> Iterable[KeyFigure]:
    for code in KEYS:
        value: int = getattr(told, code)
        change = "; ".join(words.say("change", one.by, one.against.value) for one in told.changes.get(code, ()))
        yield KeyFigure(label=words.say("word", code), value=value, change=change, burns=code in BURNS and value > 0)


# -- tables --------------------------------------------------------------------------------------------------------------

ON_PAPER: Final = (
    "rank", "received", "pending", "late", "solved", "results", "answered", "no_answer", "rejected", "withdrawn", "merged",
    "planned",
)  # fmt: skip
IN_SPREADSHEET: Final = (*ON_PAPER, "not_askable", "closed_early", "disposed", "reopened")
"""A standing's columns; the paper leaves out what a page has no room for."""


def _tables(told: Telling, words: DigestWords) -> Iterable[Table]:
    over = words.say("over", told.span.value)
    if told.departments is not None and told.departments.rows:
        yield _standings("departments", "department", told.departments, words, over)
    if told.districts is not None and told.districts.rows:
        yield _standings("districts", "district", told.districts, words, over)
    if told.categories:
        yield _matters(told, words)
    if told.late_tickets:
        yield _late(told.late_tickets, words)
    if told.checks.calls:
        yield _checks(told.checks.calls, words)


def _standings(code: str, kind: Named, table: Standings, words: DigestWords, over: str) -> Table:
    return Table(
        code=code,
        title=f"{words.say('word', code)}{over}",
        columns=(
            Column(head=words.say("word", f"col_{kind}"), kind=Kind.TEXT),
            *(_column(one, words) for one in IN_SPREADSHEET),
        ),
        rows=tuple((words.name(kind, row.code), *map(_cells(row).get, IN_SPREADSHEET)) for row in table.rows),
        note=words.say("denominators"),
    )


def _column(name: str, words: DigestWords) -> Column:
    head, on_paper = words.say("word", f"col_{name}"), name in ON_PAPER
    if name != "solved":
        return Column(head=head, on_paper=on_paper)
    low, high = words.say("word", "col_low"), words.say("word", "col_high")
    return Column(head=head, kind=Kind.SHARE, low=low, high=high)


def _cells(row: Standing) -> dict[str, Cell]:
    results = row.results
    own: dict[str, Cell] = {
        name: getattr(row, name) for name in ("rank", "received", "pending", "late", "solved", "disposed", "reopened")
    }
    how = ("no_answer", "rejected", "withdrawn", "merged", "planned", "not_askable", "closed_early")
    return {
        **own,
        **{name: getattr(results, name) for name in how},
        "results": results.total,
        "answered": results.answered,
    }


def _matters(told: Telling, words: DigestWords) -> Table:
    heads = ("received", "pending", "late")

    def row(one: Matter) -> tuple[Cell, ...]:
        return (words.name("category", one.code), *(getattr(one, name) for name in heads))

    return Table(
        code="categories",
        title=words.say("word", "categories"),
        columns=(
            Column(head=words.say("word", "col_category"), kind=Kind.TEXT),
            *(Column(head=words.say("word", f"col_{name}")) for name in heads),
        ),
        rows=tuple(row(one) for one in told.categories),
        on_paper=False,
    )


def _late(late: Iterable[LateTicket], words: DigestWords) -> Table:
    heads = {
        "number": Kind.TEXT, "department": Kind.TEXT, "district": Kind.TEXT, "category": Kind.TEXT, "opened_at": Kind.MOMENT,
        "due_at": Kind.MOMENT, "hours": Kind.HOURS,
    }  # fmt: skip
    rows = (
        (
            one.number,
            _name(words, "department", one.department),
            _name(words, "district", one.district),
            _name(words, "category", one.category),
            one.opened_at.isoformat(),
            one.due_at.isoformat(),
            one.hours,
        )
        for one in late
    )
    return _listed("late_tickets", heads, rows, words)


def _checks(calls: Iterable[CheckCall], words: DigestWords) -> Table:
    heads = {
        "number": Kind.TEXT, "round": Kind.COUNT, "said": Kind.TEXT, "department": Kind.TEXT, "district": Kind.TEXT,
        "settled_at": Kind.MOMENT, "found": Kind.TEXT,
    }  # fmt: skip
    rows = (
        (
            one.number,
            one.cycle,
            words.say("word", one.outcome.value),
            _name(words, "department", one.department),
            _name(words, "district", one.district),
            one.settled_at.isoformat(),
            words.say("word", f"found_{one.result.value}") if one.result else None,
        )
        for one in calls
    )
    return _listed("check_calls", heads, rows, words)


def _listed(code: str, heads: Mapping[str, Kind], rows: Iterable[tuple[Cell, ...]], words: DigestWords) -> Table:
    """A list for those who work with it: in the spreadsheet alone."""
    return Table(
        code=code,
        title=words.say("word", code),
        columns=tuple(Column(head=words.say("word", f"col_{name}"), kind=kind) for name, kind in heads.items()),
        rows=tuple(rows),
        on_paper=False,
    )


def _name(words: DigestWords, kind: Named, code: str | None) -> str | None:
    return words.name(kind, code) if code else None
