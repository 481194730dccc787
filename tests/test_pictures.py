"""Pictures: what is read of them, what is refused, where they may be fetched, and whether a report's fits its complaint."""

from __future__ import annotations

import asyncio
import contextlib
import io
import struct
import zlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from x_rig import served

from bot.demo.people import a_photo
from bot.pictures import MOST_PIXELS, NotAPicture, cleaned
from bot.platforms.pictures import LARGEST_PICTURE, Pictures
from bot.platforms.port import NotSent, Refused, Unreachable
from handlers.photo_doubts import CLOCK_SLACK, Doubts, Seen, apart, doubts

TAKEN = datetime(2026, 11, 23, 5, 30, tzinfo=UTC)  # eleven in India
HANSI, HISAR, DELHI = (29.102, 75.963), (29.152, 75.722), (28.645, 77.216)


def exif(when: str | None = "2026:11:23 11:00:00", place: tuple[float, float] | None = HANSI) -> bytes:
    """What a phone notes; a place as degrees, minutes and seconds."""
    noted = Image.Exif()
    if when is not None:
        noted.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = when
    if place is not None:
        gps = noted.get_ifd(ExifTags.IFD.GPSInfo)
        for number, value, sides in ((1, place[0], "NS"), (3, place[1], "EW")):
            minutes, degrees = abs(value) % 1 * 60, int(abs(value))
            gps[number] = sides[value < 0]
            gps[number + 1] = (float(degrees), float(int(minutes)), minutes % 1 * 60)
    return noted.tobytes()


# -- reading ---------------------------------------------------------------------------------------------------------------


def test_a_picture_is_written_anew_without_what_the_camera_noted() -> None:
    kept = cleaned(a_photo(exif=exif()))
    assert kept.seen.taken_at == TAKEN
    assert kept.seen.place == pytest.approx(HANSI, abs=0.001)
    with Image.open(io.BytesIO(kept.content)) as again:
        assert (again.format, again.size) == ("JPEG", (64, 48))
        assert not again.getexif()
    assert b"Exif" not in kept.content


