"""The Bot API's methods, as the emulated Telegram answers them.

Each takes the state, the asking bot and the parameters, and returns the `result`; a refusal is a BotApiError.
Callers hold `world.lock`. Must not know HTTP. Wording follows https://core.telegram.org/bots/api and the
answers of the live server.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bot.sandbox.telegram_parameters import Parameters
from bot.sandbox.telegram_rules import (
    CALLBACK_ANSWER_LENGTH,
    CAPTION_LENGTH,
    FILE_BYTES,
    PHOTO_BYTES,
    TEXT_LENGTH,
    UPLOAD_BYTES,
    BotApiError,
    Wire,
    bad_request,
    check_keyboard,
    parse_html,
)
from bot.sandbox.telegram_state import BotAccount, Chat, Message, TelegramState, Webhook, chat_member


def get_me(state: TelegramState, bot: BotAccount, asked: Parameters) -> Wire:
    """https://core.telegram.org/bots/api#getme"""
    return bot.account.wire() | {
        "can_join_groups": True,
        "can_read_all_group_messages": not bot.privacy_mode,
        "supports_inline_queries": False,
    }


def send_message(state: TelegramState, bot: BotAccount, asked: Parameters) -> Wire:
    """https://core.telegram.org/bots/api#sendmessage"""
    text, entities = _words(asked, "text", "entities")
    if not text:
        raise bad_request("message text is empty")
    if len(text) > TEXT_LENGTH:
        raise bad_request("message is too long")
    return _send(state, bot, asked, text=text, entities=entities).wire()


def send_photo(state: TelegramState, bot: BotAccount, asked: Parameters) -> Wire:
    """https://core.telegram.org/bots/api#sendphoto"""
    caption, entities = _caption(asked)
    media = _media(state, asked, "photo", asked.text("photo"))
    return _send(state, bot, asked, text=caption, entities=entities, media=media).wire()


def send_document(state: TelegramState, bot: BotAccount, asked: Parameters) -> Wire:
    """https://core.telegram.org/bots/api#senddocument"""
    caption, entities = _caption(asked)
    media = _media(state, asked, "document", asked.text("document"))
    return _send(state, bot, asked, text=caption, entities=entities, media=media).wire()


def send_media_group(state: TelegramState, bot: BotAccount, asked: Parameters) -> list[Wire]:
    """https://core.telegram.org/bots/api#sendmediagroup; every photo counts against the limits."""
    items = asked.nested("media", [])
    if not 2 <= len(items) <= 10:
        raise bad_request("group send failed: an album takes 2 to 10 items")
    prepared = []
    for item in items:
        caption, entities = _caption(Parameters(item, {}))
        media = _media(state, asked, item.get("type", "photo"), item.get("media", ""))
        prepared.append({"text": caption, "entities": entities, "media": media})
    chat = _open_chat(state, bot, asked, messages=len(items))
    album = str(state.number("album", 13_000_000_000_000_001))
    return [_post(state, bot, chat, asked, album_id=album, **fields).wire() for fields in prepared]


def edit_message_text(state: TelegramState, bot: BotAccount, asked: Parameters) -> Wire:
    """https://core.telegram.org/bots/api#editmessagetext"""
    message = _own_message(state, bot, asked)
    text, entities = _words(asked, "text", "entities")
    if message.media:
        raise bad_request("there is no text in the message to edit")
    if not text:
        raise bad_request("message text is empty")
    if len(text) > TEXT_LENGTH:
        raise bad_request("message is too long")
    return _edit(state, bot, message, text=text, entities=entities, markup=_keyboard(asked))


def edit_message_caption(state: TelegramState, bot: BotAccount, asked: Parameters) -> Wire:
    """https://core.telegram.org/bots/api#editmessagecaption"""
    message = _own_message(state, bot, asked)
    if not message.media:
        raise bad_request("there is no caption in the message to edit")
    caption, entities = _caption(asked)
    return _edit(state, bot, message, text=caption, entities=entities, markup=_keyboard(asked))


def edit_message_reply_markup(state: TelegramState, bot: BotAccount, asked: Parameters) -> Wire:
    """https://core.telegram.org/bots/api#editmessagereplymarkup"""
    message = _own_message(state, bot, asked)
    return _edit(state, bot, message, text=message.text, entities=message.entities, markup=_keyboard(asked))


def delete_message(state: TelegramState, bot: BotAccount, asked: Parameters) -> bool:
    """https://core.telegram.org/bots/api#deletemessage"""
    chat = state.chat_for_bot(bot, asked.integer("chat_id"))
    message = chat.messages.get(asked.integer("message_id"))
    if message is None or message.is_deleted:
        raise bad_request("message to delete not found")
    is_own = message.sender.id == bot.id
    if not is_own and chat.bots[bot.id] != "administrator":
        raise bad_request("message can't be deleted")
    # Own messages older than two days stay.
    if is_own and (state.now - message.sent_at).total_seconds() > 48 * 3600:
        raise bad_request("message can't be deleted for everyone")
    message.is_deleted = True
    return True


