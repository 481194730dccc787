"""What the pictures of an edition show, as data with words. Owns which pictures there are; it draws nothing."""

from __future__ import annotations

from typing import Final

from babel.dates import format_date

from handlers.digest.sheet import Bars, Charts, DistrictMap, Parts, Series, Trend
from handlers.digest.telling import Span, Telling
from handlers.render import DigestWords
from handlers.understanding.taxonomy import taxonomy

OUTCOMES: Final = ("satisfied", "accepted", "not_satisfied", "no_answer", "not_askable")
LARGEST: Final = 3  # districts named for those who cannot see the map


def charts_of(told: Telling, words: DigestWords) -> Charts:
    """The pictures; none of what there is nothing to show."""
    return Charts(
        trend=_trend(told, words) if len(told.days) > 1 else None,
        ages=_ages(told, words) if told.pending else None,
        outcomes=_outcomes(told, words) if sum(told.outcomes.values()) else None,
        districts=_map(told, words) if told.by_district is not None else None,
    )


DAYS_WRITTEN: Final = {Span.DAY: "d MMM", Span.WEEK: "d MMM", Span.MONTH: "MMM yy"}


def _trend(told: Telling, words: DigestWords) -> Trend:
    locale = words.language.value.replace("-", "_")
    newest = told.days[-1]
    own = [at for at, one in enumerate(told.days) if told.first <= one.day <= told.last]
    lines = (
        Series(
            code=code, name=words.say("word", f"trend_{code}"), values=tuple(getattr(one, code) for one in told.days)
        )
        for code in ("received", "disposed", "pending")
    )
    return Trend(
        code="trend",
        title=words.say("word", "trend"),
        alt=words.say(
            "alt_trend",
            told.span.value,
            len(told.days),
            newest.received or 0,
            newest.disposed or 0,
            newest.pending or 0,
        ),
        days=tuple(str(format_date(one.day, DAYS_WRITTEN[told.span], locale=locale)) for one in told.days),
        series=tuple(one for one in lines if any(value is not None for value in one.values)),
        shaded=(own[0], own[-1]) if own else None,
    )


def _ages(told: Telling, words: DigestWords) -> Bars:
    labels = tuple(words.say("word", f"age_{band}") for band in range(len(told.ages)))
    return Bars(
        code="ages",
        title=words.say("word", "ages"),
        alt=words.say("alt_parts", list(zip(labels, told.ages, strict=True))),
        labels=labels,
        values=told.ages,
    )


def _outcomes(told: Telling, words: DigestWords) -> Parts:
    parts = tuple((code, words.say("word", code), told.outcomes.get(code, 0)) for code in OUTCOMES)
    return Parts(
        code="outcomes",
        title=words.say("word", "outcomes"),
        alt=words.say("alt_parts", [part[1:] for part in parts]),
        parts=parts,
    )


def _map(told: Telling, words: DigestWords) -> DistrictMap:
    counted = dict(told.by_district or {})
    largest = sorted(counted.items(), key=lambda one: (-one[1], one[0]))[:LARGEST]
    return DistrictMap(
        code="districts",
        title=words.say("word", "map"),
        alt=words.say("alt_map", [(words.name("district", name), many) for name, many in largest if many]),
        values=tuple(counted.items()),
        names=tuple((name, words.name("district", name)) for name in taxonomy().districts),
        legend=words.say("word", "map_legend"),
        nothing=words.say("word", "no_figure"),
    )
