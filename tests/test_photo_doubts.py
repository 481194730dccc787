"""A report's photo against its complaint, on both databases: the doubt is shown before the answer is sent, to nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from test_pictures import DELHI, HISAR, exif

from bot.demo.people import Citizens, Officers, Spot, a_photo
from bot.demo.stage import Stage, stage
from handlers.case import Case
from handlers.desk.rows import case_of
from handlers.understanding.coordinates import whereabouts
from store.db import reading, writing
from store.tables import events, media, outbox, tickets
from store.tickets import by_ids
from store.vocabulary import Platform

WORDS = "Gaddhe bhar diye gaye hain."
LOOK = "कृपया फिर देखें"


@pytest.fixture
async def ready(engine: sa.Engine, tmp_path: Path) -> AsyncIterator[Stage]:
    """The whole office, with one complaint of Hisar about a road."""
    async with stage(tmp_path, database_url=engine.url.render_as_string(hide_password=False)) as made:
        Citizens(made).post(Platform.X, "renu_k", "Renu", "Hisar Model Town me sadak par gehre gaddhe hain")
        await made.pass_time(timedelta(minutes=1))
        await made.hear(Platform.X)
        await made.pass_time(timedelta(minutes=2))
        yield made


def the_case(ready: Stage) -> Case:
    with reading(ready.office.engine) as conn:
        return case_of(by_ids(conn, list(conn.scalars(sa.select(tickets.c.id))))[0])


def shown(ready: Stage, spot: Spot) -> str:
    chat = ready.sandbox.telegram.groups.get(spot.chat) or next(
        chat for chat in ready.sandbox.telegram.private.values() if chat.id == spot.chat
    )
    return chat.messages[spot.message].text


def codes(ready: Stage, kind: str = "photo_examined") -> list[dict[str, Any]]:
    with reading(ready.office.engine) as conn:
        found = conn.scalars(sa.select(events.c.codes).where(events.c.kind == kind).order_by(events.c.id))
        return [{**msgspec.json.decode(one), "media": ""} for one in found]


async def report(ready: Stage, *, file: bytes | None = None) -> Spot:
    """The owner's report with a picture; returns its preview."""
    officers, case = Officers(ready), the_case(ready)
    await officers.reply(officers.owner(case)[1], officers.notice(case), WORDS, photo=file is None, file=file)
    preview = officers.last_of(case, "preview")
    assert preview is not None
    return preview


async def send(ready: Stage, preview: Spot) -> str:
    officers, case = Officers(ready), the_case(ready)
    return await officers.press(case, officers.owner(case)[1], "confirm", spot=preview)


def public(ready: Stage) -> list[str]:
    with reading(ready.office.engine) as conn:
        return list(conn.scalars(sa.select(outbox.c.payload).where(outbox.c.template == "result")))


@pytest.mark.parametrize(
    ("when", "where", "told", "noted"),
    [
        ("2026:11:01 11:00:00", None, ("1 नवंबर 2026", "शिकायत से पहले"), ("before", "untold")),
        ("2026:11:25 11:00:00", DELHI, ("किमी दूर",), ("fits", "km")),
        (None, DELHI, ("किमी दूर",), ("untold", "km")),
        ("2026:11:01 11:00:00", DELHI, ("शिकायत से पहले", "किमी दूर"), ("before", "km")),
    ],
)
async def test_a_doubt_is_shown_in_the_preview_and_nowhere_else(
    ready: Stage, when: str | None, where: tuple[float, float] | None, told: tuple[str, ...], noted: tuple[str, str]
) -> None:
    preview = await report(ready, file=a_photo(exif=exif(when, where)))
    text = shown(ready, preview)
    assert LOOK in text
    assert all(one in text for one in told)
    (found,) = codes(ready)
    assert found["time"] == noted[0]
    assert found["place"].endswith(noted[1])
    await send(ready, preview)
    assert the_case(ready).status == "disposed", "a doubt stops nothing"
    (row,) = public(ready)
    assert "2026" not in row
    assert LOOK not in row


async def test_a_photo_that_fits_raises_no_doubt(ready: Stage) -> None:
    preview = await report(ready, file=a_photo(exif=exif("2027:01:05 11:00:00", HISAR)))
    assert LOOK not in shown(ready, preview)
    assert codes(ready) == [{"media": "", "time": "fits", "place": "fits"}]


async def test_a_photo_that_tells_nothing_is_silently_noted(ready: Stage) -> None:
    preview = await report(ready)
    assert LOOK not in shown(ready, preview)
    assert codes(ready) == [{"media": "", "time": "untold", "place": "untold"}]


async def test_what_is_kept_tells_nothing_of_the_camera(ready: Stage) -> None:
    await report(ready, file=a_photo(exif=exif("2026:11:01 11:00:00", DELHI)))
    with reading(ready.office.engine) as conn:
        (content,) = conn.scalars(sa.select(media.c.content)).all()
    assert b"Exif" not in content


async def test_whoever_agrees_is_shown_the_doubt_too(ready: Stage) -> None:
    with writing(ready.office.engine) as conn:
        conn.execute(tickets.update().values(reopen_count=2, disposal_count=2))
    preview = await report(ready, file=a_photo(exif=exif("2026:11:01 11:00:00", None)))
    await send(ready, preview)
    asked = Officers(ready).last_of(the_case(ready), "approval_notice")
    assert asked is not None
    assert LOOK in shown(ready, asked)
    assert public(ready) == []


async def test_another_answer_with_the_same_picture_shows_the_doubt_at_once(ready: Stage) -> None:
    officers = Officers(ready)
    preview = await report(ready, file=a_photo(exif=exif("2026:11:01 11:00:00", None)))
    case = the_case(ready)
    await officers.press(case, officers.owner(case)[1], "not_done", spot=preview)
    choice = officers.last_of(case, "choose_disposal")
    await officers.press(case, officers.owner(case)[1], "policy", spot=choice)
    again = officers.last_of(case, "preview")
    assert again is not None
    assert again != preview
    assert LOOK in shown(ready, again)


@pytest.mark.parametrize("content", [b"no picture at all", a_photo()[:100]])
async def test_a_picture_that_cannot_be_opened_is_told_and_is_no_photo(ready: Stage, content: bytes) -> None:
    preview = await report(ready, file=content)
    assert "खुल नहीं सकी" in shown(ready, preview)
    toast = await send(ready, preview)
    assert "फ़ोटो" in toast
    assert the_case(ready).status == "assigned"
    assert [one["why"] for one in codes(ready, "picture_missing")] == ["unreadable"]


async def test_nothing_is_sent_before_a_file_was_looked_at(ready: Stage) -> None:
    preview = await report(ready, file=a_photo(exif=exif("2026:11:01 11:00:00", None)))
    with writing(ready.office.engine) as conn:
        later = {"next_try_at": ready.now + timedelta(days=1)}
        conn.execute(media.update().values(content=None, taken_at=None, **later))
    assert "जाँची जा रही है" in await send(ready, preview)
    assert the_case(ready).status == "assigned"
    await ready.pass_time(timedelta(minutes=3))
    await send(ready, preview)
    assert the_case(ready).status == "disposed", "a file that never comes holds nobody up"


def test_a_known_place_is_one_point_and_another_its_whole_district() -> None:
    assert len(whereabouts("Hansi", "hansi").points) == 1
    hisar = whereabouts("Hisar", "Model Town")
    assert (hisar.locality, hisar.district) == (None, "Hisar")
    assert len(hisar.points) > 20
    assert whereabouts(None, None).points == ()
    assert whereabouts("Pune", None).points == ()
