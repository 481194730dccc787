"""Every word that leaves the system: golden texts in four languages, and what no text may ever do.

Run with SMGT_UPDATE_GOLDENS=1 to write the golden files anew, then read the difference aloud.
"""

from __future__ import annotations

import ast
import itertools
import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import get_args

import pytest
from jinja2 import Environment, meta

from handlers.desk import crowds
from handlers.facts import Facts, ListedTicket, PhotoDoubt, ReviewedPost
from handlers.length import weighted_length
from handlers.render import (
    TEMPLATES,
    Audience,
    MissingFact,
    RenderError,
    TextTooLong,
    UnknownTemplate,
    render,
    render_result_within,
)
from handlers.triage import matters_of
from handlers.understanding.taxonomy import taxonomy
from store import closed_chats
from store.people import Standstill
from store.vocabulary import Disposal, Language, Platform, Sensitivity, Status

GOLDEN = Path(__file__).parent / "golden"
LANGUAGES = tuple(Language)
DUE = datetime(2026, 11, 26, 11, 30, tzinfo=UTC)  # 5 pm in Haryana
LONG_NUMBER = "HRY26-1234567-8"
REASONS = (
    "not_a_grievance", "personal_dispute", "court_matter", "rti", "service_rule", "no_details", "other_government",
)  # fmt: skip
ASKS = ("district", "category", "district+category")
TOLD = (
    "accepted", "already_accepted", "asked", "forwarded", "disposed", "cancelled", "not_your_ticket", "not_linked",
    "anonymous", "closed_ticket", "old_button", "unknown_button", "empty_text", "text_too_long", "same_department",
    "no_such_department", "photo_needed", "not_askable", "write_reply", "rejected", "set", "saved", "reopened",
    "private_first", "senior_needed", "not_yours_yet", "invite_expired", "invite_used", "invite_unknown",
    "number_unknown", "number_wrong", "photo_too_large", "no_text", "sticker", "not_here", "edited_after_sending",
    "understood_nothing", "photo_of_site", "cite_rule", "cite_case", "promise", "sent_up", "time_asked", "time_granted",
    "time_refused", "days_missing", "reason_missing", "senior_needed_for_time", "shown", "find_what", "find_shorter",
    "find_personal", "caption_missing", "not_a_photo", "nothing_to_claim", "for_heads", "another_decides",
    "objection_decided", "upheld", "split_off", "photo_awaited", "photo_unreadable",
    "marked", "marked_already", "no_field_officer", "help_asked", "help_answered", "helping_already",
    "enough_helpers", "nobody_there", "not_needed_any_more", "not_for_others", "planned", "planned_already",
    "not_to_be_planned", "day_missing", "brought_back", "noted", "field_reported", "undone", "undo_too_late", "not_your_act",
    "accept_first", "see_private", "pause_day", "pause_district", "pause_reason", "for_cmo_desk", "standstill_ordered",
    "standstill_called_off", "standstill_void", "standstill_begun", "standstill_over",
    "remark_sent", "remark_how", "remark_department", "remark_district", "remark_nobody", "remark_too_long", "remark_for_cmo",
    "remark_not_yours", "remark_answered", "remark_added", "remark_edited",
    "let_decide", "flood_ended", "press_again", "settled_already", "post_gone", "called_complaint",
    "scope_unknown", "for_cmo", "no_notice",
)  # fmt: skip
DONE_TO_MANY = ("accepted", "forwarded", "disposed", "time_granted", "time_refused", "planned", "brought_back")
BUTTONS = (
    "accept", "ask", "dispose", "forward", "confirm", "cancel", "reject", "not_ours", "triage_desk", "more",
    "next", "back", "not_done", "not_found", "not_eligible", "court_order", "policy", "other_body",
    "more_time", "grant", "refuse_time", "mark", "help", "plan", "bring_back", "note", "undo", "details",
    "stand_still", "call_off", "complaint", "end_all", "end_all_sure", "next_account",
    "split", "split_off", "claim", "uphold", "keys_root", "keys_matters", "keys_districts",
    *(f"keys_{group}" for group in matters_of()),
)  # fmt: skip

