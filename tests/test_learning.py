"""Learning: labelled texts as typed rows, a small training from end to end, and who may take the place of whom."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from handlers.learning import corpus
from handlers.learning.calibration import Unseen, sharpness_of
from handlers.learning.corpus import BadLabel, Labelled, labels_of_file
from handlers.learning.heads import Lesson, join, train_head
from handlers.learning.linear import features_of
from handlers.learning.names import learn as learn_names
from handlers.learning.places import as_table, learn, met_as_words, sightings
from handlers.learning.trial import Trial, tried, worse
from handlers.understanding.features import bag_of
from handlers.understanding.key import key
from handlers.understanding.learned import shares
from handlers.understanding.score import Share
from handlers.understanding.text import read
from handlers.understanding.weights import unpack


def _features(text: str) -> dict[str, float]:
    reading = read(text)
    return features_of(bag_of(reading.tokens, [key(word) for word in reading.words], frozenset()))


# -- texts ---------------------------------------------------------------------------------------------------------------


def test_every_shipped_text_is_well_labelled() -> None:
    assert len(corpus.everything()) > 15_000
    assert {"month", "examiner", "answers"}.isdisjoint(corpus.hands())


def test_no_text_kept_apart_is_trained_on() -> None:
    trained = {" ".join(text.text.split()).casefold() for text in corpus.everything()}
    trained |= {" ".join(one.text.split()).casefold() for one in corpus.verdicts()}
    for name in ("frozen/month", "frozen/examiner"):
        apart = [record["text"] for record in corpus.records(name) if len(record["text"].split()) > 5]
        assert not [text for text in apart if " ".join(text.split()).casefold() in trained]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("no json", "line 1: it is not JSON"),
        ("[]", "line 1: it needs text"),
        ('{"text": "pani nahi"}', "line 1: it needs text and one of category, district, department"),
        ('{"text": "x", "category": "waterr"}', "line 1: 'waterr' is no category"),
        ('{"text": "x", "district": "Delhi"}', "line 1: 'Delhi' is no district"),
        ('{"text": "x", "department": "nasa"}', "line 1: 'nasa' is no department"),
    ],
)
def test_a_bad_label_is_told_by_line(tmp_path: Path, line: str, fault: str) -> None:
    file = tmp_path / "labels.jsonl"
    file.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(BadLabel) as raised:
        labels_of_file(file)
    assert fault in str(raised.value)


def test_labels_are_read(tmp_path: Path) -> None:
    file = tmp_path / "labels.jsonl"
    lines = [{"text": "nal sukha hai", "category": "water_supply"}, {"text": "bill galat", "department": "power"}]
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    first, second = labels_of_file(file)
    assert (first.category, first.department, second.category, second.department) == (
        "water_supply",
        None,
        None,
        "power",
    )


# -- training ------------------------------------------------------------------------------------------------------------


def test_a_small_training_tells_two_matters_apart() -> None:
    words = {"pani": "water", "nal": "water", "bijli": "power", "light": "power", "bus": "bus", "roadways": "bus"}
    ends = ("hai", "ji", "kal se", "bhai", "aaj")
    texts = [(f"{word} nahi aa raha {end}", label) for end in ends for word, label in words.items()]
    trained = train_head([Lesson(_features(text), label, 1.0) for text, label in texts])
    table = unpack(join({"matter": trained}, {"matter": 2.0}, {}), "small.bin")
    for text, label in (("humara pani nahi aaya", "water"), ("bijli gul hai", "power")):
        reading = read(text)
        scores = table.scores(bag_of(reading.tokens, [key(word) for word in reading.words], frozenset()))
        found = shares(table, scores, "matter")
        assert max(found, key=lambda name: found[name]) == label
        exact = trained.scores([_features(text)])[0]
        assert scores == pytest.approx(list(exact), abs=0.05)  # whole numbers of one byte stand for the real ones


def test_sharpness_follows_how_often_the_scores_are_right() -> None:
    right = [Unseen("", {"a": 1.0, "b": 0.0}, frozenset({"a"}))] * 90
    wrong = [Unseen("", {"a": 1.0, "b": 0.0}, frozenset({"b"}))] * 10
    shares_found = right[0].shares(sharpness_of(right + wrong))
    assert shares_found["a"] == pytest.approx(0.9, abs=0.01)


def test_signs_around_a_place_are_learned() -> None:
    def post(text: str, district: str | None) -> Labelled:
        return Labelled(hand="x", text=text, kind="grievance", district=district, place_judged=True)

    posts = [post("Hisar me pani nahi", "Hisar"), post("Rohtak se bus nahi chalti", None)] * 20
    table = learn([one for one_post in posts for one in sightings(one_post, alone=True)])
    assert table["after: locative"][0] > table["after: from"][0]
    assert as_table(table).startswith("# sign")


def test_a_village_met_as_a_word_is_listed() -> None:
    posts = [
        Labelled(hand="x", text=f"{name} sadak", kind="grievance", place_judged=True) for name in ("bas", "bas hai")
    ]
    assert met_as_words(posts * 3).keys() <= {"bas"}


def test_names_are_learned_from_the_words_beside_them() -> None:
    named = [
        Labelled(hand="x", text=f"mera naam {name} hai ji", kind="grievance", personal=(name,))
        for name in ("Rajbir", "Sunita", "Ramphal", "Kavita")
    ]
    plain = [
        Labelled(hand="x", text=f"{name} nagar me pani nahi", kind="grievance") for name in ("Krishna", "Ram", "Shiv")
    ]
    weights = learn_names(named * 5 + plain * 5)
    assert "always" in weights


# -- the trial -----------------------------------------------------------------------------------------------------------


def _trial(**shares: tuple[int, int]) -> Trial:
    return Trial({name.replace("_", " "): Share(*pair) for name, pair in shares.items()}, {"sewer": Share(8, 10)})


def test_equal_tables_are_not_worse() -> None:
    assert list(worse(_trial(language=(98, 100)), _trial(language=(98, 100)))) == []


def test_a_figure_that_falls_is_told() -> None:
    assert list(worse(_trial(language=(98, 100)), _trial(language=(96, 100)))) == [
        "language: 0.980 (98 of 100) before, 0.960 (96 of 100) now"
    ]


def test_not_one_emergency_may_be_lost() -> None:
    assert list(worse(_trial(emergency_recall=(200, 200)), _trial(emergency_recall=(199, 200))))


def test_where_fewer_is_better_more_is_worse() -> None:
    assert list(worse(_trial(category_asked=(10, 100)), _trial(category_asked=(20, 100))))
    assert not list(worse(_trial(category_asked=(20, 100)), _trial(category_asked=(10, 100))))


def test_a_category_that_breaks_down_is_told() -> None:
    before, after = _trial(), Trial({}, {"sewer": Share(4, 10)})
    assert list(worse(before, after)) == ["category sewer: 0.800 (8 of 10) before, 0.400 (4 of 10) now"]


def test_the_shipped_tables_are_not_worse_than_themselves() -> None:
    shipped = tried(None)
    assert list(worse(shipped, shipped)) == []
    assert len(shipped.categories) > 50
