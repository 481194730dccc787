"""The parts of understanding one by one: tables, concepts, weights, clauses, other portals' numbers, names, for whom."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.readiness import read_tables
from handlers.understanding import mask, understand
from handlers.understanding.clauses import other_matters
from handlers.understanding.concepts import concepts
from handlers.understanding.features import bag_of
from handlers.understanding.key import key
from handlers.understanding.learned import judge, signs_of
from handlers.understanding.opened import opened
from handlers.understanding.portals import portal_numbers
from handlers.understanding.tables import LEARNED, BadTable, use_folder
from handlers.understanding.text import normal, read
from handlers.understanding.thresholds import threshold
from handlers.understanding.topics import left_open
from handlers.understanding.weights import pack, unpack, weights
from store.vocabulary import Kind


@pytest.fixture
def own_tables(tmp_path: Path) -> Iterator[Path]:
    """A folder of the office's own tables; the shipped ones are used again afterwards."""
    yield tmp_path
    use_folder(None)


def _keys(text: str) -> list[str]:
    return [key(word) for word in read(normal(text)).words]


# -- concepts and topics -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [("baarish", "बारिश", "rain"), ("bijli", "बिजली", "ਬਿਜਲੀ", "light")])
def test_one_concept_has_words_in_every_language(words: tuple[str, ...]) -> None:
    shared = set.intersection(*(set(concepts().of_word(word, key(word))) for word in words))
    assert shared


@pytest.mark.parametrize("word", ["do", "gayi", "गई", "te", "diya", "baad", "mil"])
def test_an_everyday_word_stands_for_no_concept_however_it_sounds(word: str) -> None:
    assert concepts().of_word(word, key(word)) == ()


@pytest.mark.parametrize(
    "text", ["rohtak, sector 2", "ward 12 hansi", "सेक्टर 21 पंचकूला", "model town, panipat", "Sector 9, Gurugram 122001"]
)
def test_an_address_alone_names_no_matter(text: str) -> None:
    seen = understand(text)
    assert (seen.category, seen.category_choices) == (None, ())
    assert seen.district is not None


@pytest.mark.parametrize(
    ("text", "first"),
    [("pani ki dikkat", "water_supply"), ("पानी की समस्या", "water_supply"), ("police problem", "police_inaction")],
)
def test_a_bare_word_is_left_open(text: str, first: str) -> None:
    assert left_open(_keys(text))[0] == first
    assert understand(text).category is None


@pytest.mark.parametrize("text", ["paani nahi aa raha", "paani ganda aa raha hai", "police ne rishwat maangi", "sadak"])
def test_more_than_a_bare_word_is_read(text: str) -> None:
    assert left_open(_keys(text)) == ()


# -- several matters -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "main", "others"),
    [
        (
            "Hisar sector 14 me 4 din se pani nahi aa raha, aur gali ki street light bhi band hai",
            "water_supply",
            {"street_light"},
        ),
        ("रोहतक में सीवर उफन रहा है। कूड़ा भी दस दिन से नहीं उठा।", "sewer", {"garbage"}),
        (
            "No electricity in Jind for three days. Also the road outside is full of potholes.",
            "power_outage",
            {"pothole"},
        ),
    ],
)
def test_other_matters_are_noted_beside_the_main_one(text: str, main: str, others: set[str]) -> None:
    seen = understand(text, thorough=True)
    assert {seen.category, *seen.other_matters} == {main, *others}


@pytest.mark.parametrize(
    "text", ["Hisar me teen din se pani nahi aa raha, tanker bhi nahi aata", "सड़क टूटी है, गड्ढों में गाड़ी फंस जाती है"]
)
def test_one_matter_told_twice_is_one(text: str) -> None:
    assert understand(text, thorough=True).other_matters == ()


def test_no_other_matter_in_an_empty_text() -> None:
    assert other_matters("", ()) == ()


# -- for whom, and which body --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "whom"),
    [
        ("meri maa ki pension 6 mahine se nahi aayi, Jind", "family"),
        ("हमारे मोहल्ले के सभी लोग परेशान हैं, दस दिन से पानी नहीं आया", "group"),
        ("my scholarship has not come, I applied in March", "self"),
    ],
)
def test_for_whom_somebody_writes(text: str, whom: str) -> None:
    assert understand(text).for_whom == whom


