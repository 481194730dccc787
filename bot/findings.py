"""One thing that `smgt check` looked at. Owns the shape alone."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: `text` says that it is well, or what to do. `code` names the kind, where there are several."""

    area: str
    ok: bool
    text: str
    code: str = ""
