"""The buttons under a message for officers: their words, and the opaque tokens that stand for what they do.

Owns tokens and labels. What is offered is decided elsewhere; what a press does is in officers.py.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from functools import lru_cache
from typing import Any

from handlers.case import Case
from handlers.effects import Act, Press
from handlers.facts import Facts
from handlers.render import render
from handlers.understanding.taxonomy import taxonomy
from store.outbound import Button
from store.vocabulary import Language


class Buttons:
    """The buttons of one batch; `new` are the rows that make their tokens known."""

    def __init__(self, now: datetime) -> None:
        self.new: list[dict[str, Any]] = []
        self._now = now
        self._tokens: dict[tuple[int | None, str, str, str], str] = {}

    def offered(
        self, case: Case, presses: tuple[tuple[Press, ...], ...], language: Language
    ) -> tuple[tuple[Button, ...], ...]:
        """These presses as buttons, line by line; one press of one turn has one token."""
        turn = str(case.turn)
        return tuple(tuple(self._button(case.id, turn, press, language) for press in line) for line in presses)

    def listed(
        self, step_id: str, presses: tuple[tuple[Press, ...], ...], language: Language
    ) -> tuple[tuple[Button, ...], ...]:
        """The buttons under a list that was posted as `step_id`: its tickets and its other pages."""
        return tuple(
            tuple(self._button(press.ticket_id, step_id, press, language) for press in line) for line in presses
        )

    def _button(self, ticket_id: int | None, cycle: str, press: Press, language: Language) -> Button:
        key = (ticket_id, cycle, press.act.value, press.argument)
        if key not in self._tokens:
            self._tokens[key] = secrets.token_urlsafe(9)
            row = {
                "token": self._tokens[key],
                "ticket_id": ticket_id,
                "act": press.act,
                "argument": press.argument,
                "cycle": cycle,
                "created_at": self._now,
            }
            self.new.append(row)
        argument = (
            "" if press.act in (Act.CONFIRM, Act.CANCEL, Act.NOT_DONE) else press.argument
        )  # the number of a draft says nothing
        return Button(text=press.label or _label(press.act, argument, language), token=self._tokens[key])


@lru_cache(maxsize=1024)  # a list of departments is thirty buttons, and the same ones every time
def _label(act: Act, argument: str, language: Language) -> str:
    match act:
        case Act.HELP_OF:
            return taxonomy().departments[argument].short(language)
        case Act.FORWARD_TO if argument != "cmo":
            return taxonomy().departments[argument].short(language)
        case Act.SET_CATEGORY:
            return taxonomy().categories[argument].name(language)
        case Act.SET_DISTRICT:
            return taxonomy().districts[argument].name(language)
        case Act.REJECT_FOR:
            return render(language, "officer", "button", Facts(why=argument))
        case Act.SAYS:
            return render(language, "officer", "button", Facts(why=argument.partition("|")[2]))
        case Act.OPEN_KEYS:
            return render(language, "officer", "button", Facts(why=f"keys_{argument}"))
        case Act.SHOW:
            return argument  # the ticket's number
        case Act.SPLIT_OFF:
            return f"{render(language, 'officer', 'button', Facts(why=act.value))} {argument}".strip()
        case Act.CALL_OFF:
            place = argument.partition("|")[2]
            named = taxonomy().districts[place].name(language) if place in taxonomy().districts else ""
            return f"{render(language, 'officer', 'button', Facts(why=act.value))} {named}".strip()
        case Act.STAND_STILL:
            return render(language, "officer", "button", Facts(why=act.value))
        case Act.COMPLAINT | Act.END_ALL | Act.END_ALL_SURE:
            number = argument.partition("|")[2]
            return f"{render(language, 'officer', 'button', Facts(why=act.value))} {number}"
        case Act.PAGE | Act.FLOOD_OF | Act.PASSED_PAGE:
            return render(language, "officer", "button", Facts(why=argument.partition("|")[0]))
    why = "triage_desk" if argument == "cmo" else act.value
    return render(language, "officer", "button", Facts(why=why))
