"""The world around the office: citizens, officers, platforms and time, driven by one seed.

Every choice is drawn from one seeded chance, so a seed plays the same life again. Owns who does what next and how events
travel (late, twice, out of order). It must not know what is checked, nor how the office decides.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.bench import simulate_words as words
from bot.bench.simulate_office import CHANNELS, FACEBOOK, TELEGRAM, X_SECOND, Clock, Fate, Happened, Message, Office, X
from bot.bench.simulate_officers import Officers
from bot.bench.simulate_words import Line, Meant
from handlers.case import Case
from handlers.conversation import next_wake
from handlers.policy import FollowUps, Policy
from store.inbound import Attachment, Author, Heard, Inbound, QuotedPost
from store.vocabulary import Awaiting, InboundVerb, OutgoingAct, Platform, Status

PHOTO = Attachment("photo", ref="photo-1")
CHAIRS = ("ulb-nodal-rohtak", "phed-nodal-hisar", "power-nodal-rohtak", "police-head", "ulb-division", "cmo-desk")
MOST_COMPLAINTS = 6

ANSWERS: dict[Awaiting, Sequence[Sequence[Line]]] = {
    Awaiting.DETAILS: (words.DETAILS, words.DETAILS, words.DETAILS, words.UNCLEAR, words.CORRECTS),
    Awaiting.SATISFACTION: (words.YES, words.NO, words.NO, words.UNCLEAR, words.DONE_BUT, words.ASKS, words.THANKS),
    Awaiting.OFFICER_QUESTION: (words.MORE, words.MORE, words.ASKS, words.UNCLEAR),
    Awaiting.REOPEN_REASON: (words.MORE, words.NO, words.ASKS),
    Awaiting.NOTHING: (words.ASKS, words.MORE, words.CORRECTS, words.NO, words.THANKS, words.DONE, words.DONE_BUT),
}
SELDOM = (
    words.STOP,
    words.STOP,
    words.START,
    words.WITHDRAWS,
    words.THREAT,
    words.DANGER,
    words.SENSITIVE,
    words.GRIEF,
)


@dataclass(frozen=True, slots=True)
class Citizen:
    """An account; `hidden` on Facebook where the platform does not show who wrote."""

    author: Author
    platform: Platform
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A post as its writer knows it."""

    post: Inbound
    by: Citizen
    meant: Meant
    channel_id: int
    is_root: bool = False


@dataclass(slots=True)
class Travelling:
    """An event on its way to us."""

    channel_id: int
    event: Heard