TYPICAL = Facts(
    number="HRY26-004821-6",
    closed_number="HRY26-004700-3",
    previous_number="HRY25-060001-2",
    numbers=("HRY26-004821-6", "HRY26-004900-8"),
    typed_number="hry26 004821 7",
    note=4821,
    ask="district+category",
    category="power_fault",
    district="Hisar",
    department="power",
    status=Status.ASSIGNED,
    due_at=DUE,
    opened_at=DUE - timedelta(days=2),
    disposed_at=DUE - timedelta(hours=3),
    closed_at=DUE,
    officer_words="Burnt transformer replaced today, supply is on.",
    question="Which lane is the transformer in, and near what?",
    reason="court_matter",
    helplines=("emergency", "power_danger"),
    referral="rail",
    outside="Punjab",
    undo_days=7,
    days=3,
    words="3 din se transformer jala pada hai",
    quoted="40 ghar andhere mein",
    citizen="Jagroop",
    platform=Platform.X,
    locality="Model Town",
    post="SDO, DHBVN Hisar",
    supervisor="Executive Engineer, DHBVN Hisar",
    officer="R. Lal",
    hours_left=30.0,
    percent=50,
    level=1,
    reopen_count=1,
    disposal_count=1,
    citizen_reads='HRY26-004821-6: the Power department, Hisar says: "Done."',
    planned_until=DUE,
    standstill_until=DUE,
    standstills=(
        Standstill(1, "Rohtak", None, "flood, roads are closed", DUE, DUE + timedelta(days=4)),
        Standstill(2, "*", "power", "strike", DUE, DUE + timedelta(days=2)),
    ),
    help_due_at=DUE,
    from_post="JE, PWD Hisar",
    answer_words="The road was cut by us on Monday.",
    marked_to="JE, DHBVN Hisar",
    helping=("JE, PWD Hisar",),
    earlier=(ListedTicket(number="HRY26-001200-5", status=Status.CLOSED, opened_at=DUE - timedelta(days=90)),),
    handle="jagroop_hsr",
    notes=("Spoke to the contractor",),
    why="not_ours",
    additions=("aaj bhi nahi aayi",),
    language=Language.HI_LATN,
    mapping=(("HRY26-004821-6", "Thu 26 Nov"),),
    listed=(
        ListedTicket(
            number="HRY26-004821-6",
            status=Status.ASSIGNED,
            category="power_fault",
            district="Hisar",
            locality="Model Town",
            opened_at=DUE - timedelta(days=4),
            hours_left=-50.0,
            urgent=True,
            reopen_count=1,
        ),
        ListedTicket(
            number="HRY26-004900-8",
            status=Status.ACCEPTED,
            district="Hisar",
            opened_at=DUE,
            paused=True,
        ),
        ListedTicket(number="HRY26-004911-5", status=Status.TRIAGE, category="garbage", opened_at=DUE),
        ListedTicket(number="HRY26-004912-4", status=Status.ASSIGNED, opened_at=DUE, hours_left=30.0, others=14),
    ),
    reviewed=(
        ReviewedPost(written_at=DUE, words="••••• sarkar, sadak toot gayi, ••••••••••", kind="abuse"),
        ReviewedPost(written_at=DUE, words="vote mat do, " * 40 + "sadak toot gayi", kind="political"),
        ReviewedPost(written_at=DUE, kind="abuse"),
        ReviewedPost(written_at=DUE, kind="spam", withheld=True),
    ),
    since_at=DUE - timedelta(hours=2),
    total=4,
    late_count=1,
    counts=(
        ("waiting", 1234),
        ("late", 5),
        ("reopened", 2),
        ("disposed", 310),
        ("satisfied", 200),
        ("not_satisfied", 40),
        ("unanswered", 70),
    ),
)


def _unknown(ask: str) -> dict[str, object]:
    """What is asked for is not known; a first complaint is linked to nothing."""
    unknown: dict[str, object] = dict.fromkeys(ask.split("+"))
    return {**unknown, "ask": ask, "previous_number": None}


Variants = tuple[tuple[str, Mapping[str, object]], ...]

