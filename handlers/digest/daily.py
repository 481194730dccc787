"""The daily digest in words: Telegram HTML of one message, from figures alone.

Owns what is left out when a message grows too long. It must not know the database; no citizen's words come here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from handlers.digest.shapes import Counts, DailyFigures, Ranking
from handlers.length import TELEGRAM_LIMIT
from handlers.render import RenderError, render_digest
from store.vocabulary import Language

SHORTER: Final = (5, 3, 1)  # how many of each list are named, fuller first
REASONS: Final = 3  # times as many reasons are named: they are few and short


class DigestTooLong(RenderError):
    """Even the shortest wording of a digest passes one Telegram message."""


def render_daily(figures: DailyFigures, language: Language, *, missed: int = 0, odd_rows: int | None = None) -> str:
    """Telegram HTML under 4,096 characters; `missed` editions were not sent before this one.

    `odd_rows`: how many rows of the day do not add up; None when it was not reconciled.

    Raises:
        DigestTooLong: even the shortest wording does not fit.
        RenderError: a figure has a code that no words were written for.
    """
    text = ""
    for top in SHORTER:
        text = _render(_naming(figures, top), language, missed, top, odd_rows)
        if len(text) < TELEGRAM_LIMIT:
            return text
    raise DigestTooLong(
        f"The daily digest in {language} needs {len(text)} characters at its shortest; "
        f"the limit is {TELEGRAM_LIMIT}. Shorten templates/{language}/digest/daily.j2."
    )


def _render(figures: DailyFigures, language: Language, missed: int, top: int, odd_rows: int | None) -> str:
    context: dict[str, object] = {
        "start": figures.start,
        "now": figures.now,
        "so_far": figures.now < figures.end,
        "missed": missed,
        "odd_rows": odd_rows,
        "top": top,
        "received": figures.received,
        "opened": figures.opened,
        "pending": figures.pending,
        "done": figures.done,
        "replies": figures.replies,
        "trouble": figures.trouble,
    }
    return render_digest(language, "daily", context)


def _naming(figures: DailyFigures, top: int) -> DailyFigures:
    """The same figures with only the `top` largest of each ranking named."""
    received = replace(
        figures.received,
        answered=_fewer(figures.received.answered, top * REASONS),
        ignored=_fewer(figures.received.ignored, top * REASONS),
    )
    opened = replace(
        figures.opened,
        by_department=_shortened(figures.opened.by_department, top),
        by_district=_shortened(figures.opened.by_district, top),
        by_category=_shortened(figures.opened.by_category, top),
    )
    late = _shortened(figures.pending.late_by_department, top)
    pending = replace(figures.pending, late_by_department=late)
    return replace(figures, received=received, opened=opened, pending=pending)


def _shortened(ranking: Ranking, top: int) -> Ranking:
    cut = sum(many for _, many in ranking.top[top:])
    return replace(ranking, top=ranking.top[:top], others=ranking.others + cut)


def _fewer(counts: Counts, top: int) -> Counts:
    """The `top` largest, and all others under "more"."""
    if len(counts) <= top:
        return counts
    ordered = list(counts.items())
    return {**dict(ordered[:top]), "more": sum(many for _, many in ordered[top:])}