@dataclass(slots=True)
class World:
    """Everything outside the office, and the office in it."""

    seed: int
    office: Office
    chance: random.Random
    clock: Clock
    citizens: list[Citizen] = field(default_factory=list)
    written: dict[str, Written] = field(default_factory=dict)  # by message id
    travelling: list[Travelling] = field(default_factory=list)
    arrived: list[Travelling] = field(default_factory=list)
    trouble: float = 0.0  # how often a platform refuses or delays
    kinds: Counter[str] = field(default_factory=Counter)
    officers: Officers = field(init=False)
    _ids: int = 0

    def __post_init__(self) -> None:
        self.trouble = self.chance.choice((0.0, 0.05, 0.25))
        self.officers = Officers(self)
        for at in range(3):
            self.citizens.append(Citizen(Author(f"x{at}", f"citizen_x{at}", f"Citizen X{at}"), Platform.X))
        for at in range(2):
            author = Author(f"f{at}", f"citizen_f{at}", f"Citizen F{at}")
            self.citizens.append(Citizen(author, Platform.FACEBOOK, hidden=at == 1))

    # -- one step ----------------------------------------------------------------------------------------------------------

    def step(self) -> Iterator[Happened]:
        """One thing that happens, and what the office makes of it, piece by piece."""
        act = self._drawn(
            (
                (4 if self._complaints() < MOST_COMPLAINTS else 0, self.complain),
                (1 if self._complaints() < MOST_COMPLAINTS else 0, self.complain_in_parts),
                (1 if self._complaints() < MOST_COMPLAINTS else 0, self.point_at_another),
                (8, self.answer),
                (2, self.go_on),
                (2, self.bystander),
                (1, self.change_words),
                (1, self.tag_again),
                (1, self.person_of_ours),
                (8, self.officers.work),
                (2, self.officers.press_anything),
                (2, self.officers.press_together),
                (1, self.officers.change_chairs),
                (1, self.officers.ask_by_command),
                (4, self.time_passes),
            )
        )
        name = act.__name__
        act()
        self.kinds[name] += 1
        yield from self._office_works()

    def _drawn(self, wheel: Sequence[tuple[int, Callable[[], None]]]) -> Callable[[], None]:
        return self.chance.choices([act for _, act in wheel], [weight for weight, _ in wheel])[0]

    def _office_works(self) -> Iterator[Happened]:
        self._arrive()
        if self.chance.random() < 0.9:
            while self.office.waiting():
                yield self.office.decide(self.chance.choice((1, 2, 50)))
                if self.chance.random() < 0.1:
                    break
        if self.chance.random() < 0.9:
            yield from self._time_is_heard()
        if self.chance.random() < 0.7:
            yield from self._deliveries()

    def _time_is_heard(self) -> Iterator[Happened]:
        for _ in range(200):
            heard = self.office.hear_time()
            if not heard.steps and not heard.failed:
                return
            yield heard
            self.clock.move(timedelta(seconds=1))
        yield Happened(failed=["time is heard again and again at the same moment and never comes to rest"])

    def _deliveries(self, limit: int = 100) -> Iterator[Happened]:
        for _ in range(20):
            happened = self.office.deliver(self._fate, limit)
            self.officers.see(happened.delivered)
            if not happened.delivered:
                return
            yield happened

    def _fate(self, message: Message) -> Fate:
        if self.chance.random() >= self.trouble:
            return Fate.TAKEN
        if message.outgoing.act in (OutgoingAct.EDIT, OutgoingAct.ANSWER_PRESS):
            return self.chance.choice((Fate.TAKEN, Fate.LATER))
        return self.chance.choice((Fate.REFUSED, Fate.LATER, Fate.LATER, Fate.LOST, Fate.GONE))

    def finish(self, days: int = 9) -> Iterator[Happened]:
        """Everything still on its way arrives, then nobody does anything more and time passes."""
        self.trouble = 0.0
        until = self.clock.now + timedelta(days=days)
        while True:
            self._arrive(everything=True)
            while self.office.waiting():
                yield self.office.decide(50)
            yield from self._time_is_heard()
            yield from self._deliveries()
            moments = [wake for wake in self._wakes() if wake > self.clock.now]
            if not moments or min(moments) > until:
                return
            self.clock.now = min(moments)

    def _wakes(self) -> list[datetime]:
        found = (next_wake(case, self.office.policy) for case in self.office.cases.values())
        return [max(wake, self.clock.now + timedelta(seconds=1)) for wake in found if wake is not None]

    # -- how events travel -------------------------------------------------------------------------------------------------

    def send(self, channel_id: int, event: Heard) -> None:
        """An event sets out; it may overtake others, and come twice."""
        self.travelling.append(Travelling(channel_id, event))

    def _arrive(self, *, everything: bool = False) -> None:
        if self.chance.random() < 0.1:
            self.chance.shuffle(self.travelling)
            self.kinds["out of order"] += 1
        late = [] if everything or self.chance.random() < 0.9 else self.travelling[1:]
        for one in self.travelling[: len(self.travelling) - len(late)]:
            self.office.put(one.channel_id, [one.event])
            self.arrived.append(one)
        self.travelling = late
        if self.arrived and self.chance.random() < 0.1:
            again = self.chance.choice(self.arrived)
            self.office.put(again.channel_id, [again.event])
            self.kinds["heard twice"] += 1

    # -- citizens ----------------------------------------------------------------------------------------------------------

    def _complaints(self) -> int:
        return sum(one.is_root for one in self.written.values())

    def complain(self) -> None:
        """A new post of its own."""
        pools = (words.COMPLAINTS, words.COMPLAINTS, words.COMPLAINTS, words.SENSITIVE, words.DANGER, words.GRIEF)
        pool = self.chance.choice((*pools, words.COMPLAINTS, words.NO_COMPLAINTS))
        self._write(self.chance.choice(self.citizens), self.chance.choice(pool))

    def complain_in_parts(self) -> None:
        """A thread of three posts that is one complaint, in any order of arrival."""
        who = self.chance.choice([one for one in self.citizens if not one.hidden])
        above: Inbound | None = None
        for text in words.PARTS[: self.chance.choice((2, 3))]:
            meant = Meant.COMPLAINT if above is None else Meant.MORE
            above = self._write(who, Line(text, meant), above=above)
            self.clock.move(timedelta(seconds=self.chance.choice((5, 40, 100))))

    def point_at_another(self) -> None:
        """ "@CMO please see": another's post is quoted, and that other may tag us as well."""
        who, other = self.chance.sample([one for one in self.citizens if one.platform is Platform.X], 2)
        line = self.chance.choice(words.COMPLAINTS[:8])
        theirs = self._post(other, line, root=True)
        quoted = QuotedPost(theirs.message_id, other.author.id, line.text)
        self._write(who, Line("please see this sir", Meant.POINTS), quoted=quoted)
        if self.chance.random() < 0.5:
            self._remember_and_send(Written(theirs, other, line.meant, X, is_root=True))

    def cases(self) -> list[Case]:
        """Every ticket, oldest first."""
        return sorted(self.office.cases.values(), key=lambda case: case.id)

    def _own(self) -> list[tuple[Citizen, Case]]:
        found = []
        for citizen in self.citizens:
            account = self.office.account(citizen.platform, citizen.author.id)
            for case in self.cases():
                hidden = citizen.hidden and case.hidden_author and self.written[case.first_message_id].by == citizen
                if hidden or (account is not None and case.account_id == account.id):
                    found.append((citizen, case))
        return found

    def answer(self) -> None:
        """A citizen writes about a ticket of theirs, mostly what was asked."""
        if not (own := self._own()):
            return self.complain()
        asked = [(citizen, case) for citizen, case in own if case.awaiting is Awaiting.SATISFACTION]
        citizen, case = self.chance.choice(asked if asked and self.chance.random() < 0.5 else own)
        pool = self.chance.choice(ANSWERS[case.awaiting])
        if case.ended and case.status is Status.CLOSED:
            pool = self.chance.choice((words.NO, words.YES, words.ASKS, words.THANKS))
        if self.chance.random() < 0.12:
            pool = self.chance.choice(SELDOM)
        line = self.chance.choice(pool)
        if self.chance.random() < 0.1:
            line = Line(f"{case.number} {line.text}", line.meant, line.photo)
            self._write(citizen, line, thread_of=None)  # in a post of its own, by number
        else:
            self._write(citizen, line, thread_of=case)
        return None

    def go_on(self) -> None:
        """The same matter in a new post, or another account of the same family with the same words."""
        roots = [one for one in self.written.values() if one.is_root and one.post.text]
        if not roots or self._complaints() >= MOST_COMPLAINTS:
            return self.answer()
        one = self.chance.choice(roots)
        same = self.chance.random() < 0.5
        who = one.by if same else self.chance.choice(self.citizens)
        said_anew = who == one.by and one.meant is Meant.COMPLAINT
        self._write(who, Line(one.post.text.removeprefix("@cmohry "), Meant.REPEAT if said_anew else one.meant))
        return None

    def bystander(self) -> None:
        """Somebody else writes under a citizen's post: joins, judges, asks, or has a matter of their own."""
        cases = self.cases()
        if not cases:
            return self.complain()
        case = self.chance.choice(cases)
        others = [
            one
            for one in self.citizens
            if one.platform is case.platform and one != self.written[case.first_message_id].by
        ]
        if not others:
            return self.answer()
        pool = self.chance.choice((words.ME_TOO, words.YES, words.NO, words.ASKS, words.STOP, words.COMPLAINTS))
        line = self.chance.choice(pool)
        if self.chance.random() < 0.2:
            line = Line(f"{case.number} {line.text}", line.meant)
        self._write(self.chance.choice(others), line, thread_of=case)
        return None

    def change_words(self) -> None:
        """A post is edited or deleted by its writer; a hidden author may show."""
        if not self.written:
            return self.complain()
        one = self.chance.choice(list(self.written.values()))
        post = one.post
        self._ids += 1
        if one.by.hidden and self.chance.random() < 0.5:
            self.send(one.channel_id, self._changed(post, InboundVerb.EDITED, post.text, one.by.author))
        elif self.chance.random() < 0.5:
            author = post.author
            self.send(one.channel_id, self._changed(post, InboundVerb.DELETED, "", author))
        else:
            text = f"{post.text} {self.chance.choice(('Rohtak', 'hisar', 'please', 'garbage'))}"
            self.send(one.channel_id, self._changed(post, InboundVerb.EDITED, text, post.author))
        return None

    def _changed(self, post: Inbound, verb: InboundVerb, text: str, author: Author | None) -> Inbound:
        return Inbound(
            key=f"{post.message_id}:{verb.value}:{self._ids}",
            verb=verb,
            platform=post.platform,
            message_id=post.message_id,
            thread_id=post.thread_id,
            occurred_at=self.clock.now,
            author=author,
            text=text,
            reply_to_id=post.reply_to_id,
            mentions_us=post.mentions_us,
        )

    def tag_again(self) -> None:
        """The same post reaches us through a second account of ours."""
        tagged = [one for one in self.written.values() if one.channel_id == X]
        if not tagged:
            return self.complain()
        self.send(X_SECOND, self.chance.choice(tagged).post)
        return None

    def person_of_ours(self) -> None:
        """A person uses our account in a citizen's thread."""
        cases = [case for case in self.cases() if case.channel_id in (X, FACEBOOK)]
        if not cases:
            return self.complain()
        case = self.chance.choice(cases)
        self._ids += 1
        _, platform, account_id = CHANNELS[case.channel_id]
        ours = Inbound(
            key=f"h{self._ids}:1",
            verb=InboundVerb.POSTED,
            platform=platform,
            message_id=f"h{self._ids}",
            thread_id=case.thread_id,
            occurred_at=self.clock.now,
            author=Author(account_id, "cmo", "CMO"),
            by_us=True,
            text=words.OF_OURS[0].text,
            reply_to_id=case.first_message_id,
        )
        self.send(case.channel_id, ours)
        return None

    def _write(
        self,
        who: Citizen,
        line: Line,
        *,
        thread_of: Case | None = None,
        above: Inbound | None = None,
        quoted: QuotedPost | None = None,
    ) -> Inbound:
        root = thread_of is None and above is None
        post = self._post(who, line, root=root, thread_of=thread_of, above=above, quoted=quoted)
        self._remember_and_send(
            Written(post, who, line.meant, X if who.platform is Platform.X else FACEBOOK, is_root=root)
        )
        return post

    def _post(
        self,
        who: Citizen,
        line: Line,
        *,
        root: bool,
        thread_of: Case | None = None,
        above: Inbound | None = None,
        quoted: QuotedPost | None = None,
    ) -> Inbound:
        self._ids += 1
        self.clock.move(timedelta(seconds=self.chance.choice((1, 20, 200))))
        message_id = f"m{self._ids}"
        reply_to, to_us = (above.message_id if above else None), False
        if thread_of is not None:
            reply_to, to_us = self._under(thread_of)
        text = line.text if who.platform is Platform.FACEBOOK else f"@cmohry {line.text}".strip()
        names_us = self.chance.random() < 0.85 or root
        return Inbound(
            key=f"{message_id}:1",
            verb=InboundVerb.POSTED,
            platform=who.platform,
            message_id=message_id,
            thread_id=thread_of.thread_id if thread_of else above.thread_id if above else message_id,
            occurred_at=self.clock.now,
            author=None if who.hidden else who.author,
            text=text if names_us else line.text,
            reply_to_id=reply_to,
            reply_to_us=to_us,
            mentions_us=names_us,
            implicit=not names_us and to_us,
            mentioned_ids=("77",) if self.chance.random() < 0.2 else (),
            attachments=(PHOTO,) if line.photo else (),
            quoted=quoted,
        )

    def _under(self, case: Case) -> tuple[str, bool]:
        """The post that is answered: our newest one in the thread, as most people do, or the first of it."""
        ours = [
            one.sent_id
            for one in self.office.messages
            if one.sent_id is not None and one.is_public and one.outgoing.thread_id == case.thread_id
        ]
        if ours and self.chance.random() < 0.7:
            return ours[-1], True
        return case.first_message_id, False

    def _remember_and_send(self, one: Written) -> None:
        self.written[one.post.message_id] = one
        self.kinds[f"writes: {one.meant.value}"] += 1
        self.send(one.channel_id, one.post)

    # -- time --------------------------------------------------------------------------------------------------------------

    def time_passes(self) -> None:
        """Minutes, until something is due, days, or a jump."""
        wakes = self._wakes()
        kind = self.chance.choice(("minutes", "due", "due", "days", "days", "jump", "back"))
        match kind:
            case "minutes":
                self.clock.move(timedelta(minutes=self.chance.randint(1, 90)))
            case "due" if wakes:
                self.clock.now = min(wakes)
            case "jump" if self.chance.random() < 0.3:
                self.clock.move(timedelta(days=self.chance.randint(20, 60)))
            case "back":
                self.clock.move(-timedelta(seconds=self.chance.randint(1, 5)))
            case _:
                self.clock.move(timedelta(hours=self.chance.randint(3, 100)))
        self.kinds[f"time: {kind}"] += 1


def policy_of(chance: random.Random) -> Policy:
    """The office's own settings differ from seed to seed."""
    return Policy(
        x_follow_ups=chance.choice((FollowUps.PERMITTED, FollowUps.PERMITTED, FollowUps.ASKED, FollowUps.NEVER)),
        max_unasked_per_ticket=chance.choice((0, 1, 3, 6, 6, 6)),
        reopen_within=timedelta(days=chance.choice((1, 30, 30))),
    )


def chairs_of(chance: random.Random) -> list[str]:
    """The chairs that stand empty from the beginning."""
    return [code for code in CHAIRS if chance.random() < 0.08]


def is_telegram(message: Message) -> bool:
    """Is this for officers?"""
    return message.channel_id == TELEGRAM