VARIANTS: dict[str, Variants] = {
    "received_ask": (
        *((ask, _unknown(ask)) for ask in ASKS),
        ("linked", {**_unknown("district"), "previous_number": "HRY25-060001-2"}),
        ("choices", {**_unknown("district"), "district_choices": ("Hisar", "Panchkula")}),
        ("kinds", {**_unknown("category"), "category_choices": ("power_fault", "street_light")}),
        ("media", {**_unknown("category"), "has_media": True}),
        ("careful", {**_unknown("district+category"), "pii_seen": True, "tell_how_to_follow": True}),
    ),
    "received_routed": (
        ("plain", {}),
        ("no district", {"district": None}),
        ("careful", {"pii_seen": True, "tell_how_to_follow": True}),
        ("one other", {"others": 1}),
        ("others", {"others": 1414}),
    ),
    "routed": (("plain", {}), ("one other", {"others": 1}), ("others", {"others": 1414})),
    "set_apart": (("", {}), ("again", {"again": True, "said_at": DUE})),
    "closed_and_received": (("asked", {}), ("routed", {"ask": None}), ("desk", {"ask": None, "department": None})),
    "ask_again": (
        *((ask, {"ask": ask}) for ask in ASKS),
        ("choices", {"ask": "district", "district_choices": ("Hisar", "Panchkula")}),
    ),
    "remind_details": tuple((ask, {"ask": ask}) for ask in ASKS),
    "interim": (("soon", {}), ("late", {"late": True})),
    "result": (
        ("plain", {}),
        ("photo, again", {"photo_on_record": True, "disposal_count": 2}),
        *((one.value, {"disposal": one}) for one in Disposal),
    ),
    "remind_satisfaction": (("done", {}), ("other", {"disposal": Disposal.POLICY})),
    "closed_satisfied": (("done", {}), ("other", {"disposal": Disposal.POLICY})),
    "confirm_unclear": (("done", {}), ("other", {"disposal": Disposal.POLICY})),
    "time_answer": (("granted", {"why": "time_granted"}), ("refused", {"why": "time_refused"})),
    "preview": (
        ("public", {}),
        ("cut", {"cut": True}),
        ("for several", {"readers": 15}),
        ("not public", {"citizen_reads": None, "why": "not_public"}),
        ("promise", {"citizen_reads": None, "why": "promise"}),
        ("no photo", {"citizen_reads": None, "why": "photo_needed"}),
    ),
    "prompt_atr": (("plain", {}), ("photo", {"photo_needed": True})),
    "photo_doubts": (
        ("unreadable", {"why": "photo_unreadable"}),
        ("early", {"why": None, "photo_doubts": (PhotoDoubt(DUE, None),)}),
        ("far", {"why": None, "photo_doubts": (PhotoDoubt(None, 40, None, "Hansi"),)}),
        ("both", {"why": None, "photo_doubts": (PhotoDoubt(DUE, 130, "Model Town", "Hisar"),)}),
    ),
    "approval_notice": (
        ("public", {}),
        ("for several", {"readers": 15}),
        ("twice", {"reopen_count": 2}),
        ("sensitive", {"citizen_reads": None}),
    ),
    "reopened": (("told", {}), ("bare no", {"need_reason": True})),
    "status": (
        *((status.value, {"status": status}) for status in Status),
        ("late", {"late": True}),
        ("hidden office", {"department": None}),
    ),
    "addition": (("office", {}), ("desk", {"department": None})),
    "repeat": (("office", {}), ("disposed", {"status": Status.DISPOSED}), ("desk", {"department": None})),
    "stopped": (("ticket", {}), ("none", {"number": None})),
    "started": (("ticket", {}), ("none", {"number": None})),
    "outside": (("ticket", {}), ("none", {"number": None})),
    "withdrawal_undone": (("office", {}), ("desk", {"department": None})),
    "rejected": (
        *((reason, {"reason": reason, "may_object": True}) for reason in REASONS),
        ("objected before", {"reason": "rti"}),
        ("again", {"reason": "not_a_grievance", "again": True, "may_object": True, "said_at": DUE}),
    ),
    "emergency": (
        ("wire", {"helplines": ("emergency", "power_danger")}),
        ("fire", {"helplines": ("emergency", "fire")}),
        ("medical", {"helplines": ("emergency", "ambulance")}),
        ("woman", {"helplines": ("emergency", "women")}),
    ),
    "officer_question": (("", {}), ("again", {"again": True, "said_at": DUE})),
    "desk_words": (("", {}), ("again", {"again": True, "said_at": DUE})),
    "emergency_over": (("office", {}), ("desk", {"department": None})),
    "grave": (("plain", {"helplines": ("emergency",)}), ("woman", {"helplines": ("emergency", "women")})),
    "addition_notice": (
        ("withheld", {"why": None, "words": None, "words_withheld": True}),
        ("words", {"why": None}),
        ("media", {"why": None, "words": None, "has_media": True}),
    ),
    "answer_notice": (
        ("withheld", {"why": None, "words": None, "words_withheld": True}),
        ("words", {"why": None}),
        ("silence", {"why": "no_answer", "words": None}),
    ),
    "details": (("named", {}), ("hidden", {"keep_name_hidden": True}), ("gone", {"words": None})),
    **dict.fromkeys(
        ("standstill_proposed", "standstill_began", "standstill_ended"),
        (("of one department", {}), ("of all, everywhere", {"district": None, "department": None})),
    ),
    **dict.fromkeys(
        ("remark_notice", "remark_reminder"),
        (("ticket", {}), ("office", {"number": None}), ("withheld", {"question": None})),
    ),
    "remark_late": (("ticket", {}), ("head", {"number": None, "supervisor": None}), ("nobody yet", {"post": None})),
    "remark_answer": (
        ("ticket", {"why": None}),
        ("office, more", {"why": "addition", "number": None, "district": None}),
        ("withheld", {"why": None, "question": None, "officer_words": None}),
    ),
    "flood_review": (
        ("one account", {"why": None}),
        ("others wait", {"why": None, "others": 2, "platform": Platform.FACEBOOK, "handle": None}),
        ("one other waits", {"why": None, "others": 1, "reviewed": ()}),
        ("end all", {"why": "sure", "reviewed": ()}),
        ("none", {"why": None, "total": 0, "reviewed": ()}),
    ),
    "abuse_review": (
        ("all", {}),
        ("second page", {"listed_before": 5, "total": 12}),
        ("none", {"total": 0, "reviewed": ()}),
    ),
    "standstill_list": (("two", {}), ("none", {"standstills": ()})),
    "plan_ended": (("the day", {"officer": None}), ("by somebody", {})),
    "escalated": (("", {}), ("over an empty chair", {"passed_over": ("Executive Engineer, Hisar",)})),
    "reminder": (("half", {}), ("late", {"late": True})),
    "notice": (
        (
            "plain",
            {
                **dict.fromkeys(("marked_to", "planned_until", "standstill_until", "why", "officer_words")),
                "reopen_count": 0,
                "level": 0,
                "helping": (),
                "earlier": (),
                "notes": (),
            },
        ),
        ("everything", {"urgent": True, "hours_left": -50.0, "has_media": True}),
        ("summary", {"words": None, "words_withheld": True}),
        ("sensitive", {"sensitivity": Sensitivity.SENSITIVE}),
        ("hidden name", {"keep_name_hidden": True}),
        ("of several", {"others": 14}),
        ("one of several", {"others": 14, "lead_number": "HRY26-004900-8"}),
    ),
    "ticket_list": (
        ("waiting", {"why": "pending"}),
        ("second page", {"why": "late", "listed_before": 10, "total": 23, "late_count": 23}),
        ("mine", {"why": "mine", "hidden_count": 2}),
        ("found", {"why": "find"}),
        ("reopened", {"why": "reopened"}),
        *(
            (f"no {why}", {"why": why, "total": 0, "listed": ()})
            for why in ("pending", "late", "mine", "find", "reopened")
        ),
    ),
    "triage_notice": (
        ("", {}),
        ("claimed", {"claimed_by": "R. Lal", "claimed_until_at": DUE}),
        ("settled", {"why": "settled"}),
        ("not taken up", {"why": "settled", "status": Status.REJECTED}),
    ),
    "objection_notice": (("named", {}), ("nobody", {"officer": None}), ("alone", {"why": "alone"})),
    "claimed": (
        ("taken", {"why": "taken", "claimed_by": "R. Lal", "claimed_until_at": DUE}),
        ("yours", {"why": "yours"}),
    ),
    "toast": (
        *((code, {"why": code}) for code in TOLD),
        ("disposed for several", {"why": "disposed", "others": 14, "skipped": 2}),
    ),
    "desk_alarm": tuple((code, {"why": code}) for code in closed_chats.ALARMS),
    "gathered": (
        ("one kind", {"listed": tuple(replace(one, news="new") for one in TYPICAL.listed)}),
        (
            "every kind",
            {
                "listed": tuple(replace(TYPICAL.listed[0], news=kind) for kind in dict.fromkeys(crowds.KINDS.values())),
                "total": 6,
            },
        ),
    ),
    "refusal": (("one", {"why": "no_text"}),),
    "button": tuple((code, {"why": code}) for code in BUTTONS),
}