def answer_callback_query(state: TelegramState, bot: BotAccount, asked: Parameters) -> bool:
    """https://core.telegram.org/bots/api#answercallbackquery"""
    press = state.presses.get(asked.text("callback_query_id"))
    text = asked.text("text")
    if len(text) > CALLBACK_ANSWER_LENGTH:
        raise bad_request("MESSAGE_TOO_LONG")
    if press is None or press.bot_id != bot.id or state.now - press.pressed_at > state.press_window:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    press.answer, press.is_alert = text, asked.truth("show_alert")
    return True


def get_file(state: TelegramState, bot: BotAccount, asked: Parameters) -> Wire:
    """https://core.telegram.org/bots/api#getfile"""
    file_id = asked.text("file_id")
    if file_id not in state.files:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    path, content = state.files[file_id]
    if len(content) > FILE_BYTES:
        raise bad_request("file is too big")
    return {
        "file_id": file_id,
        "file_unique_id": f"u{file_id[-6:]}",
        "file_size": len(content),
        "file_path": path,
    }


def get_chat(state: TelegramState, bot: BotAccount, asked: Parameters) -> Wire:
    """https://core.telegram.org/bots/api#getchat"""
    chat = state.chat_for_bot(bot, asked.integer("chat_id"))
    gifts = (
        "unlimited_gifts",
        "limited_gifts",
        "unique_gifts",
        "premium_subscription",
        "gifts_from_channels",
    )
    return chat.wire() | {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(gifts, False),
    }


def get_chat_member(state: TelegramState, bot: BotAccount, asked: Parameters) -> Wire:
    """https://core.telegram.org/bots/api#getchatmember"""
    chat = state.chat_for_bot(bot, asked.integer("chat_id"))
    account = state.accounts.get(asked.integer("user_id"))
    if account is None:
        raise bad_request("user not found")
    if account.is_bot:
        return chat_member(account.wire(), chat.bots.get(account.id, "left"))
    is_in = account.id in chat.members or chat.person is account
    return chat_member(account.wire(), "member" if is_in else "left")


def get_chat_administrators(state: TelegramState, bot: BotAccount, asked: Parameters) -> list[Wire]:
    """https://core.telegram.org/bots/api#getchatadministrators"""
    chat = state.chat_for_bot(bot, asked.integer("chat_id"))
    admins = [bot_id for bot_id, membership in chat.bots.items() if membership == "administrator"]
    return [chat_member(state.accounts[bot_id].wire(), "administrator") for bot_id in admins]


def set_webhook(state: TelegramState, bot: BotAccount, asked: Parameters) -> bool:
    """https://core.telegram.org/bots/api#setwebhook; plain http is allowed on loopback only."""
    url, secret = asked.text("url"), asked.text("secret_token")
    if url and not re.match(r"https://|http://127\.0\.0\.1[:/]", url):
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret):
        raise bad_request("secret token contains unallowed characters")
    if asked.truth("drop_pending_updates"):
        bot.updates.clear()
    bot.allowed = asked.nested("allowed_updates", bot.allowed)
    bot.webhook = Webhook(url, secret) if url else None
    return True


def delete_webhook(state: TelegramState, bot: BotAccount, asked: Parameters) -> bool:
    """https://core.telegram.org/bots/api#deletewebhook"""
    if asked.truth("drop_pending_updates"):
        bot.updates.clear()
    bot.webhook = None
    return True


def get_webhook_info(state: TelegramState, bot: BotAccount, asked: Parameters) -> Wire:
    """https://core.telegram.org/bots/api#getwebhookinfo"""
    wire: Wire = {
        "url": bot.webhook.url if bot.webhook else "",
        "has_custom_certificate": False,
        "pending_update_count": len(bot.updates),
    }
    if bot.webhook and bot.webhook.last_error:
        wire |= {"last_error_message": bot.webhook.last_error, "last_error_date": int(state.now.timestamp())}
    return wire


def _words(asked: Parameters, name: str, entities_name: str) -> tuple[str, list[Wire]]:
    match asked.text("parse_mode").lower():
        case "html":
            text, entities = parse_html(asked.text(name))
        case "":
            text, entities = asked.text(name), asked.nested(entities_name, [])
        case _:
            raise bad_request("unsupported parse_mode: this emulator reads HTML only")
    return text.strip(), entities


def _caption(asked: Parameters) -> tuple[str, list[Wire]]:
    caption, entities = _words(asked, "caption", "caption_entities")
    if len(caption) > CAPTION_LENGTH:
        raise bad_request("message caption is too long")
    return caption, entities


def _keyboard(asked: Parameters) -> Wire:
    markup: Wire = asked.nested("reply_markup", {})
    check_keyboard(markup)
    return markup


