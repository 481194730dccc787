"""A district or category put right by the citizen: which case it makes, and where that goes.

Pure. Owns what counts as a correction once a ticket exists. Reading the words is the understanding's (correction.py there).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from handlers.case import Case
from handlers.effects import Audience, Decision, Effect, Label, Notify, Record, RefreshNotice
from handlers.facts import Facts
from handlers.ground import Ground
from handlers.handing import hand, kept_sensitivity, rehand
from handlers.heard import CitizenWrote
from handlers.jurisdiction import in_charge
from handlers.replies import office_facts, said
from handlers.routing import first_level
from store.vocabulary import Kind, Sensitivity, Teller


def corrected(case: Case, heard: CitizenWrote, ground: Ground) -> Case | None:
    """The case with a corrected district or a finer category, or None when nothing is corrected.

    Another category of the same office is taken as the same matter told better; another office's matter is a second
    complaint and never lands here (see finding.py).
    """
    answer, u = heard.answer, heard.understanding
    district = answer.district or u.district
    if answer.wants.correction and district and district != case.district:
        return replace(case, district=district, locality=answer.locality or u.locality)
    category = answer.category or u.category
    known = ground.taxonomy.categories.get(category or "")
    if known is None or category == case.category or case.category is None or not case.with_office:
        return None
    if (
        answer.wants.correction
        or in_charge(known, case.district, case.rural, case.agency).department == case.department
    ):
        finer = u.kind in (Kind.GRIEVANCE, Kind.EMERGENCY) and u.confidence >= 0.5
        return replace(case, category=category) if finer or answer.wants.correction else None
    return None


def recorrect(case: Case, changed: Case, now: datetime, ground: Ground) -> Decision:
    """Route again after a correction; the old office is told and its buttons die."""
    was = Record(
        kind="corrected",
        codes=(("from_district", case.district or ""), ("from_category", case.category or "")),
    )
    moved = Notify(
        audience=Audience.OWNER,
        template="forwarded_notice",
        facts=Facts(reason="corrected"),
        step=f"moved:{case.turn}",
        quiet=True,
    )
    label = Label(
        told_by=Teller.CITIZEN,
        category=changed.category if changed.category != case.category else None,
        district=changed.district if changed.district != case.district else None,
    )
    same_office = _stays(case, changed, ground)
    handed, effects = (rehand if same_office else hand)(changed, now, ground, kind="rerouted")
    before: tuple[Effect, ...] = (was, label) if same_office else (was, label, RefreshNotice())
    if not same_office and handed.owner_post != case.owner_post and handed.sensitivity is Sensitivity.NORMAL:
        before += (moved,)  # an office complained of is not told where the complaint went
    return said(handed, "corrected", "answered:corrected", *before, *effects, facts=office_facts(handed))


def _stays(case: Case, changed: Case, ground: Ground) -> bool:
    """Does the corrected ticket belong to the very chair that has it?"""
    kind = ground.taxonomy.categories[changed.category or "other"]
    owner = ground.directory.posts.get(case.owner_post or "")
    department = in_charge(kind, changed.district, changed.rural, changed.agency).department
    if case.district != changed.district or owner is None or department != case.department:
        return False
    sensitivity = kept_sensitivity(changed, kind.sensitivity)
    return sensitivity is case.sensitivity and owner.level >= first_level(kind, department, sensitivity)
