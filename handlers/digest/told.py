"""From figures to what is told of them. Pure; owns who is to be rung."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from handlers.digest.period import office_day
from handlers.digest.shapes import NOT_KNOWN, Counts, Figures
from handlers.digest.telling import MOST_CALLS, Call, LateTicket, Line, Span, Telling, Whose


def told_of(figures: Figures, before: Figures | None = None, span: Span = Span.DAY) -> Telling:
    """What the CMO is told of a day, week or month; `before`: the one before it."""
    pending, done, trouble = figures.pending, figures.done, figures.trouble
    late = pending.late_by_department
    return Telling(
        span=span,
        whose=Whose.CMO,
        code=None,
        first=office_day(figures.start),
        last=office_day(figures.end - timedelta(seconds=1)),
        now=figures.now,
        so_far=figures.now < figures.end,
        received=figures.received.total,
        opened=figures.opened.total,
        pending=pending.total,
        late=pending.late,
        due_today=pending.due_today,
        oldest=_oldest(figures),
        disposed=done.disposed,
        yes=done.solved,
        no=done.outcomes.get("not_satisfied", 0),
        outcomes=outcomes_of(done.outcomes, done.solved),
        ages=pending.ages,
        before=_counts(before) if before is not None and _has_begun(before) else {},
        departments=_lines(figures.opened.by_department, late),
        districts=_lines(figures.opened.by_district, None),
        categories=_lines(figures.opened.by_category, None),
        calls=tuple(_calls(figures))[:MOST_CALLS],
        half_replied=figures.replies.median,
        most_replied=figures.replies.ninth_decile,
        unreplied=figures.replies.unreplied,
        reopened=sum(done.reopened),
        rejected=done.rejected,
        withdrawn=done.withdrawn,
        blind=bool(trouble.stopped_channels or trouble.gaps),
        stopped=trouble.stopped_channels,
        gaps=tuple((gap.channel, gap.since_at, gap.until_at) for gap in trouble.gaps),
        without_owner=pending.without_owner,
        set_aside=trouble.parked_inbox + trouble.parked_outbox,
        unknown=trouble.unknown_outbox,
    )


def outcomes_of(outcomes: Mapping[str, int], solved: int) -> dict[str, int]:
    """The outcomes with those apart who accepted an answer that does not say it is done."""
    satisfied = outcomes.get("satisfied", 0)
    return {**outcomes, "satisfied": solved, "accepted": satisfied - solved}


def _has_begun(figures: Figures) -> bool:
    """Before anything was heard nothing can have changed."""
    return figures.received.total > 0 or figures.opened.total > 0


def _counts(figures: Figures) -> dict[str, int]:
    """What happened in an earlier period; what was pending then is not known any more."""
    return {
        "received": figures.received.total,
        "opened": figures.opened.total,
        "disposed": figures.done.disposed,
        "yes": figures.done.solved,
        "no": figures.done.outcomes.get("not_satisfied", 0),
    }


def _lines(counts: Counts, late: Mapping[str, int] | None) -> tuple[Line, ...]:
    return tuple(
        Line(code=code, received=many, late=late.get(code, 0) if late is not None else None)
        for code, many in counts.items()
        if code != NOT_KNOWN
    )


def _oldest(figures: Figures) -> LateTicket | None:
    latest = figures.pending.latest
    if latest is None:
        return None
    due_at = figures.now - timedelta(hours=latest.hours)
    return LateTicket(
        number=latest.number,
        department=latest.department,
        district=latest.district,
        category=None,
        opened_at=due_at,
        due_at=due_at,
        hours=latest.hours,
    )


def _calls(figures: Figures) -> Iterator[Call]:
    latest = figures.pending.latest
    if latest is not None:
        yield Call(
            kind="latest",
            department=latest.department,
            district=latest.district,
            number=latest.number,
            hours=latest.hours,
        )
    for channel in figures.trouble.stopped_channels:
        yield Call(kind="channel", channel=channel)
    if figures.pending.without_owner:
        yield Call(kind="nobody", many=figures.pending.without_owner)
