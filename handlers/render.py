"""The only door to templates/: puts facts into words in one of four languages.

Owns names in a language, times in the office's zone, staged shortening and the cut of an officer's words. It
must not know tickets, databases or platforms, and holds no sentence for citizens or officers itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import date as date_type
from datetime import datetime
from functools import cache, partial
from importlib.resources import files
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from babel import Locale
from babel.numbers import format_decimal
from jinja2 import FunctionLoader, StrictUndefined, Template, TemplateError, Undefined, UndefinedError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from handlers.facts import Facts, ListedTicket, PhotoDoubt
from handlers.length import X_LIMIT, cut_at_word, strip_unsafe, weighted_length
from handlers.understanding.taxonomy import Department, Office, taxonomy
from store.vocabulary import Language

Audience = Literal["citizen", "officer", "digest"]

OFFICE_ZONE = ZoneInfo("Asia/Kolkata")
SHORTEST = 4  # the last stage of shortening a template may offer
LEAST_ROOM = 24  # fewer weighted characters than this would say nothing of an officer's words

_Row = TypeVar("_Row")
_Value = TypeVar("_Value")
_FREE_TEXT = {"result": "officer_words", "desk_words": "officer_words", "officer_question": "question"}


class RenderError(ValueError):
    """A text could not be made; the sentence names the template and what is wrong."""


class MissingFact(RenderError):
    """A template prints a fact that was not given."""


class UnknownTemplate(RenderError):
    """There is no template of that name for that reader."""


class TextTooLong(RenderError):
    """Even the shortest wording passes the limit."""


def _templates_of(audience: str) -> frozenset[str]:
    folder = files("templates").joinpath(Language.EN.value, audience)
    if not folder.is_dir():
        return frozenset()
    return frozenset(file.name[:-3] for file in folder.iterdir() if file.name.endswith(".j2"))


TEMPLATES: Mapping[Audience, frozenset[str]] = {
    "citizen": _templates_of("citizen"),
    "officer": _templates_of("officer"),
    "digest": _templates_of("digest"),
}


def render(language: Language, audience: Audience, template: str, facts: Facts, *, limit: int | None = None) -> str:
    """The words of one message.

    A citizen's text is one line within `limit` weighted characters (X's 280 unless told); an officer's or the
    digest's is Telegram HTML with its lines kept, and `limit` is not used (a toast and a button stay free of
    markup, because Telegram shows them as they are).

    Raises:
        MissingFact: the template prints a fact that is None, or a code it has no words for.
        UnknownTemplate: no such template for this audience.
        TextTooLong: even the shortest wording passes the limit.
    """
    if template not in TEMPLATES[audience]:
        raise UnknownTemplate(f"There is no {audience} template {template!r}; see templates/en/{audience}/.")
    if audience == "citizen":
        return _render_within(language, template, facts, X_LIMIT if limit is None else limit)[0]
    return _tidy_lines(_fill(language, f"{audience}/{template}", facts, short=0))


def render_result_within(language: Language, facts: Facts, limit: int = X_LIMIT) -> tuple[str, bool]:
    """The result with the satisfaction question, and whether the officer's words were cut to fit `limit`."""
    return _render_within(language, "result", facts, limit)


def fits_whole(language: Language, template: str, facts: Facts, limit: int = X_LIMIT) -> bool:
    """Whether somebody's own words stay whole in a citizen's message of `limit`. Raises RenderError."""
    return not _render_within(language, template, facts, limit)[1]


def render_digest(language: Language, template: str, context: Mapping[str, object]) -> str:
    """Telegram HTML of a digest from its figures; raises MissingFact, RenderError or UnknownTemplate.

    A district, department or category that the tables no longer have is told as the old tickets have it.
    """
    if template not in TEMPLATES["digest"]:
        raise UnknownTemplate(f"There is no digest template {template!r}; see templates/en/digest/.")
    return _tidy_lines(_written(language, f"{language}/digest/{template}.j2", context, html=True, old_codes=True))


class DigestWords:
    """The single words and sentences of the digest's forms, in one language: `say("title", "cmo", "")`."""

    def __init__(self, language: Language) -> None:
        self.language = language
        environment = _environment(language, html=False, old_codes=True)
        self._filters = environment.filters
        try:
            self._phrases = environment.get_template(f"{language}/digest/forms.j2").module
        except TemplateError as error:
            raise RenderError(f"Template {language}/digest/forms.j2 cannot be read: {error.message}.") from error

    def say(self, phrase: str, *facts: object) -> str:
        """One phrase of templates/<language>/digest/forms.j2, on one line. Raises MissingFact, RenderError."""
        try:
            return _one_line(str(getattr(self._phrases, phrase)(*facts)))
        except UndefinedError as error:
            raise MissingFact(f"The phrase {phrase!r} of the digest cannot be filled: {error.message}.") from error
        except TemplateError as error:
            raise RenderError(f"The phrase {phrase!r} of the digest cannot be filled: {error.message}.") from error

    def name(self, kind: Literal["department", "district", "category"], code: str) -> str:
        """What a code is called. Raises MissingFact."""
        try:
            return str(self._filters[kind](code))
        except UndefinedError as error:
            raise MissingFact(f"A {kind} of the digest has no name: {error.message}.") from error


