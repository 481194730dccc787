"""From which confidence on we act instead of asking: one readable table, calibrated on labelled posts.

Owns data/thresholds.tsv. It must not know what is decided with a number. Pure after loading.
"""

from __future__ import annotations

from handlers.understanding.tables import BadTable, compiled, tsv_rows


@compiled
def _table() -> dict[str, float]:
    table = {}
    for number, (name, value, _) in tsv_rows("thresholds.tsv", 3):
        try:
            table[name] = float(value)
        except ValueError as error:
            raise BadTable(f"thresholds.tsv, line {number}: {value!r} is no number.") from error
    return table


@compiled
def threshold(name: str) -> float:
    """The threshold of a decision.

    Raises:
        BadTable: the table has no such line.
    """
    try:
        return _table()[name]
    except KeyError:
        raise BadTable(f"thresholds.tsv has no line for {name!r}; install SMGT anew.") from None
