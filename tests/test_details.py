"""Personal details for the officer who accepted, alone and for a while; and what a group may read, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from core_office import case
from officers_stage import CMO, HISAR, Office, labels, token

from handlers.desk.details import SHOWN_FOR
from handlers.desk.notices import for_chat, in_groups
from handlers.facts import Facts
from handlers.understanding.taxonomy import taxonomy
from store.db import reading
from store.outbound import Outgoing
from store.payloads import outgoing_from_json
from store.tables import events, outbox, tickets
from store.vocabulary import InGroups, OutgoingAct, Sensitivity

PHONE = "98120 12345"


@pytest.fixture
def office(engine: sa.Engine) -> Office:
    office = Office(engine)
    office.complain("Hisar", words=f"me 3 din se pani nahi aa raha, mera number {PHONE}")
    return office


def asked(office: Office, who: str = "Nodal Hisar") -> list[Outgoing]:
    choices, _ = office.press(who, HISAR, token(office.notice(), "More..."))
    return office.press(who, HISAR, token(choices, "Personal details"))


def accepted(office: Office) -> None:
    office.press("Nodal Hisar", HISAR, token(office.notice(), "Accept"))


def test_who_accepted_reads_them_alone_with_a_reason_and_they_go_away(office: Office) -> None:
    assert PHONE not in office.notice().text
    accepted(office)
    prompt, toast = asked(office)
    assert prompt.thread_id == office.users["Nodal Hisar"], "never in the group"
    assert prompt.force_reply
    assert toast.text == "Please see our private chat."
    answers = office.reply("Nodal Hisar", "private", prompt, "to ring him about the valve")
    shown, gone = answers
    assert PHONE in shown.text
    assert shown.thread_id == gone.thread_id == office.users["Nodal Hisar"]
    assert gone.act is OutgoingAct.DELETE
    with reading(office.engine) as conn:
        row = conn.execute(sa.select(outbox).where(outbox.c.step_id.like("%:expired"))).one()
        assert row.next_attempt_at - office.now == SHOWN_FOR
        assert conn.execute(sa.select(events.c.officer_id).where(events.c.kind == "details_shown")).scalar_one()
        kept = conn.execute(sa.select(outbox.c.account_id).where(outbox.c.template == "details")).scalars().all()
    assert None not in kept, "an erasure finds them"


def test_not_before_accepting(office: Office) -> None:
    choices, _ = office.press("Nodal Hisar", HISAR, token(office.notice(), "More..."))
    assert "Personal details" not in labels(choices)
    accepted(office)
    prompt, _ = asked(office)
    office.now += timedelta(hours=1)
    where, _ = office.press("Nodal Hisar", HISAR, token(office.notice(), "Forward"))
    office.press("Nodal Hisar", HISAR, token(where, "PWD (B&R)"))
    (answer,) = office.reply("Nodal Hisar", "private", prompt, "to ring him about the valve")
    assert PHONE not in answer.text


def test_a_reason_is_needed(office: Office) -> None:
    accepted(office)
    prompt, _ = asked(office)
    (answer,) = office.reply("Nodal Hisar", "private", prompt, "ok")
    assert PHONE not in answer.text
    with reading(office.engine) as conn:
        assert "details_shown" not in conn.scalars(sa.select(events.c.kind)).all()


def test_nobody_else_reads_them(office: Office) -> None:
    accepted(office)
    prompt, _ = asked(office)
    for who in ("Nodal Karnal", "Viewer", "Field Hisar"):
        answers = office.reply(who, "private", prompt, "to ring him about the valve")
        assert not any(PHONE in one.text for one in answers)
        assert labels_of_pressing(office, who) == []


def labels_of_pressing(office: Office, who: str) -> list[str]:
    return [label for one in office.press(who, HISAR, token(office.notice(), "More...")) for label in labels(one)]


# -- what a group reads --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("category", sorted(taxonomy().categories))
def test_no_category_shows_a_group_more_than_its_sensitivity_allows(category: str) -> None:
    kind = taxonomy().categories[category]
    shown = in_groups(case(category=category, sensitivity=kind.sensitivity))
    match kind.sensitivity:
        case Sensitivity.SENSITIVE:
            assert shown is InGroups.NUMBER
        case Sensitivity.RESTRICTED:
            assert shown is InGroups.SUMMARY
    told = Facts(number="N", words="secret", citizen="Ram", category=category, locality="Adarsh Nagar", notes=("note",))
    group, cmo, alone = (for_chat(told, case(category=category, sensitivity=kind.sensitivity), chat, at_cmo=at_cmo)
                         for chat, at_cmo in ((HISAR, False), (CMO, True), ("5001", False)))  # fmt: skip
    assert (group.words is None) is (shown is not InGroups.FULL)
    assert (group.citizen is None) is (shown is not InGroups.FULL)
    assert (group.locality is None) is (shown is InGroups.NUMBER)
    assert (cmo.words is None) is (shown is InGroups.NUMBER)
    assert alone == told


def test_a_group_reads_matter_and_place_of_what_is_dangerous_to_tell(engine: sa.Engine) -> None:
    office = Office(engine)
    office.complain("Hisar", words="Adarsh Nagar me khule aam avaidh sharab bik rahi hai, theka bina licence")
    with reading(engine) as conn:
        category = conn.execute(sa.select(tickets.c.category)).scalar_one()
        notices = conn.scalars(sa.select(outbox.c.payload).where(outbox.c.template == "notice")).all()
    assert category == "liquor"
    assert all("bik rahi hai" not in outgoing_from_json(one).text or one_is_private(one) for one in notices)


def one_is_private(payload: str) -> bool:
    chat = outgoing_from_json(payload).thread_id
    return not chat.startswith("-") or chat == CMO
