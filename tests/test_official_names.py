"""What we offer must be understood when it comes back: the names of categories and districts in four languages."""

from __future__ import annotations

import pytest

from handlers.understanding import read_answer
from handlers.understanding.meaning import Asked
from handlers.understanding.taxonomy import taxonomy
from store.vocabulary import Language


@pytest.mark.parametrize("language", list(Language))
def test_every_category_name_of_ours_is_an_answer(language: Language) -> None:
    wrong = {
        code: category.name(language)
        for code, category in taxonomy().categories.items()
        if read_answer(category.name(language), asked=Asked.CATEGORY).category != code
    }
    assert wrong == {}


@pytest.mark.parametrize("language", list(Language))
def test_every_district_name_of_ours_is_an_answer(language: Language) -> None:
    wrong = {
        name: district.name(language)
        for name, district in taxonomy().districts.items()
        if read_answer(district.name(language), asked=Asked.DISTRICT).district != name
    }
    assert wrong == {}


def test_a_name_inside_a_longer_answer_is_heard() -> None:
    assert read_answer("Hisar, garbage not lifted", asked=Asked.BOTH).category == "garbage"
    assert read_answer("मेरा काम: पुलिस दुर्व्यवहार", asked=Asked.CATEGORY).category == "police_misconduct"


def test_a_word_that_is_a_name_by_chance_decides_nothing_in_a_sentence() -> None:
    assert read_answer("other people have no water in our street", asked=Asked.CATEGORY).category == "water_supply"
