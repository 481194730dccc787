"""The places of Haryana and of other states, indexed by key.

Owns loading of handlers/data/haryana and of the place tables under data/. It must not know how a text is
read or scored. Pure after loading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache

from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from handlers.understanding.key import dictionary_keys, key, latin
from handlers.understanding.tables import csv_rows, tsv_rows
from handlers.understanding.taxonomy import PACKAGE, taxonomy
from handlers.understanding.text import normal

LEAST_FOR_EDIT = 6  # letters; shorter words are one edit from too many others

# Trust in a kind of place, in the order of data/haryana: a district before a town before an assembly seat.
TRUST: Mapping[str, float] = {
    "district": 1.0, "ulb": 0.97, "subdivision": 0.97, "tehsil": 0.97, "town": 0.95, "locality": 0.9,
    "sub_tehsil": 0.93, "block": 0.93, "assembly": 0.85, "post_office": 0.8, "village": 0.8, "outside": 1.0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """One named place. `district` is the English district name, or the state for places outside Haryana."""

    name: str
    kind: str
    district: str


@dataclass(slots=True)
class Names:
    """Places by the keys of their names; `surfaces` holds the spellings by which each key was filed."""

    by_keys: dict[tuple[str, ...], list[Place]] = field(default_factory=dict)
    surfaces: dict[tuple[str, ...], set[str]] = field(default_factory=dict)
    exact: dict[str, list[Place]] = field(default_factory=dict)
    longest: dict[str, int] = field(default_factory=dict)

    def add(self, name: str, place: Place) -> None:
        """File a place under one of its names, by every key of the name."""
        words = normal(name).lower().replace("-", " ").replace(".", " ").split()
        if not words:
            return
        spellings: list[tuple[str, ...]] = [()]
        same = self.exact.setdefault(" ".join(words), [])
        if place not in same:
            same.append(place)
        for word in words:
            spellings = [(*head, sounding) for head in spellings for sounding in dictionary_keys(word)][:4]
        for keys in spellings:
            filed = self.by_keys.setdefault(keys, [])
            if place not in filed:
                filed.append(place)
            self.surfaces.setdefault(keys, set()).add(" ".join(words))
            self.longest[keys[0]] = max(self.longest.get(keys[0], 0), len(keys))


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """Everything the reading of places looks up."""

    places: Names
    villages: Names
    outside: Names
    pincodes: Mapping[str, str]
    std_codes: Mapping[str, str]
    common_words: Mapping[tuple[str, ...], str]  # to the cue each needs: any | town | strong
    never: frozenset[str]
    shared: Mapping[tuple[str, ...], str]


def _pincodes() -> dict[str, str]:
    shares: dict[str, tuple[float, str]] = {}
    for _, row in csv_rows(PACKAGE, "haryana/pincode_district.csv", ("pincode", "district", "share")):
        best = shares.get(row["pincode"], (0.0, ""))
        shares[row["pincode"]] = max(best, (float(row["share"]), row["district"]))
    return {pincode: district for pincode, (share, district) in shares.items() if share >= 0.8}


def _fill_districts(places: Names) -> None:
    for district in taxonomy().districts.values():
        place = Place(district.name_en, "district", district.name_en)
        for name in (district.name_en, district.name_hi, district.name_pa, *district.alt_names):
            places.add(name, place)


def _keys_of(name: str) -> tuple[str, ...]:
    return tuple(key(word) for word in normal(name).lower().split())


@cache
def gazetteer() -> Gazetteer:
    """The packaged places, read and indexed once."""
    places, villages, outside = Names(), Names(), Names()
    _fill_districts(places)
    not_names = {normal(cells[0]).lower() for _, cells in tsv_rows("not_place_names.tsv", 2)}
    for _, row in csv_rows(PACKAGE, "haryana/places.csv", ("name_en", "name_hi", "kind", "district", "alt_names")):
        place = Place(row["name_en"], row["kind"], row["district"])
        target = villages if row["kind"] == "village" else places
        for name in (row["name_en"], row["name_hi"], *row["alt_names"].split("|")):
            if name and normal(name).lower() not in not_names:
                target.add(name, place)
    for _, (names, kind, district, _) in tsv_rows("localities.tsv", 4):
        for name in names.split("|"):
            places.add(name.strip(), Place(names.split("|")[0].strip(), kind, district))
    for _, (state, names) in tsv_rows("outside.tsv", 2):
        for name in names.split("|"):
            outside.add(name.strip(), Place(name.strip(), "outside", state))
    never = frozenset(normal(cells[0]).lower() for _, cells in tsv_rows("never_places.tsv", 2))
    common = {_keys_of(name): cue for _, (name, _, cue) in tsv_rows("place_words.tsv", 3)}
    shared = {
        _keys_of(name): state for _, (names, state) in tsv_rows("shared_names.tsv", 2) for name in names.split("|")
    }
    std_codes = {
        row["std_code"]: row["district"]
        for _, row in csv_rows(PACKAGE, "haryana/std_codes.csv", ("std_code", "district"))
        if row["std_code"] != "0172"  # shared with Chandigarh and Mohali
    }
    return Gazetteer(places, villages, outside, _pincodes(), std_codes, common, never, shared)


@lru_cache(maxsize=50_000)
def surface_fits(written: str, spellings: frozenset[str]) -> bool:
    """Whether a word found by key also looks like one of the place's spellings.

    The key alone would take मोहल्ले for Mohali. Ratios 62 (Latin) and 70 (Devanagari) were measured.
    """
    same_script = [name for name in spellings if name[:1].isascii() == written[:1].isascii()]
    if same_script:
        least = 62 if written[:1].isascii() else 70
        return any(fuzz.ratio(written, name) >= least for name in same_script)
    sound = " ".join(latin(word) for word in written.split())
    return any(fuzz.ratio(sound, " ".join(latin(word) for word in name.split())) >= 62 for name in spellings)


def _without_one(word: str) -> set[str]:
    return {word[:at] + word[at + 1 :] for at in range(len(word))}


@cache
def _misspellings() -> dict[str, set[tuple[str, Place]]]:
    """Districts and chief towns by their name with one letter left out."""
    table: dict[str, set[tuple[str, Place]]] = {}
    for name, places in gazetteer().places.exact.items():
        chief = [place for place in places if place.kind in ("district", "ulb", "tehsil")]
        if not chief or " " in name or len(name) < LEAST_FOR_EDIT or not name.isascii():
            continue
        for short in (name, *_without_one(name)):
            table.setdefault(short, set()).update((name, place) for place in chief)
    return table


@lru_cache(maxsize=50_000)
def one_edit(word: str, towns: bool) -> tuple[Place, ...]:
    """The district one letter away from a Latin word of six letters or more, with `towns` also a chief town."""
    if len(word) < LEAST_FOR_EDIT or not word.isascii() or (key(word),) in gazetteer().common_words:
        return ()
    table = _misspellings()
    near = {hit for short in (word, *_without_one(word)) for hit in table.get(short, ())}
    close = {
        (name, place)
        for name, place in near
        if (towns or place.kind == "district") and Levenshtein.distance(word, name) <= 1
    }
    districts = {place.district for _, place in close}
    return tuple(sorted((place for _, place in close), key=str))[:1] if len(districts) == 1 else ()
