"""Numbers and addresses by which a person can be found: phones, Aadhaar, Family IDs, accounts, plates, homes, e-mail.

Owns their shapes and the words around them that make them personal (data/personal_cues.tsv). It must not know names of
persons. Pure. Complaint numbers of the government's portals, helplines, laws, roads, sums and dates are nobody's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stdnum import verhoeff

from handlers.understanding.tables import compiled, tsv_rows

Piece = tuple[str, int, int]

PUBLIC = "public"  # a number that is nobody's own, however it looks
REACH = 34  # characters before a number in which a cue word counts
CLOSE = 14  # ... in which it counts for a short number
LEAST_RUN = 9  # digits of a number that is personal without any cue
_LETTERS = r"A-Za-z\u0900-\u0963\u0a00-\u0a65"

_DIGITS = re.compile(r"\d+")
_EMAIL = re.compile(r"[A-Za-z0-9][\w.+-]*@[A-Za-z][\w-]*(?:\.[\w-]+)*")
_PROFILE = re.compile(r"(?:instagram|facebook|fb|x|twitter|t)\.(?:com|me)/[\w./-]{3,}", re.IGNORECASE)
_HANDLE = re.compile(r"@_?[\w.]{3,40}")
# Case numbers of the Punjab and Haryana High Court and of civil courts are public record: CWP-77-2025, LPA 118 of 2023.
_COURT_CASE = re.compile(
    r"\b(?:CWP|COCP|CRM(?:-M)?|CRA|CRR|LPA|RSA|RFA|FAO|SLP|WP|CS|CM|CR)[\s./-]{0,3}\d{1,6}(?:[\s./-]{1,3}|\s+of\s+)(?:19|20)\d\d\b",
)
_PHONE = re.compile(
    r"(?<!\d)(?:\+?\s?91[\s.\-]*|0[\s.\-]*)?\(?[6-9](?:[\s.\-()]{0,2}[\doO]){9}(?!\d)"
    r"|(?<!\w)\+\d{1,3}[\s(]*(?:[\s.\-()]{0,2}\d){7,11}(?!\d)"
)
_LANDLINE = re.compile(r"(?<![\d/-])0\d{2,4}[\s-]{1,2}\d{6,8}(?![\d/-])")
_AADHAAR = re.compile(r"(?<!\w)[2-9]\d{3}[\s.\-]?\d{4}[\s.\-]?\d{4}(?!\w)")
_PLATE = re.compile(r"\b[A-Z]{2}[\s-]?\d{1,2}[\s-]?[A-Z]{1,3}[\s-]?\d{3,4}\b")
_PLATE_HI = re.compile(r"(?<![\u0900-\u0963])एचआर[\s-]?\d{1,2}[\s-]?[\u0900-\u0963]{1,6}[\s-]?\d{3,4}")
_PAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{5}\d{4}[A-Z](?![A-Za-z0-9])")
_RUN = re.compile(r"(?<![\d,.\w/-])\d(?:[\s.\-]{0,2}\d){6,21}(?!\w)(?!,\d)")
_CODE = re.compile(r"(?<![\w@.#/-])(?=[\w/.:-]*\d)[A-Za-z0-9]+(?:[/.:-]{1,2}[A-Za-z0-9]+)*(?![\w@])")
_CUED = re.compile(r"(?<![\w.,/:-])[A-Za-z]{0,4}[-/]?\d[\d/-]{0,17}[A-Za-z]?(?![\w%:]|[.,]\d)")
_BIRTH = re.compile(r"(?<!\d)\d{1,2}[-/.]\d{1,2}[-/.](?:(?:19|20)\d{2}|\d{2})(?!\d)")
_FAMILY_ID = re.compile(r"\d[A-Za-z0-9]{7,8}")
_ORDINAL = re.compile(r"\d+[a-z]+")

_PINCODE = re.compile(r"1[23]\d{4}$")  # of Haryana; tells the place, not the person
_YEARS = re.compile(r"(?:19|20)\d\d(?:[-/ ](?:19|20)?\d\d)?$")
_DATE = re.compile(r"\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}$")
_MONEY_BEFORE = re.compile(r"(?:rs\.?|inr|₹|रु\.?|रुपये|ਰੁ\.?)\s*$", re.IGNORECASE)
_MONEY_AFTER = re.compile(
    r"\s*(?:/-|rs\b|rupe|rupay|rupai|lakh|lac\b|hazar|hazaar|crore|cr\b|₹|रु|रुपय|रुपए|लाख|हजार|करोड़|ਰੁਪ|ਲੱਖ|ਹਜ਼ਾਰ)",
    re.IGNORECASE,
)
_NO_PERSON = re.compile(  # complaints, advertisements, laws and roads
    r"(?:cmoff|govhr|cpgrams|cmw|sgt|pmopg|darpg|nh|sh|mdr|sec|sector|ward|advt|ipc|bns|bnss|crpc|act|hry|s|ph)"
    r"[\s./-]?[\w/.-]*\d[\w/.-]*$",
    re.IGNORECASE,
)
_HELPLINE = re.compile(
    r"(?:1800|1860)[\s-]?\d|(?:100|101|102|108|112|181|1033|1073|1090|1091|1098|139|1912|1930|1950|1077)$"
)
_NUMBERED = re.compile(r"(?:no|number|num|nambar|id|code|नंबर|नं|संख्या|सं|क्रमांक|ਨੰਬਰ|#|:)\W{0,3}$", re.IGNORECASE)
_COMPLAINT = re.compile(
    r"(?:complaint|shikayat|grievance|ticket|शिकायत|टिकट)\W{0,2}(?:no|number|id|नंबर|संख्या|क्रमांक)?\W{0,3}$",
    re.IGNORECASE,
)
_COUNTED = re.compile(  # what is counted by a number, which is then no address and no token
    r"\s*(?:gaj|gaz|yard|sq|feet|foot|ft|kanal|marla|bhk|kamre|kamro|mahin|din|dino|month|day|year|saal|baje|min|minute|ghant"
    r"|hour|log|ghar|room|lakh|hazar|floor|manzil|rs|baar|bar|crore|gunt|%|गज|कमरे|महीने|महीना|दिन|साल|घर|लोग|लाख|हजार"
    r"|मंजिल|बार|मिनट|घंटे|ਦਿਨ|ਘਰ)",
    re.IGNORECASE,
)
_HOME_WORD = (
    r"house|hno|h\.?\s?no|plot|flat|shop|dukan|room|kamra|quarter|qtr|kothi|makan|makaan|ghar|unit|booth|villa|jhuggi|sco|scf"
    r"|मकान|कमरा|कमरे|प्लॉट|फ्लैट|किला|घर|कोठी|दुकान|हाउस|क्वार्टर|झुग्गी|म\.|ਮਕਾਨ|ਘਰ|ਦੁਕਾਨ|ਫਲੈਟ"
)
_HOME_BEFORE = re.compile(
    rf"(?<![{_LETTERS}])(?:(?P<own>h\.?\s?no|hno)|{_HOME_WORD})[\s.,:-]*"
    r"(?P<number>(?:no|number|num|nu|nambar|नंबर|नं|न\.|संख्या|सं|ਨੰਬਰ)\.?[\s#:-]*|#\s*)?$",
    re.IGNORECASE,
)
_HOME_NUMBER = re.compile(r"(?<![\w/.-])(?:[A-Z]{1,2}[\s-]?)?\d{1,5}(?:[/-]?\w+)*")
_HASH_HOME = re.compile(r"(?<![\w#])#\s?\d{1,4}(?=,)")
_HOME_TAIL = re.compile(
    r"(?:,? ?(?:tower|block|floor|gali|street|sector|sec|phase|गली|सेक्टर|ब्लॉक) ?(?:no\.? ?)?[\w-]+)+", re.IGNORECASE
)
_HOME_REACH = 24


@compiled
def _cues() -> dict[str, re.Pattern[str]]:
    """Cue words for each kind (data/personal_cues.tsv)."""
    words: dict[str, list[str]] = {}
    for _, (kind, cells) in tsv_rows("personal_cues.tsv", 2):
        words.setdefault(kind, []).extend(re.escape(cue.strip()) for cue in cells.split("|"))
    return {
        kind: re.compile(
            rf"(?<![{_LETTERS}])(?:{'|'.join(sorted(cues, key=len, reverse=True))})(?![{_LETTERS}])", re.IGNORECASE
        )
        for kind, cues in words.items()
    }


def _cued(kind: str, text: str, start: int, reach: int = REACH) -> bool:
    return bool(_cues()[kind].search(text, max(0, start - reach), start))


def _nearest(text: str, start: int, kinds: Sequence[str]) -> str | None:
    """Which of the kinds has its cue word nearest before a place."""
    best, at = None, -1
    for kind in kinds:
        for match in _cues()[kind].finditer(text, max(0, start - REACH), start):
            if match.end() > at:
                best, at = kind, match.end()
    return best


def _is_money(text: str, start: int, end: int) -> bool:
    return bool(_MONEY_BEFORE.search(text, max(0, start - 8), start) or _MONEY_AFTER.match(text, end))


def _count(text: str) -> int:
    return sum(char.isdigit() for char in text)


def _is_public(text: str, written: str, start: int, end: int) -> bool:
    """Whether a number is of a complaint, a law, a road, a place, a date or a sum, and so nobody's own."""
    if _PINCODE.match(written) or _YEARS.match(written) or _DATE.match(written) or _HELPLINE.match(written):
        return True
    if _NO_PERSON.match(written) or _is_money(text, start, end):
        return True
    return _nearest(text, start, ("account", "family_id", "aadhaar", "complaint")) == "complaint"