@pytest.mark.parametrize(
    ("when", "taken"),
    [
        ("2026:11:23 11:00:00", TAKEN),
        ("0000:00:00 00:00:00", None),
        ("1970:01:01 00:00:00", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_a_camera_without_a_clock_tells_no_time(when: str | None, taken: datetime | None) -> None:
    assert cleaned(a_photo(exif=exif(when, None))).seen == Seen(taken)


def test_a_zone_that_the_camera_told_is_believed() -> None:
    noted = Image.Exif()
    ifd = noted.get_ifd(ExifTags.IFD.Exif)
    ifd[ExifTags.Base.DateTimeOriginal], ifd[ExifTags.Base.OffsetTimeOriginal] = "2026:11:23 05:30:00", "+00:00"
    assert cleaned(a_photo(exif=noted.tobytes())).seen.taken_at == TAKEN


@pytest.mark.parametrize("place", [(0.0, 0.0), (200.0, 75.0), (29.0, 999.0)])
def test_a_place_that_is_none_is_not_told(place: tuple[float, float]) -> None:
    assert cleaned(a_photo(exif=exif(None, place))).seen.place is None


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "JPEG"])
def test_every_usual_kind_becomes_a_jpeg(kind: str) -> None:
    made = io.BytesIO()
    Image.new("RGBA" if kind != "JPEG" else "RGB", (30, 20)).save(made, kind)
    with Image.open(io.BytesIO(cleaned(made.getvalue()).content)) as kept:
        assert (kept.format, kept.mode, kept.size) == ("JPEG", "RGB", (30, 20))


def test_a_large_picture_is_made_smaller() -> None:
    made = io.BytesIO()
    Image.new("RGB", (6000, 3000)).save(made, "JPEG")
    with Image.open(io.BytesIO(cleaned(made.getvalue()).content)) as kept:
        assert kept.size == (2048, 1024)


def bomb(width: int, height: int) -> bytes:
    """A PNG that says it is so large, in a few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"<html>no</html>", "unreadable"),
        (b"%PDF-1.7 no picture", "unreadable"),
        (a_photo()[:200], "unreadable"),
        (a_photo()[:-200], "unreadable"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 500, "unreadable"),
        (bomb(60_000, 60_000), "unreadable"),
        (bomb(8_000, 7_000), "pixels"),
        (bomb(3_000, 20), "shape"),
        (bomb(300, 200), "unreadable"),
    ],
)
def test_what_is_no_bearable_picture_is_refused_with_its_cause(content: bytes, why: str) -> None:
    with pytest.raises(NotAPicture) as refused:
        cleaned(content)
    assert refused.value.code == why
    assert MOST_PIXELS < 8_000 * 7_000


@given(st.binary(max_size=400), st.integers(0, 600))
def test_no_bytes_break_it(noise: bytes, at: int) -> None:
    whole = a_photo(exif=exif())
    for content in (noise, whole[:at] + noise, whole[:at] + noise + whole[at + len(noise) :]):
        with contextlib.suppress(NotAPicture):
            assert cleaned(content).content.startswith(b"\xff\xd8")


# -- comparing -------------------------------------------------------------------------------------------------------------


moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
places = st.tuples(st.floats(-89, 89), st.floats(-179, 179))


@given(places, places)
def test_the_way_there_is_the_way_back(one: tuple[float, float], other: tuple[float, float]) -> None:
    assert apart(one, other) == pytest.approx(apart(other, one), abs=1e-6)
    assert 0 <= apart(one, other) <= 20_040
    assert apart(one, one) == pytest.approx(0, abs=1e-3)


@given(places, places, places)
def test_no_way_round_is_shorter(
    one: tuple[float, float], other: tuple[float, float], third: tuple[float, float]
) -> None:
    assert apart(one, third) <= apart(one, other) + apart(other, third) + 0.01


@given(moments, moments, st.lists(places, max_size=4), st.one_of(st.none(), places), st.integers(1, 100))
def test_a_doubt_has_a_ground(
    taken: datetime, made: datetime, near: list[tuple[float, float]], seen: tuple[float, float] | None, far: int
) -> None:
    told = doubts(Seen(taken, seen), made, near, far)
    assert (told.taken_before is not None) == (taken < made - CLOCK_SLACK)
    nearest = min((apart(seen, one) for one in near), default=0.0) if seen else 0.0
    assert (told.away_km is not None) == (nearest > far)
    if told.away_km is not None:
        assert abs(told.away_km - nearest) <= 5


@given(moments, st.lists(places, max_size=4))
def test_a_photo_that_tells_nothing_raises_no_doubt(made: datetime, near: list[tuple[float, float]]) -> None:
    assert not doubts(Seen(), made, near, 25)


def test_towns_are_as_far_apart_as_they_are() -> None:
    assert apart(HANSI, HISAR) == pytest.approx(24, abs=2)
    assert doubts(Seen(TAKEN, DELHI), TAKEN, [HANSI, HISAR], 25) == Doubts(None, 130)
    assert doubts(Seen(TAKEN, HISAR), TAKEN - timedelta(days=1), [HANSI, HISAR], 25) == Doubts()
    assert doubts(Seen(TAKEN), TAKEN + timedelta(days=2), [], 25) == Doubts(TAKEN, None)


# -- fetching --------------------------------------------------------------------------------------------------------------


async def _drip() -> AsyncIterator[bytes]:
    for _ in range(100):
        yield b"x"
        await asyncio.sleep(0.1)


@pytest.fixture
def host() -> Iterator[str]:
    """A photo host with every vice."""

    def answer(content: bytes, kind: str = "image/jpeg", status: int = 200) -> Response:
        return Response(content, status, media_type=kind)

    async def give(request: Request) -> Response:
        match request.path_params["name"]:
            case "good":
                return answer(a_photo())
            case "page":
                return answer(b"<html>", "text/html")
            case "inner":
                return RedirectResponse("http://127.0.0.1:1/secret")
            case "busy":
                return answer(b"", status=503)
            case "large":
                return answer(b"x" * (LARGEST_PICTURE + 1))
            case "endless":
                return StreamingResponse((b"x" * 65536 for _ in range(200)), media_type="image/png")
            case "slow":
                return StreamingResponse(_drip(), media_type="image/png")
        return answer(b"", status=404)

    with served(Starlette(routes=[Route("/{name}", give)])) as url:
        yield url


def test_a_picture_is_fetched_from_the_sandbox(host: str) -> None:
    pictures = Pictures("x", host, ("pbs.twimg.com",))
    assert pictures.fetch(f"{host}/good") == a_photo()
    pictures.close()


@pytest.mark.parametrize(
    ("name", "error", "code"),
    [
        ("page", Refused, "photo_kind"),
        ("inner", Refused, "photo_redirect"),
        ("gone", Refused, "photo_404"),
        ("busy", NotSent, "photo_503"),
        ("large", Refused, "photo_size"),
        ("endless", Refused, "photo_size"),
        ("slow", NotSent, "photo_slow"),
    ],
)
def test_a_photo_host_with_a_vice_is_told_by_a_code(host: str, name: str, error: type[Exception], code: str) -> None:
    pictures = Pictures("x", host, (), patience=1.0)
    with pytest.raises(error, match=f"x:{code}"):
        pictures.fetch(f"{host}/{name}")
    pictures.close()


@pytest.mark.parametrize(
    "address",
    [
        "http://pbs.twimg.com/a.jpg",
        "https://pbs.twimg.com:8443/a",
        "https://me@pbs.twimg.com/a",
        "https://fbcdn.net/a",
        "https://fbcdn.net.example.org/a",
        "https://evilfbcdn.net/a",
        "http://169.254.169.254/latest",
        "https://127.0.0.1/a",
        "file:///etc/passwd",
        "https://[",
    ],
)
def test_only_named_hosts_are_asked(address: str) -> None:
    pictures = Pictures("x", "https://api.x.com", ("pbs.twimg.com", "*.fbcdn.net"))
    with pytest.raises(Refused, match="photo host"):
        pictures.fetch(address)


def test_a_named_host_that_leads_into_our_network_is_not_asked() -> None:
    pictures = Pictures("x", "https://api.x.com", ("localhost", "127.0.0.1", "10.0.0.1", "nowhere.invalid"))
    for host in ("localhost", "127.0.0.1", "10.0.0.1"):
        with pytest.raises(Refused, match="private network"):
            pictures.fetch(f"https://{host}/a.jpg")
    with pytest.raises(Unreachable):
        pictures.fetch("https://nowhere.invalid/a.jpg")


def test_beside_the_sandbox_no_real_host_is_asked(host: str) -> None:
    with pytest.raises(Refused, match="photo host"):
        Pictures("x", host, ("pbs.twimg.com",)).fetch("https://pbs.twimg.com/media/a.jpg")