@pytest.mark.parametrize(
    ("text", "agency"),
    [
        ("HUDA ki sadak tooti hai", "hsvp"),
        ("MCG wale kachra nahi uthate", "mcg"),
        ("नगर निगम वाले नहीं सुनते, कूड़ा पड़ा है", "municipality"),
        ("PWD road full of potholes", "pwd"),
        ("bijli nahi aa rahi", None),
    ],
)
def test_the_body_that_is_named(text: str, agency: str | None) -> None:
    assert understand(text).agency == agency


# -- numbers of other portals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "portal", "number"),
    [
        ("CM window par shikayat CMOFF/N/2026/048812 kab ki di hui hai", "CM Window", "CMOFF/N/2026/048812"),
        ("Reference CMO/2026/118734, no action", "CM Window", "CMO/2026/118734"),
        ("सीएम विंडो पर शिकायत नंबर 2026/118734 का क्या हुआ", "CM Window", "2026/118734"),
        ("CPGRAMS GOVHR/E/2026/0001234 closed without action", "CPGRAMS", "GOVHR/E/2026/0001234"),
        ("Jan Samvad number JS-556120 band kar diya", "Jan Samvad", "JS-556120"),
        ("जन संवाद 20431 में दी थी", "Jan Samvad", "20431"),
        ("समाधान शिविर में SS/JHJ/4471 मिला", "Samadhan Shivir", "SS/JHJ/4471"),
    ],
)
def test_a_number_of_another_portal_is_kept_and_shown(text: str, portal: str, number: str) -> None:
    seen = understand(text)
    assert seen.portal_numbers == ((portal, number),)
    assert number in seen.masked
    assert seen.numbers == ()


def test_a_phone_beside_a_portal_number_is_still_dotted() -> None:
    seen = understand("CMOFF/N/2026/048812, mera number 9876501144")
    assert seen.portal_numbers
    assert "9876501144" not in seen.masked


@given(st.text(max_size=80))
@settings(deadline=None)
def test_portal_numbers_stand_where_they_say(text: str) -> None:
    plain = normal(text)
    for one in portal_numbers(plain):
        assert plain[one.start : one.end] == one.number


# -- weights -------------------------------------------------------------------------------------------------------------


def test_weights_come_back_as_they_were_packed() -> None:
    rows = [[0.5, -0.25], [0.0, 1.0], [-0.125, 0.0]]
    data = pack(
        ["kind:a", "kind:b"], {"kind": 1.0}, [0.1, -0.1], ["w:pani", "w:nhi", "s:digit"], rows, {"trained": "x"}
    )
    table = unpack(data, "some.bin")
    assert (table.labels, table.about["trained"]) == (("kind:a", "kind:b"), "x")
    reading = read("pani")
    first, second = table.scores(bag_of(reading.tokens, ["pani"], frozenset()))
    parts = 9  # of three, four and five letters, edges included
    many = len(concepts().find(["pani"], ["pani"]))
    length = (1.0 + 0.35**2 * parts + 1.2**2 * many + 0.5**2 * many * (many - 1) / 2) ** 0.5
    assert first == pytest.approx(0.1 + 0.5 / length, abs=0.02)
    assert second == pytest.approx(-0.1 - 0.25 / length, abs=0.02)


@pytest.mark.parametrize(
    "data",
    [b"", b"no weights", zlib.compress(b"no\nweights\nhere"), zlib.compress(b'{"format": "smgt-weights-1"}\n\n')],
)
def test_a_bad_file_of_weights_is_told(data: bytes) -> None:
    with pytest.raises(BadTable, match=r"some\.bin"):
        unpack(data, "some.bin")


def test_shares_of_every_head_add_up_to_one() -> None:
    whole = opened("gali me paani bhara hai")
    learned = judge(whole.reading, whole.keys, frozenset(), signs_of(whole.plain, 5, district=False, away=False))
    assert sum(learned.categories.values()) + learned.no_matter == pytest.approx(1.0)
    for shares in (learned.kinds, learned.graves, learned.whom):
        assert sum(shares.values()) == pytest.approx(1.0)


