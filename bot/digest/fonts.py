"""The letters of the digest: Noto Sans and Noto Sans Devanagari, from their Python packages alone.

Owns where they lie. The system's fonts are never asked: a paper looks the same on every machine. There is no package of
Noto's Gurmukhi letters, so forms with pictures and pages speak Hindi, Hindi in Latin letters and English.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Final

FAMILIES: Final = {
    "Noto Sans": ("fontpkg_noto_sans", "fontpkg-noto-sans", "NotoSans[wdth,wght].ttf"),
    "Noto Sans Devanagari": (
        "fontpkg_noto_sans_devanagari",
        "fontpkg-noto-sans-devanagari",
        "NotoSansDevanagari[wdth,wght].ttf",
    ),
}
"""By family: the package as it is imported, as it is installed, and its file."""


class FontMissing(Exception):
    """A font is not there; the sentence says what to install."""


def font_files() -> dict[str, Path]:
    """Each family's file. Raises FontMissing."""
    return {family: _file(*where) for family, where in FAMILIES.items()}


def _file(module: str, package: str, name: str) -> Path:
    found = importlib.util.find_spec(module)
    folders = list(found.submodule_search_locations or ()) if found is not None else []
    for folder in folders:
        file = Path(folder) / "files" / name
        if file.is_file():
            return file
    raise FontMissing(f"The letters of {package} are missing; install SMGT with its requirements.lock again.")
