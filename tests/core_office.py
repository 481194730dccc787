"""A small office for tests of the deciding core: a directory, a ground, cases and messages made by hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from handlers.case import Case
from handlers.ground import Ground
from handlers.heard import CitizenWrote, OfficerBy, Speaker
from handlers.policy import Policy
from handlers.understanding import read_answer, understand
from handlers.understanding.meaning import Asked
from handlers.understanding.taxonomy import taxonomy
from store.people import Desk, Directory, Officer, Post
from store.vocabulary import Language, Platform, Role, Status

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)  # a Monday, half past nine in Haryana
DISTRICTS = ("Hisar", "Panchkula", "Rohtak")
LADDER = {0: Role.NODAL_OFFICER, 1: Role.DISTRICT_HEAD, 2: Role.DEPARTMENT_HEAD}


def directory(vacant: Iterable[str] = ()) -> Directory:
    """Every department with a nodal officer per district, a divisional head and a head; a desk each."""
    empty, posts, desks = set(vacant), {}, {"cmo": Desk("cmo", "CMO", Language.HI, "-1")}
    serial = 0

    def seat(code: str, role: Role, department: str | None, level: int, districts: Iterable[str]) -> None:
        nonlocal serial
        serial += 1
        holders = () if code in empty else (Officer(serial, f"Officer {serial}", str(5000 + serial)),)
        desk = department or "cmo"
        posts[code] = Post(code, code, role, department, level, desk, frozenset(districts), holders)

    for at, department in enumerate(code for code in taxonomy().departments if code not in ("triage", "central")):
        desks[department] = Desk(department, department, Language.HI, f"-{100 + at}")
        for district in DISTRICTS:
            seat(f"{department}-nodal-{district.lower()}", LADDER[0], department, 0, [district])
        seat(f"{department}-division", LADDER[1], department, 1, DISTRICTS)
        seat(f"{department}-head", LADDER[2], department, 2, ["*"])
    seat("cmo-desk", Role.CMO_DESK, None, 3, ["*"])
    seat("cmo-viewer", Role.CMO_VIEWER, None, 3, ["*"])
    return Directory(posts, desks)


def ground(vacant: Iterable[str] = (), **policy: Any) -> Ground:
    """The rules over that directory."""
    return Ground(policy=Policy(**policy), directory=directory(vacant))


def case(**changes: Any) -> Case:
    """A ticket as it is just before anything is known of it."""
    blank = Case(
        id=1,
        number="HRY26-000001-0",
        platform=Platform.X,
        channel_id=1,
        account_id=7,
        thread_id="t1",
        first_message_id="m1",
        language=Language.HI_LATN,
        status=Status.COLLECTING,
        opened_at=NOW,
        reply_to_id="m1",
    )
    return replace(blank, **changes)


def wrote(
    text: str,
    about: Case | None = None,
    *,
    message_id: str = "m2",
    speaker: Speaker = Speaker.COMPLAINANT,
    at: datetime = NOW,
) -> CitizenWrote:
    """A citizen's message, understood as the desk would."""
    asked = Asked.NOTHING if about is None else Asked.SATISFACTION if about.ended else about.asked
    answer = read_answer(
        text,
        asked=asked,
        category=about.category if about else None,
        district=about.district if about else None,
        category_choices=about.category_choices if about else (),
        district_choices=about.district_choices if about else (),
    )
    return CitizenWrote(
        speaker=speaker,
        message_id=message_id,
        text=text,
        understanding=understand(text),
        answer=answer,
        occurred_at=at,
    )


def by(post: Post) -> OfficerBy:
    """The one who holds this post, acting."""
    return OfficerBy(officer_id=post.holders[0].id, name=post.holders[0].name, post=post.code, role=post.role)