def _media(state: TelegramState, asked: Parameters, kind: str, reference: str) -> Wire:
    content = asked.upload(kind, reference)
    if content is None:
        if reference not in state.files:
            raise bad_request("wrong file identifier/HTTP URL specified")
        content = state.files[reference][1]
    if not content:
        raise bad_request("file must be non-empty")
    if len(content) > UPLOAD_BYTES:
        raise BotApiError(413, "Request Entity Too Large")
    if kind == "photo":
        if len(content) > PHOTO_BYTES:
            raise bad_request(
                f"file of size {len(content)} bytes is too big for a photo; the maximum size is {PHOTO_BYTES} bytes"
            )
        return state.photo_media(content)
    name, media_type = asked.kind_of_upload(kind, reference)
    file_id = state.keep_file("documents", "", content)
    told = {key: value for key, value in (("file_name", name), ("mime_type", media_type)) if value}
    return {kind: {"file_id": file_id, "file_unique_id": f"u{file_id[-6:]}", "file_size": len(content), **told}}


def _open_chat(state: TelegramState, bot: BotAccount, asked: Parameters, messages: int = 1) -> Chat:
    """The chat, after every rule on where and how often has been kept."""
    chat = state.chat_for_bot(bot, asked.integer("chat_id"))
    if chat.bots[bot.id] == "restricted":
        raise bad_request("not enough rights to send text messages to the chat")
    topic_id = asked.integer("message_thread_id")
    if topic_id and topic_id not in chat.topics:
        raise bad_request("message thread not found")
    if topic_id and chat.topics[topic_id].is_closed:
        raise bad_request("TOPIC_CLOSED")
    _count(state, bot, chat, messages)
    return chat


def _send(state: TelegramState, bot: BotAccount, asked: Parameters, **fields: Any) -> Message:
    # The order is Telegram's: a bad keyboard is refused before the message counts.
    _keyboard(asked)
    return _post(state, bot, _open_chat(state, bot, asked), asked, **fields)


def _post(state: TelegramState, bot: BotAccount, chat: Chat, asked: Parameters, **fields: Any) -> Message:
    reply = asked.nested("reply_parameters", {})
    wanted = reply.get("message_id") or asked.integer("reply_to_message_id")
    replied = chat.messages.get(wanted) if wanted else None
    if wanted and (replied is None or replied.is_deleted):
        if not (reply.get("allow_sending_without_reply") or asked.truth("allow_sending_without_reply")):
            raise bad_request("message to be replied not found")
        replied = None
    return state.post(
        chat,
        bot.account,
        topic_id=asked.integer("message_thread_id") or None,
        reply_to=replied,
        markup=_keyboard(asked),
        is_silent=asked.truth("disable_notification"),
        **fields,
    )


def _count(state: TelegramState, bot: BotAccount, chat: Chat, messages: int = 1) -> None:
    state.flood.count(bot.id, chat.id, is_group=chat.person is None, now=state.now, messages=messages)


def _own_message(state: TelegramState, bot: BotAccount, asked: Parameters) -> Message:
    chat = state.chat_for_bot(bot, asked.integer("chat_id"))
    message = chat.messages.get(asked.integer("message_id"))
    if message is None or message.is_deleted:
        raise bad_request("message to edit not found")
    if message.sender.id != bot.id:
        raise bad_request("message can't be edited")
    return message


def _edit(
    state: TelegramState,
    bot: BotAccount,
    message: Message,
    *,
    text: str,
    entities: list[Wire],
    markup: Wire,
) -> Wire:
    if (text, entities, markup) == (message.text, message.entities, message.markup):
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly the same "
            "as a current content and reply markup of the message"
        )
    _count(state, bot, message.chat)
    message.text, message.entities, message.markup = text, entities, markup
    message.edited_at = state.now
    return message.wire()


Method = Callable[[TelegramState, BotAccount, Parameters], Any]
METHODS: dict[str, Method] = {
    "getme": get_me,
    "sendmessage": send_message,
    "sendphoto": send_photo,
    "senddocument": send_document,
    "sendmediagroup": send_media_group,
    "editmessagetext": edit_message_text,
    "editmessagecaption": edit_message_caption,
    "editmessagereplymarkup": edit_message_reply_markup,
    "deletemessage": delete_message,
    "answercallbackquery": answer_callback_query,
    "getfile": get_file,
    "getchat": get_chat,
    "getchatmember": get_chat_member,
    "getchatadministrators": get_chat_administrators,
    "setwebhook": set_webhook,
    "deletewebhook": delete_webhook,
    "getwebhookinfo": get_webhook_info,
}


def call(state: TelegramState, bot: BotAccount, method: str, asked: Parameters) -> Any:
    """The result of a method, by its name in any case. Raises BotApiError, 404 for one that is not known."""
    known = METHODS.get(method.lower())
    if known is None:
        raise BotApiError(404, "Not Found")
    with state.lock:
        return known(state, bot, asked)
