"""What one post says: the parts of understanding put together.

Owns the order of reading and the thresholds of asking. It must not know conversations or tickets. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from handlers.understanding import kind as kinds
from handlers.understanding.answer import chosen
from handlers.understanding.category import Ranked, rank
from handlers.understanding.key import key
from handlers.understanding.language import language
from handlers.understanding.meaning import Asked, Understanding
from handlers.understanding.number import find_numbers
from handlers.understanding.phrases import Phrases, phrase
from handlers.understanding.place import WhereRead, where
from handlers.understanding.privacy import dotted, personal_data
from handlers.understanding.tables import tsv_rows
from handlers.understanding.taxonomy import taxonomy
from handlers.understanding.text import Reading, normal, read
from store.vocabulary import Kind, Language, Register, Sensitivity

NAMED = 2.0  # weight from which a category counts as named in a post
_MATTERS = frozenset({Kind.GRIEVANCE, Kind.EMERGENCY, Kind.STATUS_QUERY, Kind.SUGGESTION})
_HELPLINES = {
    "power_fault": "power_danger",
    "women_safety": "women",
    "child_safety": "child",
    "missing_person": "child",
    "cyber_crime": "cyber",
    "hospital": "ambulance",
    "fire_safety": "fire",
}


@cache
def _everyday() -> frozenset[str]:
    """Keys of function words, which say nothing about a matter."""
    return frozenset(key(word) for _, (_, _, words) in tsv_rows("function_words.tsv", 3) for word in words.split())


@cache
def _swear_words() -> Phrases:
    table = Phrases()
    for _, (sign, _, written) in tsv_rows("kinds.tsv", 3):
        if sign == "swear":
            for part in written.split("|"):
                table.add(phrase(sign, 0.0, part))
    return table


def mask(text: str) -> str:
    """The text in normal form with personal data and swear words dotted out, for officers, samples and group chats."""
    plain = normal(text)
    spans = [(piece.start, piece.end) for piece in personal_data(plain)]
    return _polite(dotted(plain, spans))


def _polite(masked: str) -> str:
    """Swear words dotted."""
    reading = read(masked)
    if reading.text != masked:  # handles or links were cut out: positions would not fit
        words = {token.surface for token in reading.tokens}
        hits = _swear_words().find(reading.tokens, [key(word) for word in reading.words])
        rude = {reading.tokens[at].surface for hit in hits for at in range(hit.start, hit.end)} & words
        for word in rude:
            low = masked.lower()
            if len(low) == len(masked):
                at = low.find(word)
                while at >= 0:
                    masked = masked[:at] + "•" * len(word) + masked[at + len(word) :]
                    low = masked.lower()
                    at = low.find(word)
        return masked
    hits = _swear_words().find(reading.tokens, [key(word) for word in reading.words])
    return dotted(masked, [(reading.tokens[hit.start].start, reading.tokens[hit.end - 1].end) for hit in hits])


@dataclass(frozen=True, slots=True)
class _Matter:
    code: str | None
    choices: tuple[str, ...]
    confidence: float


def _matter(ranked: Ranked, kind: Kind) -> _Matter:
    code, choices = chosen(ranked, NAMED)
    if kind not in _MATTERS:
        return _Matter(None, (), 0.0)
    if not ranked.scores:
        return _Matter(None, (), 0.0)
    strength = min(1.0, ranked.scores[0][1] / 5.0)
    if kind is Kind.EMERGENCY and code == "police_inaction":
        code = "crime"  # it happens now
    return _Matter(code, choices, round(strength * (0.5 + 0.5 * ranked.margin), 3))


def _register(code: str | None, found: kinds.Signs) -> Register:
    if found["self_harm"]:
        return Register.GRAVE
    if code and taxonomy().categories[code].sensitivity is Sensitivity.SENSITIVE:
        return Register.SENSITIVE
    if found["death"] or found["assault"]:
        return Register.GRAVE
    return Register.NORMAL


def _to_ask(kind: Kind, matter: _Matter, place: WhereRead) -> Asked:
    if kind is not Kind.GRIEVANCE:
        return Asked.NOTHING
    needs_district = place.district is None and (
        matter.code is None or taxonomy().categories[matter.code].district_needed
    )
    if matter.code is None:
        return Asked.BOTH if needs_district else Asked.CATEGORY
    return Asked.DISTRICT if needs_district else Asked.NOTHING


def _referral(kind: Kind, body: str | None, code: str | None, found: kinds.Signs) -> str | None:
    referrals = taxonomy().referrals
    if kind is Kind.OUT_OF_SCOPE:
        return body if body in referrals else None
    if found["self_harm"]:
        return "mental_health"
    if kind is Kind.EMERGENCY:
        called = "fire" if found["calls_fire"] else "ambulance" if found["calls_ambulance"] else None
        return _HELPLINES.get(code or "") or called
    return None


def _without_ours(reading: Reading, ours: Sequence[str]) -> Reading:
    """The reading with handles of others only: an officer's handle is weak evidence of a district."""
    own = {handle.lower().lstrip("@") for handle in ours}
    return replace(reading, handles=tuple(handle for handle in reading.handles if handle.lower() not in own))


def understand(
    text: str,
    *,
    language_hint: Language | None = None,
    handles: tuple[str, ...] = (),
    any_state: bool = False,
    has_media: bool = False,
) -> Understanding:
    """Read one post.

    `handles` are our own accounts, which say nothing; `any_state` switches the outside-Haryana rule off;
    `has_media` tells that a photo or video came with it, so that few words are no chatter.
    Never raises on any text.
    """
    plain = normal(text)
    good, bad, number_spans = find_numbers(plain)
    pii = personal_data(plain)
    bare = dotted(plain, [*number_spans, *((piece.start, piece.end) for piece in pii)]).replace("•", " ")
    reading = _without_ours(read(bare), handles)
    keys = [key(word) for word in reading.words]
    spoken = language(reading, language_hint)
    place = where(reading, keys)
    ranked = rank(reading.tokens, keys, place.spans)
    found = kinds.signs(reading.tokens, keys)
    outside = None if any_state else place.outside
    top = ranked.scores[0][1] if ranked.scores else 0.0
    kind, body = kinds.kind_of(found, top, bool(outside), len(reading.tokens))
    if (good or bad) and kind in (Kind.CHATTER, Kind.GRIEVANCE) and top < NAMED:
        kind = Kind.STATUS_QUERY
    if has_media and kind is Kind.CHATTER and len(reading.tokens) <= 4:
        kind = Kind.GRIEVANCE
    matter = _matter(ranked, kind)
    everyday = _everyday()
    masked = _polite(dotted(plain, [(piece.start, piece.end) for piece in pii]))
    signs = tuple(f"{sign}: {', '.join(words)}" for sign, words in found.reasons.items())
    return Understanding(
        language=spoken,
        kind=kind,
        confidence=matter.confidence,
        category=matter.code,
        category_choices=matter.choices,
        district=place.district,
        district_choices=place.choices,
        locality=place.locality,
        rural=place.rural,
        outside=outside,
        register=_register(matter.code, found),
        self_harm=bool(found["self_harm"]),
        referral=_referral(kind, body, matter.code, found),
        pii=pii,
        masked=masked,
        numbers=good,
        bad_numbers=bad,
        keep_name_hidden=bool(found["hide_name"]),
        has_matter=top >= NAMED or place.district is not None,
        keys=frozenset(word for word in keys if len(word) >= 3 and word not in everyday),
        ask=_to_ask(kind, matter, place),
        reasons=(*place.reasons, *ranked.reasons, *signs),
    )
