"""The sheet as one HTML file: nothing is fetched, nothing runs, readable on a telephone, prints well.

Owns filling templates/forms/report.html.j2, which holds no words. The same file is the e-mail's HTML part, its pictures
then taken from the e-mail itself.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from jinja2 import StrictUndefined, Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from bot.digest.charts import CODES, Picture
from handlers.digest.cells import grouped, written
from handlers.digest.sheet import ABSENT, Kind, Sheet, on_paper

LEFT: Final = (Kind.TEXT, Kind.DAY, Kind.MOMENT)


class PageFailed(Exception):
    """The page could not be made; the message is one sentence."""


def page_of(sheet: Sheet, pictures: Mapping[str, Picture]) -> str:
    """The page with its pictures inside. Raises PageFailed."""
    inside = {code: _inside(one.svg) for code, one in pictures.items()}
    return _filled(sheet, inside, in_mail=False)


def mail_page_of(sheet: Sheet, addresses: Mapping[str, str]) -> str:
    """The page for an e-mail; `addresses` are the pictures' (`cid:...`) by code. Raises PageFailed."""
    return _filled(sheet, addresses, in_mail=True)


def _filled(sheet: Sheet, sources: Mapping[str, str], *, in_mail: bool) -> str:
    pictures = [(sources[code], getattr(sheet.charts, code).alt, code) for code in CODES if code in sources]
    try:
        return _template().render(
            sheet=sheet,
            tables=[on_paper(one) for one in sheet.tables if one.on_paper and one.rows],
            pictures=pictures,
            in_mail=in_mail,
            written=lambda cell, kind: written(cell, kind, sheet.language),
            number=lambda value: ABSENT if value is None else grouped(value),
            is_left=lambda kind: kind in LEFT,
        )
    except TemplateError as fault:
        raise PageFailed(f"The page could not be made: {fault}.") from fault


def _inside(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")


@cache
def _template() -> Template:
    environment = ImmutableSandboxedEnvironment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    layout = files("templates").joinpath("forms", "report.html.j2").read_text(encoding="utf-8")
    return environment.from_string(layout)