def _render_within(language: Language, template: str, facts: Facts, limit: int) -> tuple[str, bool]:
    """The fullest wording that fits; an officer's own words are cut only under the shortest wording."""
    facts = _safe_for_public(facts)
    name = f"citizen/{template}"
    text = ""
    for short in range(SHORTEST + 1):
        text = _one_line(_fill(language, name, facts, short))
        if weighted_length(text) <= limit:
            return text, False
    field = _FREE_TEXT.get(template)
    if field is None:
        raise TextTooLong(
            f"Template {language}/{name}.j2 needs {weighted_length(text)} weighted characters at its "
            f"shortest; the limit is {limit}. Shorten its wording."
        )
    words = str(getattr(facts, field))
    room = limit - (weighted_length(text) - weighted_length(words))
    if room < LEAST_ROOM:
        raise TextTooLong(f"Template {language}/{name}.j2 leaves {room} of {limit} characters for {field}.")
    cut, _ = cut_at_word(words, room)
    return _one_line(_fill(language, name, _with_text(facts, field, cut), SHORTEST)), True


def _with_text(facts: Facts, field: str, text: str) -> Facts:
    return replace(facts, question=text) if field == "question" else replace(facts, officer_words=text)


def _fill(language: Language, name: str, facts: Facts, short: int) -> str:
    path = f"{language}/{name}.j2"
    context: dict[str, object] = {"short": short}
    for field in fields(Facts):
        value = getattr(facts, field.name)
        context[field.name] = _AbsentFact(name=field.name) if value is None else _clean(value)
    return _written(language, path, context, html=not name.startswith("citizen/"))


def _written(
    language: Language, path: str, context: Mapping[str, object], *, html: bool, old_codes: bool = False
) -> str:  # fmt: skip
    try:
        return _environment(language, html=html, old_codes=old_codes).get_template(path).render(context)
    except UndefinedError as error:
        raise MissingFact(f"Template {path} cannot be filled: {error.message}; give it in Facts.") from error
    except TemplateError as error:
        raise RenderError(f"Template {path} cannot be filled: {error.message}.") from error


class _AbsentFact(Undefined):
    """A fact that was not given: it may be asked about, never printed."""

    __slots__ = ()

    def __str__(self) -> str:
        return str(self._fail_with_undefined_error())

    def __iter__(self) -> Iterator[object]:
        return iter((self._fail_with_undefined_error(),))

    def __len__(self) -> int:
        return int(self._fail_with_undefined_error())


def _clean(value: object) -> object:
    if type(value) is str:  # codes are enums and stay themselves
        return strip_unsafe(value)
    if isinstance(value, tuple):
        return tuple(_clean(item) for item in value)
    if isinstance(value, ListedTicket):
        return replace(value, locality=strip_unsafe(value.locality) if value.locality else None)
    return value


_HOST = re.compile(r"(?<=[^\W_])\.(?=[^\W\d_]{2,})")


def _safe_for_public(facts: Facts) -> Facts:
    """People's words in a public reply mention nobody and link nowhere; spaces are single."""
    return replace(
        facts,
        officer_words=_public_words(facts.officer_words),
        question=_public_words(facts.question),
        typed_number=_public_words(facts.typed_number),
    )


def _public_words(text: str | None) -> str | None:
    if text is None:
        return None
    text = re.sub(r"\w+://", "", strip_unsafe(text)).replace("@", "").replace('"', "'")
    return _one_line(_HOST.sub(". ", text))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _tidy_lines(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


@cache
def _environment(language: Language, *, html: bool, old_codes: bool = False) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FunctionLoader(_source),
        autoescape=html,
        undefined=StrictUndefined,
        finalize=_refuse_none,
        trim_blocks=html,
        lstrip_blocks=html,
        keep_trailing_newline=False,
        auto_reload=False,
    )
    environment.filters.update(_filters(language, environment))
    if old_codes:
        environment.filters.update(_tolerant(dict(environment.filters)))
    return environment


def _source(path: str) -> str | None:
    file = files("templates").joinpath(*path.split("/"))
    return file.read_text(encoding="utf-8") if file.is_file() else None


def _refuse_none(value: object) -> object:
    if value is None:
        raise UndefinedError("a printed value is None")
    return value


