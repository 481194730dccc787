"""`smgt bench simulate`: lives of the office from seeds, every promise looked at after every step. Owns its options."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from bot.cli.ending import Failed

if TYPE_CHECKING:
    from collections.abc import Callable

    from bot.bench.simulate import Report
    from bot.bench.simulate_office import Happened

KINDS_SHOWN = 12
BROKEN_SHOWN = 20


@click.command(
    "simulate",
    epilog="""\b
Examples:
  smgt bench simulate                        a thousand lives in memory
  smgt bench simulate --seeds 20000          more of them
  smgt bench simulate --from 4711 --tell     play one life again and tell all of it
  smgt bench simulate --database --seeds 50  the same on a real SQLite file, slower

\b
A life is some citizens, officers and platforms, and a clock; everything in it is drawn
from its seed. Exit code 1 if a promise was broken.
""",
)
@click.option("--seeds", type=click.IntRange(1), help="How many lives to play.  [default: 1000; 1 with --tell]")
@click.option("--from", "first", type=click.IntRange(0), default=0, show_default=True, help="The first seed.")
@click.option("--steps", type=click.IntRange(1), default=40, show_default=True, help="Things that happen in a life.")
@click.option("--database", is_flag=True, help="Play on a SQLite file with the real desk and the real outbox.")
@click.option("--tell", is_flag=True, help="Tell everything that happens, step by step.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout.")
def command(seeds: int | None, first: int, steps: int, database: bool, tell: bool, as_json: bool) -> None:
    """Play the office with all its people from seeds, and look at every promise after every step."""
    from bot.bench.simulate import in_memory, live_everywhere, live_many
    from bot.bench.simulate_database import on_sqlite
    from bot.cli.showing import show_json

    count = seeds if seeds is not None else 1 if tell else 1000
    office_of = on_sqlite if database else in_memory
    if tell:
        report = live_many(range(first, first + count), steps, office_of, _tell)
    else:
        with _bar(count, shown=not as_json) as told:
            report = live_everywhere(first, count, steps, told, office_of)
    if as_json:
        show_json(report)
    else:
        _show(report)
    if report.broken:
        raise Failed(_sentence(report, steps))


@contextmanager
def _bar(count: int, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("lives"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not shown or not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("lives", total=count)
        yield lambda done: progress.advance(task, done)


def _show(report: Report) -> None:
    from bot.cli.showing import show_rows
    from handlers.render import TEMPLATES

    kinds = report.kinds.most_common()
    told = {name.removeprefix("says: ") for name, _ in kinds}
    templates = [(audience, TEMPLATES[audience]) for audience in ("citizen", "officer")]
    results = sorted(name for name, _ in kinds if name.startswith("result: "))
    done = [(name, number) for name, number in kinds if not name.startswith(("says: ", "result: "))]
    rows = [
        ("lives", f"{report.seeds:,} in {report.seconds:.0f} s"),
        ("steps", f"{report.steps:,}"),
        ("tickets", f"{report.tickets:,}"),
        ("messages", f"{report.messages:,}"),
        ("kinds of steps", f"{len(done)}: " + ", ".join(f"{name} {number:,}" for name, number in done[:KINDS_SHOWN])),
        ("ways a row ended", str(len(results))),
        (
            "templates said",
            ", ".join(f"{len(told & known)} of {len(known)} {audience}" for audience, known in templates),
        ),
        ("broken promises", str(len({(one.rule, one.seed) for one in report.broken}))),
    ]
    show_rows(("what", "figure"), rows)
    if report.broken:
        click.echo()
        broken = [(one.rule, str(one.seed), str(one.step), one.sentence) for one in report.broken[:BROKEN_SHOWN]]
        show_rows(("promise", "seed", "step", "what broke it"), broken)


def _sentence(report: Report, steps: int) -> str:
    seed = report.broken[0].seed
    return (
        f"{len(report.broken)} times a promise was broken; play the first again with "
        f"`smgt bench simulate --from {seed} --steps {steps} --tell`."
    )


def _tell(at: int, happened: Happened) -> None:
    """One line for each thing that happened."""
    for step in happened.steps:
        before, after, post, update = step.before, step.decision.case, step.origin.post, step.origin.update
        words = post.text if post else update.text if update else ""
        was = f"{before.status}/{before.awaiting}/{before.turn}" if before else "-"
        case = after or before
        now = f"{after.status}/{after.awaiting}/{after.turn} {after.owner_post or '-'}" if after else "-"
        number = case.number if case else ""
        click.echo(
            f"{at:3} {step.origin.key} {step.origin.actor}: {step.decision.result} {number} {was} -> {now} {words}"
        )
    for message in happened.queued:
        text = " / ".join(message.outgoing.text.splitlines())
        click.echo(f"{at:3}     says {message.template} to {message.recipient} ({message.step_id}): {text}")
    for message in happened.delivered:
        click.echo(f"{at:3}     taken: {message.step_id} as {message.sent_id or '-'}")
    for failed in happened.failed:
        click.echo(f"{at:3}     FAILED: {failed}")
