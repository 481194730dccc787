"""Reading every table before the first post comes, so that a bad row stops the start and not the work.

Owns the list of what must be compiled. It must not know what a table means.
"""

from __future__ import annotations

from handlers.jurisdiction import in_charge
from handlers.understanding import read_answer, understand
from handlers.understanding.meaning import Asked
from handlers.understanding.taxonomy import taxonomy


def read_tables() -> None:
    """Compile the understanding's tables and the jurisdiction now; takes about a second.

    Raises:
        BadTable: the first row that cannot be used, by file and line.
    """
    understand("Ram Singh, Hisar sector 14, 9876543210: नमस्ते ਜੀ, water supply not coming, bijli nahi")
    read_answer("galat, bijli nahi, paani", asked=Asked.SATISFACTION)
    in_charge(taxonomy().categories["pothole"], "Hisar", rural=False)
