"""X's weighted length, held against an outside opinion: the twitter-text-parser package."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twitter_text import parse_tweet

from handlers.length import weighted_length

WORDS = st.sampled_from(
    ["पानी", "नहीं", "आ", "रहा", "ਪਾਣੀ", "bijli", "road", "₹500", "…", "—", "“", "ड़", "ढ़", "Rs.500", "No. 5",
     "HRY26-004821-6", "@cmohry", "#Hisar", "8.30", "👍", "é", "e\u0301", "©", "\u200d", "日本"]
)  # fmt: skip
ADDRESSES = st.sampled_from(
    ["example.com", "nic.in", "https://haryana.gov.in/a/b?c=d", "a.in,b.in", "x.com/भारत", "http://कृ.भारत", "है.com",
     "http://localhost/aaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "https://t.co/abcdefghij", "www.x.co.in.", "-a.in", "a_b.com",
     "xn--h1a.xn--p1ai", "मेरी.example.com", "mail@nic.in", "e.g.this", "example.com中国"]
)  # fmt: skip
PEOPLE = st.sampled_from(["❤️", "🇮🇳", "👍🏽", "👨‍👩‍👧", "1️⃣", "®"])


@given(st.lists(WORDS, max_size=40).map(" ".join))
def test_the_length_of_our_kind_of_text_is_exact(text: str) -> None:
    assert weighted_length(text) == parse_tweet(text).weightedLength


@given(st.lists(WORDS | ADDRESSES | PEOPLE | st.text(max_size=6), max_size=12), st.sampled_from([" ", "", "\n", "."]))
def test_the_length_is_never_less_than_x_counts(parts: list[str], between: str) -> None:
    text = between.join(parts)
    assert weighted_length(text) >= parse_tweet(text).weightedLength


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", 0),
        ("नमस्ते", 6),
        ("₹…", 4),
        ("कृपया example.com देखें", 35),
        ("https://haryana.gov.in/a/very/long/path/that/does/not/count", 23),
        ("क\u093c", 2),
        ("line\r\nline", 9),
    ],
)
def test_known_lengths(text: str, length: int) -> None:
    assert weighted_length(text) == length == parse_tweet(text).weightedLength
