"""One Telegram bot of ours through python-telegram-bot: reads updates, sends, edits, answers presses.

Owns the calls. It must not know tickets, roles or the database. Updates are read by our own `get_updates`,
because the library's Updater confirms them before anything has been kept.
"""

from __future__ import annotations

import json
import logging
import os
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, cast

import httpx
from telegram import (
    Bot,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    ReplyParameters,
)
from telegram.constants import ParseMode
from telegram.error import BadRequest, InvalidToken, TelegramError
from telegram.request import HTTPXRequest

from bot.clocks import OfficeClock
from bot.platforms import telegram_errors as errors
from bot.platforms.http import gives_up_after
from bot.platforms.port import (
    BadMessage,
    Batch,
    Gap,
    Identity,
    NotSent,
    OutcomeUnknown,
    PhotoGone,
    ReadBack,
    Refused,
    Said,
    Unknown,
    Watch,
)
from bot.platforms.telegram_files import OurFiles, in_album
from bot.platforms.telegram_updates import WANTED_UPDATES, parse_update, told_apart, verify_secret
from store.outbound import Button, Outgoing
from store.vocabulary import OutgoingAct, Platform

logger = logging.getLogger(__name__)

__all__ = ["TelegramPort", "parse_update", "verify_secret"]

PHOTO_BYTES = 5 * 1024 * 1024  # the largest attachment we fetch
BATCH = 100  # updates in one read, the Bot API's most
UPDATES_KEPT = timedelta(hours=24)
NOTE_READ_EVERY = timedelta(minutes=10)
GENERAL_TOPIC = "1"  # a forum's General topic; Telegram wants it left out

# JSON that is not a Bot API answer, or an update newer than the library, breaks inside it with these.
_LIBRARY_STUMBLED = (KeyError, TypeError, AttributeError, ValueError, OverflowError)
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class _KeepingRequest(HTTPXRequest):
    """Keeps the newest raw answer, so that an update the library cannot parse is not lost."""

    payload: bytes = b""

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        self.payload = b""
        code, self.payload = await super().do_request(*args, **kwargs)
        return code, self.payload


