"""What officers do beside answering: send somebody, ask a colleague, remark, give a whole district time.

Owns these acts as people do them, by buttons and replies. It must not know what a story expects.
"""

from __future__ import annotations

import sqlalchemy as sa

from bot.demo.people import CannotAct, Officers, Spot
from handlers.case import Case
from handlers.errands import errands_of
from handlers.facts import Facts
from handlers.render import render
from handlers.understanding.taxonomy import taxonomy
from store.people import Officer
from store.tables import outbox
from store.vocabulary import ErrandKind


class Hands(Officers):
    """The same officers at the second row of their acts."""

    async def send(self, case: Case, officer: Officer) -> str:
        """Send the first field officer of the list."""
        await self._chosen(case, officer, "mark")
        choice = self._need(case, "choose_field_officer")
        post = next(iter(self._choices(choice)))
        return await self.press(case, officer, "mark", spot=choice, label=post)

    async def field_reports(self, case: Case, text: str, *, photo: bool = False) -> None:
        """Whoever was sent replies with what was done."""
        await self.reply(self._sent_to(case, ErrandKind.MARK), self._need(case, "marked_notice"), text, photo=photo)

    async def ask_time(self, case: Case, officer: Officer, text: str) -> str:
        """Ask the next officer up for more days, with a reason."""
        await self.press(case, officer, "more_time")
        return await self._answered(case, officer, self._need(case, "prompt_time"), text)

    async def settle_time(self, case: Case, officer: Officer, granted: bool) -> str:
        """The next officer up grants or refuses them."""
        button = "grant" if granted else "refuse_time"
        return await self.press(case, officer, button, spot=self._need(case, "time_asked_notice"))

    async def pass_on(self, case: Case, officer: Officer) -> str:
        """The owner lets the field officer's report go to the citizen."""
        return await self.press(case, officer, "confirm", spot=self._need(case, "field_report_notice"))

    async def ask_help(self, case: Case, officer: Officer, department: str, question: str) -> str:
        """Ask another office for help with a question."""
        await self._chosen(case, officer, "help")
        choice = self._need(case, "choose_helper")
        label = taxonomy().departments[department].short(self._language(choice.chat))
        await self.press(case, officer, "help", spot=choice, label=label)
        return await self._answered(case, officer, self._need(case, "prompt_help"), question)

    async def helper_answers(self, case: Case, text: str) -> str:
        """The office that was asked answers its colleague."""
        helper = self._sent_to(case, ErrandKind.HELP)
        return await self._answered(case, helper, self._need(case, "help_notice"), text)

    async def remark(self, case: Case, text: str) -> str:
        """A viewer of the CMO asks for the ticket's card alone with the bot, and replies to it."""
        _, viewer = self.viewer(case)
        user = int(viewer.telegram_user_id or 0)
        self.telegram.write(user, user, f"/ticket {case.number}")
        await self._heard()
        return await self._answered(case, viewer, self._need(case, "ticket_card"), text)

    async def answer_remark(self, case: Case, officer: Officer, text: str) -> str:
        """Whoever has the ticket replies to the remark."""
        return await self._answered(case, officer, self._need(case, "remark_notice"), text)

    async def pause(self, words: str) -> str:
        """A clerk stops the time limits of a district and confirms it; returns the toast."""
        return await self._ordered(f"/pause {words}", "standstill_proposed", "stand_still")

    async def resume(self, district: str) -> str:
        """A clerk lets them run again."""
        return await self._ordered("/pause", "standstill_list", "call_off", district)

    async def _ordered(self, command: str, template: str, button: str, district: str = "") -> str:
        _, clerk = self.clerk()
        desk = self.stage.directory.cmo_desk()
        if desk is None or desk.chat_id is None:
            raise CannotAct("The CMO desk has no chat.")
        chat, user = int(desk.chat_id), int(clerk.telegram_user_id or 0)
        self.telegram.write(user, chat, command)
        await self._heard()
        spot = self._sent(sa.and_(outbox.c.template == template, outbox.c.recipient == str(chat)))
        if spot is None:
            raise CannotAct(f"The bot did not answer to {command}.")
        label = render(self._language(chat), "officer", "button", Facts(why=button))
        if district:
            label = f"{label} {taxonomy().districts[district].name(self._language(chat))}"
        press = self.telegram.press(user, spot.chat, spot.message, label)
        await self._heard()
        return self.telegram.answers(press) or ""

    # -- parts -----------------------------------------------------------------------------------------------------------

    async def _chosen(self, case: Case, officer: Officer, act: str) -> None:
        await self.press(case, officer, "more")
        await self.press(case, officer, act, spot=self._need(case, "choose_more"))

    def _need(self, case: Case, template: str) -> Spot:
        spot = self.last_of(case, template)
        if spot is None:
            raise CannotAct(f"No {template} about this ticket has come.")
        return spot

    def _choices(self, spot: Spot) -> list[str]:
        shown = self.telegram.groups[spot.chat].messages[spot.message]
        return [button["text"] for row in shown.markup.get("inline_keyboard", []) for button in row]

    def _sent_to(self, case: Case, kind: ErrandKind) -> Officer:
        errand = next(iter(errands_of(self.case(case.id), kind)), None)
        post = self.stage.directory.posts.get(errand.post) if errand is not None else None
        return self._holder(post)[1]
