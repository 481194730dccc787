"""Lives of the office drawn from seeds: no promise is broken, and each promise can be broken.

The planted bugs are wrapped around the product's own functions, here alone: what the simulation did not see with them
in place, it could not see at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from bot.bench.simulate import RULES, RULES_AT_THE_END, in_memory, live, live_many, readings_kept
from bot.bench.simulate_database import on_sqlite
from bot.cli import main
from handlers import aftermath, conversation, office_acts, passing_time, talk
from handlers.case import Case
from handlers.desk import citizens, deciding, officers, papers, speech, stopped, telling, words
from handlers.effects import Decision, Effect, Notify, Say
from handlers.understanding.meaning import Verdict
from store.vocabulary import Outcome, Status

MOST_SEEDS = 120  # within which each planted bug must be seen
PARTS = 8


@pytest.mark.parametrize("part", range(PARTS))
def test_no_promise_is_broken_in_some_hundred_lives(part: int) -> None:
    report = live_many(range(part * 25, part * 25 + 25), steps=30)
    assert not report.broken, report.broken[0]
    assert report.tickets > 60
    assert report.messages > 1000


@pytest.mark.parametrize("seed", [0, 3])
def test_a_seed_plays_the_same_life_again_in_memory_and_on_a_database(seed: int) -> None:
    with readings_kept():
        first, again, on_file = live(seed, 30), live(seed, 30), live(seed, 30, on_sqlite)
    assert first == again
    assert not on_file.broken
    assert (on_file.tickets, on_file.messages, on_file.kinds) == (first.tickets, first.messages, first.kinds)


def test_every_promise_has_a_name_and_a_sentence_of_its_own() -> None:
    rules = [*RULES, *RULES_AT_THE_END]
    assert len({rule.__name__ for rule in rules}) == len(rules) > 25
    assert all(rule.__doc__ for rule in rules)


def test_the_command_plays_counts_and_tells() -> None:
    found = CliRunner().invoke(main, ["bench", "simulate", "--seeds", "2", "--steps", "5", "--json"])
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    assert (told["seeds"], told["steps"], told["broken"]) == (2, 10, [])
    found = CliRunner().invoke(main, ["bench", "simulate", "--from", "3", "--steps", "3", "--tell"])
    assert found.exit_code == 0, found.output
    assert "says " in found.stdout
    assert "broken promises" in found.stdout


# -- planted bugs --------------------------------------------------------------------------------------------------------

Plant = Callable[[pytest.MonkeyPatch], None]


def is_caught(rule: str) -> bool:
    """Does some life, within so many seeds, break this promise?"""
    with readings_kept():
        lives = (live(seed, steps=40, office_of=in_memory) for seed in range(MOST_SEEDS))
        return any(rule in {one.rule for one in report.broken} for report in lives)


def after(module: Any, name: str, change: Callable[[Any], Any]) -> Plant:
    """Change what a function of the product gives back."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        real = getattr(module, name)
        patch.setattr(module, name, lambda *given, **named: change(real(*given, **named)))

    return plant


def without_cycle(decision: Decision) -> Decision:
    def bare(effect: Effect) -> Effect:
        return replace(effect, step=effect.step.rstrip("0123456789:")) if isinstance(effect, Say | Notify) else effect

    return replace(decision, effects=tuple(bare(effect) for effect in decision.effects))


def closed(decision: Decision) -> Decision:
    if decision.case is None:
        return decision
    done = replace(decision.case, status=Status.CLOSED, outcome=Outcome.NO_ANSWER, ended_at=decision.case.assigned_at)
    return replace(decision, case=done)


def elsewhere(decision: Decision) -> Decision:
    moved = {"department": "phed", "owner_post": "phed-nodal-hisar"}
    return decision if decision.case is None else replace(decision, case=replace(decision.case, **moved))  # type: ignore[arg-type]


def forgotten(decision: Decision) -> Decision:
    """An assigned ticket without its limit running: nothing will wake it."""
    case = decision.case
    if case is None or not case.with_office:
        return decision
    return replace(decision, case=replace(case, paused_at=case.assigned_at, awaiting_since_at=None))


def stale_buttons_act(patch: pytest.MonkeyPatch) -> None:
    real = officers._pressed

    def pressed(snapshot: Any, origin: Any, update: Any) -> Any:
        button = snapshot.buttons.get(update.press_data or "")
        if button is not None:
            case: Case = snapshot.cases[button["ticket_id"]]
            snapshot.buttons[update.press_data] = {**button, "cycle": str(case.turn)}
        return real(snapshot, origin, update)

    patch.setattr(officers, "_pressed", pressed)


