"""What a decision stands on besides the ticket: the office's policy, the directory, the taxonomy.

Pure. Built once per batch by the desk.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from handlers.policy import Policy
from handlers.understanding.taxonomy import Taxonomy, taxonomy
from store.people import Directory, Standstill


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The rules and the directory of this moment."""

    policy: Policy
    directory: Directory
    standstills: tuple[Standstill, ...] = ()  # those in force
    taxonomy: Taxonomy = field(default_factory=taxonomy)