def cases(template: str) -> tuple[tuple[str, Facts], ...]:
    variants = VARIANTS.get(template, (("", {}),))
    return tuple((name, _with(TYPICAL, changes)) for name, changes in variants)


def _with(facts: Facts, changes: Mapping[str, object]) -> Facts:
    return replace(facts, **changes)  # type: ignore[arg-type]


def rendered(language: Language, audience: Audience) -> str:
    parts = []
    for template in sorted(TEMPLATES[audience]):
        for name, facts in cases(template):
            text = render(language, audience, template, facts)
            weight = f" [{weighted_length(text)}]" if audience == "citizen" else ""
            parts.append(f"== {template}{': ' + name if name else ''}{weight}\n{text}\n")
    return "\n".join(parts)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("audience", ["citizen", "officer"])
def test_golden(language: Language, audience: Audience) -> None:
    text, path = rendered(language, audience), GOLDEN / f"{audience}.{language}.txt"
    if os.environ.get("SMGT_UPDATE_GOLDENS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), "SMGT_UPDATE_GOLDENS=1 writes the golden files anew"


# -- every language has every file ------------------------------------------------------------------------------


def names_and_facts(language: Language, audience: str) -> dict[str, set[str]]:
    folder = files("templates").joinpath(language.value, audience)
    texts = {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir() if file.name.endswith(".j2")}
    environment = Environment()  # noqa: S701 nothing is rendered with it
    environment.filters |= {name: str for text in texts.values() for name in re.findall(r"\|(\w+)", text)}
    return {name: meta.find_undeclared_variables(environment.parse(text)) for name, text in texts.items()}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("audience", ["citizen", "officer"])
def test_every_language_has_every_file_with_the_same_facts(language: Language, audience: Audience) -> None:
    english, other = names_and_facts(Language.EN, audience), names_and_facts(language, audience)
    assert other == english
    assert {name.removesuffix(".j2") for name in other} == TEMPLATES[audience]
    known = {field.name for field in fields(Facts)} | {"short"}
    assert set().union(*other.values()) <= known


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_shared_phrases(language: Language) -> None:
    def macros(of: Language) -> set[str]:
        text = files("templates").joinpath(of.value, "words.j2").read_text(encoding="utf-8")
        return set(re.findall(r"macro (\w+)\(([^)]*)\)", text))

    assert macros(language) == macros(Language.EN)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("macro", ["why", "told", "status_name"])
def test_every_language_knows_the_same_codes(language: Language, macro: str) -> None:
    def codes(of: Language) -> list[str]:
        text = files("templates").joinpath(of.value, "words.j2").read_text(encoding="utf-8")
        body = text.split(f"macro {macro}(")[1].split("endmacro")[0]
        return re.findall(r'"(\w+)": "', body)

    assert codes(language) == codes(Language.EN)


def test_every_refusal_in_the_code_has_words() -> None:
    root = Path(__file__).parent.parent / "handlers"
    codes = set()
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "ActRefused":
                codes |= {sub.value for arg in node.args for sub in ast.walk(arg) if isinstance(sub, ast.Constant)}
    assert codes <= set(TOLD)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["toast", "refusal"])
