"""How long a text counts on X, against an outside opinion, and the cutting and cleaning beside it."""

from __future__ import annotations

import pytest
import twitter_text
from hypothesis import given
from hypothesis import strategies as st

from handlers.length import cut_at_word, strip_unsafe, weighted_length

SAMPLES = (
    "", "plain words", "हिसार में बिजली नहीं है।", "ਪੰਜਾਬੀ ਵਿੱਚ ਗੱਲ", "क्\u200dष and क़ ड़", "e\u0301", "₹ 500…", "“said” – 'so'",
    "日本", "portal.gov.in", "x.com/y", "No.5 Rs.500", "☺", "©", "™", "a\u200db",
)  # fmt: skip
DOUBTFUL = (
    "see https://haryana.gov.in/a?b=1 now", "done.The next", "👍🏽", "👨\u200d👩\u200d👧", "🇮🇳", "1\ufe0f\u20e3", "❤\ufe0f",
)  # fmt: skip

LETTERS = st.characters(
    min_codepoint=32, max_codepoint=0x10FF, exclude_categories=("Cs", "Cc"), exclude_characters="./:"
)
PLAIN = st.text(LETTERS, max_size=60)


@pytest.mark.parametrize("text", SAMPLES)
def test_samples_count_as_x_counts_them(text: str) -> None:
    assert weighted_length(text) == twitter_text.parse_tweet(text).weightedLength


@pytest.mark.parametrize("text", DOUBTFUL)
def test_what_is_doubtful_never_counts_less_than_x_counts_it(text: str) -> None:
    assert weighted_length(text) >= twitter_text.parse_tweet(text).weightedLength


@given(PLAIN)
def test_letters_of_our_languages_count_as_x_counts_them(text: str) -> None:
    assert weighted_length(text) == twitter_text.parse_tweet(text).weightedLength


@given(st.text(max_size=80), st.integers(min_value=8, max_value=60))
def test_a_cut_fits_and_keeps_the_beginning(text: str, room: int) -> None:
    kept, cut = cut_at_word(text, room)
    assert weighted_length(kept) <= room
    if cut:
        assert kept.endswith("…")
        assert text.startswith(kept[:-1])
    else:
        assert kept == text


def test_a_cut_ends_at_a_word_and_never_inside_a_letter() -> None:
    assert cut_at_word("one two three four", 12) == ("one two…", True)
    assert cut_at_word("ट्रांसफार्मरट्रांसफार्मर", 12)[0] == "ट्रांसफा…"  # not between र and its virama


def test_deceiving_marks_go_and_joiners_stay() -> None:
    assert strip_unsafe("a\u202eb\u2066c\u200bd\x07e\u00adf\ufeff") == "abcdef"
    assert strip_unsafe("क्\u200dष न\u200cहीं\tx\r\ny") == "क्\u200dष न\u200cहीं\tx\ny"