def anybody_acts(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(telling, "may_act", lambda case, post, directory: True)


def stop_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(stopped, "_is_unwanted", lambda snapshot, step, say: False)


def waiting_words_go_out_after_stop(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(papers.Papers, "hush", lambda self, account_id: None)
    from bot.bench import simulate_memory

    patch.setattr(simulate_memory._PapersInMemory, "hush", lambda self, account_id: None)


def limits_are_not_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(conversation, "speak_within_limits", lambda decision, now, policy: decision)


def the_same_words_go_twice(patch: pytest.MonkeyPatch) -> None:
    from bot.bench import simulate_memory

    patch.setattr(simulate_memory._PapersInMemory, "said", lambda self, ids: iter(()))
    patch.setattr(
        speech.Speech, "_new_words", lambda self, language, say, facts, case: render_plain(language, say, facts)
    )


def render_plain(language: Any, say: Say, facts: Any) -> str:
    return speech.render(language, "citizen", say.template, facts)


def strangers_may_close(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(words, "is_complainant", lambda case, origin: True)


def groups_read_everything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(speech, "for_chat", lambda facts, case, chat_id, at_cmo=False: facts)
    patch.setattr(speech, "for_audience", lambda facts, case, audience: facts)


def the_public_reads_everything(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(speech, "discreet", lambda say, case: say)


def a_post_heard_twice_opens_twice(patch: pytest.MonkeyPatch) -> None:
    real = citizens.decide_post

    def forgetful(snapshot: Any, row: Any, post: Any, parts: Any) -> Any:
        snapshot.heard.clear()
        return real(snapshot, row, post, parts)

    patch.setattr(deciding, "decide_post", forgetful)


def danger_is_not_told(patch: pytest.MonkeyPatch) -> None:
    real = talk.alert
    patch.setattr(talk, "alert", lambda *given, **named: replace(real(*given, **named), urgent=False))


PLANTED: dict[str, tuple[Plant, str]] = {
    "the cycle is missing from the step id": (after(deciding, "decide", without_cycle), "nothing_is_swallowed"),
    "not satisfied closes the ticket": (after(aftermath, "reopen", closed), "a_no_goes_back_to_the_same_office"),
    "reopening goes to another department": (
        after(aftermath, "reopen", elsewhere),
        "a_no_goes_back_to_the_same_office",
    ),
    "a stale button acts": (stale_buttons_act, "a_stale_button_does_nothing"),
    "unclear is read as yes": (
        after(aftermath, "verdict_of", lambda found: Verdict.SATISFIED if found is Verdict.UNCLEAR else found),
        "satisfied_only_by_the_citizens_yes",
    ),
    "silence counts as a yes": (
        after(
            passing_time,
            "_close_unanswered",
            lambda found: replace(found, case=replace(found.case, outcome=Outcome.SATISFIED)),
        ),
        "satisfied_only_by_the_citizens_yes",
    ),
    "anybody in a group may act": (anybody_acts, "only_those_in_charge_act"),
    "an accepted ticket is forgotten": (after(office_acts, "_accept", forgotten), "an_open_ticket_is_never_forgotten"),
    "STOP is not obeyed": (stop_is_forgotten, "nothing_is_said_after_stop"),
    "what waited goes out after STOP": (waiting_words_go_out_after_stop, "nothing_is_said_after_stop"),
    "we speak without limit": (limits_are_not_kept, "we_speak_unasked_within_the_limit"),
    "the same words go twice": (the_same_words_go_twice, "no_public_text_twice_in_a_week"),
    "strangers may close": (strangers_may_close, "strangers_change_nothing"),
    "groups read what is sensitive": (groups_read_everything, "sensitive_words_reach_no_group"),
    "the public reads what is sensitive": (the_public_reads_everything, "sensitive_matters_are_not_named_in_public"),
    "a post heard twice opens two tickets": (a_post_heard_twice_opens_twice, "one_complaint_has_one_ticket"),
    "danger does not ring": (danger_is_not_told, "danger_rings_the_cmo_desk"),
}


@pytest.mark.parametrize("bug", sorted(PLANTED))
def test_a_planted_bug_is_seen(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, rule = PLANTED[bug]
    plant(monkeypatch)
    assert is_caught(rule)
