"""Training everything that is learned, in the order in which one part needs the other.

Owns the order and the folder that it fills. It must not know whether the result is good enough (trial.py judges that).

Places come first, because the words of places are hidden from the categories; then categories, kinds and graveness,
calibrated on hands left out; then names, which ask which words posts use often; then the verdicts, whose texts are read
without names. The same texts give the same files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from handlers.learning import names, places
from handlers.learning.calibration import GROUPS, sharpness_of, unseen, unseen_verdicts
from handlers.learning.corpus import ANSWERS, Judged, Labelled, hands, kinds, posts, records, situations, verdicts
from handlers.learning.heads import LESSONS, Reader, Trained, join, train_head, verdict_lessons
from handlers.understanding.learned import judge, signs_of
from handlers.understanding.opened import opened
from handlers.understanding.tables import use_folder, used_folder
from handlers.understanding.taxonomy import taxonomy
from handlers.understanding.verdict import VERDICT

Say = Callable[[str], None]


@contextmanager
def tables_of(folder: Path | None) -> Iterator[None]:
    """Read the understanding's tables from another folder for a while."""
    before = used_folder()
    use_folder(folder)
    try:
        yield
    finally:
        use_folder(before)


def shipped_posts() -> list[Labelled]:
    """The posts of all hands."""
    return [post for hand in hands() for post in posts(hand)]


def train_all(folder: Path, gathered: Sequence[Labelled], about: dict[str, str], say: Say) -> None:
    """Learn everything anew from the shipped texts and from labels an office has gathered.

    `folder` gets the learned files; tables of the office that stand there already are read with the shipped ones.
    `about` is kept in the weights for those who ask where they come from. Takes minutes.
    """
    written = shipped_posts()
    with tables_of(folder):
        say("places: how sure a name is, by the words around it")
        _places(folder, [*written, *gathered])
        use_folder(folder)
        say("categories, kinds, graveness: calibrating on writers left out, then training on all")
        (folder / "weights.bin").write_bytes(_weights([*written, *map(_with_category, gathered)], about))
        use_folder(folder)
        say("names of persons")
        (folder / "name_weights.tsv").write_text(names.as_table(names.learn(written)), encoding="utf-8")
        use_folder(folder)
        say("answers about a disposal")
        (folder / "verdicts.bin").write_bytes(_verdicts(verdicts(), about))


def _with_category(label: Labelled) -> Labelled:
    """A label that names a department alone gets the likeliest of its categories, as the tables in use read it."""
    if label.category is not None or label.department is None:
        return label
    categories = taxonomy().categories
    whole = opened(label.text)
    signs = signs_of(whole.plain, len(whole.keys), district=False, away=False)
    learned = judge(whole.reading, whole.keys, frozenset(), signs)
    of_department = [
        code for code, row in categories.items() if label.department in (row.department, row.rural_department)
    ]
    best = max(of_department, key=lambda code: learned.categories.get(code, 0.0), default=None)
    return replace(label, category=best)


def _places(folder: Path, written: Sequence[Labelled]) -> None:
    told = [post for post in written if post.kind != "spam"]
    answers = [record for name in ANSWERS for record in records(name) if "district" in record["asked"]]
    words = folder / "met_as_words.tsv"
    words.write_text(places.words_table({}), encoding="utf-8")
    use_folder(folder)
    met = places.met_as_words([post for post in told if post.place_judged] + situations())
    words.write_text(places.words_table(met), encoding="utf-8")
    for alone in (True, False):  # company counts only where it is credible by itself
        use_folder(folder)
        found = [one for post in (*told, *kinds()) for one in places.sightings(post, alone=alone)]
        found += [one for record in answers for one in places.answered(record, alone=alone)]
        (folder / "place_weights.tsv").write_text(places.as_table(places.learn(found)), encoding="utf-8")


def _weights(texts: Sequence[Labelled], about: dict[str, str]) -> bytes:
    reader = Reader()
    sharpness = {head: sharpness_of(unseen(head, texts, reader, GROUPS)) for head in LESSONS}
    heads: dict[str, Trained] = {head: train_head(choose(texts, reader)) for head, choose in LESSONS.items()}
    return join(heads, sharpness, about)


def _verdicts(answers: Sequence[Judged], about: dict[str, str]) -> bytes:
    sharpness = {VERDICT: sharpness_of(unseen_verdicts(answers))}
    return join({VERDICT: train_head(verdict_lessons(answers))}, sharpness, about)
