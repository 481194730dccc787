"""Labels for learning: what citizens, officers and the CMO desk say of a complaint, from the desk to JSON lines."""

from __future__ import annotations

import sqlalchemy as sa

from handlers.case import Case
from handlers.effects import Label
from handlers.heard import DeskPlaced, OfficerBy, OfficerForwarded
from handlers.office_acts import hear_officer
from store import labels, tickets
from store.db import reading, writing
from store.vocabulary import Platform, Role, Status, Teller
from tests.core_office import NOW, case, ground
from tests.test_desk import Office


def _labels(found: tuple[object, ...]) -> list[Label]:
    return [effect for effect in found if isinstance(effect, Label)]


def _with_office() -> Case:
    return case(
        category="garbage",
        district="Hisar",
        department="ulb",
        status=Status.ASSIGNED,
        owner_post="ulb-nodal-hisar",
        turn=1,
    )


def test_an_officers_forward_is_a_label() -> None:
    by = OfficerBy(officer_id=1, name="An officer", post="ulb-nodal-hisar", role=Role.NODAL_OFFICER)
    decision = hear_officer(_with_office(), OfficerForwarded(by=by, department="phed"), NOW, ground())
    assert _labels(decision.effects) == [Label(told_by=Teller.OFFICER, department="phed")]


def test_what_the_cmo_desk_places_is_a_label() -> None:
    by = OfficerBy(officer_id=1, name="An officer", post="cmo-desk", role=Role.CMO_DESK)
    waiting = case(status=Status.TRIAGE)
    decision = hear_officer(waiting, DeskPlaced(by=by, category="sewer", district="Rohtak"), NOW, ground())
    assert _labels(decision.effects) == [Label(told_by=Teller.DESK, category="sewer", district="Rohtak")]


def _kept(engine: sa.Engine) -> list[tuple[str, str | None, str | None, str]]:
    with reading(engine) as conn:
        return [(row["told_by"], row["category"], row["district"], row["text"]) for row in labels.with_words(conn)]


def test_what_a_citizen_answers_is_kept_with_the_first_post(engine: sa.Engine) -> None:
    office = Office(engine)
    first = office.post("गली में कूड़े का ढेर लगा है", thread_id="t1")
    office.post("हिसार", thread_id="t1", message_id=f"{first}1")
    assert _kept(engine) == [("citizen", None, "Hisar", "गली में कूड़े का ढेर लगा है")]


def test_a_deleted_post_teaches_nothing(engine: sa.Engine) -> None:
    office = Office(engine)
    first = office.post("गली में कूड़े का ढेर लगा है", thread_id="t1")
    office.post("हिसार", thread_id="t1", message_id=f"{first}1")
    with writing(engine) as conn:
        tickets.withdraw_words(conn, Platform.X, first, office.now)
    assert _kept(engine) == []


def test_a_sensitive_ticket_teaches_nothing(engine: sa.Engine) -> None:
    office = Office(engine)
    first = office.post("ससुराल वाले दहेज के लिए मुझे मारते हैं", thread_id="t1")
    office.post("हिसार", thread_id="t1", message_id=f"{first}1")
    with reading(engine) as conn:
        assert conn.execute(sa.text("SELECT sensitivity FROM tickets")).scalars().all() == ["sensitive"]
    assert _kept(engine) == []
