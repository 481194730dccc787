"""The places of Haryana and of other states, indexed by key.

Owns loading of handlers/data/haryana and of the place tables under data/. It must not know how a text is
read or scored. Pure after loading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from handlers.understanding.key import dictionary_keys, key, latin
from handlers.understanding.tables import compiled, csv_rows, remembered, tsv_rows
from handlers.understanding.taxonomy import PACKAGE, taxonomy
from handlers.understanding.text import normal

LIKE = 62  # likeness from which a word found by key is a place's name
VERY_LIKE = 85  # ... where the key is short
LEAST_FOR_EDIT = 6  # letters; shorter words are one edit from too many others
OUTSIDE = "outside"
VILLAGE = "village"
CHIEF = frozenset({"district", "ulb", "tehsil", "subdivision"})
INFLECTED = CHIEF | {"sub_tehsil", "town"}


class Place(NamedTuple):
    """One named place. `district` is the English district name, or the state for places outside Haryana."""

    name: str
    kind: str
    district: str


@dataclass(slots=True)
class Name:
    """The places filed under one run of keys, and by which spellings."""

    places: list[Place] = field(default_factory=list)
    spellings: dict[str, list[Place]] = field(default_factory=dict)


@dataclass(slots=True)
class Names:
    """Places by the keys of their names. `longest`: words of the longest name that begins with a key."""

    by_keys: dict[tuple[str, ...], Name] = field(default_factory=dict)
    by_spelling: dict[str, list[Place]] = field(default_factory=dict)
    longest: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, place: Place) -> None:
        """File a place under one of its names, by every key of the name."""
        words = normal(name).lower().replace("-", " ").replace(".", " ").split()
        if not words:
            return
        spelling = " ".join(words)
        same = self.by_spelling.setdefault(spelling, [])
        if place not in same:
            same.append(place)
        soundings: list[tuple[str, ...]] = [()]
        for word in words:
            soundings = [(*head, sounding) for head in soundings for sounding in dictionary_keys(word)][:4]
        for keys in soundings:
            filed = self.by_keys.setdefault(keys, Name())
            if place not in filed.places:
                filed.places.append(place)
            filed.spellings[spelling] = same
            self.longest[keys[0]] = max(self.longest.get(keys[0], 0), len(keys))
            if len(keys) == 1 and place.kind in INFLECTED and len(keys[0]) >= 4 and keys[0].endswith("a"):
                oblique = (keys[0][:-1] + "e",)  # Sirse ch, Ambale ton
                other = self.by_keys.setdefault(oblique, Name())
                if place not in other.places:
                    other.places.append(place)
                other.spellings.setdefault(spelling[:-1] + "e" if spelling.isascii() else spelling, same)
                self.longest[oblique[0]] = max(self.longest.get(oblique[0], 0), 1)


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """Everything the reading of places looks up."""

    names: Names
    pincodes: Mapping[str, str]
    std_codes: Mapping[str, str]
    plates: Mapping[str, str]
    everyday: Mapping[str, str]  # place names that are also words, to what each needs: any | town | strong
    met_as_words: frozenset[str]  # place names that labelled posts use as everyday words
    never: frozenset[str]
    shared: Mapping[tuple[str, ...], str]


def _pincodes() -> dict[str, str]:
    shares: dict[str, tuple[float, str]] = {}
    for _, row in csv_rows(PACKAGE, "haryana/pincode_district.csv", ("pincode", "district", "share")):
        best = shares.get(row["pincode"], (0.0, ""))
        shares[row["pincode"]] = max(best, (float(row["share"]), row["district"]))
    return {pincode: district for pincode, (share, district) in shares.items() if share >= 0.8}


def _fill_districts(names: Names) -> None:
    for district in taxonomy().districts.values():
        place = Place(district.name_en, "district", district.name_en)
        for name in (district.name_en, district.name_hi, district.name_pa, *district.alt_names):
            names.add(name, place)


def _fill_places(names: Names) -> None:
    not_names = {normal(cells[0]).lower() for _, cells in tsv_rows("not_place_names.tsv", 2)}
    for _, row in csv_rows(PACKAGE, "haryana/places.csv", ("name_en", "name_hi", "kind", "district", "alt_names")):
        place = Place(row["name_en"], row["kind"], row["district"])
        for name in (row["name_en"], row["name_hi"], *row["alt_names"].split("|")):
            if name and normal(name).lower() not in not_names:
                names.add(name, place)
    for _, (written, kind, district, _) in tsv_rows("localities.tsv", 4):
        for name in written.split("|"):
            names.add(name.strip(), Place(written.split("|")[0].strip(), kind, district))
    for _, (state, written) in tsv_rows("outside.tsv", 2):
        for name in written.split("|"):
            names.add(name.strip().lstrip("="), Place(name.strip(), OUTSIDE, state))


def _keys_of(name: str) -> tuple[str, ...]:
    return tuple(key(word) for word in normal(name).lower().split())


def _std_codes() -> dict[str, str]:
    return {
        row["std_code"]: row["district"]
        for _, row in csv_rows(PACKAGE, "haryana/std_codes.csv", ("std_code", "district"))
        if row["std_code"] != "0172"  # shared with Chandigarh and Mohali
    }


@compiled
def gazetteer() -> Gazetteer:
    """The packaged places, read and indexed once."""
    names = Names()
    _fill_districts(names)
    _fill_places(names)
    everyday = {
        normal(name).strip().lower(): cue
        for _, (written, _, cue) in tsv_rows("place_words.tsv", 3)
        for name in written.split("|")
    }
    shared = {
        _keys_of(name): state for _, (written, state) in tsv_rows("shared_names.tsv", 2) for name in written.split("|")
    }
    return Gazetteer(
        names=names,
        pincodes=_pincodes(),
        std_codes=_std_codes(),
        plates={code: district for _, (code, district, _) in tsv_rows("plates.tsv", 3)},
        everyday=everyday,
        met_as_words=frozenset(normal(cells[0]).lower() for _, cells in tsv_rows("met_as_words.tsv", 2)),
        never=frozenset(normal(cells[0]).lower() for _, cells in tsv_rows("never_places.tsv", 2)),
        shared=shared,
    )


@remembered(50_000)
def likeness(written: str, spellings: frozenset[str]) -> float:
    """How much a word found by key looks like one of the place's spellings, 0..100; in Latin letters if scripts differ.

    The key alone would take मोहल्ले for Mohali. 62 is enough in Latin letters, 70 in Devanagari (both measured).
    """
    same_script = [name for name in spellings if _script(name) == _script(written)]
    if same_script:
        best = max(fuzz.ratio(written, name) for name in same_script)
        return best if written[:1].isascii() else best - 8
    sound = " ".join(latin(word) for word in written.split())
    return max(fuzz.ratio(sound, " ".join(latin(word) for word in name.split())) for name in spellings)


def _script(word: str) -> str:
    """Latin, Devanagari or Gurmukhi, by the first letter."""
    return "latin" if word[:1].isascii() else "gurmukhi" if "\u0a00" <= word[:1] <= "\u0a7f" else "devanagari"


def _without_one(word: str) -> set[str]:
    return {word[:at] + word[at + 1 :] for at in range(len(word))}


@compiled
def _misspellings() -> dict[str, set[tuple[str, Place]]]:
    """Districts and chief towns by their name with one letter left out."""
    table: dict[str, set[tuple[str, Place]]] = {}
    for name, places in gazetteer().names.by_spelling.items():
        chief = [place for place in places if place.kind in CHIEF]
        if not chief or " " in name or len(name) < LEAST_FOR_EDIT or not name.isascii():
            continue
        for short in (name, *_without_one(name)):
            table.setdefault(short, set()).update((name, place) for place in chief)
    return table


@remembered(50_000)
def one_edit(word: str) -> tuple[Place, ...]:
    """The district or chief town one letter away from a Latin word of six letters or more."""
    if len(word) < LEAST_FOR_EDIT or not word.isascii() or word in gazetteer().everyday:
        return ()
    table = _misspellings()
    near = {hit for short in (word, *_without_one(word)) for hit in table.get(short, ())}
    close = {(name, place) for name, place in near if Levenshtein.distance(word, name) <= 1}
    districts = {place.district for _, place in close}
    return tuple(sorted((place for _, place in close), key=str))[:1] if len(districts) == 1 else ()
