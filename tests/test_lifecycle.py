"""The life of a ticket, whatever happens in whatever order: the promises of the deciding core."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import msgspec
import pytest
from core_office import NOW, by, ground, wrote
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from handlers.case import Case
from handlers.conversation import decide, next_wake
from handlers.desk.addresses import address_of
from handlers.effects import Decision, Notify, Record, Say, SettleSatisfaction
from handlers.heard import (
    DeskPlaced,
    DeskReopened,
    Heard,
    HumanSpoke,
    OfficerAccepted,
    OfficerActed,
    OfficerAsked,
    OfficerDisposed,
    OfficerForwarded,
    OfficerRejected,
    PostDeleted,
    SayRefused,
    Silence,
    Speaker,
)
from handlers.lifecycle import ENDED, MOVES, ForbiddenMove, check_move
from handlers.opening import Seed, open_case
from handlers.policy import FollowUps
from handlers.refusing import ActRefused
from handlers.routing import cmo_post, may_act, supervisor_of
from handlers.speaking import speak_within_limits
from store.people import Post
from store.vocabulary import Outcome, Platform, Sensitivity, Status

OPENINGS = (
    "Rohtak me 5 din se kachra nahi utha",
    "सात महीने से विधवा पेंशन नहीं आई",
    "I have written to every office and nobody cares. Please help.",
    "Barwala me raat bhar bijli gayab thi",
    "school ke gate par current wala taar gira hai, bacche phanse hai abhi, Hisar",
    "Hisar sadar thane me SHO ne mujhe thappad maare aur gaali di",
    "Panchkula me ladke roz ladkiyo ko chhedte hai",
    "Tonight is my last night, I want to die",
    "पटवारी इंतकाल के लिए 5000 रिश्वत मांग रहा है, तहसील हांसी",
)
WORDS = (
    "hisar", "1", "2", "haan ho gaya", "nahi hua", "update?", "STOP", "START", "complaint wapas leta hu",
    "dobara kholo", "dhamki mil rahi hai", "galti se likha, Rohtak hai", "gali ki light bhi band hai",
    "mere dil me rehta hu", "thank you but still no light", "kachra, panchkula", "police aa gayi, thank you",
    "theka hat gaya par light abhi bhi band", "abhi aag lagi hai log phanse hai help",
)  # fmt: skip
REFUSABLE = ("result", "remind_satisfaction", "officer_question", "received_ask", "interim")
TOLD_WHY_NOT = {"closed", "withheld", "not_askable"}


class Life(RuleBasedStateMachine):
    """One ticket, and everybody who may touch it."""

    case: Case
    now: datetime

    @initialize(
        text=st.sampled_from(OPENINGS),
        platform=st.sampled_from([Platform.X, Platform.FACEBOOK]),
        hidden=st.booleans(),
        vacant=st.sets(st.sampled_from(["ulb-nodal-rohtak", "power-nodal-hisar", "police-division", "cmo-desk"])),
        follow_ups=st.sampled_from(list(FollowUps)),
        most=st.integers(0, 6),
    )
    def open(
        self, text: str, platform: Platform, hidden: bool, vacant: set[str], follow_ups: FollowUps, most: int
    ) -> None:
        self.ground = ground(vacant, x_follow_ups=follow_ups, max_unasked_per_ticket=most)
        self.now, self.messages = NOW, 1
        seed = Seed(
            id=1,
            note=1,
            platform=platform,
            channel_id=1,
            account_id=None if hidden and platform is Platform.FACEBOOK else 7,
            thread_id="t1",
            message_id="m1",
        )
        opened = open_case(seed, wrote(text, message_id="m1"), self.now, self.ground)
        opened = speak_within_limits(opened, self.now, self.ground.policy)
        assert opened.case is not None
        assert any(isinstance(effect, Say) for effect in opened.effects)
        self.case = replace(opened.case, number="HRY26-000001-0")
        self._look_at_notices(opened, self.case)

    # -- what happens --------------------------------------------------------------------------------------------------

    @rule(text=st.sampled_from(WORDS), stranger=st.booleans(), minutes=st.integers(1, 5000))
    def somebody_writes(self, text: str, stranger: bool, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        self.messages += 1
        speaker = Speaker.UNPROVEN if self.case.hidden_author else Speaker.COMPLAINANT
        before = self.case
        heard = wrote(
            text,
            before,
            message_id=f"m{self.messages}",
            speaker=Speaker.STRANGER if stranger else speaker,
            at=self.now,
        )
        self._hear(heard)
        if stranger:
            assert self.case == before, "a stranger changed the ticket"
        if before.hidden_author and not stranger:
            assert self.case.status not in (Status.WITHDRAWN, Status.CLOSED) or before.status is self.case.status
            assert self.case.reopen_count == before.reopen_count, "an unproven word reopened"

    @rule(data=st.data(), minutes=st.integers(1, 3000))
    def officer_acts(self, data: st.DataObject, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)
        post = self._allowed(data)
        who = by(post)
        acts: list[OfficerActed] = [
            OfficerAccepted(by=who),
            OfficerAsked(by=who, question="Which lane is it in?"),
            OfficerForwarded(by=who, department=data.draw(st.sampled_from(["phed", "ulb", "police", None]))),
            OfficerDisposed(by=who, words="Done today.", has_photo=False),
        ]
        if post.department is None:
            acts += [
                OfficerRejected(by=who, reason="court_matter"),
                DeskPlaced(by=who, category="garbage", district="Rohtak"),
                DeskPlaced(by=who, district="Hisar"),
                DeskReopened(by=who),
            ]
        self._act_twice(data.draw(st.sampled_from(acts)))

    def _allowed(self, data: st.DataObject) -> Post:
        posts = [
            post
            for post in self.ground.directory.posts.values()
            if post.holders and may_act(self.case, post, self.ground.directory)
        ]
        assume(posts)
        return data.draw(st.sampled_from(sorted(posts, key=lambda post: post.code)))

    def _act_twice(self, act: OfficerActed) -> None:
        """A second press of the same button is refused, or adds nothing new."""
        before = self.case
        try:
            self._hear(act)
        except ActRefused:
            return
        once = self.case
        if once.turn != before.turn:
            return  # buttons carry the turn: the second press is an old button
        try:
            again = decide(once, act, self.now, self.ground)
        except ActRefused:
            return
        assert again.case is not None
        unchanged = ("status", "turn", "due_at", "owner_post", "disposal_count", "reopen_count", "escalation_level")
        for name in unchanged:
            assert getattr(again.case, name) == getattr(once, name), f"{type(act).__name__} twice changed {name}"

    @rule(days=st.integers(0, 12))
    def time_passes(self, days: int) -> None:
        until = self.now + timedelta(days=days)
        for _ in range(60):
            wake = next_wake(self.case, self.ground.policy)
            if wake is None or wake > until:
                break
            self.now = max(wake, self.now)
            before = self.case
            self._hear(Silence())
            assert self.case != before, "time woke the ticket for nothing"
            if before.outcome is not Outcome.SATISFIED:
                assert self.case.outcome is not Outcome.SATISFIED, "silence was counted as satisfied"
        else:
            raise AssertionError("time never came to rest")
        self.now = until

    @rule(template=st.sampled_from(REFUSABLE))
    def the_platform_refuses(self, template: str) -> None:
        before = self.case
        self._hear(SayRefused(template=template, code="x:403"))
        assert self.case.outcome is before.outcome or self.case.outcome is Outcome.NOT_ASKABLE

    @rule()
    def the_post_is_deleted(self) -> None:
        before = self.case
        self._hear(PostDeleted(message_id="m1"))
        assert self.case == before

    @rule()
    def a_person_of_ours_writes(self) -> None:
        before = self.case
        self._hear(HumanSpoke(message_id="h1", text="We are on it."))
        assert self.case == before

    # -- what always holds -------------------------------------------------------------------------------------------------

    def _hear(self, heard: Heard) -> Decision:
        before = self.case
        decision = decide(before, heard, self.now, self.ground)
        assert decision.case is not None
        after = decision.case
        kinds = {effect.kind for effect in decision.effects if isinstance(effect, Record)}
        if before.status is Status.CLOSED and after.status is not Status.CLOSED:
            assert "reopened" in kinds, "a closed ticket moved without being reopened"
            assert after.reopen_count == before.reopen_count + 1
        if (before.status in ENDED) is not (after.status in ENDED):
            said = any(isinstance(effect, Say) for effect in decision.effects) or decision.rest
            assert said or kinds & TOLD_WHY_NOT, f"{before.status} became {after.status} in silence"
        if after.outcome is Outcome.SATISFIED and before.outcome is not Outcome.SATISFIED:
            assert not isinstance(heard, Silence | SayRefused)
        settled = [effect for effect in decision.effects if isinstance(effect, SettleSatisfaction)]
        assert len(settled) <= 1
        self._look_at_notices(decision, before)
        self.case = after
        return decision

    def _look_at_notices(self, decision: Decision, before: Case) -> None:
        """Nobody outside the ticket's chain is told, and a sensitive ticket reaches no department's group."""
        assert decision.case is not None
        directory = self.ground.directory
        for case in (before, decision.case):
            for notify in (effect for effect in decision.effects if isinstance(effect, Notify)):
                post = {
                    "owner": directory.posts.get(case.owner_post or "") or cmo_post(directory),
                    "supervisor": supervisor_of(case, directory),
                    "cmo": cmo_post(directory),
                }[notify.audience.value]
                assert post is not None
                assert may_act(case, post, directory), f"{post.code} is told of what it may not act on"
                address = address_of(case, notify.audience, directory)
                if case.sensitivity is Sensitivity.SENSITIVE and address is not None and post.department:
                    assert address.private or address.chat_id == "-1"

    @invariant()
    def it_is_never_forgotten(self) -> None:
        if not hasattr(self, "case") or self.case.ended:
            return
        at_the_top = self.case.escalation_level >= self.ground.policy.top_level and self.case.reminded_percent >= 100
        assert next_wake(self.case, self.ground.policy) is not None or at_the_top

    @invariant()
    def it_survives_a_round_trip(self) -> None:
        if hasattr(self, "case"):
            assert msgspec.json.decode(msgspec.json.encode(self.case), type=Case) == self.case

    @invariant()
    def its_number_never_changes(self) -> None:
        assert not hasattr(self, "case") or self.case.number == "HRY26-000001-0"

    @invariant()
    def misconduct_passes_the_office_complained_of(self) -> None:
        if (
            not hasattr(self, "case")
            or self.case.sensitivity is not Sensitivity.RESTRICTED
            or not self.case.with_office
        ):
            return
        category = self.ground.taxonomy.categories[self.case.category or "other"]
        owner = self.ground.directory.posts.get(self.case.owner_post or "")
        if owner is not None and owner.department == category.complained_of:
            assert owner.level >= 1
            for post in self.ground.directory.posts.values():
                if post.department == category.complained_of and post.level == 0:
                    assert not may_act(self.case, post, self.ground.directory)


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=150, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_every_status_can_be_reached_and_left() -> None:
    reached, waiting = {Status.COLLECTING}, [Status.COLLECTING]
    while waiting:
        new = MOVES[waiting.pop()] - reached
        reached |= new
        waiting += new
    assert reached == set(Status) == set(MOVES)
    assert {status for status in Status if not MOVES[status]} == {Status.MERGED}


def test_a_closed_ticket_goes_back_to_its_office_and_nowhere_else() -> None:
    for status in Status:
        if status in (Status.CLOSED, Status.ASSIGNED):
            check_move(Status.CLOSED, status)
            continue
        with pytest.raises(ForbiddenMove, match=f"A ticket cannot go from closed to {status}"):
            check_move(Status.CLOSED, status)
