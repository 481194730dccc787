"""`smgt demo`: the whole story on loopback, played by bot/demo/day.py. Owns the options only."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    "demo",
    epilog="""\b
Examples:
  smgt demo                                all stories and a day's posts, under 90 seconds
  smgt demo --keep result                  leaves database, transcripts and digests in result/
  smgt demo --posts mine.jsonl --json      your own posts; ends with one JSON object
  smgt demo --posts bengaluru.jsonl --any-state

\b
A line of --posts FILE is {"id": "p1", "text": "...", "platform": "x"}; platform may be left out.
Exit code 1 if a story did not go as told, or a message was lost or doubled.
""",
)
@click.option(
    "--posts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON lines of posts to play",
)
@click.option("--any-state", is_flag=True, help="complaints from outside Haryana get tickets too")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="leave everything there")
@click.option("--json", "as_json", is_flag=True, help="end with one JSON object, print nothing else")
@click.option("--seed", type=int, default=1, show_default=True, help="makes chance repeatable")
@click.option("--stories-only", is_flag=True, help="only the stories, no day's posts")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    *,
    posts: Path | None,
    any_state: bool,
    keep: Path | None,
    as_json: bool,
    seed: int,
    stories_only: bool,
) -> None:
    """Play the whole life of complaints: citizens on X and Facebook, officers on Telegram, a digest at the end.

    Real tweepy, facebook-sdk and python-telegram-bot talk over HTTP to emulated platforms on this machine. Nothing
    leaves it and nothing needs to be set up.
    """
    from bot.demo.day import DemoOptions, run_demo

    options = DemoOptions(
        posts=posts, any_state=any_state, keep=keep, as_json=as_json, seed=seed, stories_only=stories_only
    )
    ctx.exit(run_demo(options))
