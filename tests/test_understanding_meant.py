"""What is meant only when plainly said: stop, withdrawal, solution, correction, and what is offered for a vague word."""

from __future__ import annotations

import pytest

from handlers.understanding import read_answer, understand
from handlers.understanding.meaning import Asked, Verdict, Wants
from handlers.understanding.text import normal
from handlers.understanding.verdict import numbered_verdict
from store.vocabulary import Language


def _wants(text: str) -> Wants:
    return read_answer(text, asked=Asked.NOTHING).wants


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop replying",
        "please stop messaging me",
        "mujhe reply mat karo",
        "जवाब देना बंद करो",
        "ਬੰਦ ਕਰੋ",
        "@cmo_office stop please",
    ],
)
def test_a_bare_stop_is_heard(text: str) -> None:
    assert _wants(text).stop


@pytest.mark.parametrize(
    "text",
    [
        "bus stop par paani bhara hai, Hisar",
        "non stop power cuts in sector 14 Hisar",
        "stop the illegal mining in our village Hisar",
        "nashe ka dhandha band karo",
        "start water supply",
        "kaam shuru karo",
    ],
)
def test_stop_and_start_within_a_complaint_silence_nobody(text: str) -> None:
    assert not _wants(text).stop
    assert not _wants(text).start


@pytest.mark.parametrize(
    "text",
    [
        "complaint wapas leta hu",
        "main apni complaint wapas le raha hun",
        "rehne do ab chal gaya",
        "I withdraw my complaint",
        "शिकायत वापस लेती हूँ",
        "ਮੈਂ ਸ਼ਿਕਾਇਤ ਵਾਪਸ ਲੈਂਦਾ ਹਾਂ",
        "koi dikkat nahi hai, shikayat wapas leta hu",
    ],
)
def test_a_withdrawal_in_the_first_person_is_heard(text: str) -> None:
    assert _wants(text).withdraw


@pytest.mark.parametrize(
    "text",
    [
        "I will not withdraw",
        "I won't withdraw my complaint",
        "wapas nahi lunga",
        "JE keh raha hai shikayat wapas le lo",
        "kaam ho jaye tabhi shikayat wapas leta hu",
        "hume yahan chain se rehne do",
    ],
)
def test_a_refused_or_reported_withdrawal_is_none(text: str) -> None:
    assert not _wants(text).withdraw
    assert not _wants(text).threatened


@pytest.mark.parametrize(
    "text",
    [
        "वापस लेने का दबाव बना रहे हैं",
        "they are forcing me to withdraw",
        "zabardasti wapas karwayi",
        "dhamka kar wapas karwaya",
    ],
)
def test_a_forced_withdrawal_is_a_threat(text: str) -> None:
    assert (_wants(text).withdraw, _wants(text).threatened) == (False, True)


@pytest.mark.parametrize(
    "text",
    [
        "ek ladke ki maut ho gayi",
        "paani ghar me aa gaya hai, sab doob gaya",
        "aur log bhi aa gaye hai wahan",
        "police wale ghar aa gaye, dhamka rahe hai",
        "bas bahut ho gaya",
        "dhanyavaad, ab transformer bhi jal gaya",
        "bijli band ho gayi",
        "chori ho gayi",
    ],
)
def test_new_trouble_is_never_a_solution(text: str) -> None:
    assert not _wants(text).resolved
    assert read_answer(text, asked=Asked.SATISFACTION).verdict is not Verdict.SATISFIED


@pytest.mark.parametrize(
    "text", ["kaam ho gaya", "light aa gayi", "theek ho gaya", "haan ho gaya", "hat gaya", "ਕੰਮ ਹੋ ਗਿਆ ਜੀ"]
)
def test_plain_words_about_the_work_are_a_solution(text: str) -> None:
    assert _wants(text).resolved
    assert read_answer(text, asked=Asked.SATISFACTION).verdict is Verdict.SATISFIED


@pytest.mark.parametrize("text", ["aag lagi hai bachao", "bachao aag lagi hai abhi log phanse hain"])
def test_one_punjabi_looking_word_makes_no_punjabi(text: str) -> None:
    assert understand(text).language is Language.HI_LATN


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Correction: it is garbage, not power", "garbage"),
        ("not power but garbage", "garbage"),
        ("it is not a power problem, it is garbage", "garbage"),
        ("wrong department. This is about water supply", "water_supply"),
        ("galat, bijli nahi, paani ki shikayat hai", "water_supply"),
        ("bijli nahi, paani hai", "water_supply"),
        ("ye bijli ki shikayat nahi hai, paani ki hai", "water_supply"),
        ("गलत, बिजली नहीं, पानी की शिकायत है", "water_supply"),
        ("galat vibhag", None),
    ],
)
def test_a_category_is_put_right(text: str, category: str | None) -> None:
    answer = read_answer(text, asked=Asked.NOTHING, category="power_outage")
    assert (answer.wants.correction, answer.wants.unresolved, answer.category) == (True, False, category)


@pytest.mark.parametrize(
    "text",
    [
        "light nahi hai, paani bhi nahi",
        "bijli nahi aa rahi, paani ki bhi dikkat",
        "paani nahi, bijli nahi, sadak nahi",
        "bijli nahi hai, kachra uthao",
        "Not getting power, garbage everywhere",
    ],
)
def test_several_complaints_correct_nothing(text: str) -> None:
    assert not _wants(text).correction


def test_a_bare_water_offers_every_trouble_of_water() -> None:
    seen = understand("pani ki bahut dikkat")
    assert (seen.category, seen.category_choices) == (None, ("water_supply", "dirty_water", "waterlogging"))


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("1", Verdict.SATISFIED),
        ("@cmohry २.", Verdict.UNSATISFIED),
        ("option 2", Verdict.UNSATISFIED),
        ("no 1", None),
        ("3", None),
        ("1 2", None),
        ("1 👎", None),
        ("1 😡", None),
        ("1?", None),
        ("-1", None),
        ("2 din ho gaye", None),
    ],
)
def test_a_number_alone_answers_what_our_question_offered(text: str, verdict: Verdict | None) -> None:
    assert numbered_verdict(normal(text)) is verdict


@pytest.mark.parametrize("text", ["2 - the teacher left again", "2. pani abhi bhi nahi", "२, गड्ढा वहीं है"])
def test_a_two_with_its_reason_is_a_no(text: str) -> None:
    assert read_answer(text, asked=Asked.SATISFACTION).verdict is Verdict.UNSATISFIED
