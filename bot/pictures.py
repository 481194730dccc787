"""A picture as it is kept: read with care, its time and place noted, written anew without anything else in it.

Owns the decoding. It must not know where a picture came from or what it is for. No I/O.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from PIL import (  # the library knows the usual kinds by itself, and WebP once it is loaded
    ExifTags,
    Image,
    ImageOps,
    WebPImagePlugin,  # noqa: F401
)

from handlers.photo_doubts import Seen
from handlers.time_limits import OFFICE_ZONE

MOST_PIXELS: Final = 50_000_000
LONGEST_SIDE: Final = 2048  # pixels of what is kept: enough for a phone, a third of a megabyte
SHORTEST_SIDE: Final = 1
STRETCHED: Final = 20  # Telegram takes no picture that is longer than so many times its width
QUALITY: Final = 85
FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF")
FIRST_YEAR: Final = 1990  # a camera that tells less has no clock

# What broken, hostile and merely strange files raise inside the library; a warning where warnings are errors.
_BROKEN: Final = (OSError, ValueError, TypeError, SyntaxError, EOFError, LookupError, ArithmeticError, struct.error,
                  AttributeError, MemoryError, Image.DecompressionBombError, Warning)  # fmt: skip


class NotAPicture(Exception):
    """The bytes are no picture that can be kept; `code` says why in a word."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A JPEG that shows what the picture showed, and what the picture told besides."""

    content: bytes
    seen: Seen


def cleaned(content: bytes) -> Cleaned:
    """The picture written anew. Raises NotAPicture."""
    if not content:
        raise NotAPicture("empty")
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
    except _BROKEN as error:
        raise NotAPicture("unreadable") from error
    with picture:
        _require_bearable(picture)
        seen = _seen(picture)
        try:
            return Cleaned(_written(picture), seen)
        except _BROKEN as error:
            raise NotAPicture("unreadable") from error


def _require_bearable(picture: Image.Image) -> None:
    width, height = picture.size
    if min(width, height) < SHORTEST_SIDE or width * height > MOST_PIXELS:
        raise NotAPicture("pixels")
    if max(width, height) > STRETCHED * min(width, height):
        raise NotAPicture("shape")


def _written(picture: Image.Image) -> bytes:
    picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG is decoded no larger than needed
    upright = ImageOps.exif_transpose(picture)
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    if upright.mode in ("RGBA", "LA", "PA", "P"):
        layered = upright.convert("RGBA")
        ground = Image.new("RGB", layered.size, "white")
        ground.paste(layered, mask=layered.getchannel("A"))
        upright = ground
    plain = Image.frombytes("RGB", upright.size, upright.convert("RGB").tobytes())  # nothing but what is seen
    kept = io.BytesIO()
    plain.save(kept, "JPEG", quality=QUALITY)
    return kept.getvalue()


# -- what a camera noted ---------------------------------------------------------------------------------------------------


def _seen(picture: Image.Image) -> Seen:
    """When and where it was taken, as far as the file tells; what is odd in it is taken for not told."""
    try:
        told = picture.getexif()
        taken, place = told.get_ifd(ExifTags.IFD.Exif), told.get_ifd(ExifTags.IFD.GPSInfo)
    except _BROKEN:
        return Seen()
    latitude = _degrees(place, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, "S", 90)
    longitude = _degrees(place, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, "W", 180)
    known = latitude is not None and longitude is not None and (latitude, longitude) != (0, 0)
    return Seen(_moment(taken), (latitude, longitude) if known else None)  # type: ignore[arg-type]


def _moment(taken: Mapping[int, Any]) -> datetime | None:
    """The time the camera showed: in its own zone if it told one, else in India's."""
    try:
        local = datetime.strptime(str(taken[ExifTags.Base.DateTimeOriginal])[:19], "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007
        told = str(taken.get(ExifTags.Base.OffsetTimeOriginal) or "").strip("\x00 ")
        zone = datetime.strptime(told, "%z").tzinfo if told else OFFICE_ZONE
        moment = local.replace(tzinfo=zone or timezone(timedelta(0))).astimezone(UTC)
    except _BROKEN:
        return None
    return moment if moment.year >= FIRST_YEAR else None


def _degrees(place: Mapping[int, Any], number: int, side: int, negative: str, most: int) -> float | None:
    try:
        degrees, minutes, seconds = (float(part) for part in place[number])
        value = degrees + minutes / 60 + seconds / 3600
        signed = -value if str(place.get(side, "")).strip("\x00 ").upper() == negative else value
    except _BROKEN:
        return None
    return signed if -most <= signed <= most else None