class TelegramPort:
    """A bot, as `bot.platforms.port.Port` describes it.

    `api_url` is the server without `/bot` (`https://api.telegram.org`); `poll_seconds` how long a read waits
    for news; `timeout` bounds connecting, writing and reading each, in seconds; `load_photo` gives the bytes
    of our own stored copy by its media id and may block, `load_paper` those of a file that we made.
    Raises ValueError when the token is not
    `<bot id>:<letters>`.
    """

    platform = Platform.TELEGRAM

    def __init__(
        self,
        channel: str,
        token: str,
        *,
        api_url: str,
        clock: OfficeClock,
        poll_seconds: int = 0,
        timeout: float = 10.0,
        load_photo: Callable[[int], bytes] | None = None,
        load_paper: Callable[[int], bytes] | None = None,
        proxy: str | None = None,
    ) -> None:
        number = token.partition(":")[0]
        if ":" not in token or not number.isdigit():
            raise ValueError("A Telegram bot token looks like <bot id>:<letters>; copy it whole from @BotFather.")
        self.channel = channel
        self.bot_id = int(number)
        self._token = token
        self._api_url = api_url.rstrip("/")
        self._clock = clock
        self._poll_seconds = poll_seconds
        self._timeout = timeout
        self._files = OurFiles(load_photo, load_paper)
        self._proxy = proxy
        self._made: tuple[Bot, _KeepingRequest, HTTPXRequest] | None = None

    async def identify(self) -> Identity:
        """Ask Telegram who the bot is."""
        me = await self._call(self._bot.get_me)
        return Identity(account_id=str(me.id), handle=me.username or "", name=me.first_name)

    async def read(self, cursors: Mapping[str, str], watch: Watch) -> AsyncIterator[Batch]:
        """New updates since the cursor `offset`, oldest first; `read_at` is when it was last read, to notice a gap.

        An offset confirms every update before it, so each request carries only what the caller has already
        committed: ask for the next batch after committing this one.
        """
        offset = int(cursors.get("offset", "0"))
        wait = self._poll_seconds
        gap = _too_long_ago(_last_heard(cursors), watch.now)
        while True:
            raw = await self._updates(offset, wait)
            by_id, unreadable = told_apart(raw)
            now = self._clock.now()
            events = tuple(parse_update(by_id[number], self.bot_id, now) for number in sorted(by_id))
            goes_on = len(raw) >= BATCH and max(by_id, default=-1) >= offset
            if len(raw) >= BATCH and not goes_on:
                logger.warning(
                    "Telegram shows updates again that were confirmed; reading ends here for now",
                    extra={"action": "telegram_loop"},
                )
            offset, wait = max([offset, *(number + 1 for number in by_id)]), 0
            moved = {"offset": str(offset)} if by_id else {}
            if not goes_on and (by_id or gap or _is_stale(cursors, now)):
                moved["read_at"] = now.isoformat()
            batch = Batch(events, moved, gap, unreadable)
            if not batch.is_empty:
                yield batch
            gap = None
            if not goes_on:
                return

    async def send(self, outgoing: Outgoing) -> str:
        """Do it; returns `<chat id>:<message id>`, or "" for an answered press."""
        match outgoing.act:
            case OutgoingAct.MESSAGE | OutgoingAct.REPLY:
                message = await self._say(outgoing)
                return f"{message.chat_id}:{message.message_id}"
            case OutgoingAct.EDIT:
                await self._edit(outgoing)
            case OutgoingAct.DELETE:
                await self._delete(outgoing)
            case OutgoingAct.ANSWER_PRESS:
                await self._answer_press(outgoing)
                return ""
        return f"{outgoing.thread_id}:{_message_number(outgoing.message_id)}"

    async def read_back(self, unknown: Sequence[Unknown]) -> ReadBack:
        """Telegram lets no bot read its own messages: finds nothing and reaches back to now only."""
        return ReadBack(found={}, reaches_back_to=self._clock.now())

    async def said_since(self, moment: datetime, threads: Collection[str]) -> Said:
        """Nothing: as with `read_back`."""
        return Said((), self._clock.now())

    async def fetch(self, ref: str) -> bytes:
        """A file by its file_id, up to 5 MB."""
        file = await self._call(self._bot.get_file, ref)
        if (file.file_size or 0) > PHOTO_BYTES:
            raise Refused("telegram:file_too_big", "The file is larger than 5 MB, which is the most we keep.")
        try:
            content = bytes(await file.download_as_bytearray())
        except InvalidToken as error:
            # The library reads any 404 as a dead token; for a download it means that the file is gone.
            raise Refused("telegram:file_gone", "Telegram no longer has this file.") from error
        except TelegramError as error:
            raise errors.platform_error(error) from error
        if len(content) > PHOTO_BYTES:
            raise Refused("telegram:file_too_big", "The file is larger than 5 MB, which is the most we keep.")
        if file.file_size is not None and len(content) != file.file_size:
            raise NotSent("telegram:file_cut", "The file arrived incomplete; fetch it again.", retry_after=5.0)
        return content

    async def close(self) -> None:
        """Release connections."""
        if self._made is not None:
            _, reading, sending = self._made
            self._made = None
            await reading.shutdown()
            await sending.shutdown()

    @property
    def _bot(self) -> Bot:
        return self._open()[0]

    def _open(self) -> tuple[Bot, _KeepingRequest, HTTPXRequest]:
        """The bot, made inside the running event loop at first use."""
        if self._made is None:
            _keep_secrets_out_of_logs()
            # Else reading (and even making) a RetryAfter warns of its own future.
            os.environ.setdefault("PTB_TIMEDELTA", "1")
            limits: dict[str, Any] = {
                "connect_timeout": self._timeout,
                "read_timeout": self._timeout,
                "write_timeout": self._timeout,
                "media_write_timeout": self._timeout,
                "pool_timeout": self._timeout,
            }
            reading = _KeepingRequest(httpx_kwargs=self._connections(1), **limits)
            sending = HTTPXRequest(httpx_kwargs=self._connections(16), **limits)
            bot = Bot(
                self._token,
                base_url=f"{self._api_url}/bot",
                base_file_url=f"{self._api_url}/file/bot",
                request=sending,
                get_updates_request=reading,
            )
            self._made = (bot, reading, sending)
        return self._made

    def _connections(self, most: int) -> dict[str, Any]:
        """httpx's own settings; the library would leave out all but the socket's."""
        transport = httpx.AsyncHTTPTransport(
            verify=_trusted_roots(),
            trust_env=False,
            limits=httpx.Limits(max_connections=most, max_keepalive_connections=most),
            proxy=self._proxy,
            socket_options=gives_up_after(self._timeout) or None,
        )
        return {"trust_env": False, "transport": transport}

    async def _updates(self, offset: int, wait: int) -> list[dict[str, Any]]:
        bot, reading, _ = self._open()
        try:
            await bot.get_updates(offset=offset, limit=BATCH, timeout=wait, allowed_updates=WANTED_UPDATES)
        except TelegramError as error:
            raise errors.platform_error(error) from error
        except _LIBRARY_STUMBLED:
            # The library could not parse one of them; the raw answer below still has them all.
            pass
        return _raw_updates(reading.payload)

    async def _say(self, outgoing: Outgoing) -> Message:
        topic_id = None if outgoing.topic_id in (None, GENERAL_TOPIC) else _number(outgoing.topic_id, "topic")
        shown = outgoing.photos or ((outgoing.photo,) if outgoing.photo else ())
        photos = [one for photo in shown if (one := await self._files.photo(photo)) is not None]
        if shown and not photos:
            raise PhotoGone("telegram:photos_gone", "None of the photos is in our store any more.")
        try:
            return await self._say_in(outgoing, topic_id, photos)
        except Refused as refused:
            if refused.code != "telegram:topic_not_found" or topic_id is None:
                raise
        return await self._say_in(outgoing, None, photos)

    async def _say_in(self, outgoing: Outgoing, topic_id: int | None, photos: Sequence[str | bytes]) -> Message:
        asked: dict[str, Any] = {
            "chat_id": _number(outgoing.thread_id, "chat"),
            "message_thread_id": topic_id,
            "disable_notification": outgoing.silent or None,
        }
        if outgoing.reply_to_id is not None:
            # An answer is worth sending even when the question is gone.
            asked["reply_parameters"] = ReplyParameters(
                _message_number(outgoing.reply_to_id), allow_sending_without_reply=True
            )
        if len(photos) > 1:
            album = [in_album(one, outgoing.text if at == 0 else None) for at, one in enumerate(photos)]
            return _first(await self._call(self._bot.send_media_group, media=album, **asked))
        asked |= {"parse_mode": ParseMode.HTML, "reply_markup": _markup(outgoing)}
        if outgoing.document is not None:
            content = await self._files.paper(outgoing.document.paper_id)
            asked |= {"document": content, "caption": outgoing.text or None, "filename": outgoing.document.name}
            # Our own file needs no preview of Telegram's making, nor a guess at what it is.
            return cast(
                Message, await self._call(self._bot.send_document, disable_content_type_detection=True, **asked)
            )
        if photos:
            asked |= {"photo": photos[0], "caption": outgoing.text, "filename": "photo.jpg"}
            sent: Message = await self._call(self._bot.send_photo, **asked)
        else:
            asked |= {"text": outgoing.text, "link_preview_options": _NO_PREVIEW}
            sent = await self._call(self._bot.send_message, **asked)
        return sent

    async def _edit(self, outgoing: Outgoing) -> None:
        asked: dict[str, Any] = {
            "chat_id": _number(outgoing.thread_id, "chat"),
            "message_id": _message_number(outgoing.message_id),
            "reply_markup": _keyboard(outgoing.buttons),
        }
        if not outgoing.text:
            await self._unless((errors.NOT_MODIFIED,), self._bot.edit_message_reply_markup, **asked)
            return
        asked["parse_mode"] = ParseMode.HTML
        done = await self._unless(
            (errors.NOT_MODIFIED, errors.NO_TEXT_TO_EDIT),
            self._bot.edit_message_text,
            text=outgoing.text,
            link_preview_options=_NO_PREVIEW,
            **asked,
        )
        if done == errors.NO_TEXT_TO_EDIT:  # it is a photo: its words are the caption
            await self._unless((errors.NOT_MODIFIED,), self._bot.edit_message_caption, caption=outgoing.text, **asked)

    async def _delete(self, outgoing: Outgoing) -> None:
        await self._unless(
            (errors.NOTHING_TO_DELETE,),
            self._bot.delete_message,
            chat_id=_number(outgoing.thread_id, "chat"),
            message_id=_message_number(outgoing.message_id),
        )

    async def _answer_press(self, outgoing: Outgoing) -> None:
        await self._unless(
            (errors.PRESS_TOO_OLD,),
            self._bot.answer_callback_query,
            callback_query_id=outgoing.press_id or "",
            text=outgoing.text or None,
            show_alert=outgoing.alert or None,
        )

    async def _unless(self, ends_well: tuple[str, ...], method: Callable[..., Any], **asked: Any) -> str | None:
        """Call; a 400 with one of these descriptions is no failure and is returned."""
        try:
            await self._call(method, **asked)
        except Refused as refused:
            cause = refused.__cause__
            for fragment in ends_well:
                if isinstance(cause, BadRequest) and errors.described(cause, fragment):
                    return fragment
            raise
        return None

    async def _call(self, method: Callable[..., Any], *args: Any, **asked: Any) -> Any:
        """One call of the library, with every error in the port's words."""
        try:
            return await method(*args, **asked)
        except TelegramError as error:
            raise errors.platform_error(error) from error
        except _LIBRARY_STUMBLED as error:
            raise _unreadable() from error