def _filters(language: Language, environment: ImmutableSandboxedEnvironment) -> dict[str, Callable[..., object]]:
    locale = Locale.parse(language.value.replace("-", "_"))
    indian = Locale("en", "IN")  # lakh and crore grouping with the same digits in all four languages
    known = taxonomy()
    offices: dict[str, Department | Office] = {**known.departments, **known.offices}

    def phrase(macro: str, *args: object) -> Markup:
        words: Template = environment.get_template(f"{language}/words.j2")
        return Markup(" ".join(str(getattr(words.module, macro)(*args)).split()))  # noqa: S704 escaped by the macro

    def district(name: str) -> str:
        return _row(known.districts, name).name(language)

    def department(code: str) -> object:
        return phrase("department", code, _row(offices, code).short(language))

    def office(code: str, place: str | None = None) -> object:
        return phrase("office", department(code), district(place) if place else "")

    def category(code: str) -> str:
        return _row(known.categories, code).name(language)

    def body(code: str) -> str:
        return _row(known.referrals, code).body(language)

    def phone(code: str) -> str:
        return _row(known.referrals, code).phone

    def when(moment: datetime) -> object:
        local = _aware(moment).astimezone(OFFICE_ZONE)
        width = "abbreviated" if language is Language.EN else "wide"
        weekday = locale.days["format"][width][local.weekday()]
        month = locale.months["format"][width][local.month]
        return phrase("when", weekday, local.day, month, local.hour, local.minute)

    def clock(moment: datetime) -> str:
        return f"{_aware(moment).astimezone(OFFICE_ZONE):%H:%M}"

    def day(moment: datetime) -> str:
        local = _aware(moment).astimezone(OFFICE_ZONE)
        names = locale.days["format"]["wide"], locale.months["format"]["wide"]
        return f"{names[0][local.weekday()]} {local.day} {names[1][local.month]} {local.year}"

    def date_long(date: date_type) -> str:
        return f"{date.day} {month_long(date)}"

    def day_long(date: date_type) -> str:
        return f"{locale.days['format']['wide'][date.weekday()]} {date_long(date)}"

    def month_long(date: date_type) -> str:
        return f"{locale.months['format']['wide'][date.month]} {date.year}"

    def photo_doubt(doubt: PhotoDoubt) -> object:
        place = doubt.locality or (district(doubt.district) if doubt.district else "")
        return phrase("photo_doubt", day(doubt.taken_before) if doubt.taken_before else "", doubt.away_km or 0, place)

    def grouped(number: float) -> str:
        return format_decimal(_given(number), locale=indian)  # 1,23,456

    def stamped(number: str, moment: datetime | None) -> object:
        return phrase("stamped", _given(number), when(moment)) if moment else number

    def numbered(words: Iterable[str]) -> str:
        return ", ".join(f"{place} = {word}" for place, word in enumerate(words, start=1))

    return {
        "district": district,
        "department": department,
        "office": office,
        "category": category,
        "body": body,
        "phone": phone,
        "when": when,
        "day": day,
        "date_long": date_long,
        "day_long": day_long,
        "month_long": month_long,
        "clock": clock,
        "grouped": grouped,
        "stamped": stamped,
        "choices": numbered,
        "either": lambda words: phrase("either", list(words)),
        "state": lambda name: phrase("state", _given(name)),
        "platform": lambda code: phrase("platform_name", _given(code)),
        "language_name": lambda code: phrase("language_name", _given(code)),
        "status_name": lambda code: phrase("status_name", _given(code)),
        "why": lambda code: phrase("why", _given(code)),
        "whom": lambda code: phrase("whom", _given(code)),
        "told": lambda code: phrase("told", _given(code)),
        "photo_doubt": photo_doubt,
        "time_left": lambda hours: phrase("time_left", _given(hours)),
        "excerpt": excerpt,
        "refuse": _refuse,
    }


def _tolerant(filters: Mapping[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """The filters that name a code of the tables; one that is not there stays itself."""
    known = taxonomy()
    tables = {
        "district": known.districts,
        "department": {**known.departments, **known.offices},
        "category": known.categories,
    }

    def name(table: str, code: str) -> object:
        return filters[table](code) if _given(code) in tables[table] else code

    def office(code: str, place: str | None = None) -> object:
        if code not in tables["department"]:
            return code
        return filters["office"](code, place if place in known.districts else None)

    return {**{table: partial(name, table) for table in tables}, "office": office}


def excerpt(text: str, length: int) -> str:
    """`text` within `length` characters as Telegram counts a message, cut at a word."""
    if len(_given(text)) <= length:
        return text
    return text[:length].rsplit(None, 1)[0] + "…"


def _row(rows: Mapping[str, _Row], code: str) -> _Row:
    if _given(code) not in rows:
        raise UndefinedError(f"the code {code!r} is not in the taxonomy")
    return rows[code]


def _given(value: _Value) -> _Value:
    """`value`, or UndefinedError naming the fact that was not given."""
    if isinstance(value, Undefined):
        str(value)
    return value


def _refuse(code: object) -> str:
    """For the last branch of a template: a code that nobody wrote words for must not become half a sentence."""
    raise UndefinedError(f"there are no words for {_given(code)!r}")


def _aware(moment: datetime) -> datetime:
    if _given(moment).tzinfo is None:
        raise UndefinedError("a time without a zone was given")
    return moment
