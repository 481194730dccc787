"""The pictures of a sheet, drawn in a process of their own: its memory comes back, and it can be ended.

Owns asking for them and telling what went wrong. The drawing library is never imported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from bot.digest.children import ChildFailed, asked
from bot.digest.fonts import FontMissing, font_files
from handlers.digest.sheet import Charts

DEADLINE: Final = 30.0  # seconds for all pictures together; they take two
CODES: Final = ("trend", "ages", "outcomes", "districts")


class ChartsFailed(Exception):
    """The pictures could not be drawn; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: as points for messengers, as lines for paper and page."""

    code: str
    png: bytes
    svg: bytes


@dataclass(frozen=True, slots=True)
class Order:
    """What the drawing process is told: what to draw, and in which letters (file by family)."""

    charts: Charts
    fonts: dict[str, str]


# Made while the module is loaded: msgspec 0.22 crashes the process when two threads read one type for the first time.
_READ: Final = msgspec.json.Decoder(list[Picture])


def draw(charts: Charts, *, deadline: float = DEADLINE) -> dict[str, Picture]:
    """The pictures by code; blocks for about two seconds. Raises ChartsFailed."""
    wanted = [code for code in CODES if getattr(charts, code) is not None]
    if not wanted:
        return {}
    try:
        order = Order(charts, {family: str(file) for family, file in font_files().items()})
    except FontMissing as fault:
        raise ChartsFailed(str(fault)) from fault
    try:
        drawn = _READ.decode(asked("bot.digest.drawing", msgspec.json.encode(order), deadline=deadline))
    except ChildFailed as fault:
        raise ChartsFailed(f"The pictures could not be drawn: {fault}.") from fault
    except msgspec.DecodeError as fault:
        raise ChartsFailed("The pictures could not be drawn: what came back is no picture.") from fault
    return {picture.code: picture for picture in drawn}