def _first(messages: Sequence[Message]) -> Message:
    """The message by which an album is known; it carries the words."""
    if not messages:
        raise _unreadable()
    return messages[0]


def _unreadable() -> OutcomeUnknown:
    return OutcomeUnknown("telegram:unreadable", "Telegram's answer could not be read.")


def _raw_updates(payload: bytes) -> list[Any]:
    try:
        updates = json.loads(payload)["result"]
    except (ValueError, KeyError, TypeError) as error:
        raise _unreadable() from error
    if not isinstance(updates, list):
        raise _unreadable()
    return updates


def _last_heard(cursors: Mapping[str, str]) -> datetime | None:
    """When Telegram was read the last time, or told us something by webhook."""
    told = [cursors[name] for name in ("read_at", "told_at") if cursors.get(name)]
    return max((datetime.fromisoformat(one) for one in told), default=None)


def _too_long_ago(heard_at: datetime | None, now: datetime) -> Gap | None:
    """The stretch that Telegram no longer holds, when nobody read for longer than it keeps updates."""
    if heard_at is None or now - heard_at <= UPDATES_KEPT:
        return None
    return Gap(
        heard_at, now - UPDATES_KEPT, "Telegram keeps updates for 24 hours only; what officers wrote before is lost."
    )


def _is_stale(cursors: Mapping[str, str], now: datetime) -> bool:
    """Whether it is time to write down again that we read: not at every poll, each is a transaction."""
    heard_at = _last_heard(cursors)
    return heard_at is None or now - heard_at >= NOTE_READ_EVERY


