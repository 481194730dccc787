"""Telegram's own rules for the emulator: its numbers, refusals, HTML and flood limits.

Owns rules only; it must not know who wrote what, nor the wire. Numbers are those of
https://core.telegram.org/bots/api and https://core.telegram.org/bots/faq#broadcasting-to-users.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict, deque
from datetime import datetime, timedelta
from html import unescape
from typing import Any

from bot.sandbox.world import Limits

TEXT_LENGTH = 4096  # characters after entities are parsed
CAPTION_LENGTH = 1024
CALLBACK_DATA_BYTES = 64
CALLBACK_ANSWER_LENGTH = 200
FILE_BYTES = 20 * 1024 * 1024  # what getFile serves
UPLOAD_BYTES = 50 * 1024 * 1024  # the largest file a bot may send
PHOTO_BYTES = 10 * 1024 * 1024  # and the largest photo
UPDATES_KEPT = timedelta(hours=24)
OVERALL_PER_SECOND = 30
GROUP_PER_MINUTE = 20
CHAT_PER_SECOND = 1
BURST_SECONDS = 5  # Telegram tolerates short bursts in one chat; five in five seconds here

Wire = dict[str, Any]


class BotApiError(Exception):
    """A refusal as the Bot API words it: HTTP status, description, response parameters."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters

    def wire(self) -> Wire:
        """The JSON body of the refusal."""
        body: Wire = {"ok": False, "error_code": self.status, "description": self.description}
        if self.parameters:
            body["parameters"] = self.parameters
        return body


def bad_request(what: str, **parameters: int) -> BotApiError:
    """A 400 in Telegram's wording."""
    return BotApiError(400, f"Bad Request: {what}", **parameters)


def forbidden(what: str) -> BotApiError:
    """A 403 in Telegram's wording."""
    return BotApiError(403, f"Forbidden: {what}")


def too_many(seconds: int) -> BotApiError:
    """A 429 that says when to come back."""
    return BotApiError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)


