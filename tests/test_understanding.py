"""Understanding of posts: key, traps by name, numbers, privacy, taxonomy, scores, and laws that always hold."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.learning.corpus import records
from handlers.understanding import find_numbers, format_number, mask, read_answer, taxonomy, understand
from handlers.understanding.key import dictionary_keys, key
from handlers.understanding.meaning import Asked, Verdict
from handlers.understanding.score import Scores, score_answers, score_posts
from handlers.understanding.tables import BadTable
from handlers.understanding.text import normal
from store.vocabulary import Kind, Language, Register

_DATA = Path(__file__).parent / "understanding"


def _groups() -> list[list[str]]:
    text = (_DATA / "spelling_groups.tsv").read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()]


# ---- the key


def test_spellings_of_one_word_share_a_key() -> None:
    pairs = [pair for group in _groups() for pair in itertools.combinations(group, 2)]
    same = sum(key(a) in dictionary_keys(b) or key(b) in dictionary_keys(a) for a, b in pairs)
    assert same / len(pairs) >= 0.9


def test_different_words_do_not_share_a_key() -> None:
    homes: dict[str, set[int]] = {}
    for number, group in enumerate(_groups()):
        for word in group:
            homes.setdefault(key(word), set()).add(number)
    groups = _groups()
    shared = {tuple(groups[number][0] for number in sorted(found)) for found in homes.values() if len(found) > 1}
    # These two pairs are one word in two forms, and the table of spellings brings them together on purpose.
    assert shared <= {("gaddha", "gadde"), ("aspatal", "hospital")}


@pytest.mark.parametrize("words", [("nal", "nala", "nali"), ("jind", "zinda")])
def test_near_words_stay_apart(words: tuple[str, ...]) -> None:
    assert len({key(word) for word in words}) == len(words)


# ---- traps by name


@pytest.mark.parametrize(
    ("text", "district"),
    [
        ("Hansi me bijli nahi aa rahi", "Hansi"),
        ("sohna me pani nahi aa raha", "Gurugram"),
        ("hansi aati hai sarkar pe, sadak tooti hai", None),
        ("meri file missing hai office se", None),
        ("dustbin nahi hai gali me", None),
        ("कर्नल साहब की गली में पानी नहीं", None),
        ("हमारे मोहल्ले में पानी नहीं", None),
        ("bada gadda hai sadak par", None),
        ("sector 14 me pani nahi aa raha", None),
        ("Barwala me light nahi", None),
        ("indri me kutto ka aatank", None),
        ("Barwala, Panchkula me light nahi", "Panchkula"),
        ("pin 122001 me gali me pani bhara hai", "Gurugram"),
        ("01262 wale office ka phone band, light nahi", "Rohtak"),
        ("gurgaon sector 56 me kachra", "Gurugram"),
        ("mewat me school nahi", "Nuh"),
        ("hisar ke narnaund me pani nahi", "Hansi"),
        ("rehta gurgaon me hu par zameen meri rewari me hai, us par kabja ho gaya", "Rewari"),
        ("Rohtak and Jhajjar ke beech sadak tooti hai", None),
        ("गुड़गांव नहीं रेवाड़ी में बिजली नहीं", "Rewari"),
    ],
)
def test_places_that_trap(text: str, district: str | None) -> None:
    assert understand(text).district == district


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("school ke paas sadak me gadde hai", "pothole"),
        ("garbage heap near the school", "garbage"),
        ("street light band hai gali me", "street_light"),
        ("light nahi aa rahi kal se", "power_outage"),
        ("khanpur minor me pani nahi, dhaan sukh gaya", "canal"),
        ("bijli ka bill galat aaya", "power_billing"),
        ("property tax galat laga diya", "property_tax"),
        ("seevar jaam hai", "sewer"),
        ("chowk par jaam laga rehta hai", "traffic"),
        ("paper leak ho gaya HSSC ka", "recruitment"),
        ("pipe leak hai, paani barbad", "water_supply"),
        ("patwari rishwat maang raha hai", "tehsil_bribe"),
    ],
)
def test_words_with_two_meanings(text: str, category: str) -> None:
    assert understand(text).category == category


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("waah sarkar waah! 300 bed ka hospital, 3 doctor", Kind.GRIEVANCE),
        ("bijli ab aa gayi, dhanyawad", Kind.PRAISE),
        ("thank you so much, issue resolved", Kind.PRAISE),
        ("thank you but still no light in our street", Kind.GRIEVANCE),
        ("transformer me aag lagi hai abhi, jaldi bhejo", Kind.EMERGENCY),
        ("मुझे मार रहे हैं, प्लीज पुलिस भेजो", Kind.EMERGENCY),
        ("main jeena nahi chahta", Kind.EMERGENCY),
        ("nikamme ho sab ke sab", Kind.ABUSE),
        ("agli baar vote ki chot se jawab denge, congress zindabad", Kind.POLITICAL),
        ("जय श्री राम 🚩🚩🚩", Kind.CHATTER),
    ],
)
def test_kinds_that_trap(text: str, kind: Kind) -> None:
    assert understand(text).kind is kind


def test_a_category_without_district_asks_none() -> None:
    assert understand("HSSC CET ka result 8 mahine se nahi aaya").ask is Asked.NOTHING


def test_a_sensitive_matter_has_its_register() -> None:
    assert understand("gali me chitta khule aam bik raha hai, Sirsa").register is Register.SENSITIVE


def test_another_state_is_told_unless_any_state_goes() -> None:
    text = "noida me sadak tooti padi hai"
    assert understand(text).kind is Kind.OUT_OF_SCOPE
    assert understand(text).outside == "Uttar Pradesh"
    assert understand(text, any_state=True).kind is Kind.GRIEVANCE


def test_an_officers_handle_parts_two_homes_and_ours_says_nothing() -> None:
    assert understand("@DC_Hisar Barwala me light nahi").district == "Hisar"
    assert understand("@DC_Hisar light nahi aa rahi").district is None
    assert understand("@DC_Hisar Barwala me light nahi", handles=("DC_Hisar",)).district is None


def test_few_words_with_a_photo_are_a_complaint() -> None:
    assert understand("देख लो", has_media=True).kind is Kind.GRIEVANCE
    assert understand("देख लो").kind is Kind.CHATTER


@pytest.mark.parametrize("word", ["ok", "2", "👍", ""])
def test_short_words_do_not_switch_the_language(word: str) -> None:
    for spoken in Language:
        assert understand(word, language_hint=spoken).language is spoken


# ---- numbers


@pytest.mark.parametrize(
    "written",
    ["{0}", "mera {0} ka kya hua", "{1}", "{2}", "{3}", "hry 26 004821 {4}", "HRY{5}", "({0})."],
)
def test_a_number_is_read_in_any_form(written: str) -> None:
    number = format_number(2026, 4821)
    assert number.startswith("HRY26-004821-")
    lower = number.lower()
    bare = number.replace("-", "").removeprefix("HRY")
    forms = (
        number,
        lower,
        lower.replace("-", " "),
        number.translate(str.maketrans("0123456789", "०१२३४५६७८९")),
        number[-1],
        bare.translate(str.maketrans("0123456789", "੦੧੨੩੪੫੬੭੮੯")),
    )
    good, bad, spans = find_numbers(written.format(*forms))
    assert (good, bad, len(spans)) == ((number,), (), 1)


def test_a_wrong_check_digit_is_told() -> None:
    number = format_number(26, 4821)
    wrong = f"{number[:-1]}{(int(number[-1]) + 1) % 10}"
    assert find_numbers(wrong)[:2] == ((), (wrong,))


def test_a_number_is_no_plate_and_no_personal_data() -> None:
    read = understand(f"{format_number(26, 9876543)} ka status batao")
    assert (read.pii, read.district, read.kind) == ((), None, Kind.STATUS_QUERY)
    assert read.numbers == (format_number(26, 9876543),)


def test_another_prefix() -> None:
    number = format_number(27, 12, prefix="PNJ")
    assert find_numbers(number, prefix="PNJ")[0] == (number,)
    assert find_numbers("HRY27-000012", prefix="PNJ") == ((), (), ())


# ---- privacy


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("call me 98765 43210", "98765 43210"),
        ("फोन ९८७६५४३२१०", "९८७६५४३२१०"),
        ("+91-9876543210 par", "9876543210"),
        ("09876543210", "9876543210"),
        ("mail a.b+c@example.org", "a.b+c@example.org"),
        ("upi sunil.k@okbank se", "sunil.k@okbank"),
        ("family id 7KQP2231", "7KQP2231"),
        ("account no 4417203391", "4417203391"),
        ("खाता संख्या 1234567890123", "1234567890123"),
        ("aadhaar 2345 6789 0124", "2345 6789 0124"),
        ("मेरा नाम रामकली है", "रामकली"),
        ("house no 1187, Sector 8", "1187"),
    ],
)
def test_personal_data_is_masked(text: str, hidden: str) -> None:
    assert hidden not in mask(text)
    assert hidden not in understand(text).masked
    assert understand(text).pii


@pytest.mark.parametrize("text", ["bill 43,000 aaya", "HR 46 1121 bus", "pin 121001", "2021 se 600 acre", "1912 busy"])
def test_clean_text_stays(text: str) -> None:
    assert mask(text) == text


def test_a_span_points_at_its_text() -> None:
    text = "फोन ९८७६५४३२१० और a@b.in"
    for piece in understand(text).pii:
        assert normal(text)[piece.start : piece.end] == piece.text


# ---- taxonomy


def test_every_name_is_written_in_four_languages() -> None:
    tables = taxonomy()
    for row in (*tables.categories.values(), *tables.departments.values(), *tables.districts.values()):
        assert all(row.name(language).strip() for language in Language)
    assert (len(tables.categories), len(tables.departments), len(tables.districts)) == (68, 36, 23)
    assert all(category.base in tables.categories for category in tables.categories.values())


def test_a_bad_table_names_file_and_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from handlers.understanding import tables

    package = tmp_path / "broken"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "departments.csv").write_text("code,name_en\nulb\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(BadTable, match=r"departments\.csv, line 2"):
        list(tables.csv_rows("broken", "departments.csv", ("code",)))
    with pytest.raises(BadTable, match="column name_hi is missing"):
        list(tables.csv_rows("broken", "departments.csv", ("name_hi",)))


# ---- laws


_WORDS = st.sampled_from(
    [
        "bijli",
        "नहीं",
        "ਪਾਣੀ",
        "Hisar",
        "हिसार",
        "9876543210",
        "@cmohry",
        "#Rohtak",
        "par",
        "ho gaya",
        "👍",
        "?",
        "HRY26-004821-6",
    ]
)
_TEXTS = st.one_of(st.text(max_size=200), st.lists(_WORDS, max_size=12).map(" ".join))


@given(_TEXTS)
@settings(max_examples=200, deadline=None)
def test_nothing_a_person_can_type_raises(text: str) -> None:
    understand(text, has_media=True)
    for asked in Asked:
        read_answer(
            text, asked=asked, category="sewer", category_choices=("sewer", "drain"), district_choices=("Jind",)
        )


@given(_TEXTS)
@settings(max_examples=150, deadline=None)
def test_the_normal_form_and_the_mask_are_idempotent(text: str) -> None:
    assert normal(normal(text)) == normal(text)
    assert mask(mask(text)) == mask(text)


@given(st.text(alphabet="ab कख,.-\n", max_size=30), st.integers(6_000_000_000, 9_999_999_999), st.booleans())
@settings(max_examples=150, deadline=None)
def test_no_phone_number_survives(around: str, phone: int, devanagari: bool) -> None:
    digits = str(phone)
    written = digits.translate(str.maketrans("0123456789", "०१२३४५६७८९")) if devanagari else digits
    assert written not in mask(f"{around} {written} {around}")


# ---- scores on posts and answers by hands that saw no table, kept apart from all training; floors a little below them


@cache
def _scores(name: str) -> Scores:
    return (score_answers if "answers" in name else score_posts)(records(name))


@pytest.mark.parametrize("name", ["frozen/month", "frozen/examiner"])
@pytest.mark.parametrize(
    ("figure", "least"),
    [
        ("language", 0.98),
        ("grievance recall", 0.96),
        ("grievance precision", 0.93),
        ("emergency recall", 0.98),
        ("emergency precision", 0.7),
        ("category right where not asked", 0.96),
        ("category right or among the offers", 0.95),
        ("district right where answered", 0.95),
        ("district found", 0.91),
    ],
)
def test_posts_score_at_least(name: str, figure: str, least: float) -> None:
    value = _scores(name).shares[figure].value
    assert value is not None
    assert value >= least, _scores(name).rows()


@pytest.mark.parametrize("name", ["frozen/month", "frozen/examiner"])
@pytest.mark.parametrize(
    ("figure", "most"),
    [("category asked", 0.25), ("district for a text that settles none", 0.06), ("clean texts masked anywhere", 0.025)],
)
def test_posts_score_at_most(name: str, figure: str, most: float) -> None:
    value = _scores(name).shares[figure].value
    assert value is not None
    assert value <= most, _scores(name).rows()


@pytest.mark.parametrize(
    ("figure", "least"),
    [
        ("category, asked category", 0.95),
        ("category, asked district+category", 0.88),
        ("district, asked district", 0.93),
        ("district, asked district+category", 0.95),
        ("verdict, asked satisfaction", 0.8),
    ],
)
def test_answers_score_at_least(figure: str, least: float) -> None:
    value = _scores("frozen/answers").shares[figure].value
    assert value is not None
    assert value >= least, _scores("frozen/answers").rows()


def test_hardly_anybody_unhappy_is_read_as_satisfied() -> None:
    assert _scores("frozen/answers").shares["not satisfied read as satisfied"].hits <= 2
    assert _scores("answers/first").shares["not satisfied read as satisfied"].hits == 0


# ---- answers


@pytest.mark.parametrize(
    "text",
    [
        "ho gaya likha hai par hua nahi",
        "thank you but still no light",
        "ganda pani aa raha hai",
        "haan nahi hua",
        "ho gaya kya?",
        "kaagaz me ho gaya",
        "resolved nahi hai",
        "not resolved",
        "kaam shuru ho gaya hai",
        "light aa gayi thi phir chali gayi",
        "theek hai",
        "ok",
        "1",
        "pani aa gaya par bahut kam",
        "work is done but very poor quality",
        "ji nahi",
        "दो घंटे आई फिर चली गई",
        "saaf kar diya lekin dobara bhar gaya",
        "जैसा था वैसा ही है",
        "they say it is resolved, it is not",
        "work completed only on paper",
        "हो गया होगा आपके लिए",
        "दो दिन ठीक चला फिर बंद",
        "thanks for nothing",
        "kaam ho gaya bolke chale gaye, kuch nahi kiya",
    ],
)
def test_what_is_not_plainly_good_never_closes(text: str) -> None:
    assert read_answer(text, asked=Asked.SATISFACTION).verdict is not Verdict.SATISFIED


@pytest.mark.parametrize(
    "text",
    ["nahi koi dikkat nahi ab", "haan", "हां जी हो गया", "yes, resolved", "ਹੋ ਗਿਆ ਜੀ", "👍", "sab theek ho gaya ji"],
)
def test_plain_satisfaction_is_heard(text: str) -> None:
    assert read_answer(text, asked=Asked.SATISFACTION).verdict is Verdict.SATISFIED


@pytest.mark.parametrize("text", ["2", "२", "੨", "2.", "no 2", "doosra"])
def test_a_numbered_choice_in_any_digits(text: str) -> None:
    answer = read_answer(text, asked=Asked.DISTRICT, district_choices=("Hisar", "Panchkula"))
    assert answer.district == "Panchkula"
    answer = read_answer(text, asked=Asked.CATEGORY, category_choices=("sewer", "drain"))
    assert answer.category == "drain"


def test_a_message_may_answer_more_than_was_asked() -> None:
    answer = read_answer("Jind, nali jaam hai", asked=Asked.DISTRICT)
    assert (answer.district, answer.category) == ("Jind", "drain")


def test_a_second_matter_is_kept_apart() -> None:
    said = read_answer("That's fixed, but now the sewer is overflowing in the next lane.", asked=Asked.SATISFACTION)
    assert (said.verdict, said.rest_category, said.wants.resolved) == (Verdict.NEW_COMPLAINT, "sewer", True)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("STOP", "stop"),
        ("complaint wapas leta hu", "withdraw"),
        ("शिकायत वापस लेता हूं", "withdraw"),
        ("pata nahi", "dont_know"),
        ("dobara kholo", "reopen"),
        ("hamare yaha bhi same problem", "me_too"),
        ("hisar nahi hansi", "correction"),
    ],
)
def test_wants_are_heard(text: str, want: str) -> None:
    assert getattr(read_answer(text, asked=Asked.NOTHING).wants, want)


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Karnal me 3 din se pani nahi aa raha, gali 108", "water_supply"),
        ("Karnal me 3 din se pani nahi aa raha, gali no 101", "water_supply"),
        ("हिसार वार्ड नंबर 108 में 3 दिन से पानी नहीं आ रहा", "water_supply"),
        ("Karnal makan number 101 ke samne sewer overflow ho raha hai", "sewer"),
        ("Karnal me accident hua, 108 number pe call kiya, ambulance nahi aayi", "hospital"),
    ],
)
def test_the_number_of_a_lane_or_house_calls_no_ambulance(text: str, category: str) -> None:
    understood = understand(text)
    assert (understood.category, understood.ask) == (category, Asked.NOTHING)
