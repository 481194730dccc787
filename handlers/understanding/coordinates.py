"""Where places lie: post offices and towns of Haryana, to tell about how far away a photo was taken.

Owns the table's reading. It must not know what a distance is compared for. Approximate: the table says where a post office
stands, to a hundred metres, and leaves out those that India Post puts in two places.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from handlers.understanding.tables import BadTable, csv_rows
from handlers.understanding.taxonomy import PACKAGE

Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Points of the place that a complaint is about, and which place that is: a locality, else its whole district."""

    points: tuple[Place, ...] = ()
    locality: str | None = None
    district: str | None = None


@cache
def _known() -> Mapping[str, Mapping[str, Place]]:
    path, rows = "haryana/coordinates.csv", defaultdict[str, dict[str, Place]](dict)
    for line, row in csv_rows(PACKAGE, path, ("name_en", "district", "latitude", "longitude", "source")):
        try:
            rows[row["district"]][_plain(row["name_en"])] = (float(row["latitude"]), float(row["longitude"]))
        except ValueError as error:
            raise BadTable(f"{path}, line {line}: latitude and longitude are numbers of degrees.") from error
    return rows


def whereabouts(district: str | None, locality: str | None) -> Whereabouts:
    """What is known of a place; no points where nothing is."""
    known = _known().get(district or "", {})
    point = known.get(_plain(locality)) if locality else None
    if point is not None:
        return Whereabouts((point,), locality, district)
    return Whereabouts(tuple(known.values()), None, district)


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
