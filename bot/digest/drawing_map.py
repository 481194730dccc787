"""The districts of Haryana as a picture: a number on each, darker for more, hatched where there is no figure.

Owns the shades and where a name stands. The boundaries are not authoritative; Hansi's and Hisar's are drawn from assembly
constituencies (handlers/data/haryana/SOURCES.md).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from matplotlib.text import Text

from handlers.digest.sheet import DistrictMap

SHADES: Final = 5
LATITUDE: Final = 29.2  # of the state's middle: there a degree of longitude is this much shorter
HALO: Final = 0.27  # luminance under which white letters are read better
WIDE: Final = 7  # letters; a longer name may pass its district's edge
LONG: Final = 10  # letters; a longer name is written smaller
SMALL: Final = {
    "Panchkula",
    "Faridabad",
    "Gurugram",
    "Nuh",
    "Palwal",
    "Charkhi Dadri",
    "Hansi",
    "Panipat",
    "Mahendragarh",
}


def draw_districts(axes: Axes, districts: DistrictMap, grouped: Callable[[float], str]) -> None:
    """The map with its key on the axes. `grouped` writes a number."""
    values, names = dict(districts.values), dict(districts.names)
    bounds = steps_of(list(values.values()))
    colours = [mpl.colormaps["cividis_r"](0.04 + 0.92 * at / (SHADES - 1)) for at in range(SHADES)]
    for name, rings in _boundaries().items():
        many = values.get(name)
        shade = None if many is None else _shade(many, bounds)
        fill = "white" if shade is None else colours[shade]
        hatch = "////" if shade is None else None
        axes.add_patch(
            PathPatch(_outline(rings), facecolor=fill, hatch=hatch, edgecolor="#4d4d4d", linewidth=0.7, zorder=1)
        )
        ink = "white" if shade is not None and _luminance(colours[shade]) < HALO else "#111111"
        shown = _label(axes, name, rings, names.get(name, name), "" if many is None else grouped(many), ink)
        if len(shown.get_text()) > WIDE:  # such a name may be wider than its district: it takes its ground along
            shown.set_path_effects([withStroke(linewidth=1.8, foreground=fill)])
    axes.set_aspect(1 / math.cos(math.radians(LATITUDE)))
    axes.autoscale_view()
    axes.set_axis_off()
    _key(axes, districts, bounds, colours, grouped, has_gap=len(values) < len(_boundaries()))


def steps_of(values: Sequence[int]) -> list[int]:
    """The least number of each shade, smallest first: as many districts in each as the numbers allow."""
    distinct = sorted(set(values))
    if len(distinct) <= SHADES:
        return distinct or [0]
    ordered = sorted(values)
    return sorted({ordered[len(ordered) * at // SHADES] for at in range(SHADES)})


def _shade(many: int, bounds: Sequence[int]) -> int:
    place = max(at for at, bound in enumerate(bounds) if many >= bound)
    return 0 if len(bounds) == 1 else round(place * (SHADES - 1) / (len(bounds) - 1))


def _key(
    axes: Axes,
    districts: DistrictMap,
    bounds: Sequence[int],
    colours: Sequence[Any],
    grouped: Callable[[float], str],
    *,
    has_gap: bool,
) -> None:
    keys = []
    most = max((many for _, many in districts.values), default=0)
    for at, bound in enumerate(bounds if districts.values else []):
        top = bounds[at + 1] - 1 if at + 1 < len(bounds) else most
        label = grouped(bound) if top <= bound else f"{grouped(bound)}–{grouped(top)}"
        keys.append(Patch(facecolor=colours[_shade(bound, bounds)], edgecolor="#4d4d4d", label=label))
    if has_gap:
        keys.append(Patch(facecolor="white", hatch="////", edgecolor="#4d4d4d", label=districts.nothing))
    axes.legend(
        handles=keys, title=districts.legend, loc="lower left", frameon=False, fontsize=11.5, title_fontsize=12,
        alignment="left", bbox_to_anchor=(-0.02, 0.0),
    )  # fmt: skip


def _label(axes: Axes, name: str, rings: Sequence[Any], shown: str, number: str, ink: str) -> Text:
    east, north = _middle(rings)
    size = 6.9 if len(shown) > LONG else 7.4 if name in SMALL else 8.6
    plate = None if number else {"facecolor": "white", "edgecolor": "none", "pad": 0.8}  # else hatching runs through it
    if number:
        axes.text(east, north - 0.028, number, ha="center", va="bottom", color=ink, fontsize=12.5, zorder=3)
    down, down_from = (north - 0.022, "top") if number else (north, "center")
    return axes.text(east, down, shown, color=ink, fontsize=size, zorder=3, bbox=plate, ha="center", va=down_from)


# -- boundaries ------------------------------------------------------------------------------------------------------------


def _boundaries() -> dict[str, list[Any]]:
    """The outer rings of each district by its name in the taxonomy, largest first."""
    text = files("handlers.data").joinpath("haryana", "districts.geojson").read_text(encoding="utf-8")
    found: dict[str, list[Any]] = {}
    for feature in json.loads(text)["features"]:
        shape = feature["geometry"]
        polygons = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
        rings = [np.asarray(ring) for polygon in polygons for ring in polygon]
        found[feature["properties"]["name_en"]] = sorted(rings, key=lambda ring: -abs(_area(ring)))
    return found


def _area(ring: Any) -> float:
    x, y = ring[:, 0], ring[:, 1]
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2)


def _outline(rings: Sequence[Any]) -> Path:
    points = np.concatenate(list(rings))
    codes = np.full(len(points), Path.LINETO, dtype=Path.code_type)
    codes[np.cumsum([0, *(len(ring) for ring in rings)])[:-1]] = Path.MOVETO
    return Path(points, codes)


def _middle(rings: Sequence[Any]) -> tuple[float, float]:
    """The point of the largest ring that is farthest from its edge: there a name has most room, to both sides above all."""
    ring = rings[0]
    path = Path(ring)
    (west, south), (east, north) = ring.min(axis=0), ring.max(axis=0)
    grid = np.stack(np.meshgrid(np.linspace(west, east, 48), np.linspace(south, north, 48)), axis=-1).reshape(-1, 2)
    inside = grid[path.contains_points(grid)]
    wide = np.array([0.45, 1.0])  # a name is wider than high
    away = np.min(np.hypot(*np.moveaxis((inside[:, None, :] - ring[None, :, :]) * wide, -1, 0)), axis=1)
    best = inside[int(np.argmax(away))]
    return float(best[0]), float(best[1])


def _luminance(colour: Sequence[float]) -> float:
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