def _number(identifier: str | None, of_what: str) -> int:
    try:
        return int(identifier or "")
    except ValueError:
        raise BadMessage(f"telegram:no_{of_what}", f"The row names no Telegram {of_what}.") from None


def _message_number(platform_id: str | None) -> int:
    """The message's number, from `<chat id>:<message id>` or from the number alone."""
    return _number((platform_id or "").rpartition(":")[2], "message")


def _keyboard(rows: Sequence[Sequence[Button]]) -> InlineKeyboardMarkup | None:
    if not rows:
        return None
    return InlineKeyboardMarkup(
        [
            [
                InlineKeyboardButton(button.text, url=button.url)
                if button.url
                else InlineKeyboardButton(button.text, callback_data=button.token)
                for button in row
            ]
            for row in rows
        ]
    )


def _markup(outgoing: Outgoing) -> InlineKeyboardMarkup | ForceReply | None:
    """Telegram takes one markup: buttons go before a forced reply."""
    if outgoing.force_reply and not outgoing.buttons:
        return ForceReply(selective=outgoing.reply_to_id is not None)
    return _keyboard(outgoing.buttons)


@cache
def _trusted_roots() -> ssl.SSLContext:
    """The certificates we trust, loaded once: each client would else spend 60 ms on its own copy."""
    return httpx.create_ssl_context(trust_env=False)


def _keep_secrets_out_of_logs() -> None:
    """httpx logs every URL, and with it the token; the library logs answers, and with them people's words."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    logging.getLogger("telegram").setLevel(logging.CRITICAL + 1)