def test_a_toast_is_short_and_free_of_markup(language: Language, template: str) -> None:
    for code in TOLD:
        done_to_many = 1414 if code in DONE_TO_MANY else 0
        text = render(language, "officer", template, Facts(why=code, others=done_to_many, skipped=done_to_many))
        assert len(text) <= 200
        assert not set(text) & set("<>&")


# -- the longest case ---------------------------------------------------------------------------------------------


def longest(names: dict[str, str], count: int = 1) -> tuple[str, ...]:
    return tuple(sorted(names, key=lambda code: -weighted_length(names[code]))[:count])


@cache
def longest_moment(language: Language) -> datetime:
    """The moment that takes most words to tell: any weekday, month and hour."""
    hours = itertools.product(range(1, 13), range(22, 29), range(24))
    moments = [datetime(2026, month, day, hour, 15, tzinfo=UTC) for month, day, hour in hours]
    facts = Facts(number=LONG_NUMBER)
    return max(
        moments, key=lambda at: weighted_length(render(language, "citizen", "stopped", replace(facts, said_at=at)))
    )


def extremes(language: Language) -> list[Facts]:
    """Every department with the longest district and every district with the longest department.

    A text is a sum of its parts, so no other pair can be longer than the pair of the longest.
    """
    known = taxonomy()
    departments = {code: row.short(language) for code, row in known.departments.items()}
    districts = {code: row.name(language) for code, row in known.districts.items()}
    (department,), (district,) = longest(departments), longest(districts)
    base = replace(
        TYPICAL,
        number=LONG_NUMBER,
        closed_number=LONG_NUMBER,
        previous_number=LONG_NUMBER,
        numbers=(LONG_NUMBER,) * 12,
        typed_number="HRY 26 - 1234567 - 9 " * 3,
        note=1234567,
        due_at=longest_moment(language),
        disposed_at=longest_moment(language),
        closed_at=longest_moment(language),
        said_at=longest_moment(language),
        department=department,
        district=district,
        pii_seen=True,
        tell_how_to_follow=True,
        photo_on_record=True,
        disposal_count=10,
        officer_words="word " * 100,
        question="word " * 100,
        helplines=("emergency", "consumer", "cyber"),
        undo_days=365,
    )
    return [replace(base, department=code) for code in departments] + [
        replace(base, district=code) for code in districts
    ]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", sorted(TEMPLATES["citizen"] - {"received_ask", "ask_again"}))
