"""`python -m bot.digest.drawing`: an order as JSON on standard input, the pictures as JSON on standard output.

Owns how the pictures look. It runs in a process of its own and must not know a database or a word of any language: labels
come with the order. Colours are told apart by those who see red and green alike; nothing is told by colour alone.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from typing import Any, Final

import matplotlib as mpl
import msgspec
from babel.numbers import format_decimal
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from bot.digest.charts import Order, Picture
from bot.digest.children import tell_and_end
from bot.digest.drawing_map import draw_districts
from handlers.digest.sheet import Bars, DistrictMap, Parts, Series, Trend

DPI: Final = 180
WIDE: Final = (6.0, 4.0)  # inches: 1,080 points across, a telephone's width
FLAT: Final = (6.0, 2.3)
TALL: Final = (6.0, 6.7)
INK: Final = "#1a1a1a"
PALE: Final = "#5c5c5c"
# Okabe and Ito's colours, which remain apart for every kind of colour blindness; each line has a shape of its own too.
LINES: Final = {
    "received": ("#0072B2", "o", "-"),
    "disposed": ("#00795A", "s", "--"),
    "pending": ("#C14E00", "^", "-."),
}
BANDS: Final = ("#CFE8A0", "#7FC08F", "#3C8C9B", "#28406F")  # older is darker
OUTCOMES: Final = {  # fill, hatching, colour of the number
    "satisfied": ("#00795A", "", "white"),
    "accepted": ("#A6D8EE", "", INK),
    "not_satisfied": ("#C14E00", "", "white"),
    "no_answer": ("#D9D9D9", "", INK),
    "not_askable": ("#FFFFFF", "////", INK),
}
_OTHER: Final = ("#BFBFBF", "", INK)


def grouped(number: float) -> str:
    """1,23,456"""
    return str(format_decimal(number, locale="en_IN"))


def main() -> None:
    """Draw what is ordered. A fault is told in one line on standard error, with exit code 1."""
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    _use(order.fonts)
    sys.stdout.buffer.write(msgspec.json.encode(list(_pictures(order))))


def _use(fonts: dict[str, str]) -> None:
    for file in fonts.values():
        font_manager.fontManager.addfont(file)
    mpl.rcParams.update(
        {
            "font.family": list(fonts),
            "font.size": 12,
            "text.color": INK,
            "axes.labelcolor": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "axes.edgecolor": PALE,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "svg.fonttype": "path",  # whoever reads it needs no letters of ours
            "svg.hashsalt": "smgt",  # the same figures make the same bytes
        }
    )


def _pictures(order: Order) -> Iterator[Picture]:
    charts = order.charts
    if charts.trend is not None:
        yield _picture(charts.trend.code, WIDE, _trend, charts.trend)
    if charts.ages is not None:
        yield _picture(charts.ages.code, FLAT, _ages, charts.ages)
    if charts.outcomes is not None:
        yield _picture(charts.outcomes.code, FLAT, _outcomes, charts.outcomes)
    if charts.districts is not None:
        yield _picture(charts.districts.code, TALL, _map, charts.districts)


def _picture(code: str, size: tuple[float, float], draw: Callable[[Figure, Any], None], what: object) -> Picture:
    figure = Figure(figsize=size, dpi=DPI, layout="constrained", facecolor="white")
    draw(figure, what)
    points, lines = io.BytesIO(), io.BytesIO()
    figure.savefig(points, format="png", metadata={"Software": None})
    figure.savefig(lines, format="svg", metadata={"Date": None})
    return Picture(code, points.getvalue(), lines.getvalue())


# -- over days -------------------------------------------------------------------------------------------------------------


def _trend(figure: Figure, trend: Trend) -> None:
    axes = _axes(figure, trend.title)
    if trend.shaded is not None:
        axes.axvspan(trend.shaded[0] - 0.5, trend.shaded[1] + 0.5, color="#F1E9CF", zorder=0)
    for series in trend.series:
        _line(axes, series)
    axes.set_xlim(-0.5, len(trend.days) - 0.5)
    axes.margins(y=0.1)
    axes.set_ylim(bottom=0)
    _last_values(axes, trend)
    step = max(1, (len(trend.days) + 6) // 7)
    shown = range(len(trend.days) - 1, -1, -step)
    axes.set_xticks(list(shown), [trend.days[at] for at in shown], fontsize=10.5)
    axes.yaxis.set_major_locator(mpl.ticker.MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_formatter(mpl.ticker.FuncFormatter(lambda number, _: grouped(number)))
    axes.grid(axis="y", color="#E3E3E3", linewidth=0.8, zorder=0)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=len(trend.series), frameon=False, fontsize=12)


def _line(axes: Axes, series: Series) -> None:
    colour, marker, dashes = LINES.get(series.code, (PALE, "D", ":"))
    days = [at for at, value in enumerate(series.values) if value is not None]
    values = [value for value in series.values if value is not None]
    axes.plot(days, values, dashes, color=colour, marker=marker, markersize=5, linewidth=2.2, label=series.name)


def _last_values(axes: Axes, trend: Trend) -> None:
    """The newest value of each line, at the right margin, pushed apart where they would stand on each other."""
    last = [(one.values[-1], one.code) for one in trend.series if one.values and one.values[-1] is not None]
    least = axes.get_ylim()[1] * 0.085
    floor = -least
    for value, code in sorted(last):
        place = max(value, floor + least)
        floor = place
        axes.annotate(
            grouped(value),
            (len(trend.days) - 0.5, place),
            textcoords="offset points",
            xytext=(4, 0),
            va="center",
            color=LINES.get(code, (PALE,))[0],
            fontsize=13,
            annotation_clip=False,
        )


# -- in bands --------------------------------------------------------------------------------------------------------------


def _ages(figure: Figure, bars: Bars) -> None:
    axes = _axes(figure, bars.title)
    places = list(range(len(bars.values)))
    axes.barh(places, bars.values, color=[BANDS[min(at, len(BANDS) - 1)] for at in places], height=0.72)
    axes.set_yticks(places, bars.labels, fontsize=12)
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, max([1, *bars.values]) * 1.16)
    for place, value in zip(places, bars.values, strict=True):
        axes.annotate(
            grouped(value), (value, place), textcoords="offset points", xytext=(5, 0), va="center", fontsize=13
        )


# -- parts of a whole ------------------------------------------------------------------------------------------------------


def _outcomes(figure: Figure, whole: Parts) -> None:
    axes = _axes(figure, whole.title)
    axes.set_axis_off()
    total = max(1, sum(many for *_, many in whole.parts))
    start = 0
    keys = []
    for code, label, many in whole.parts:
        fill, hatch, ink = OUTCOMES.get(code, _OTHER)
        keys.append(Patch(facecolor=fill, hatch=hatch, edgecolor=PALE, label=f"{label} {grouped(many)}"))
        axes.barh([0], [many], left=[start], color=fill, hatch=hatch, edgecolor=PALE, linewidth=0.6, height=0.8)
        if many >= total * 0.07:  # a number that does not fit stands in the key alone
            axes.text(start + many / 2, 0, grouped(many), ha="center", va="center", color=ink, fontsize=14)
        start += many
    axes.set_xlim(0, total)
    axes.set_ylim(-0.5, 0.5)
    axes.legend(
        handles=keys, loc="upper left", bbox_to_anchor=(0, -0.02), ncols=2, frameon=False, fontsize=11, handlelength=1.2
    )


# -- over the state --------------------------------------------------------------------------------------------------------


def _map(figure: Figure, districts: DistrictMap) -> None:
    axes = _axes(figure, districts.title)
    draw_districts(axes, districts, grouped)


def _axes(figure: Figure, title: str) -> Axes:
    axes = figure.add_subplot()
    figure.suptitle(title, x=0.02, ha="left", fontsize=14)
    return axes


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, RuntimeError, LookupError) as fault:
        tell_and_end(fault)
