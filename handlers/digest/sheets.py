"""The sheet of one edition in one language: from what is told, with the words of templates/<language>/digest/forms.j2.

Owns which tables there are, what stands in them and in which order. It counts nothing and holds no words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from handlers.digest.charted import charts_of
from handlers.digest.sheet import Cell, Column, KeyFigure, Kind, Note, Rate, Sheet, Table
from handlers.digest.telling import LEAST_ANSWERS, MOST_CALLS, LateTicket, Line, Telling, Whose
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
        ),
        calls=Note(title=words.say("calls", len(calls)), lines=tuple(words.say("call", one) for one in calls)),
        figures=tuple(_figures(told, words)),
        figures_title=words.say("word", "figures"),
        charts=charts_of(told, words),
        tables=tuple(_tables(told, words)),
        notes=tuple(_notes(told, words)),
        summary_title=words.say("word", "summary"),
        method_title=words.say("word", "method"),
        rest=words.say("word", "rest"),
        foot=words.say("word", "foot"),
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
        change = words.say("change", value - told.before[code], told.span.value) if code in told.before else ""
        yield KeyFigure(label=words.say("word", code), value=value, change=change, burns=code in BURNS and value > 0)


# -- tables --------------------------------------------------------------------------------------------------------------

_COLUMNS: Final[Mapping[str, Kind]] = {
    "rank": Kind.COUNT,
    "received": Kind.COUNT,
    "pending": Kind.COUNT,
    "late": Kind.COUNT,
    "disposed": Kind.COUNT,
    "yes": Kind.SHARE,
    "answered": Kind.COUNT,
    "no_answer": Kind.COUNT,
    "rejected": Kind.COUNT,
    "withdrawn": Kind.COUNT,
    "reopened": Kind.COUNT,
    "half": Kind.HOURS,
}


def _tables(told: Telling, words: DigestWords) -> Iterable[Table]:
    note = words.say("denominators")
    if told.departments:
        yield _lines("departments", "department", told.departments, words, note)
    if told.districts:
        yield _lines("districts", "district", told.districts, words, note)
    if told.categories:
        yield _lines("categories", "category", told.categories, words, "", on_paper=not told.departments)
    if told.late_tickets:
        yield _late(told.late_tickets, words)


def _lines(
    code: str, kind: Named, lines: tuple[Line, ...], words: DigestWords, note: str, *, on_paper: bool = True
) -> Table:
    """The lines with a column for everything that is known of any of them."""
    rows = [_cells(line) for line in lines]
    shown = [name for name in _COLUMNS if any(row[name] is not None for row in rows)]
    return Table(
        code=code,
        title=words.say("word", code),
        columns=(
            Column(head=words.say("word", f"col_{kind}"), kind=Kind.TEXT),
            *(_column(one, words) for one in shown),
        ),
        rows=tuple(
            (words.name(kind, line.code), *(row[name] for name in shown)) for line, row in zip(lines, rows, strict=True)
        ),
        note=note if "yes" in shown else "",
        on_paper=on_paper,
    )


def _column(name: str, words: DigestWords) -> Column:
    if _COLUMNS[name] is not Kind.SHARE:
        return Column(head=words.say("word", f"col_{name}"), kind=_COLUMNS[name])
    low, high = words.say("word", "col_low"), words.say("word", "col_high")
    return Column(head=words.say("word", f"col_{name}"), kind=Kind.SHARE, low=low, high=high)


def _cells(line: Line) -> dict[str, Cell]:
    share = None
    if line.answered and line.yes is not None and line.bounds is not None:
        share = Rate(line.yes / line.answered, *line.bounds)
    plain: dict[str, Cell] = {name: getattr(line, name) for name in _COLUMNS if name not in ("yes", "half")}
    return {**plain, "yes": share, "half": line.half_hours}


def _late(late: tuple[LateTicket, ...], words: DigestWords) -> Table:
    heads = {
        "number": Kind.TEXT, "department": Kind.TEXT, "district": Kind.TEXT, "category": Kind.TEXT, "opened_at": Kind.MOMENT,
        "due_at": Kind.MOMENT, "hours": Kind.HOURS,
    }  # fmt: skip
    return Table(
        code="late_tickets",
        title=words.say("word", "late_tickets"),
        columns=tuple(Column(head=words.say("word", f"col_{name}"), kind=kind) for name, kind in heads.items()),
        rows=tuple(
            (
                one.number,
                words.name("department", one.department) if one.department else None,
                words.name("district", one.district) if one.district else None,
                words.name("category", one.category) if one.category else None,
                one.opened_at.isoformat(),
                one.due_at.isoformat(),
                one.hours,
            )
            for one in late
        ),
        on_paper=False,
    )


# -- notes ---------------------------------------------------------------------------------------------------------------


def _notes(told: Telling, words: DigestWords) -> Iterable[Note]:
    yield Note(title=words.say("word", "speed"), lines=tuple(_speed(told, words)))
    yield Note(title=words.say("word", "health"), lines=tuple(_health(told, words)))
    yield Note(title=words.say("word", "method"), lines=(words.say("method", LEAST_ANSWERS),))


def _speed(told: Telling, words: DigestWords) -> Iterable[str]:
    if told.half_replied is not None or told.unreplied:
        yield words.say("replied", told.half_replied, told.most_replied, told.unreplied)


def _health(told: Telling, words: DigestWords) -> Iterable[str]:
    lines = [words.say("stopped", channel) for channel in told.stopped]
    lines += [words.say("gap", *one) for one in told.gaps]
    if told.without_owner:
        lines.append(words.say("without_owner", told.without_owner))
    if told.set_aside or told.unknown:
        lines.append(words.say("set_aside", told.set_aside, told.unknown))
    yield from lines or [words.say("all_well")]
