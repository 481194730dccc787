"""Every role by every act by every state, from a table that a person can read (tables/acts.txt)."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from officers_stage import CMO, HISAR, MAGISTRATE, Office

from handlers.case import Errand
from handlers.effects import OF_NO_TICKET, Act
from store.db import open_engine, reading, writing
from store.inbound import DeskUpdate
from store.tables import buttons, drafts, events, inbox, officers, outbox, satisfaction, tickets, undos
from store.vocabulary import DeskVerb, ErrandKind, OutgoingAct, Status

TABLE = Path(__file__).parent / "tables" / "acts.txt"
PEOPLE = {
    "own": "Nodal Hisar", "head": "Head", "magistrate": "Magistrate", "cmo": "Clerk", "foreign": "Nodal Karnal",
    "former": "Nodal PWD", "field": "Field Hisar", "other": "Police Head", "viewer": "Viewer", "stranger": None,
    "anonymous": None,
}  # fmt: skip
NOBODYS = ("collecting", "triage")  # states in which no office has the ticket
Row = dict[str, Any]


def tables() -> dict[str, dict[str, dict[str, bool]]]:
    """`who` and `when`: act -> column -> may it be done."""
    found: dict[str, dict[str, dict[str, bool]]] = {}
    heads: list[str] = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        cells = line.split()
        if not cells or line.startswith("#"):
            continue
        if cells[0] in ("who", "when"):
            name, *heads = cells
            here = found.setdefault(name, {})
            continue
        act, *marks = cells
        assert len(marks) == len(heads), f"the line of {act} under {name} has {len(marks)} cells, not {len(heads)}"
        here[act] = {head: {"y": True, ".": False}[mark] for head, mark in zip(heads, marks, strict=True)}
    return found


WHO, WHEN = tables()["who"], tables()["when"]


def test_the_table_names_every_role_act_and_state() -> None:
    # of lists, of reports, of the minute after an act, of incidents, of objections, of no ticket
    elsewhere = {Act.UNDO, Act.SHOW, Act.NOT_DONE, Act.SAYS, Act.SPLIT, Act.SPLIT_OFF, Act.UPHOLD, *OF_NO_TICKET}
    assert set(WHO) == set(WHEN) == {act.value for act in Act} - {one.value for one in elsewhere}
    assert {role for row in WHO.values() for role in row} == set(PEOPLE)
    assert {state for row in WHEN.values() for state in row} == {one.value for one in Status} - {"merged"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite_file: Path) -> Iterator[tuple[Office, Row]]:
    """An office with one ticket that has been elsewhere before, and the ticket's row."""
    file = tmp_path_factory.mktemp("acts") / "smgt.db"
    shutil.copyfile(migrated_sqlite_file, file)
    engine = open_engine(f"sqlite:///{file}")
    office = Office(engine, MAGISTRATE)
    office.complain("Hisar")
    errands = (
        Errand(kind=ErrandKind.MARK, post="phed-field", asked_by="phed-hisar", asked_at=office.now),
        Errand(kind=ErrandKind.HELP, post="pwd-hisar", asked_by="phed-hisar", asked_at=office.now, due_at=office.now),
    )
    with writing(engine) as conn:
        conn.execute(tickets.update().values(turn=3, forward_count=0, errands=msgspec.json.encode(errands).decode()))
    with reading(engine) as conn:
        row = dict(conn.execute(sa.select(tickets)).mappings().one())
    yield office, row
    engine.dispose()


def in_state(office: Office, row: Row, state: str, act: str) -> Row:
    """The ticket's row as it is in that state; for the act that ends a plan, with one."""
    changed = {**row, "status": state}
    if state in ("accepted", "disposed", "closed"):
        changed["accepted_at"] = office.now
    if state in ("disposed", "closed"):
        changed |= {"disposed_at": office.now, "disposal_count": 1, "disposal": "done"}
    if state in ("closed", "rejected", "withdrawn"):
        changed["ended_at"] = office.now
    if state == "closed":
        changed["outcome"] = "no_answer"
    if state not in ("assigned", "accepted"):
        changed["errands"] = ""
    if state in NOBODYS:
        changed |= {"owner_post": None, "department": None, "due_at": None, "assigned_at": None}
    if act == "bring_back" and state in ("assigned", "accepted"):
        changed |= {"planned_until_at": office.now.replace(month=12), "paused_at": office.now, "planned_turn": 3}
    return changed


