"""What `smgt check` says of the directory: every hole in a line of its own, with what to do.

Owns the sentences. What is missing is found in store/holes.py and handlers/unreached.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import sqlalchemy as sa

from bot.findings import Finding
from handlers.understanding.taxonomy import Taxonomy, taxonomy
from handlers.unreached import Unreached, nobody_above, unreached
from store.directory import load_directory
from store.holes import Hole, holes
from store.people import Directory

NAMED = 3  # districts or categories named in one line; more are counted


def directory_findings(conn: sa.Connection, now: datetime) -> list[Finding]:
    """The holes of the directory at `now`, those first that swallow most."""
    known, directory = taxonomy(), load_directory(conn, now)
    if not directory.posts:
        told = "it is empty; run `smgt desks import` and then `smgt officers import`."
        return [Finding("directory", False, told, "empty")]
    found = list(_found(directory, known))
    if found:
        return found
    counted = f"{len(directory.desks)} desks, {len(directory.posts)} posts"
    return [Finding("directory", True, f"{counted}; every complaint finds a person")]


def _found(directory: Directory, known: Taxonomy) -> Iterator[Finding]:
    all_holes = holes(directory)
    first = [one for one in all_holes if one.code == "no_cmo_desk"]
    yield from (_finding(one.code, _sentence(one)) for one in first)
    for one in unreached(directory, known):
        yield _finding("nobody_reachable", _nobody(one, known))
    for department, where in nobody_above(directory, known.districts).items():
        yield _finding("nobody_above", _alone(department, where, known))
    yield from (_finding(one.code, _sentence(one)) for one in all_holes if one not in first)


def _finding(code: str, text: str) -> Finding:
    return Finding("directory", False, text, code)


def _nobody(one: Unreached, known: Taxonomy) -> str:
    where = "anywhere" if len(one.districts) == len(known.districts) else f"in {_some(one.districts, 'districts')}"
    what = "any complaint" if set(one.categories) >= _all_of(one.department, known) else _some(one.categories)
    return f"{one.department}: nobody, for {what}, {where}; invite or name one"


def _all_of(department: str, known: Taxonomy) -> set[str]:
    return {
        code
        for code, category in known.categories.items()
        if department in (category.department, category.rural_department, *category.other_departments)
    }


def _alone(department: str, where: Sequence[str], known: Taxonomy) -> str:
    places = "anywhere" if len(where) == len(known.districts) else f"in {_some(where, 'districts')}"
    return f"{department}: nobody above its nodal officers {places}; invite or name a head"


def _sentence(hole: Hole) -> str:
    match hole.code:
        case "no_cmo_desk":
            return "no post of role cmo_desk has a desk; what finds no other place is lost from sight. Add one."
        case "post_vacant":
            return f"nobody holds {hole.post}; `smgt officers handover {hole.post} --to NAME`"
        case "post_unlinked":
            return f"{hole.post}: {hole.officer} has not joined; `smgt officers invite`"
        case "post_off_ladder":
            return f"{hole.post} stands on no ladder of {hole.department} and is never rung; see `smgt ladders`"
        case "away_uncovered":
            return f"{hole.post} is on leave, nobody stands in; `smgt officers back`, or `leave` with --substitute"
        case "substitute_unlinked":
            return f"{hole.officer} stands in at {hole.post} but has not joined; `smgt officers invite`"
        case "substitute_unfit":
            return f"{hole.officer} may not stand in at {hole.post} any more; `smgt officers back`, name another"
        case "desk_unbound":
            return f"desk {hole.desk} has no chat; /bind {hole.desk} in its group"
        case "desk_lost":
            return f"nothing goes to the chat of desk {hole.desk}; add the bot there again, or do what its alarm says"
    return f"{hole.code}: {hole.post or hole.desk}"


def _some(names: Sequence[str], what: str = "") -> str:
    more = len(names) - NAMED
    told = ", ".join(names[:NAMED])
    return told if more <= 0 else f"{told} and {more} more{f' {what}' if what else ''}"