def test_the_longest_facts_fit(language: Language, template: str) -> None:
    for facts in extremes(language):
        for _, changes in VARIANTS.get(template, (("", {}),)):
            text = render(language, "citizen", template, _with(facts, changes))
            assert weighted_length(text) <= 280, text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["received_ask", "ask_again"])
def test_the_longest_questions_fit(language: Language, template: str) -> None:
    known = taxonomy()
    kinds = longest({code: row.name(language) for code, row in known.categories.items()}, 3)
    places = longest({code: row.name(language) for code, row in known.districts.items()}, 3)
    base = extremes(language)[0]
    for pii, follow, media, linked in itertools.product((True, False), repeat=4):
        common = replace(
            base,
            pii_seen=pii,
            tell_how_to_follow=follow,
            has_media=media,
            previous_number=LONG_NUMBER if linked else None,
        )
        asked = [
            replace(common, ask="category", category=None, category_choices=chosen, district=places[0])
            for chosen in ((), kinds)
        ]
        asked += [
            replace(common, ask="district", district=None, district_choices=chosen, category=code)
            for code in (known.categories if pii and follow and linked else kinds)
            for chosen in ((), places)
        ]
        asked += [
            replace(
                common,
                ask="district+category",
                category=None,
                district=None,
                category_choices=some,
                district_choices=others,
            )
            for some in ((), kinds)
            for others in ((), places)
        ]
        for facts in asked:
            text = render(language, "citizen", template, facts)
            assert weighted_length(text) <= 280, text
            for place, code in enumerate(facts.category_choices, start=1):
                name = known.categories[code].name(language)
                assert (f"{place} = {name}" if facts.ask == "category" else name) in text


# -- what no text to a citizen may do -----------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", sorted(TEMPLATES["citizen"]))
def test_a_text_to_a_citizen_is_one_clean_line(language: Language, template: str) -> None:
    hostile = "see https://a.example.com/x or b.gov.in @someone \u202eevil\u202c <b>&\x07 क्\u200dष"
    for _, facts in cases(template):
        text = render(language, "citizen", template, replace(facts, officer_words=hostile, question=hostile))
        assert "@" not in text
        assert "://" not in text
        assert not re.search(r"[A-Za-z]\.[A-Za-z]{2,}", text)
        assert "\n" not in text
        assert "  " not in text
        assert not re.search(r" [.,;:?!।]", text)
        assert not re.search(r"[.।?!]{2}(?!\.)", text.replace("...", ""))
        assert not any(unicodedata.category(char) in ("So", "Cc", "Cs") for char in text)
        assert not set(text) & set("\u202e\u202c\u2066")
        assert "&lt;" not in text
        if template in ("result", "desk_words"):
            assert "<b>&" in text
            assert "\u200d" in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", sorted(TEMPLATES["citizen"]))
def test_two_tickets_never_yield_equal_texts(language: Language, template: str) -> None:
    for _, facts in cases(template):
        other = replace(
            facts,
            number=facts.number and "HRY26-004900-8",
            closed_number="HRY26-004900-8",
            numbers=("HRY26-004900-8", "HRY26-004901-1"),
            note=4900,
        )
        assert render(language, "citizen", template, facts) != render(language, "citizen", template, other)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", ["sensitive", "threat_raised", "grave", "self_harm"])
