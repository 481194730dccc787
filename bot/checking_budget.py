"""What `smgt check` says about each account's budget: used, limit, and what to do once it is spent."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from bot.budget import Used, began_at, used_of
from bot.findings import Finding
from bot.policies import budget_of
from bot.settings import Settings
from store.channels import Channel, all_channels
from store.db import reading
from store.spending import posts_read, posts_sent
from store.vocabulary import Platform


def budget_findings(engine: sa.Engine, settings: Settings, now: datetime) -> list[Finding]:
    """A line for each account that costs money: what it has posted and read."""
    with reading(engine) as conn:
        ours = [one for one in all_channels(conn) if one.platform is Platform.X]
        return [finding for channel in ours for finding in _of(conn, settings, channel, now)]


def _of(conn: sa.Connection, settings: Settings, channel: Channel, now: datetime) -> Iterator[Finding]:
    budget = budget_of(settings, channel.platform)
    for what in ("posts", "reads"):
        used = used_of(conn, channel, budget, what, now)
        yield Finding(
            "budget", all(one.ordinary for one in used), f"{channel.name}: {_said(used, what, conn, channel, now)}"
        )


def _said(used: list[Used], what: str, conn: sa.Connection, channel: Channel, now: datetime) -> str:
    if not used:
        count = (posts_sent if what == "posts" else posts_read)(conn, channel.id, began_at("month", now))
        return f"{count:,} {'posts' if what == 'posts' else 'posts read'} this month, no limit set"
    spent = [one.limit.setting for one in used if not one.ordinary]
    told = ", ".join(one.sentence("posts" if what == "posts" else "reads") for one in used)
    waits = "ordinary replies wait" if what == "posts" else "only mentions are read"
    return told + (f"; {waits}: raise {' and '.join(spent)}, or wait" if spent else "")
