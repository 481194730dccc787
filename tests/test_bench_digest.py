"""The past that counting is measured on is one that the tables allow, and that has something of everything in it."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from digest_recount_report import ReportRecount

from bot.bench.digest import NOW, NotEmpty, measure
from bot.bench.digest_past import fill
from bot.cli.bench_digest import command
from handlers.digest.figures import report
from handlers.digest.period import PeriodKind, office_day, period_of
from handlers.digest.scope import STATE
from store.db import reading


def test_a_past_has_something_of_everything(engine: sa.Engine) -> None:
    rows = fill(engine, 600, NOW, 3, lambda *_: None)
    assert all(rows.values())
    period = period_of(PeriodKind.MONTH, office_day(NOW)).before
    with reading(engine) as conn:
        told, again = report(conn, period, STATE, NOW), ReportRecount(conn, period, NOW).figures()
    assert (told.figures.received, told.figures.opened, told.figures.done) == (again.received, again.opened, again.done)
    assert told.figures.opened.total > 20
    assert told.figures.done.solved
    assert told.figures.times.acceptance.many
    assert told.figures.pending.late


def test_the_command_measures_and_refuses_what_is_not_empty(sqlite_engine: sa.Engine) -> None:
    url = str(sqlite_engine.url)
    told = CliRunner().invoke(command, ["--tickets", "40", "--database", url, "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found["rows"]["tickets"] == 40
    assert set(found["seconds"]) == {"day", "week", "month", "day of a department", "day of a district"}
    with pytest.raises(NotEmpty, match="holds rows in channels"):
        measure(10, database=url, seed=1, progress=lambda *_: None)