class FloodLimits:
    """Counts what each bot sent, on the office clock; the windows slide."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sent: dict[tuple[int, int | None], deque[datetime]] = defaultdict(deque)

    def count(self, bot_id: int, chat_id: int, *, is_group: bool, now: datetime, messages: int = 1) -> None:
        """Take `messages` from every allowance that applies; a BotApiError 429 takes nothing."""
        everywhere = self._sent[bot_id, None]
        here = self._sent[bot_id, chat_id]
        wait = self._wait(everywhere, OVERALL_PER_SECOND, 1, now, messages)
        wait = max(wait, self._wait(here, CHAT_PER_SECOND * BURST_SECONDS, BURST_SECONDS, now, messages))
        if is_group:
            wait = max(wait, self._wait(here, GROUP_PER_MINUTE, 60, now, messages))
        if wait > 0:
            raise too_many(max(1, math.ceil(wait)))
        everywhere.extend([now] * messages)
        here.extend([now] * messages)

    def _wait(self, sent: deque[datetime], limit: int, seconds: int, now: datetime, messages: int) -> float:
        while sent and now - sent[0] >= timedelta(seconds=60):
            sent.popleft()
        allowed = self._limits.allowed(limit)
        if allowed is None:
            return 0.0
        recent = [moment for moment in sent if now - moment < timedelta(seconds=seconds)]
        excess = len(recent) + messages - allowed
        if excess <= 0 or not recent:
            return 0.0
        frees_at = recent[min(excess, len(recent)) - 1] + timedelta(seconds=seconds)
        return max((frees_at - now).total_seconds(), 0.001)


_TAG = re.compile(r"<(?P<close>/?)(?P<name>[a-zA-Z][a-zA-Z0-9-]*)?(?P<rest>[^<>]*)>?")
_ATTRIBUTE = re.compile(r"([a-z-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))")
_KNOWN_REFERENCE = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);")
_ENTITY_OF_TAG = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "blockquote": "blockquote",
    "tg-emoji": "custom_emoji",
}


def _units(text: str) -> int:
    """Length in UTF-16 units, which is how Telegram counts entity offsets."""
    return len(text.encode("utf-16-le")) // 2


def parse_html(source: str) -> tuple[str, list[Wire]]:
    """The visible text and its entities. Raises BotApiError as Telegram does for unknown or unclosed tags."""
    text = ""
    entities: list[Wire] = []
    open_tags: list[tuple[str, int, str]] = []
    position = 0
    for found in _TAG.finditer(source):
        text += _dereference(source[position : found.start()])
        position = found.end()
        offset = len(source[: found.start()].encode())
        name = (found["name"] or "").lower()
        if found["close"]:
            text = _close(open_tags, name, offset, text, entities)
        elif name not in _ENTITY_OF_TAG or not found.group().endswith(">"):
            raise _unparsable(f'Unsupported start tag "{name}" at byte offset {offset}')
        elif name == "span" and "tg-spoiler" not in found["rest"]:
            raise _unparsable(f'Tag "span" must have class "tg-spoiler" at byte offset {offset}')
        else:
            open_tags.append((name, _units(text), found["rest"]))
    if open_tags:
        name = open_tags[-1][0]
        raise _unparsable(f'Can\'t find end tag corresponding to start tag "{name}"')
    text += _dereference(source[position:])
    return text, sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def _close(open_tags: list[tuple[str, int, str]], name: str, at: int, text: str, entities: list[Wire]) -> str:
    if not open_tags:
        raise _unparsable(f"Unexpected end tag at byte offset {at}")
    opened, start, rest = open_tags.pop()
    if name not in ("", opened):
        raise _unparsable(f'Unmatched end tag at byte offset {at}, expected "</{opened}>", found "</{name}>"')
    entity: Wire = {"type": _ENTITY_OF_TAG[opened], "offset": start, "length": _units(text) - start}
    attributes = {key: unescape(a or b or c) for key, a, b, c in _ATTRIBUTE.findall(rest)}
    if opened == "a":
        entity["url"] = attributes.get("href", "")
    if opened == "tg-emoji":
        entity["custom_emoji_id"] = attributes.get("emoji-id", "")
    # Telegram drops a link without an address instead of refusing it.
    if entity["length"] and entity.get("url") != "":
        entities.append(entity)
    return text


def _dereference(piece: str) -> str:
    return _KNOWN_REFERENCE.sub(lambda found: unescape(found.group()), piece)


def _unparsable(why: str) -> BotApiError:
    return bad_request(f"can't parse entities: {why}")


_COMMAND_OR_MENTION = re.compile(r"(?:^|(?<=\s))(/[A-Za-z0-9_]{1,32}(?:@[A-Za-z0-9_]{3,32})?|@[A-Za-z0-9_]{3,32})")


def entities_of_plain(text: str) -> list[Wire]:
    """The commands and mentions Telegram marks in what people type."""
    return [
        {
            "type": "bot_command" if found.group().startswith("/") else "mention",
            "offset": _units(text[: found.start()]),
            "length": _units(found.group()),
        }
        for found in _COMMAND_OR_MENTION.finditer(text)
    ]


def check_keyboard(markup: Wire) -> None:
    """Raises BotApiError for an inline keyboard that Telegram would refuse."""
    for row in markup.get("inline_keyboard", ()):
        for button in row:
            if not str(button.get("text", "")).strip():
                raise bad_request("text buttons are unallowed in the inline keyboard")
            if "url" in button:
                if not re.match(r"(https?|tg)://[^\s/]+", button["url"]):
                    raise bad_request("BUTTON_URL_INVALID")
            elif not 1 <= len(str(button.get("callback_data", "")).encode()) <= CALLBACK_DATA_BYTES:
                raise bad_request("BUTTON_DATA_INVALID")
