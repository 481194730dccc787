"""What citizens and officers do by hand: write, reply, press, report.

Officers act as people do: they find the ticket's message in their chat, press its buttons by their words and reply to
what the bot asks. Owns these acts; it must not know what a story expects.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from PIL import Image

from bot.demo.stage import Stage
from bot.sandbox.facebook import FacebookWorld
from bot.sandbox.x import XWorld
from handlers.case import Case
from handlers.desk.addresses import address_of, language_of_chat
from handlers.desk.rows import case_of
from handlers.effects import Audience
from handlers.facts import Facts
from handlers.render import render
from handlers.routing import cmo_post, may_act
from handlers.understanding.taxonomy import taxonomy
from store import tickets
from store.db import reading
from store.payloads import outgoing_from_json
from store.people import Officer, Post
from store.tables import buttons, incidents, outbox
from store.vocabulary import Language, Platform, Role

THINKING = timedelta(seconds=4)


def a_photo(colour: str = "seagreen", **noted: Any) -> bytes:
    """A small picture as a phone would send it; `noted` is given to the writer (exif)."""
    kept = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(kept, "JPEG", **noted)
    return kept.getvalue()


class CannotAct(Exception):
    """A person of the story cannot do what the story says; the sentence tells why."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A message of ours in a Telegram chat."""

    chat: int
    message: int


