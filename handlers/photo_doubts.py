"""Does a report's photo fit the complaint: was it taken after it was made, and where the trouble is?

Pure. A doubt is shown to the officer and to whoever agrees to the answer; it is never told to the citizen and blocks
nothing by itself, for cameras' clocks are wrong and photos are passed on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

EARTH_KM: Final = 12_742.0  # through its middle
CLOCK_SLACK: Final = timedelta(hours=1)  # a camera's clock may be a little wrong
STEP_KM: Final = 5  # a distance is told about, not exactly

Place = tuple[float, float]
"""Latitude and longitude in degrees."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a photo's file tells: when it was taken (aware), and where."""

    taken_at: datetime | None = None
    place: Place | None = None

    @property
    def tells_something(self) -> bool:
        return self.taken_at is not None or self.place is not None


@dataclass(frozen=True, slots=True)
class Doubts:
    """What does not fit: the day it was taken if before the complaint, and about how far away."""

    taken_before: datetime | None = None
    away_km: int | None = None

    def __bool__(self) -> bool:
        return self.taken_before is not None or self.away_km is not None


def doubts(seen: Seen, complained_at: datetime, places: Sequence[Place], far_km: float) -> Doubts:
    """Compare a photo with a complaint made at `complained_at` about one of `places` (none: unknown)."""
    early = seen.taken_at is not None and seen.taken_at < complained_at - CLOCK_SLACK
    away = min((apart(seen.place, one) for one in places), default=0.0) if seen.place is not None else 0.0
    told = max(STEP_KM, STEP_KM * round(away / STEP_KM))
    return Doubts(seen.taken_at if early else None, told if away > far_km else None)


def apart(one: Place, other: Place) -> float:
    """Kilometres between two places, as the crow flies."""
    (north, east), (other_north, other_east) = (tuple(map(math.radians, place)) for place in (one, other))
    half = math.sin((other_north - north) / 2) ** 2
    half += math.cos(north) * math.cos(other_north) * math.sin((other_east - east) / 2) ** 2
    return EARTH_KM * math.asin(min(1.0, math.sqrt(half)))
