"""`smgt digest`: the daily digest of any day, on demand. Owns turning Telegram's markup into plain lines."""

from __future__ import annotations

import html
import re
from datetime import datetime

import click

from bot.cli.opening import office_now, opened, settings
from bot.cli.showing import show_json
from handlers.digest.editions import digest_text
from handlers.digest.period import office_day
from store.db import reading
from store.vocabulary import Language

_MARKUP = re.compile(r"</?[a-z][^>]*>")


@click.command(
    "digest",
    epilog="""\b
Examples:
  smgt digest                              today so far, in Hindi
  smgt digest --on 2026-11-24 --lang en
  smgt digest --html                       as it goes to Telegram
""",
)
@click.option("--on", "day", type=click.DateTime(["%Y-%m-%d"]), help="the office's day  [default: today, so far]")
@click.option("--lang", "language", type=click.Choice([each.value for each in Language]), default="hi",
              show_default=True, help="in which language")  # fmt: skip
@click.option("--html", "as_html", is_flag=True, help="with Telegram's markup")
@click.option("--json", "as_json", is_flag=True, help="as one JSON object: day, language, html, text")
def command(*, day: datetime | None, language: str, as_html: bool, as_json: bool) -> None:
    """Print the daily digest: what came, what is pending, who is late, what reopened."""
    loaded = settings()
    now = office_now(loaded)
    wanted = day.date() if day else office_day(now)
    with opened(loaded) as engine, reading(engine) as conn:
        marked = digest_text(conn, wanted, Language(language), now)
    plain = html.unescape(_MARKUP.sub("", marked))
    if as_json:
        show_json({"day": wanted.isoformat(), "language": language, "html": marked, "text": plain})
    else:
        click.echo(marked if as_html else plain)