class Officers:
    """The officers of the stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.telegram = stage.sandbox.telegram

    def case(self, ticket_id: int) -> Case:
        """The ticket as it stands."""
        with reading(self.stage.office.engine) as conn:
            return case_of(tickets.by_ids(conn, [ticket_id])[0])

    def owner(self, case: Case) -> tuple[Post, Officer]:
        """The chair that owns the ticket and a linked person in it."""
        post = self.stage.directory.posts.get(case.owner_post or "") or cmo_post(self.stage.directory)
        return self._holder(post)

    def senior(self, case: Case) -> tuple[Post, Officer]:
        """The next chair up that may act and has a linked person."""
        owner = self.owner(case)[0]
        above = [
            post
            for post in self.stage.directory.posts.values()
            if post.level > owner.level
            and post.department == owner.department
            and may_act(case, post, self.stage.directory)
        ]
        return self._holder(min(above, key=lambda post: post.level, default=None))

    def clerk(self) -> tuple[Post, Officer]:
        """A clerk of the CMO desk."""
        return self._holder(cmo_post(self.stage.directory))

    def second_clerk(self, case: Case) -> Officer:
        """Another person of the CMO desk than the one who rejected."""
        post = cmo_post(self.stage.directory)
        others = (one for one in (post.holders if post else ()) if one.telegram_user_id and one.id != case.rejected_by)
        found = next(others, None)
        if found is None:
            raise CannotAct("Nobody else sits at the CMO desk.")
        return found

    def viewer(self, case: Case) -> tuple[Post, Officer]:
        """Somebody of the CMO who may look but not act."""
        posts = self.stage.directory.posts.values()
        return self._holder(next((post for post in posts if post.role is Role.CMO_VIEWER), None))

    def outsider(self, case: Case) -> tuple[Post, Officer]:
        """An officer of another department."""
        others = (
            post
            for post in self.stage.directory.posts.values()
            if post.role is Role.NODAL_OFFICER and post.department != case.department and post.holders
        )
        return self._holder(next(others, None))

    def _holder(self, post: Post | None) -> tuple[Post, Officer]:
        holder = next((one for one in post.acting if one.telegram_user_id), None) if post else None
        if post is None or holder is None:
            raise CannotAct("There is no linked officer for this act.")
        return post, holder

    # -- acts ----------------------------------------------------------------------------------------------------------

    async def press(
        self, case: Case, officer: Officer, why: str, *, spot: Spot | None = None, label: str | None = None
    ) -> str:
        """Press a button of the ticket's notice (or of `spot`) by its words; returns the toast."""
        at = spot or self.notice(case)
        words = label or render(self._language(at.chat), "officer", "button", Facts(why=why))
        press = self.telegram.press(int(officer.telegram_user_id or 0), at.chat, at.message, words)
        await self._heard()
        return self.telegram.answers(press) or ""

    async def press_old(self, case: Case, officer: Officer, act: str) -> str:
        """Press a button that the notice of the turn before (or of an ended ticket) showed until it was edited."""
        turns_ago = 0 if case.ended else 1
        at = self.notice(case, turns_ago=turns_ago)
        query = sa.select(buttons.c.token).where(
            buttons.c.ticket_id == case.id,
            buttons.c.act == act,
            buttons.c.cycle == str(case.turn - turns_ago),
        )
        with reading(self.stage.office.engine) as conn:
            token = conn.execute(query).scalar()
        if token is None:
            raise CannotAct(f"{case.number} never had a button to {act}.")
        press = self.telegram.press(int(officer.telegram_user_id or 0), at.chat, at.message, token, stale=True)
        await self._heard()
        return self.telegram.answers(press) or ""

    async def reply(
        self, officer: Officer, spot: Spot, text: str, *, photo: bool = False, file: bytes | None = None
    ) -> Spot:
        """Reply to a message of the bot, with a photo or with a picture sent as a file."""
        user = int(officer.telegram_user_id or 0)
        if file is not None:
            message = self.telegram.document(user, spot.chat, file, text, reply_to=spot.message)
        else:
            picture = a_photo() if photo else None
            message = self.telegram.write(user, spot.chat, text, reply_to=spot.message, photo=picture)
        await self._heard()
        return Spot(spot.chat, message)

    async def _heard(self) -> None:
        """The office hears it; a few seconds pass, as they do between two touches of a phone."""
        await self.stage.hear(Platform.TELEGRAM)
        await self.stage.pass_time(THINKING)

    async def dispose(self, case: Case, officer: Officer, text: str, *, photo: bool = False) -> str:
        """Press "done", write the report, read the preview, confirm it; returns the last toast."""
        case = self._lead_of(case) or case if self._own_notice(case) is None else case
        before = self.last_of(case, "prompt_atr")
        toast = await self.press(case, officer, "dispose")
        prompt = self.last_of(case, "prompt_atr")
        if prompt is None or prompt == before:
            return toast
        await self.reply(officer, prompt, text, photo=photo)
        preview = self.last_of(case, "preview")
        return await self.press(case, officer, "confirm", spot=preview) if preview else toast

    async def ask(self, case: Case, officer: Officer, text: str) -> str:
        """Ask the citizen a question."""
        toast = await self.press(case, officer, "ask")
        prompt = self.last_of(case, "prompt_question")
        if prompt is not None:
            await self.reply(officer, prompt, text)
        return toast

    async def more(self, case: Case, officer: Officer, act: str, text: str) -> str:
        """Press "More...", then the act, and reply to what it asks for; returns what the bot says to that."""
        await self.press(case, officer, "more")
        choice = self.last_of(case, "choose_more")
        if choice is None:
            raise CannotAct("The list of further acts did not come.")
        toast = await self.press(case, officer, act, spot=choice)
        prompt = self.last_of(case, f"prompt_{act}")
        return await self._answered(case, officer, prompt, text) if prompt is not None else toast

    async def forward(self, case: Case, officer: Officer, where: str) -> str:
        """Forward to a department by its code, or to the CMO desk ("cmo")."""
        await self.press(case, officer, "forward")
        choice = self.last_of(case, "choose_department")
        if choice is None:
            raise CannotAct("The list of departments did not come.")
        language = self._language(choice.chat)
        label = taxonomy().departments[where].short(language) if where != "cmo" else None
        return await self.press(case, officer, "triage_desk", spot=choice, label=label)

    async def give_back(self, case: Case, officer: Officer, text: str) -> str:
        """Press "forward" and answer its question in words: not ours, and why."""
        await self.press(case, officer, "forward")
        choice = self.last_of(case, "choose_department")
        if choice is None:
            raise CannotAct("The list of departments did not come.")
        return await self._answered(case, officer, choice, text)

    async def write(self, case: Case, officer: Officer, text: str) -> str:
        """Reply to the ticket's notice in words, without pressing anything."""
        return await self._answered(case, officer, self.notice(case), text)

    async def _answered(self, case: Case, officer: Officer, spot: Spot, text: str) -> str:
        """Reply, and read what the bot answers to it."""
        message = await self.reply(officer, spot, text)
        query = (
            sa.select(outbox.c.payload)
            .where(outbox.c.recipient == str(message.chat), outbox.c.template.in_(("refusal", "toast")))
            .order_by(outbox.c.id.desc())
        )
        with reading(self.stage.office.engine) as conn:
            payload = conn.execute(query.limit(1)).scalar()
        outgoing = outgoing_from_json(payload) if payload else None
        answers_it = outgoing is not None and outgoing.reply_to_id == str(message.message)
        return outgoing.text if outgoing is not None and answers_it else ""

    async def place(self, case: Case, text: str) -> str:
        """A clerk tells in own words what it is about and where."""
        _, clerk = self.clerk()
        spot = self.last_of(case, "triage_notice") or self.last_of(case, "emergency_notice")
        if spot is None:
            raise CannotAct("No notice about this ticket has reached the CMO desk.")
        return await self._answered(case, clerk, spot, text)

    async def reject(self, case: Case, reason: str) -> str:
        """A clerk rejects with a listed reason."""
        _, clerk = self.clerk()
        spot = self.last_of(case, "triage_notice")
        if spot is None:
            raise CannotAct("No notice about this ticket has reached the CMO desk.")
        await self.press(case, clerk, "reject", spot=spot)
        choice = self.last_of(case, "choose_reason") or spot  # the reasons come in the notice's own place
        return await self.press(case, clerk, reason, spot=choice)

    async def reopen(self, case: Case) -> str:
        """A clerk reopens on a word that was checked."""
        return await self.settle(case, self.clerk()[1], "reopen")

    async def settle(self, case: Case, clerk: Officer, why: str) -> str:
        """A clerk decides on the latest word about a ticket that has ended."""
        spot = self.last_of(case, "objection_notice" if case.objected_at else "addition_notice")
        if spot is None:
            raise CannotAct("No word about this ticket has reached the CMO desk.")
        return await self.press(case, clerk, why, spot=spot)

    # -- what they see -------------------------------------------------------------------------------------------------------

    def notice(self, case: Case, *, turns_ago: int = 0) -> Spot:
        """Where the ticket's notice of this turn, or of an earlier one, stands; or that of the ticket that speaks for it."""
        spot = self._own_notice(case, turns_ago=turns_ago)
        if spot is None and (lead := self._lead_of(case)) is not None:
            return self.notice(lead)
        if spot is None:
            raise CannotAct(f"{case.number} has no notice in any chat.")
        return spot

    def _own_notice(self, case: Case, *, turns_ago: int = 0) -> Spot | None:
        return self._sent(outbox.c.step_id == f"{case.id}:notice:{case.turn - turns_ago}")

    def _lead_of(self, case: Case) -> Case | None:
        """The ticket whose notice speaks for all who report the same, if that is another one."""
        query = sa.select(incidents.c.lead_id).where(incidents.c.id == case.incident_id)
        with reading(self.stage.office.engine) as conn:
            lead_id = conn.execute(query).scalar()
        return self.case(lead_id) if lead_id is not None and lead_id != case.id else None

    def last_of(self, case: Case, template: str) -> Spot | None:
        """The newest message of this template about the ticket."""
        return self._sent(sa.and_(outbox.c.ticket_id == case.id, outbox.c.template == template))

    def _sent(self, where: sa.ColumnElement[bool]) -> Spot | None:
        query = sa.select(outbox.c.sent_id).where(where, outbox.c.sent_id.is_not(None)).order_by(outbox.c.id.desc())
        with reading(self.stage.office.engine) as conn:
            sent_id = conn.execute(query.limit(1)).scalar()
        if not sent_id:
            return None
        chat, message = str(sent_id).split(":")
        return Spot(int(chat), int(message))

    def _language(self, chat: int) -> Language:
        return language_of_chat(str(chat), self.stage.directory)

    def chat_of(self, case: Case) -> int:
        """The chat that owns the ticket."""
        address = address_of(case, Audience.OWNER, self.stage.directory)
        if address is None:
            raise CannotAct("Nobody can be reached.")
        return int(address.chat_id)


