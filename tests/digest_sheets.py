"""Sheets with invented figures, in both languages, for tests of the forms."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache

from bot.digest.charts import Picture, draw
from handlers.digest.sheet import (
    Bars,
    Burning,
    Cell,
    Charts,
    Column,
    DistrictMap,
    KeyFigure,
    Kind,
    Matter,
    Note,
    Parts,
    Rate,
    Series,
    Sheet,
    Table,
    Trend,
)
from handlers.understanding.taxonomy import taxonomy
from store.vocabulary import Language

MADE_AT = datetime(2026, 11, 28, 2, 30, 0, 123456, tzinfo=UTC)  # 08:00 in Haryana
DAYS = tuple(range(14, 28))
HOSTILE = ("=1+1", "+91", "-2", "@SUM(A1)", "<b>&", '#"$\\*_`', "https://example.org")


def sheet(language: Language = Language.HI, *, departments: int = 24) -> Sheet:
    """The daily edition of the CMO for 27 November 2026."""
    is_hindi = language is Language.HI

    def say(english: str, hindi: str) -> str:
        return hindi if is_hindi else english

    return Sheet(
        stem=f"smgt-2026-11-27-day-cmo-{language.value}",
        language=language,
        title=say("Citizens' complaints", "नागरिकों की शिकायतें"),
        about=say("Friday 27 November 2026", "शुक्रवार 27 नवंबर 2026"),
        day=date(2026, 11, 27),
        made_at=MADE_AT,
        author=say("Chief Minister's Office, Haryana", "मुख्यमंत्री कार्यालय, हरियाणा"),
        story=(
            say("192 posts reached us; 171 complaints got a number.", "192 पोस्ट पहुँचीं; 171 शिकायतों को नंबर मिला।"),
            say("1,478 complaints are pending and 37 late.", "1,478 शिकायतें लंबित हैं, 37 में देर है।"),
            say("Offices answered 144.", "कार्यालयों ने 144 का निपटान किया।"),
        ),
        calls=Note(
            title=say("Three calls to make today", "आज के तीन फ़ोन"),
            lines=(say("Power, Hisar: 12 are late.", "बिजली विभाग, हिसार: 12 में देर है।"),) * 3,
        ),
        figures=tuple(
            KeyFigure(label=say(*label), value=value, change=say(*change), burns=burns)
            for label, value, change, burns in (
                (("received", "मिलीं"), 192, ("+12 on the day before", "पिछले दिन से +12"), False),
                (("pending", "लंबित"), 123456, ("-3 on the day before", "पिछले दिन से -3"), False),
                (("late", "समय निकला"), 37, ("+5 on the day before", "पिछले दिन से +5"), True),
                (("said done", "काम हुआ"), None, ("", ""), False),
            )
        ),
        figures_title=say("In figures", "आँकड़ों में"),
        charts=_charts(language),
        tables=(
            _table("departments", say("Departments", "विभाग"), [f"Power {at}" for at in range(departments)], say),
            _table("districts", say("Districts", "ज़िले"), [row.name(language) for row in _districts()], say),
            replace(_table("late", say("Late", "देर"), list(HOSTILE), say), on_paper=False),
        ),
        notes=(
            Note(title=say("How it was counted", "कैसे गिना"), lines=(say("Rates by Wilson.", "दर विल्सन से।"), *HOSTILE)),
        ),
        summary_title=say("Summary", "सारांश"),
        method_title=say("Method", "तरीका"),
        rest=say("All rows stand in the spreadsheet.", "सभी पंक्तियाँ स्प्रेडशीट में हैं।"),
        foot=say("No personal data.", "कोई निजी जानकारी नहीं।"),
        burning=Burning(
            title=say("What burns", "जो सुलग रहा है"),
            matters=(
                Matter(
                    line=say("Rohtak: 41 of Waterlogging.", "रोहतक: जलभराव की 41।"),
                    quotes=(f"“{'pani bhara hai, ' * 12}”", HOSTILE[4], HOSTILE[0]),
                ),
            )
            * 3,
        ),
    )


@cache
def drawn(language: Language) -> dict[str, Picture]:
    """Its pictures, drawn once for all tests."""
    return draw(_charts(language))


def _districts():  # type: ignore[no-untyped-def]
    return list(taxonomy().districts.values())


def _table(code: str, title: str, names: list[str], say) -> Table:  # type: ignore[no-untyped-def]
    columns = (
        Column(head=say("Office", "कार्यालय"), kind=Kind.TEXT),
        Column(head=say("received", "मिलीं")),
        Column(head=say("said done", "काम हुआ"), kind=Kind.SHARE, low=say("from", "से"), high=say("to", "तक")),
        Column(head=say("half within, hours", "आधे, घंटे"), kind=Kind.HOURS),
        Column(head=say("oldest", "सबसे पुरानी"), kind=Kind.DAY),
        Column(head=say("due", "कब तक"), kind=Kind.MOMENT),
    )
    rows: list[tuple[Cell, ...]] = [
        (name, at * 12345, Rate(0.62, 0.48, 0.74) if at % 2 else None, at / 4, "2026-11-20", MADE_AT.isoformat())
        for at, name in enumerate(names)
    ]
    return Table(code=code, title=title, columns=columns, rows=tuple(rows), note=say("In order.", "क्रम से।"))


def _charts(language: Language) -> Charts:
    is_hindi = language is Language.HI

    def say(english: str, hindi: str) -> str:
        return hindi if is_hindi else english

    return Charts(
        trend=Trend(
            code="trend",
            title=say("Two weeks", "दो सप्ताह की स्थिति"),
            alt=say("Received and disposed for two weeks", "दो सप्ताह में मिलीं और निपटाई गईं"),
            days=tuple(f"{day} {say('Nov', 'नवं')}" for day in DAYS),
            series=(
                Series(code="received", name=say("received", "मिलीं"), values=tuple(150 + day for day in DAYS)),
                Series(code="disposed", name=say("answered", "निपटान"), values=(None, *(140 + day for day in DAYS[1:]))),
                Series(code="pending", name=say("pending", "लंबित"), values=tuple(400 + 6 * day for day in DAYS)),
            ),
            shaded=(13, 13),
        ),
        ages=Bars(
            code="ages", title=say("By age", "कितने समय से"), alt=say("Pending by age", "लंबित, समय के अनुसार"),
            labels=(say("under 24 hours", "24 घंटे से कम"), say("1 to 3 days", "1 से 3 दिन")), values=(150, 123456),
        ),
        outcomes=Parts(
            code="outcomes", title=say("What citizens said", "नागरिकों ने क्या कहा"), alt=say("Outcomes", "परिणाम"),
            parts=(("satisfied", say("done", "काम हुआ"), 72), ("not_satisfied", say("not done", "नहीं हुआ"), 21),
                   ("no_answer", say("no answer", "जवाब नहीं मिला"), 0)),
        ),
        districts=DistrictMap(
            code="districts", title=say("Pending by district", "ज़िलों में लंबित"), alt=say("A map", "नक्शा"),
            values=tuple((name, at * 7) for at, name in enumerate(taxonomy().districts) if name != "Nuh"),
            names=tuple((name, row.name(language)) for name, row in taxonomy().districts.items()),
            legend=say("pending", "लंबित"), nothing=say("no figure", "आँकड़ा नहीं"),
        ),
    )  # fmt: skip