def test_the_weights_say_when_they_were_trained() -> None:
    assert weights().about["trained"].startswith("20")


# -- tables --------------------------------------------------------------------------------------------------------------


def test_an_office_adds_a_locality(own_tables: Path) -> None:
    text = "Nayagaon Khurd Testpur me bijli nahi"
    assert understand(text).district is None
    (own_tables / "localities.tsv").write_text("Khurd Testpur\tlocality\tPalwal\t-\n", encoding="utf-8")
    use_folder(own_tables)
    assert understand(text).district == "Palwal"


def test_an_office_moves_a_threshold(own_tables: Path) -> None:
    (own_tables / "thresholds.tsv").write_text("category\t0.9\tasks more often\n", encoding="utf-8")
    use_folder(own_tables)
    assert threshold("category") == 0.9


@pytest.mark.parametrize(
    ("name", "line", "fault"),
    [
        ("thresholds.tsv", "category\tmuch\tx", "'much' is no number"),
        ("portals.tsv", "CM Window\t(", "no regular expression"),
        ("topics.tsv", "water\tpani", "'water' is no category"),
        ("place_weights.tsv", "always\tx\t0", "a weight is no number"),
        ("name_weights.tsv", "always\tx", "'x' is no number"),
        ("localities.tsv", "Testpur\tPalwal", "line 1: 2 cells instead of 4"),
        ("weights.bin", "x", "train it anew"),
    ],
)
def test_a_bad_row_of_the_office_is_told_before_the_first_post(
    own_tables: Path, name: str, line: str, fault: str
) -> None:
    (own_tables / name).write_text(line + "\n", encoding="utf-8")
    use_folder(own_tables)
    with pytest.raises(BadTable, match=name) as raised:
        read_tables()
    assert fault in str(raised.value)


def test_a_table_that_is_no_text_is_told(own_tables: Path) -> None:
    (own_tables / "topics.tsv").write_bytes(b"\xff\xfe\x00")
    use_folder(own_tables)
    with pytest.raises(BadTable, match="save it as UTF-8"):
        left_open(["pani"])


def test_every_learned_file_is_shipped() -> None:
    shipped = Path(__file__).parent.parent / "handlers" / "understanding" / "data"
    assert all((shipped / name).is_file() for name in LEARNED)


# -- names of persons ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("mera naam Rajbir Singh hai, meri pension nahi aayi", "Rajbir"),
        ("श्रीमती सुनीता देवी पत्नी राजेश की पेंशन रुकी है", "सुनीता"),
        ("My father Ramphal has not got his pension", "Ramphal"),
    ],
)
def test_a_private_persons_name_is_dotted(text: str, name: str) -> None:
    assert name not in mask(text)


@pytest.mark.parametrize(
    "text",
    [
        "Krishna Nagar me pani nahi aa raha",
        "Subhash Chowk par jaam laga hai",
        "Village Garhi Birbal me bijli nahi",
        "Siwani me faslon ka beema nahi mila",
        "माननीय मुख्यमंत्री जी, गली में पानी भरा है",
    ],
)
def test_names_of_places_and_offices_stay(text: str) -> None:
    assert mask(text) == normal(text)


@pytest.mark.parametrize(
    ("text", "district"),
    [
        ("hum Narnaul se h, NTA wale NEET ki OMR pe reply ni dete", None),
        ("hum Narnaul se h, hamari gali me 4 din se bijli nahi hai", "Mahendragarh"),
    ],
)
def test_a_home_is_no_place_of_trouble_that_is_nobodys_of_haryana(text: str, district: str | None) -> None:
    assert understand(text).district == district


@pytest.mark.parametrize(
    "text", ["arre rohtak, meham side", "pls help sir", "Moti chowk pe jam hi jam, koi police wala nahi"]
)
def test_without_a_danger_a_plea_is_no_emergency(text: str) -> None:
    assert understand(text).kind is not Kind.EMERGENCY