def test_a_careful_reply_names_neither_matter_nor_place(language: Language, template: str) -> None:
    facts = replace(TYPICAL, category="women_safety", department="police", helplines=("emergency",))
    text = render(language, "citizen", template, facts)
    known = taxonomy()
    for name in (
        known.categories["women_safety"].name(language),
        known.departments["police"].short(language),
        known.districts["Hisar"].name(language),
    ):
        assert name.lower() not in text.lower()
    assert "112" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_repeated_answer_differs_by_its_moment(language: Language) -> None:
    texts = {
        render(language, "citizen", "status", replace(TYPICAL, said_at=DUE + timedelta(minutes=minutes)))
        for minutes in range(3)
    }
    assert len(texts) == 3


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            Language.EN,
            "Your message has reached the Chief Minister's Office. Complaint number HRY26-004821-6; it never changes. "
            "Two questions: 1) Which district is the problem in? 2) What is it about (power, water, road...)? "
            "Answer here in your own words. Please post no phone or Aadhaar number.",
        ),
        (
            Language.HI,
            "आपकी बात मुख्यमंत्री कार्यालय तक पहुँच गई है। शिकायत नंबर HRY26-004821-6, यह कभी नहीं बदलेगा। दो बातें बता दें: "
            "1) परेशानी किस ज़िले में है? 2) किस चीज़ की है (बिजली, पानी, सड़क...)? यहीं अपने शब्दों में लिखें। "
            "फ़ोन या आधार नंबर यहाँ न लिखें।",
        ),
        (
            Language.HI_LATN,
            "Aapki baat CM office tak pahunch gayi hai. Shikayat number HRY26-004821-6, ye nahi badlega. "
            "Do baatein bata dein: 1) pareshani kis zile mein hai? 2) kis cheez ki hai (bijli, paani, sadak...)? "
            "Yahin apne shabdon mein likhein. Phone ya Aadhaar number yahan na likhein.",
        ),
        (
            Language.PA,
            "ਤੁਹਾਡੀ ਗੱਲ ਮੁੱਖ ਮੰਤਰੀ ਦਫ਼ਤਰ ਤੱਕ ਪਹੁੰਚ ਗਈ ਹੈ। ਸ਼ਿਕਾਇਤ ਨੰਬਰ HRY26-004821-6, ਇਹ ਕਦੇ ਨਹੀਂ ਬਦਲੇਗਾ। ਦੋ ਗੱਲਾਂ ਦੱਸੋ ਜੀ: "
            "1) ਮੁਸ਼ਕਲ ਕਿਸ ਜ਼ਿਲ੍ਹੇ ਵਿੱਚ ਹੈ? 2) ਕਿਸ ਚੀਜ਼ ਦੀ ਹੈ (ਬਿਜਲੀ, ਪਾਣੀ, ਸੜਕ...)? ਇੱਥੇ ਹੀ ਲਿਖੋ। "
            "ਫ਼ੋਨ ਜਾਂ ਆਧਾਰ ਨੰਬਰ ਇੱਥੇ ਨਾ ਲਿਖੋ।",
        ),
    ],
)
def test_the_first_reply_is_the_one_we_agreed_on(language: Language, expected: str) -> None:
    facts = Facts(number="HRY26-004821-6", ask="district+category")
    assert render(language, "citizen", "received_ask", facts) == expected


# -- the officer's words ------------------------------------------------------------------------------------------


def test_short_words_are_not_cut() -> None:
    text, cut = render_result_within(Language.EN, TYPICAL)
    assert not cut
    assert text == (
        'HRY26-004821-6: the Power department, Hisar says: "Burnt transformer replaced today, supply is on." '
        "Is it really done? 1 = yes, 2 = no. If not, tell us in a line what is left. "
        "We never count silence as a yes."
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_long_words_are_cut_at_a_word_and_the_question_stays(language: Language) -> None:
    facts = replace(TYPICAL, officer_words=" ".join(f"काम{number}" for number in range(200)))
    text, cut = render_result_within(language, facts)
    assert cut
    assert 260 <= weighted_length(text) <= 280
    assert re.search(r'काम\d+…"', text)
    assert "1 = " in text
    assert "2 = " in text
    assert text == render(language, "citizen", "result", facts)


def test_more_room_keeps_the_words_whole() -> None:
    facts = replace(TYPICAL, officer_words="word " * 300)
    text, cut = render_result_within(Language.EN, facts, limit=8000)
    assert not cut
    assert text.count("word") == 300


# -- failing loudly ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "facts", "named"),
    [
        ("routed", Facts(number="HRY26-004821-6", department="power"), "due_at"),
        ("routed", Facts(department="power", due_at=DUE), "number"),
        ("status", Facts(number="HRY26-004821-6"), "status"),
        ("status", Facts(number="HRY26-004821-6", status=Status.ASSIGNED, department="power"), "due_at"),
        ("rejected", Facts(number="HRY26-004821-6", reason="because"), "because"),
        ("outside", Facts(outside="Punjab"), "note"),
        ("routed", Facts(number="HRY26-004821-6", department="magic", due_at=DUE), "magic"),
    ],
)
def test_a_missing_fact_is_named(template: str, facts: Facts, named: str) -> None:
    with pytest.raises(MissingFact, match=named) as caught:
        render(Language.EN, "citizen", template, facts)
    assert f"en/citizen/{template}.j2" in str(caught.value)


