"""Paging of the emulated Graph API: cursors, and the addresses of the next and the previous page.

Owns where a page begins and how its neighbours are named. What is listed is facebook_wire.py's.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

NOT_REPEATED = ("after", "before", "appsecret_proof")


class BadCursor(ValueError):
    """A cursor that no answer of ours held."""


def start_of(asked: Mapping[str, Any], ids: Sequence[str], limit: int) -> int:
    """Where the page that was asked for begins. Raises BadCursor."""
    after, before = _uncursor(str(asked.get("after", ""))), _uncursor(str(asked.get("before", "")))
    if before in ids:
        return max(0, ids.index(before) - limit)
    return ids.index(after) + 1 if after in ids else 0


def paging_of(
    root: str, path: str, asked: Mapping[str, Any], shown: Sequence[str], *, more: bool, earlier: bool, stuck: bool
) -> dict[str, Any]:
    """The `paging` of a page that shows these ids; `stuck`: its cursor never moves on, as happens on Facebook."""
    cursors = {"before": _cursor(shown[0]), "after": _cursor(shown[-1])}
    if stuck and asked.get("after"):
        cursors["after"] = str(asked["after"])
    paging: dict[str, Any] = {"cursors": cursors}
    if more or stuck:
        paging["next"] = _address(root, path, asked, "after", cursors["after"])
    if earlier:
        paging["previous"] = _address(root, path, asked, "before", cursors["before"])
    return paging


def _address(root: str, path: str, asked: Mapping[str, Any], way: str, cursor: str) -> str:
    """The same question for another page: everything that was asked, the token too, but not the proof."""
    kept = {name: value for name, value in asked.items() if name not in NOT_REPEATED}
    return f"{root}/v24.0/{path}?{urlencode({**kept, way: cursor})}"


def _cursor(object_id: str) -> str:
    return base64.urlsafe_b64encode(object_id.encode()).decode()


def _uncursor(cursor: str) -> str:
    try:
        return base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise BadCursor("Invalid cursor") from error
