"""The officers of the simulation: they read what reaches their chats, and press and write there.

Some work as they should; some press what is old, what is not theirs, twice, or at the same moment as a colleague. Owns
what they see and do. It must not know how the office decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING

from bot.bench import simulate_words as words
from bot.bench.simulate_office import TELEGRAM, Message, full_directory
from handlers.effects import Act
from handlers.facts import Facts
from handlers.render import render
from handlers.routing import may_act
from store.inbound import Attachment, Author, DeskUpdate
from store.outbound import Button
from store.people import Officer
from store.vocabulary import DeskVerb, Language, OutgoingAct

if TYPE_CHECKING:
    from bot.bench.simulate_world import World

ANSWERED = ("prompt_atr", "prompt_question", "emergency_confirm", "triage_notice", "notice")
CHAIRS = ("ulb-nodal-rohtak", "phed-nodal-hisar", "police-head", "power-division", "cmo-desk")


@cache
def _labels(act: Act) -> frozenset[str]:
    """What is written on the button of this act, in every language."""
    return frozenset(render(language, "officer", "button", Facts(why=act.value)) for language in Language)


class Officers:
    """Everybody who sits behind a desk."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shown: dict[str, Message] = {}  # what stands in the chats, by sent id
        self.buttons: list[tuple[str, Button, int | None]] = []  # every button ever seen: chat, button, ticket
        self._updates = 0
        self._written: Counter[str] = Counter()

    def see(self, delivered: Sequence[Message]) -> None:
        """New and edited messages stand in their chats."""
        for message in delivered:
            if message.channel_id != TELEGRAM or message.outgoing.act is OutgoingAct.ANSWER_PRESS:
                continue
            chat = message.outgoing.thread_id
            sent_id = message.sent_id or f"{chat}:{message.outgoing.message_id}"
            self.shown[sent_id] = message
            for line in message.outgoing.buttons:
                self.buttons += [(chat, button, message.ticket_id) for button in line]

    # -- what they do ------------------------------------------------------------------------------------------------------

    def work(self) -> None:
        """An officer goes on with a ticket that an office has, or does something else that the chat offers."""
        chance = self.world.chance
        mine = [case for case in self.world.cases() if case.with_office]
        if mine and chance.random() < 0.6:
            case = chance.choice(mine)
            here = [(sent_id, one) for sent_id, one in self.shown.items() if one.ticket_id == case.id]
            for sent_id, message in reversed(here):
                if message.template == "preview":
                    return self._press_one(message, Act.CONFIRM if chance.random() < 0.9 else Act.CANCEL)
                if message.template in ANSWERED:
                    return self._reply(sent_id, message)
        asking = [(sent_id, one) for sent_id, one in self.shown.items() if one.template in ANSWERED]
        if asking and chance.random() < 0.4:
            return self._reply(*chance.choice(asking[-6:]))
        offering = [one for one in self.shown.values() if one.outgoing.buttons and one.template != "choose_department"]
        if not offering:
            return self.world.complain()
        return self._press_one(chance.choice(offering[-8:]), None)

    def _press_one(self, message: Message, wanted: Act | None) -> None:
        """Press the wanted button of this message, or any of it."""
        offered = [button for line in message.outgoing.buttons for button in line]
        meant = [button for button in offered if wanted is not None and button.text in _labels(wanted)]
        button = meant[0] if meant else self.world.chance.choice(offered)
        self._press(message.outgoing.thread_id, button, self._right_officer(message.ticket_id))

    def press_anything(self) -> None:
        """Any button that was ever seen, by anybody, old ones too."""
        if not self.buttons:
            return self.work()
        chat, button, ticket_id = self.world.chance.choice(self.buttons)
        who = self._anybody() if self.world.chance.random() < 0.5 else self._right_officer(ticket_id)
        self._press(chat, button, who)
        return None

    def ask_by_command(self) -> None:
        """/ticket and /help, in a chat where the bot is; and a report edited after it was sent."""
        chance, cases = self.world.chance, self.world.cases()
        number = chance.choice(cases).number if cases else "HRY26-000001-0"
        text = chance.choice((f"/ticket {number}", f"/ticket {number}", "/help", "/ticket", "/start", "/nothing"))
        who = self._anybody()
        chat = chance.choice(("-1", "-100", who.telegram_user_id or "-1"))
        verb = DeskVerb.EDITED if chance.random() < 0.2 else DeskVerb.WROTE
        self.world.send(TELEGRAM, self._update(chat, who, verb, text=text))

    def press_together(self) -> None:
        """Two presses on one ticket at the same moment: the same button twice, or two that exclude each other."""
        if not self.buttons:
            return self.work()
        chance = self.world.chance
        _, _, ticket_id = chance.choice(self.buttons)
        mine = [(chat, button) for chat, button, about in self.buttons if about == ticket_id]
        for _ in range(2):
            chat, button = chance.choice(mine[-8:])
            self._press(chat, button, self._right_officer(ticket_id))
        return None

    def change_chairs(self) -> None:
        """Somebody leaves or takes a chair."""
        code = self.world.chance.choice(CHAIRS)
        held = bool(self.world.office.directory.posts[code].holders)
        self.world.office.chair(code, held=not held)

    # -- inside ------------------------------------------------------------------------------------------------------------

    def _anybody(self) -> Officer:
        return self.world.chance.choice([one for post in full_directory().posts.values() for one in post.holders])

    def _right_officer(self, ticket_id: int | None) -> Officer:
        """One who may act on the ticket, if there is one."""
        case = self.world.office.cases.get(ticket_id or 0)
        directory = self.world.office.directory
        if case is None:
            return self._anybody()
        allowed = [post for post in directory.posts.values() if post.holders and may_act(case, post, directory)]
        if not allowed:
            return self._anybody()
        lowest = min(allowed, key=lambda post: (post.level, post.code))  # mostly the one whose daily work it is
        return (lowest if self.world.chance.random() < 0.8 else self.world.chance.choice(allowed)).holders[0]

    def _press(self, chat: str, button: Button, who: Officer) -> None:
        update = self._update(chat, who, DeskVerb.PRESSED, press_data=button.token)
        self.world.kinds["presses"] += 1
        self.world.send(TELEGRAM, update)

    def _reply(self, sent_id: str, message: Message) -> None:
        chance = self.world.chance
        chat, _, number = sent_id.rpartition(":")
        match message.template:
            case "prompt_question":
                text = chance.choice(words.QUESTIONS)
            case "emergency_confirm":
                text = chance.choice(("haan, police pahunch gayi", "nahi, koi nahi pahuncha"))
            case "triage_notice":
                text = chance.choice(("garbage, Rohtak", "Hisar", "pension", "we will look into it tomorrow ourselves"))
            case _:
                text = chance.choice(words.REPORTS)
        update = self._update(
            chat,
            self._right_officer(message.ticket_id),
            DeskVerb.WROTE,
            reply_to_id=number,
            text=text,
            photo=chance.random() < 0.2,
        )
        self.world.kinds["replies"] += 1
        self.world.send(TELEGRAM, update)

    def _update(
        self,
        chat: str,
        who: Officer,
        verb: DeskVerb,
        *,
        press_data: str | None = None,
        reply_to_id: str | None = None,
        text: str = "",
        photo: bool = False,
    ) -> DeskUpdate:
        self._updates += 1
        self._written[chat] += 1  # every chat counts for itself
        world = self.world
        if world.chance.random() < 0.7:
            world.clock.move(timedelta(seconds=world.chance.choice((1, 30, 600))))
        return DeskUpdate(
            key=f"700:{self._updates}",
            verb=verb,
            occurred_at=world.clock.now,
            chat_id=chat,
            chat_kind="supergroup" if chat.startswith("-") else "private",
            message_id=str(self._written[chat]),
            reply_to_id=reply_to_id,
            author=Author(who.telegram_user_id or "", "officer", who.name),
            text=text,
            attachments=(Attachment("photo", ref="p"),) if photo else (),
            press_id=f"q{self._updates}" if press_data else None,
            press_data=press_data,
        )