class Citizens:
    """People on X and Facebook."""

    def __init__(self, stage: Stage, *, handle: str = "@cmohry") -> None:
        self.stage = stage
        self.x = stage.sandbox.x
        self.facebook = stage.sandbox.facebook
        self.handle = handle

    def post(
        self,
        platform: Platform,
        who: str,
        name: str,
        text: str,
        *,
        hidden: bool = False,
        untagged: bool = False,
        **options: Any,
    ) -> str:
        """A new post that tags the office (unless `untagged`); returns its id."""
        if platform is Platform.X:
            self.x.add_user(who, name)
            tagged = text if self.handle.lower() in text.lower() or untagged else f"{self.handle} {text}"
            return self.x.post(who, tagged.strip(), **options)
        self.facebook.add_user(who, name)
        options.pop("voice", None)  # Facebook has no voice posts
        return self.facebook.tag_post(who, text, hide_author=hidden, tagged=not untagged, **options)

    def share(self, platform: Platform, who: str, name: str, text: str, verb: str, of: str) -> str:
        """Quote or repost another's post, tagging the office when quoting; returns the new post's id."""
        if platform is Platform.X:
            self.x.add_user(who, name)
            return self.x.post(who, text, quote_of=of) if verb == "quote" else self.x.post(who, text, repost_of=of)
        self.facebook.add_user(who, name)
        return self.facebook.tag_post(who, text, hide_author=False, shares=of)

    def our_post(self, platform: Platform, text: str, *, under: str | None = None) -> str:
        """A person posts with our own account, by hand."""
        if platform is Platform.X:
            return self.x.human_post(self.handle.lstrip("@"), text, under)
        return self.facebook.human_comment(under, text) if under else self.facebook.page_post(text)

    def block(self, platform: Platform, who: str) -> None:
        """The citizen blocks us."""
        if platform is Platform.X:
            self.x.block(who, self.handle)
        else:
            self.facebook.block(who)

    def world(self, platform: Platform) -> XWorld | FacebookWorld:
        """The emulated platform itself."""
        return self.x if platform is Platform.X else self.facebook

    def reply(self, platform: Platform, who: str, name: str, text: str, to: str, **options: Any) -> str:
        """A reply or comment under `to`; returns its id."""
        if platform is Platform.X:
            self.x.add_user(who, name)
            return self.x.post(who, text, in_reply_to=to, **options)
        self.facebook.add_user(who, name)
        return self.facebook.comment(who, to, text, **{key: value for key, value in options.items() if key == "photos"})