def test_an_unknown_template_and_an_impossible_limit_are_refused() -> None:
    with pytest.raises(UnknownTemplate, match="no_such"):
        render(Language.EN, "citizen", "no_such", Facts())
    with pytest.raises(TextTooLong, match="received_triage"):
        render(Language.EN, "citizen", "received_triage", TYPICAL, limit=60)
    with pytest.raises(RenderError, match="officer_words"):
        render(Language.EN, "citizen", "result", TYPICAL, limit=60)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(MissingFact, match="without a zone"):
        render(Language.EN, "citizen", "routed", replace(TYPICAL, due_at=datetime(2026, 11, 26, 17)))  # noqa: DTZ001


# -- officers' HTML ---------------------------------------------------------------------------------------------------


class TagCheck(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert tag in ("b", "i", "code", "blockquote", "a"), tag
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", sorted(TEMPLATES["officer"]))
def test_officers_html_is_balanced_and_escaped(language: Language, template: str) -> None:
    hostile = "<b>&amp; </blockquote>\u202e<script>"
    told = ("words", "quoted", "citizen", "locality", "post", "supervisor", "officer", "officer_words", "question")
    for _, facts in cases(template):
        dirty = _with(facts, {name: hostile for name in told if getattr(facts, name) is not None})
        dirty = replace(
            dirty, citizen_reads=hostile, additions=(hostile,), mapping=((hostile, hostile),) if facts.mapping else ()
        )
        html = render(language, "officer", template, dirty)
        check = TagCheck()
        check.feed(html)
        assert check.open == []
        assert "\u202e" not in html
        if "&lt;script&gt;" in html:
            assert "<b>&amp; </blockquote><script>" in check.text
        assert "\n\n\n" not in html


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sensitive_notice_shows_the_words_alone(language: Language) -> None:
    facts = replace(TYPICAL, sensitivity=Sensitivity.SENSITIVE, category="women_safety", department="police")
    html = render(language, "officer", "notice", facts)
    assert TYPICAL.words is not None
    assert TYPICAL.words in html
    known = taxonomy()
    for name in (known.categories["women_safety"].name(language), known.districts["Hisar"].name(language), "Jagroop"):
        assert name not in html


@pytest.mark.parametrize("template", sorted(TEMPLATES["officer"]))
def test_a_very_long_post_stays_inside_telegrams_limit(template: str) -> None:
    long = "शब्द " * 1000
    for language, (_, facts) in itertools.product(LANGUAGES, cases(template)[:4]):
        html = render(
            language,
            "officer",
            template,
            replace(facts, words=long, quoted=long, officer_words=long, question=long, additions=(long,) * 9,
                    listed=tuple(replace(one, locality=long) for one in facts.listed * 3)[:10]),
        )  # fmt: skip
        assert len(re.sub(r"<[^>]+>", "", html)) <= 4096


# -- times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (Language.EN, "Thu 26 Nov, 5 pm"),
        (Language.HI, "गुरुवार 26 नवंबर, शाम 5 बजे"),
        (Language.HI_LATN, "guruwaar 26 November, shaam 5 baje"),
        (Language.PA, "ਵੀਰਵਾਰ 26 ਨਵੰਬਰ, ਸ਼ਾਮ 5 ਵਜੇ"),
    ],
)
def test_the_time_is_haryanas(language: Language, expected: str) -> None:
    assert expected in render(language, "citizen", "routed", TYPICAL)


@pytest.mark.parametrize(
    ("hour", "minute", "expected"),
    [
        (0, 0, "midnight"),
        (0, 5, "12:05 am"),
        (9, 0, "9 am"),
        (12, 0, "12 noon"),
        (12, 30, "12:30 pm"),
        (21, 5, "9:05 pm"),
    ],
)
def test_english_hours(hour: int, minute: int, expected: str) -> None:
    local = datetime.fromisoformat(f"2026-11-26T{hour:02}:{minute:02}:00+05:30")
    assert f"Thu 26 Nov, {expected}." in render(Language.EN, "citizen", "routed", replace(TYPICAL, due_at=local))


def test_audiences_are_complete() -> None:
    assert set(TEMPLATES) == set(get_args(Audience))
    assert len(TEMPLATES["citizen"]) >= 43
