"""The daily digest in words: Telegram HTML of one message, from figures alone.

Owns what is left out when a message grows too long. It must not know the database; no citizen's words come here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from handlers.digest.shapes import NOT_KNOWN, Counts, Figures
from handlers.length import TELEGRAM_LIMIT
from handlers.render import RenderError, render_digest
from store.remarks import RemarksTold
from store.vocabulary import Language

SHORTER: Final = (5, 3, 1)  # how many of each list are named, fuller first
NO_REMARKS: Final = RemarksTold()
REASONS: Final = 3  # times as many reasons are named: they are few and short


@dataclass(frozen=True, slots=True)
class Ranking:
    """The largest few, the sum of all others, and those without that code. Together they are the whole."""

    top: tuple[tuple[str, int], ...]
    others: int
    unknown: int


class DigestTooLong(RenderError):
    """Even the shortest wording of a digest passes one Telegram message."""


def render_daily(
    figures: Figures,
    language: Language,
    *,
    missed: int = 0,
    odd_rows: int | None = None,
    remarks: RemarksTold = NO_REMARKS,
) -> str:
    """Telegram HTML under 4,096 characters; `missed` editions were not sent before this one.

    `odd_rows`: how many rows of the day do not add up; None when it was not reconciled. `remarks`: those of the CMO.

    Raises:
        DigestTooLong: even the shortest wording does not fit.
        RenderError: a figure has a code that no words were written for.
    """
    text = ""
    for top in SHORTER:
        text = _render(figures, language, missed, top, odd_rows, remarks)
        if len(text) < TELEGRAM_LIMIT:
            return text
    raise DigestTooLong(
        f"The daily digest in {language} needs {len(text)} characters at its shortest; "
        f"the limit is {TELEGRAM_LIMIT}. Shorten templates/{language}/digest/daily.j2."
    )


def _render(
    figures: Figures, language: Language, missed: int, top: int, odd_rows: int | None, remarks: RemarksTold
) -> str:
    """With only the `top` largest of each list named."""
    received, opened, pending = figures.received, figures.opened, figures.pending
    context: dict[str, object] = {
        "start": figures.start,
        "now": figures.now,
        "so_far": figures.now < figures.end,
        "missed": missed,
        "odd_rows": odd_rows,
        "top": top,
        "received": received,
        "answered": _fewer(received.answered, top * REASONS),
        "ignored": _fewer(received.ignored, top * REASONS),
        "opened": opened,
        "by_department": _ranking(opened.by_department, top),
        "by_district": _ranking(opened.by_district, top),
        "by_category": _ranking(opened.by_category, top),
        "pending": pending,
        "late_by_department": _ranking(pending.late_by_department, top),
        "done": figures.done,
        "replies": figures.replies,
        "trouble": figures.trouble,
        "remarks": remarks,
    }
    return render_digest(language, "daily", context)


def _ranking(counts: Counts, top: int) -> Ranking:
    known = [(code, many) for code, many in counts.items() if code != NOT_KNOWN]
    return Ranking(
        top=tuple(known[:top]), others=sum(many for _, many in known[top:]), unknown=counts.get(NOT_KNOWN, 0)
    )


def _fewer(counts: Counts, top: int) -> Counts:
    """The `top` largest, and all others under "more"."""
    if len(counts) <= top:
        return counts
    ordered = list(counts.items())
    return {**dict(ordered[:top]), "more": sum(many for _, many in ordered[top:])}
