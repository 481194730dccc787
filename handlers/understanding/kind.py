"""What a post is: an emergency first and never gated, then a grievance against the rest, tuned for recall.

Owns the kind, how grave it is, for whom it is written, and the body outside our remit that is named. It must not know
categories' names for people. Pure.
"""

from __future__ import annotations

from handlers.understanding.learned import Learned
from handlers.understanding.signs import Signs
from handlers.understanding.thresholds import threshold
from store.vocabulary import Kind

# A joke, a slogan or an insult may have a complaint inside; so may thanks beside words that complain.
_MAY_HIDE_A_MATTER = frozenset({Kind.CHATTER, Kind.POLITICAL, Kind.ABUSE})
FEW = 6  # words below which a text is likelier an answer or a plea than a report
# Matters in which somebody may be in danger now.
DANGEROUS = frozenset(
    {
        *("power_fault", "fire_safety", "hospital", "canal", "drugs", "missing_person", "crime"),
        *("women_safety", "child_safety", "couple_protection", "caste_atrocity"),
    }
)
_BODIES = ("rail", "bank", "highway", "consumer", "central", "legal_aid")


def body(found: Signs) -> str | None:
    """Code of the body outside our remit that the text is most about, if any."""
    named = [(found[f"bodies_{name}"], name) for name in _BODIES if found[f"bodies_{name}"]]
    return max(named)[1] if named else None


def is_self_harm(learned: Learned) -> bool:
    """Whether somebody speaks of ending their life."""
    return learned.graves["self_harm"] >= threshold("self-harm")


def is_grave(learned: Learned) -> bool:
    """A death, an assault, a threat to one's own life: told so that a form would hurt."""
    return 1.0 - learned.graves["none"] - learned.graves["self_harm"] >= threshold("grave")


def for_whom(learned: Learned) -> str | None:
    """For whom somebody complains, where it is plain: self, family, neighbour, deceased, group."""
    best = max(learned.whom, key=lambda name: learned.whom[name])
    return best if learned.whom[best] >= threshold("for whom") else None


def _is_emergency(learned: Learned, words: int) -> bool:
    """Pleas and dense traffic sound like a cry for help; a less sure one must tell something dangerous or grave."""
    share = learned.kinds[Kind.EMERGENCY]
    if share < threshold("emergency"):
        return False
    danger = sum(learned.categories[code] for code in DANGEROUS)
    grave = 1.0 - learned.graves["none"]
    bare = threshold("emergency, bare" if words >= FEW else "emergency, few words")
    return share >= bare or max(danger, grave) >= threshold("emergency's danger")


def kind_of(learned: Learned, found: Signs, words: int) -> Kind:
    """Kind of a text; `words` are those beside the names of places.

    An uncertain text is a grievance: people look at it, it never goes to the bin.
    """
    kinds = learned.kinds
    if _is_emergency(learned, words) or is_self_harm(learned):
        return Kind.EMERGENCY
    others = {kind: share for kind, share in kinds.items() if kind not in (Kind.EMERGENCY, Kind.GRIEVANCE)}
    best = max(others, key=lambda kind: others[kind])
    if kinds[Kind.GRIEVANCE] >= threshold("grievance") or others[best] < threshold("another kind"):
        return Kind.GRIEVANCE
    inside = best in _MAY_HIDE_A_MATTER or (best == Kind.PRAISE and found["complaint"] > 0)
    if inside and learned.no_matter < threshold("matter inside"):
        return Kind.GRIEVANCE
    return Kind(best)
