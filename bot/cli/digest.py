"""`smgt digest`: the digest of any past day, week or month, on demand: printed, or in all forms into a folder.

Owns turning Telegram's markup into plain lines, and what is said of the files.
"""

from __future__ import annotations

import html
import re
from datetime import date, datetime
from pathlib import Path

import click
import sqlalchemy as sa

from bot.cli.ending import Failed
from bot.cli.opening import office_now, opened, settings
from bot.cli.showing import show_json
from handlers.digest.demand import Scope, UnknownScope, scope_of, telling
from handlers.digest.editions import digest_text
from handlers.digest.period import office_day
from handlers.digest.sheets import sheet_of
from handlers.digest.telling import Span, Whose
from store.db import reading
from store.vocabulary import Language

_MARKUP = re.compile(r"</?[a-z][^>]*>")


class _ScopeType(click.ParamType[Scope]):
    name = "WHOSE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Scope:
        if isinstance(value, Scope):
            return value
        try:
            return scope_of(str(value))
        except UnknownScope as fault:
            self.fail(str(fault), param, ctx)


@click.command(
    "digest",
    epilog="""\b
Examples:
  smgt digest                              today so far, in Hindi
  smgt digest --on 2026-11-24 --lang en
  smgt digest --html                       as it goes to Telegram
  smgt digest --on 2026-11-24 --out forms  pictures, PDF, spreadsheet and page into forms/
  smgt digest --period month --on 2026-11-01 --for district:Hisar --out forms
""",
)
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="the office's day  [default: today, so far]")
@click.option("--period", "span", type=click.Choice([each.value for each in Span]), default="day", show_default=True,
              help="that day, or the week (from Monday) or month around it")  # fmt: skip
@click.option("--for", "scope", type=_ScopeType(), default="cmo", show_default=True,
              help="cmo, department:CODE or district:NAME")  # fmt: skip
@click.option("--lang", "language", type=click.Choice([each.value for each in Language]), default="hi",
              show_default=True, help="in which language")  # fmt: skip
@click.option("--out", "folder", type=click.Path(path_type=Path), metavar="DIR", help="every form as a file into DIR")
@click.option("--html", "as_html", is_flag=True, help="with Telegram's markup")
@click.option("--json", "as_json", is_flag=True, help="as one JSON object: day, language, html, text, files")
def command(
    *,
    day: datetime | None,
    span: str,
    scope: Scope,
    language: str,
    folder: Path | None,
    as_html: bool,
    as_json: bool,
) -> None:
    """Print the digest, or write it: what came, what is pending, who is late, what reopened."""
    loaded = settings()
    now = office_now(loaded)
    wanted, spoken = day.date() if day else office_day(now), Language(language)
    with opened(loaded) as engine:
        if folder is not None:
            _write(engine, Span(span), wanted, scope, spoken, now, folder, as_json=as_json)
            return
        if span != Span.DAY or scope.whose is not Whose.CMO:
            raise Failed("Only the CMO's daily digest can be printed; name a folder with --out for the others.")
        with reading(engine) as conn:
            marked = digest_text(conn, wanted, spoken, now)
    plain = html.unescape(_MARKUP.sub("", marked))
    if as_json:
        show_json({"day": wanted.isoformat(), "language": language, "html": marked, "text": plain})
    else:
        click.echo(marked if as_html else plain)


def _write(
    engine: sa.Engine,
    span: Span,
    on: date,
    scope: Scope,
    language: Language,
    now: datetime,
    folder: Path,
    *,
    as_json: bool,
) -> None:
    """Every form into the folder; whatever could not be made ends the command badly, the others stand there."""
    from bot.digest.folder import FolderUnusable, put_into, require_folder
    from bot.digest.forms import forms_of

    try:
        with reading(engine) as conn:
            told = telling(conn, span, on, scope, now)
            is_plain = span is Span.DAY and scope.whose is Whose.CMO
            message = digest_text(conn, on, language, now) if is_plain else ""
        require_folder(folder)
        made = forms_of(sheet_of(told, language), message)
        written, faults = put_into(folder, made.files)
    except FolderUnusable as fault:
        raise Failed(str(fault)) from fault
    if as_json:
        show_json({"day": on.isoformat(), "language": language.value, "files": [str(file) for file in written]})
    else:
        for file in written:
            click.echo(f"{file}")
    if made.faults or faults:
        raise Failed("\n".join([*made.faults, *faults]))