def identifiers(text: str) -> Iterator[Piece]:
    """Numbers and addresses of persons in a text in normal form: (kind, start, end); PUBLIC ones as well."""
    if "@" in text or "/" in text:
        yield from _addresses(text)
    digits = sum(match.end() - match.start() for match in _DIGITS.finditer(text))
    if digits >= 5:
        yield from ((PUBLIC, *match.span()) for match in _COURT_CASE.finditer(text))
    if digits >= 9:
        yield from _telephones(text)
    if digits >= 12:
        yield from _aadhaar(text)
    if digits >= 4:
        yield from _plates(text)
        yield from _births(text)
    if digits:
        yield from _homes(text)
    if digits >= 3:
        yield from _codes(text)
    if digits >= 2:
        yield from _told_by_cue(text)


def _addresses(text: str) -> Iterator[Piece]:
    if "@" in text:
        for match in _EMAIL.finditer(text):
            yield "email", *match.span()
        for match in _HANDLE.finditer(text):
            if _cued("profile", text, match.start(), CLOSE):
                yield "profile", *match.span()
    if "/" in text:
        for match in _PROFILE.finditer(text):
            yield "profile", *match.span()


def _telephones(text: str) -> Iterator[Piece]:
    for match in _PHONE.finditer(text):
        if not _is_money(text, *match.span()) and not _COMPLAINT.search(
            text, max(0, match.start() - 24), match.start()
        ):
            yield "phone", *match.span()
    for match in _LANDLINE.finditer(text):
        public = _HELPLINE.match(match.group()) or _cued("office", text, match.start())
        yield PUBLIC if public else "phone", *match.span()


