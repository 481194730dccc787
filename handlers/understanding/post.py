"""What one post says: the parts of understanding put together.

Owns the order of reading and what is asked. It must not know conversations or tickets. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from handlers.understanding.category import NO_MATTER, Matter, chosen, is_sensitive
from handlers.understanding.clauses import other_matters
from handlers.understanding.key import key
from handlers.understanding.kind import body, for_whom, is_grave, is_self_harm, kind_of
from handlers.understanding.language import language
from handlers.understanding.learned import Learned, judge, signs_of
from handlers.understanding.meaning import Asked, Understanding
from handlers.understanding.opened import Opened, opened
from handlers.understanding.phrases import Hit
from handlers.understanding.place import WhereRead, only_a_place, where
from handlers.understanding.privacy import dotted
from handlers.understanding.signs import Signs, signs
from handlers.understanding.tables import compiled, tsv_rows
from handlers.understanding.taxonomy import taxonomy
from handlers.understanding.text import Reading
from handlers.understanding.thresholds import threshold
from handlers.understanding.topics import left_open
from handlers.understanding.wants import want_hits, wants
from store.vocabulary import Kind, Language, Register

FEW_WORDS = 4  # words up to which a post with a photo is no chatter
LEAST_KEY = 3  # letters of a key that tells two posts apart
_MATTERS = frozenset({Kind.GRIEVANCE, Kind.EMERGENCY, Kind.STATUS_QUERY, Kind.SUGGESTION})
THREAT = "couple_protection"  # the category of threats, those because of a complaint included
_HELPLINES = {
    "power_fault": "power_danger",
    "women_safety": "women",
    "child_safety": "child",
    "missing_person": "child",
    "cyber_crime": "cyber",
    "hospital": "ambulance",
    "fire_safety": "fire",
}

Spans = Sequence[tuple[int, int]]


@compiled
def _everyday() -> frozenset[str]:
    """Keys of function words, which say nothing about a matter."""
    return frozenset(key(word) for _, (_, _, words) in tsv_rows("function_words.tsv", 3) for word in words.split())


def mask(text: str) -> str:
    """The text in normal form with personal data and swear words dotted out, for officers, samples and group chats."""
    whole = opened(text)
    return dotted(
        whole.plain, [*whole.personal_spans, *_swearing(whole.reading, signs(whole.reading.tokens, whole.keys))]
    )


def hides_a_matter(text: str) -> bool:
    """Whether a text, whatever kind of post it is, names a matter or a place; a clause of it is enough."""
    u = understand(text)
    return u.has_matter or bool(other_matters(u.masked, ()))


def _places(hits: Sequence[Hit]) -> frozenset[int]:
    return frozenset(at for hit in hits for at in range(hit.start, hit.end))


def _without_swearing(learned: Learned, clean: Learned) -> Learned:
    """Abuse may have a matter inside: what it is, is read without the swear words; what kind of post it is, with them."""
    return replace(learned, categories=clean.categories, no_matter=clean.no_matter, reasons=clean.reasons)


def _swearing(reading: Reading, found: Signs) -> Spans:
    return [(reading.tokens[hit.start].start, reading.tokens[hit.end - 1].end) for hit in found.swearing]


def _matter(learned: Learned, kind: Kind, open_between: tuple[str, ...], *, rural: bool) -> Matter:
    if kind not in _MATTERS:
        return NO_MATTER
    if open_between:
        return Matter(None, open_between, learned.categories[open_between[0]])
    matter = chosen(learned, rural=rural)
    if kind is Kind.EMERGENCY and matter.code == "police_inaction":
        return replace(matter, code="crime")  # it happens now
    return matter


def _register(code: str | None, learned: Learned, kind: Kind) -> Register:
    if kind not in _MATTERS:
        return Register.NORMAL
    if is_self_harm(learned):
        return Register.GRAVE
    if code and is_sensitive(code):
        return Register.SENSITIVE
    return Register.GRAVE if is_grave(learned) else Register.NORMAL


def _to_ask(kind: Kind, matter: Matter, place: WhereRead) -> Asked:
    if kind is not Kind.GRIEVANCE:
        return Asked.NOTHING
    needs_district = place.district is None and (
        matter.code is None or taxonomy().categories[matter.code].district_needed
    )
    if matter.code is None:
        return Asked.BOTH if needs_district else Asked.CATEGORY
    return Asked.DISTRICT if needs_district else Asked.NOTHING


def _referral(kind: Kind, code: str | None, found: Signs, *, self_harm: bool) -> str | None:
    if kind is Kind.OUT_OF_SCOPE:
        named = body(found)
        return named if named in taxonomy().referrals else None
    if self_harm:
        return "mental_health"
    if kind is Kind.EMERGENCY:
        called = "fire" if found["calls_fire"] else "ambulance" if found["calls_ambulance"] else None
        return _HELPLINES.get(code or "") or called
    return None


def _other_matters(whole: Opened, matter: Matter, kind: Kind) -> tuple[str, ...]:
    """Other categories told in the same post."""
    return other_matters(whole.reading.text, (matter.code,)) if kind in _MATTERS and matter.code else ()


def _takes_back(whole: Opened) -> bool:
    """ "I take my complaint back" is what threatened people write too; where no threat is told it is only that."""
    said = wants(whole.plain, want_hits(whole.reading.tokens, whole.keys), len(whole.reading.tokens))
    return said.withdraw and not said.threatened


def _hidden(spans: Spans) -> frozenset[int]:
    return frozenset(at for start, end in spans for at in range(start, end))


def understand(
    text: str,
    *,
    language_hint: Language | None = None,
    handles: tuple[str, ...] = (),
    any_state: bool = False,
    has_media: bool = False,
    thorough: bool = False,
    is_complaint: bool = False,
) -> Understanding:
    """Read one post.

    `handles` are our own accounts, which say nothing; `any_state` switches the outside-Haryana rule off;
    `has_media` tells that a photo or video came with it, so that few words are no chatter; `thorough` also looks
    for other matters, clause by clause, and tells the words that spoke for the category; `is_complaint`: a person says
    that it is one, so that nothing less is made of it. Never raises on any text.
    """
    whole = opened(text, handles)
    reading, keys, good, bad = whole.reading, whole.keys, whole.numbers, whole.bad_numbers
    size = len(reading.tokens)
    place = where(reading, keys)
    outside = None if any_state else place.outside
    marks = signs_of(whole.plain, size, district=place.district is not None, away=outside is not None)
    hidden = _hidden(place.spans)
    learned = judge(reading, keys, hidden, marks, why=thorough)
    found = signs(reading.tokens, keys)
    if found.swearing and learned.no_matter >= threshold("no matter"):
        learned = _without_swearing(
            learned, judge(reading, keys, hidden | _places(found.swearing), marks, why=thorough)
        )
    kind = kind_of(learned, found, size - len(hidden))
    if (good or bad) and kind in (Kind.CHATTER, Kind.GRIEVANCE) and learned.no_matter >= threshold("no matter"):
        kind = Kind.STATUS_QUERY
    if outside is not None and kind is Kind.GRIEVANCE:
        kind = Kind.OUT_OF_SCOPE
    if kind is Kind.GRIEVANCE and found.agency == "nhai" and learned.best(1)[0] == "pothole":
        kind = Kind.OUT_OF_SCOPE  # a national highway's surface is no office of Haryana's
    if has_media and kind is Kind.CHATTER and size <= FEW_WORDS:
        kind = Kind.GRIEVANCE
    if is_complaint and kind is not Kind.EMERGENCY:
        kind = Kind.GRIEVANCE
    bare = only_a_place(keys, hidden)
    matter = NO_MATTER if bare else _matter(learned, kind, left_open(keys, hidden), rural=bool(place.rural))
    if kind is Kind.OUT_OF_SCOPE and place.home:
        place = replace(place, district=None, confidence=0.0)  # where the writer lives, not where the trouble is
    taken_back = matter.code == THREAT and not is_complaint and _takes_back(whole)
    if taken_back:
        kind, matter = Kind.STATUS_QUERY, NO_MATTER
    self_harm = is_self_harm(learned)
    everyday = _everyday()
    told = tuple(f"{sign}: {', '.join(words)}" for sign, words in found.reasons.items())
    return Understanding(
        language=language(reading, language_hint),
        kind=kind,
        confidence=matter.confidence,
        category=matter.code,
        category_choices=matter.choices,
        district=place.district,
        district_choices=place.choices,
        district_confidence=place.confidence,
        locality=place.locality,
        rural=place.rural,
        outside=outside,
        register=_register(matter.code, learned, kind),
        self_harm=self_harm,
        referral=_referral(kind, matter.code, found, self_harm=self_harm),
        pii=whole.personal,
        masked=dotted(whole.plain, [*whole.personal_spans, *_swearing(reading, found)]),
        numbers=good,
        bad_numbers=bad,
        portal_numbers=tuple((number.portal, number.number) for number in whole.portals),
        other_matters=_other_matters(whole, matter, kind) if thorough else (),
        agency=found.agency,
        for_whom=for_whom(learned),
        keep_name_hidden=bool(found["hide_name"]),
        has_matter=(learned.no_matter < threshold("no matter") and not taken_back) or place.district is not None,
        keys=frozenset(word for word in keys if len(word) >= LEAST_KEY and word not in everyday),
        ask=_to_ask(kind, matter, place),
        reasons=(*place.reasons, *learned.reasons, *told),
    )
