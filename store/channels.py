"""Channels: our official accounts, whether they may work, and how far each was read.

Owns the tables channels and cursors. It must not know credentials or a platform's SDK.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from store.alarms import clear_alarm, raise_alarm
from store.dialects import insert_into
from store.marks import REWOUND_TO, marked
from store.tables import channels
from store.tables import cursors as cursors_table
from store.vocabulary import Platform

CHANNEL_STOPPED = "channel_stopped"


@dataclass(frozen=True, slots=True)
class Channel:
    """One official account.

    While `stopped_at` is set nothing is sent or read there; while `rewound_to_at` is set it only reads.
    """

    id: int
    name: str
    platform: Platform
    account_id: str = ""
    handle: str = ""
    stopped_at: datetime | None = None
    stopped_why: str | None = None
    rewound_to_at: datetime | None = None


class ChannelMismatch(ValueError):
    """A channel of this name belongs to another platform or another account."""


def register(conn: sa.Connection, name: str, platform: Platform, account_id: str = "", handle: str = "") -> Channel:
    """The channel of this name, made or completed as needed; saying it again changes nothing.

    Raises ChannelMismatch: cursors and conversations of one account must not be taken over by another.
    """
    values = {"name": name, "platform": platform, "account_id": account_id, "handle": handle}
    new = insert_into(conn, channels).values(**values, rewound_to_at=marked(conn, REWOUND_TO))
    conn.execute(new.on_conflict_do_nothing())
    found = _by_name(conn, name)
    if found.platform is not platform:
        raise ChannelMismatch(
            f"The channel {name!r} is on {found.platform}, not on {platform}; choose another name for it."
        )
    if account_id and found.account_id and account_id != found.account_id:
        raise ChannelMismatch(
            f"The channel {name!r} belongs to account {found.account_id}, but its credentials are of account "
            f"{account_id}; correct the credentials or choose another name."
        )
    known = {"account_id": account_id or found.account_id, "handle": handle or found.handle}
    if known != {"account_id": found.account_id, "handle": found.handle}:
        conn.execute(channels.update().where(channels.c.id == found.id).values(**known))
        return _by_name(conn, name)
    return found


def all_channels(conn: sa.Connection) -> list[Channel]:
    """Every channel, oldest first."""
    return [_channel(row) for row in conn.execute(sa.select(channels).order_by(channels.c.id))]


def telegram(conn: sa.Connection) -> Channel | None:
    """The channel on which officers are told: the first on Telegram."""
    return next((one for one in all_channels(conn) if one.platform is Platform.TELEGRAM), None)


def channel(conn: sa.Connection, channel_id: int) -> Channel:
    """One channel as it stands now."""
    return _channel(conn.execute(sa.select(channels).where(channels.c.id == channel_id)).one())


def stop(conn: sa.Connection, channel_id: int, why: str, now: datetime) -> bool:
    """Let nothing be sent or read there until `resume`, and raise one alarm; True if it was working."""
    stopped = (
        channels.update()
        .where(channels.c.id == channel_id, channels.c.stopped_at.is_(None))
        .values(stopped_at=now, stopped_why=why[:256])
    )
    if conn.execute(stopped).rowcount == 0:
        return False
    name = channel(conn, channel_id).name
    raise_alarm(conn, CHANNEL_STOPPED, name, f"The channel {name} is stopped: {why}", now)
    return True


def resume(conn: sa.Connection, channel_id: int, now: datetime) -> bool:
    """Let a stopped channel work again and clear its alarm; True if it was stopped."""
    resumed = (
        channels.update()
        .where(channels.c.id == channel_id, channels.c.stopped_at.is_not(None))
        .values(stopped_at=None, stopped_why=None)
    )
    if conn.execute(resumed).rowcount == 0:
        return False
    clear_alarm(conn, CHANNEL_STOPPED, channel(conn, channel_id).name, now)
    return True


def is_working() -> sa.ColumnElement[bool]:
    """A channel that may decide and send now: neither stopped nor put back to an earlier moment."""
    return sa.and_(channels.c.stopped_at.is_(None), channels.c.rewound_to_at.is_(None))


def rewound_ids() -> sa.Select[tuple[int]]:
    """The channels that only read, because they were put back to an earlier moment."""
    return sa.select(channels.c.id).where(channels.c.rewound_to_at.is_not(None))


def cursors(conn: sa.Connection, channel_id: int) -> dict[str, str]:
    """How far this channel was read, by cursor name."""
    rows = conn.execute(
        sa.select(cursors_table.c.name, cursors_table.c.value).where(cursors_table.c.channel_id == channel_id)
    )
    return {row.name: row.value for row in rows}


def _by_name(conn: sa.Connection, name: str) -> Channel:
    return _channel(conn.execute(sa.select(channels).where(channels.c.name == name)).one())


def _channel(row: sa.Row[Any]) -> Channel:
    return Channel(
        id=row.id,
        name=row.name,
        platform=Platform(row.platform),
        account_id=row.account_id,
        handle=row.handle,
        stopped_at=row.stopped_at,
        stopped_why=row.stopped_why,
        rewound_to_at=row.rewound_to_at,
    )