def _aadhaar(text: str) -> Iterator[Piece]:
    for match in _AADHAAR.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if verhoeff.is_valid(digits) or _cued("aadhaar", text, match.start()):
            yield "aadhaar", *match.span()


def _plates(text: str) -> Iterator[Piece]:
    for pattern in (_PLATE, _PLATE_HI):
        for match in pattern.finditer(text):
            bus = _cued("bus", text, match.start()) or _cues()["bus"].search(text, match.end(), match.end() + CLOSE)
            yield PUBLIC if bus else "plate", *match.span()


def _births(text: str) -> Iterator[Piece]:
    for match in _BIRTH.finditer(text):
        if _cued("birth", text, match.start()):
            yield "birth_date", *match.span()


def _homes(text: str) -> Iterator[Piece]:
    """Homes by a number behind a word for one: plainly numbered, or a number as only homes have it (88/4, B-12, 1187)."""
    for match in _HOME_NUMBER.finditer(text):
        start, end = match.span()
        before = _HOME_BEFORE.search(text, max(0, start - _HOME_REACH), start)
        if before is None or _COUNTED.match(text, end):
            continue
        written = match.group()
        plain = written.isdigit()
        if before["own"] or before["number"] or (3 <= len(written) <= 4 if plain else not _ORDINAL.fullmatch(written)):
            if not before["own"] and not before["number"] and _YEARS.match(written):
                continue
            tail = _HOME_TAIL.match(text, end)
            yield "address", before.start(), tail.end() if tail else end
    for match in _HASH_HOME.finditer(text):
        yield "address", *match.span()


def _codes(text: str) -> Iterator[Piece]:
    for match in _PAN.finditer(text):
        yield "account", *match.span()
    for match in _RUN.finditer(text):
        written = match.group()
        if _count(written) >= LEAST_RUN and not _is_public(text, written, *match.span()):
            yield "account", *match.span()
    for match in _CODE.finditer(text):
        if _is_own_code(match.group()) and not _is_public(text, match.group(), *match.span()):
            yield "account", *match.span()


def _is_own_code(written: str) -> bool:
    """Letters and digits mixed as in a Family ID, a policy or an application number."""
    digits = _count(written)
    letters = sum(char.isalpha() for char in written)
    if _FAMILY_ID.fullmatch(written):
        return letters >= 2 and digits >= 3 and not _ORDINAL.fullmatch(written)
    if "/" in written or "-" in written:
        capitals = sum(char.isupper() for char in written)
        return letters >= 2 and digits >= (4 if capitals == letters else 5)
    return letters >= 2 and digits >= 5 and len(written) >= 7


def _told_by_cue(text: str) -> Iterator[Piece]:
    for match in _CUED.finditer(text):
        kind = _kind_by_cue(text, match)
        if kind is not None:
            yield kind, *match.span()


def _kind_by_cue(text: str, match: re.Match[str]) -> str | None:
    written, start = match.group(), match.start()
    digits = _count(written)
    if digits < 2:
        return None
    cue = _nearest(text, start, ("account", "family_id", "short_code", "not_personal"))
    if cue is None or cue == "not_personal" or _COUNTED.match(text, match.end()):
        return None
    if _is_public(text, written, *match.span()):
        return None
    close = _cued(cue, text, start, CLOSE)
    numbered = bool(_NUMBERED.search(text, max(0, start - 12), start))
    if cue == "account" and (digits >= 7 or (close and numbered and digits >= 4)):
        return "account"
    if cue == "family_id" and digits >= 4 and len(written) >= 6 and close:
        return "family_id"
    if cue == "short_code" and close and digits >= (2 if numbered else 3):
        return "account"
    return None
