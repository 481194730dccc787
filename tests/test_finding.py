"""Which ticket a message is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from core_office import NOW, case, ground, wrote

from handlers.case import Case
from handlers.finding import Finding, Found, Hint, NewMatter, Repeat, Several, find_conversation, overlap
from handlers.understanding import understand
from store.vocabulary import Awaiting, Outcome, Status

GROUND = ground()
GARBAGE = case(
    id=1,
    category="garbage",
    district="Rohtak",
    department="ulb",
    owner_post="ulb-nodal-rohtak",
    status=Status.ASSIGNED,
    turn=1,
    keys=understand("Rohtak me 5 din se kachra nahi utha").keys,
)
SEWER = replace(GARBAGE, id=2, number="HRY26-000002-3", category="sewer", department="phed", opened_at=NOW)
ELSEWHERE = "t9"


def find(
    text: str,
    *tickets: Case,
    account: int | None = 7,
    thread: str = "t1",
    replied: int | None = None,
    after: timedelta = timedelta(0),
) -> Finding:
    heard = wrote(text)
    own = [ticket for ticket in tickets if ticket.account_id == account]
    return find_conversation(
        Hint(account_id=account, thread_id=thread, replied_ticket=replied, occurred_at=NOW + after),
        heard.understanding,
        heard.answer,
        sorted(own, key=lambda ticket: ticket.opened_at, reverse=True),
        [ticket for ticket in tickets if ticket.thread_id == thread],
        {ticket.number: ticket for ticket in tickets},
        NOW + after,
        GROUND,
    )


def test_first_the_message_it_replies_to() -> None:
    assert find("haan", GARBAGE, SEWER, replied=1) == Found(GARBAGE, own=True)
    assert find(f"{SEWER.number} haan", GARBAGE, SEWER, replied=1) == Found(GARBAGE, own=True)


def test_then_the_number_in_the_text_whoever_writes_it() -> None:
    assert find(f"{SEWER.number} ka kya hua", GARBAGE, SEWER, thread=ELSEWHERE) == Found(SEWER, own=True)
    assert find("what is the status of hry26 000002 3", SEWER, account=8, thread=ELSEWHERE) == Found(SEWER, own=False)


def test_then_the_only_open_one_in_the_thread() -> None:
    closed = replace(SEWER, status=Status.CLOSED, outcome=Outcome.SATISFIED, ended_at=NOW)
    assert find("update?", GARBAGE, closed) == Found(GARBAGE, own=True)


@pytest.mark.parametrize("bare", ["haan", "nahi", "1", "2", "yes", "ठीक है"])
def test_of_several_a_bare_word_chooses_none(bare: str) -> None:
    assert isinstance(find(bare, GARBAGE, SEWER), Several)


def test_of_several_the_matter_chooses() -> None:
    assert find("gutter ka pani bhara hai rohtak", GARBAGE, SEWER) == Found(SEWER, own=True)


def test_another_offices_matter_in_the_thread_is_a_second_ticket() -> None:
    assert find("bijli ka transformer jal gaya, andhera hai", GARBAGE) == NewMatter(linked=GARBAGE)


def test_while_we_ask_every_word_is_an_answer() -> None:
    asked = replace(GARBAGE, awaiting=Awaiting.DETAILS, status=Status.COLLECTING, district=None)
    assert find("bijli ka transformer jal gaya", asked) == Found(asked, own=True)


def test_and_besides_opens_a_second_ticket_of_the_same_office() -> None:
    found = find("aur haan hamari gali ki street light bhi band hai", GARBAGE)
    assert found == NewMatter(linked=GARBAGE)


def test_the_same_matter_elsewhere_is_a_repeat() -> None:
    assert find("rohtak me kachra nahi uth raha", GARBAGE, thread=ELSEWHERE) == Repeat(GARBAGE)


@pytest.mark.parametrize("status", [Status.WITHDRAWN, Status.REJECTED, Status.MERGED])
def test_what_was_given_up_is_not_repeated(status: Status) -> None:
    over = replace(GARBAGE, status=status, ended_at=NOW)
    assert find("Rohtak me 5 din se kachra nahi utha", over, thread=ELSEWHERE) == NewMatter()


@pytest.mark.parametrize(("days", "kind"), [(29, Repeat), (31, NewMatter)])
def test_the_window_of_a_closed_ticket(days: int, kind: type[Any]) -> None:
    closed = replace(GARBAGE, status=Status.CLOSED, ended_at=NOW)
    found = find("Rohtak me 5 din se kachra nahi utha", closed, thread=ELSEWHERE, after=timedelta(days=days))
    assert isinstance(found, kind)


@pytest.mark.parametrize(("outcome", "kind"), [(Outcome.NO_ANSWER, Repeat), (Outcome.SATISFIED, NewMatter)])
def test_after_a_yes_other_words_are_a_new_trouble(outcome: Outcome, kind: type[Any]) -> None:
    closed = replace(GARBAGE, status=Status.CLOSED, ended_at=NOW, outcome=outcome)
    assert isinstance(find("rohtak me safai wala koode ke dher uthane nahi aata", closed, thread=ELSEWHERE), kind)


def test_another_district_is_another_complaint() -> None:
    assert find("Hisar me kachra nahi uth raha", GARBAGE, thread=ELSEWHERE) == NewMatter()


def test_somebody_elses_same_complaint_is_their_own() -> None:
    assert find("rohtak me kachra nahi uth raha", GARBAGE, account=8, thread=ELSEWHERE) == NewMatter()


def test_a_stranger_in_the_thread() -> None:
    assert find("same here", GARBAGE, account=8) == Found(GARBAGE, own=False)
    assert find("hisar me bijli nahi hai 4 din se", GARBAGE, account=8) == NewMatter(linked=GARBAGE)


def test_under_a_hidden_author_nobody_is_a_stranger() -> None:
    hidden = replace(GARBAGE, hidden_author=True, account_id=None)
    assert find("rohtak, sector 2", hidden, account=8) == Found(hidden, own=True)


def test_a_slip_in_a_number_chooses_no_ticket() -> None:
    assert find("HRY26-000001-5 ka status", GARBAGE, thread=ELSEWHERE) == NewMatter()


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [({"a", "b"}, {"b", "c", "d"}, 0.5), ({"a"}, {"a", "b"}, 1.0), (set(), {"a"}, 0.0), ({"a"}, {"b"}, 0.0)],
)
def test_overlap_is_the_smaller_sets_share(one: set[str], other: set[str], share: float) -> None:
    assert overlap(frozenset(one), frozenset(other)) == share
