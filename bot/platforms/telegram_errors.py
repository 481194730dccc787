"""What python-telegram-bot's errors mean for SMGT: the one mapping of this platform.

Owns the mapping only. Nothing of a message travels into an error: Telegram's descriptions may quote it, so
quoted parts are cut out.
"""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)

from bot.platforms.port import (
    BadMessage,
    ChatClosed,
    ChatMoved,
    CredentialsRefused,
    OutcomeUnknown,
    PlatformError,
    RateLimited,
    Refused,
    ReplyRefused,
    Unreachable,
)

NOT_MODIFIED = "message is not modified"
PRESS_TOO_OLD = "query is too old"
THREAD_NOT_FOUND = "message thread not found"
NO_TEXT_TO_EDIT = "there is no text in the message to edit"
NOTHING_TO_DELETE = "message to delete not found"

# Fragments of Telegram's descriptions, compared in lower case; the first that fits decides.
_DESCRIBED: tuple[tuple[str, str, type[Refused], str], ...] = (
    ("blocked by the user", "blocked", ReplyRefused, "This person has blocked the bot."),
    ("can't initiate conversation", "never_started", ReplyRefused, "This person has never started the bot."),
    ("user is deactivated", "deactivated", ReplyRefused, "This Telegram account no longer exists."),
    ("was kicked", "kicked", ChatClosed, "The bot was removed from this chat; add it again."),
    ("not a member", "kicked", ChatClosed, "The bot is not in this chat; add it."),
    ("not enough rights", "no_rights", ChatClosed, "The bot may not do this in the chat; give it the right."),
    ("have no rights", "no_rights", ChatClosed, "The bot may not do this in the chat; give it the right."),
    ("_forbidden", "no_rights", ChatClosed, "The bot may not do this in the chat; give it the right."),
    ("group chat was deleted", "chat_gone", ChatClosed, "The group was deleted; map the desk to another one."),
    ("peer_id_invalid", "chat_not_found", Refused, "Telegram does not know this chat for this bot."),
    ("chat not found", "chat_not_found", ChatClosed, "Telegram does not know this chat for this bot."),
    ("topic_closed", "topic_closed", ChatClosed, "The topic is closed; open it or map the desk to another one."),
    (THREAD_NOT_FOUND, "topic_not_found", Refused, "The topic is gone; map the desk to another one."),
    ("message to edit not found", "message_gone", Refused, "The message to edit is not there any more."),
    (NOTHING_TO_DELETE, "message_gone", Refused, "The message to delete is not there any more."),
    ("message can't be", "message_fixed", Refused, "Telegram no longer lets the bot change this message."),
    ("file is too big", "file_too_big", Refused, "The file is larger than Telegram serves to bots (20 MB)."),
    ("file_id", "file_gone", Refused, "Telegram does not know this file for this bot."),
    ("file identifier", "file_gone", Refused, "Telegram does not know this file for this bot."),
    ("too_long", "too_long", BadMessage, "The toast is longer than the 200 characters Telegram allows."),
    (
        "too long",
        "too_long",
        BadMessage,
        "The text is longer than Telegram allows (4096; with a photo 1024).",
    ),
    ("text is empty", "empty", BadMessage, "The text is empty."),
    ("can't parse entities", "bad_html", BadMessage, "The text is not HTML as Telegram reads it."),
    (
        "button",
        "bad_buttons",
        BadMessage,
        "Telegram refuses a button: words, 1 to 64 bytes of token, or a link.",
    ),
    ("photo_invalid", "bad_photo", BadMessage, "Telegram does not take this photo's shape or size."),
    ("image_process_failed", "bad_photo", BadMessage, "Telegram cannot read this photo."),
    ("too big for a photo", "too_large", BadMessage, "The picture is larger than Telegram takes (10 MB)."),
    ("too large", "too_large", BadMessage, "The upload is larger than Telegram takes."),
)

# Raised before a byte of the request left.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def described(error: TelegramError, fragment: str) -> bool:
    """Whether Telegram's own words hold this fragment."""
    return fragment in error.message.lower()


def platform_error(error: Exception) -> PlatformError:
    """The port's error for anything a python-telegram-bot call raises."""
    match error:
        case RetryAfter():
            return _slow_down(error)
        case ChatMigrated():
            return ChatMoved("telegram:moved", "The group became a supergroup.", new_chat_id=str(error.new_chat_id))
        case InvalidToken():
            return CredentialsRefused(
                "telegram:401", "Telegram refuses the bot's token; ask @BotFather for a new one and set it."
            )
        case Conflict():
            return Unreachable(
                "telegram:409",
                "Somebody else reads this bot's updates: stop the other program or delete the webhook.",
            )
        case Forbidden() | BadRequest():
            return _refused(error)
        case NetworkError():
            return _network(error)
    # A 200 that is not the Bot API's JSON: it was probably done.
    return OutcomeUnknown("telegram:unreadable", "Telegram's answer could not be read.")


def _slow_down(error: RetryAfter) -> RateLimited:
    # With PTB_TIMEDELTA=1 (set where the bot is made) this is a timedelta, and reading it does not warn.
    wait = error.retry_after
    seconds = wait.total_seconds() if isinstance(wait, timedelta) else float(wait)
    return RateLimited("telegram:429", "Telegram asks to slow down.", retry_after=seconds)


def _refused(error: TelegramError) -> Refused:
    for fragment, code, kind, sentence in _DESCRIBED:
        if described(error, fragment):
            return kind(f"telegram:{code}", sentence)
    number = "403" if isinstance(error, Forbidden) else "400"
    words = re.sub(r'"[^"]*"|\'[^\']*\'', '"..."', error.message)[:120]
    return Refused(f"telegram:{number}", f"Telegram refuses: {words}.")


def _network(error: NetworkError) -> PlatformError:
    cause = error.__cause__
    if isinstance(cause, _NEVER_SENT):
        return Unreachable("telegram:unreachable", f"No connection to Telegram ({type(cause).__name__}).")
    if described(error, "too many requests"):
        return RateLimited("telegram:429", "Telegram asks to slow down.", retry_after=1.0)
    if described(error, "entity too large"):
        return BadMessage("telegram:too_large", "The upload is larger than Telegram takes.")
    if isinstance(cause, httpx.HTTPError):
        return OutcomeUnknown("telegram:cut", f"The connection broke while waiting ({type(cause).__name__}).")
    return OutcomeUnknown("telegram:5xx", "Telegram's server failed while answering.")