def argument(conn: sa.Connection, office: Office, row: Row, act: str) -> str:
    match act:
        case "forward_to" | "help_of":
            return "pwd"
        case "mark_to":
            return "phed-field"
        case "reject_for":
            return "court_matter"
        case "open_keys":
            return "districts"
        case "set_category":
            return "garbage"
        case "set_district":
            return "Karnal"
        case "grant" | "refuse_time":
            return f"5|{int(row['due_at'].timestamp()) if row['due_at'] else ''}"
        case "bring_back":
            return str(int(office.now.replace(month=12).timestamp()))
        case "confirm" | "cancel":
            who = conn.execute(sa.select(officers.c.id).where(officers.c.name == "Nodal Hisar")).scalar_one()
            kept = {
                "ticket_id": row["id"],
                "officer_id": who,
                "text": "The pump was repaired today.",
                "post": "phed-hisar",
            }
            made = drafts.insert().values(**kept, disposal="done", created_at=office.now).returning(drafts.c.id)
            return str(conn.execute(made).scalar_one())
    return ""


def pressed(office: Office, row: Row, role: str, act: str) -> tuple[str, bool, list[OutgoingAct]]:
    """How the press ended, whether the ticket and its history stayed as they were, and the ways it was answered."""
    token = secrets.token_urlsafe(9)
    with writing(office.engine) as conn:
        conn.execute(tickets.update().values(**row))
        made = {"token": token, "ticket_id": row["id"], "act": act, "cycle": str(row["turn"]), "created_at": office.now}
        conn.execute(buttons.insert().values(**made, argument=argument(conn, office, row, act)))
    before = state_of(office)
    who = PEOPLE[role]
    chat = CMO if role in ("cmo", "viewer") else HISAR
    update = office._update(who, chat, DeskVerb.PRESSED, press_id=f"p{token}", press_data=token, message_id="9")
    if role == "anonymous":
        update = replace_author(update)
    answers = office._answers(update)
    with reading(office.engine) as conn:
        result = conn.execute(sa.select(inbox.c.result).order_by(inbox.c.id.desc()).limit(1)).scalar_one()
    return result, state_of(office) == before, [one.act for one in answers]


def replace_author(update: DeskUpdate) -> DeskUpdate:
    """The same press by an administrator who hides their name."""
    return replace(update, author=None, anonymous=True)


def state_of(office: Office) -> tuple[Any, ...]:
    with reading(office.engine) as conn:
        ticket = conn.execute(sa.select(tickets)).one()
        count = conn.execute(sa.select(sa.func.count()).select_from(events)).scalar_one()
        asked = conn.execute(sa.select(sa.func.count()).select_from(satisfaction)).scalar_one()
        return ticket, count, asked


@pytest.mark.parametrize("state", sorted({state for row in WHEN.values() for state in row}))
@pytest.mark.parametrize("act", sorted(WHO))
def test_the_table_holds(stage: tuple[Office, Row], act: str, state: str) -> None:
    office, row = stage
    for role in PEOPLE:
        may = WHO[act][role] and WHEN[act][state] and (state not in NOBODYS or role == "cmo")
        if act == "mark_to":
            row = {**row, "errands": ""}  # they cannot be sent twice
        result, unchanged, answered = pressed(office, in_state(office, row, state, act), role, act)
        clear(office)
        told = f"{role} presses {act} while it is {state}: {result}"
        assert result.startswith("refused:") is not may, told
        if not may:
            assert unchanged, told
            assert answered == [OutgoingAct.ANSWER_PRESS], told


def clear(office: Office) -> None:
    """What one press left behind must not speak in the next."""
    with writing(office.engine) as conn:
        for table in (undos, satisfaction, drafts, buttons, outbox):
            conn.execute(sa.delete(table))
