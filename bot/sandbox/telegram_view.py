"""The emulated Telegram as plain JSON, for the sandbox page, stories and tests.

Owns the looks only; reading changes nothing. Callers hold `world.lock`.
"""

from __future__ import annotations

from typing import Any

from bot.sandbox.telegram_state import Chat, Message, TelegramState


def everything(state: TelegramState) -> dict[str, Any]:
    """Bots, people, button presses and chats with their messages."""
    return {
        "bots": [bot.account.wire() | {"pending_updates": len(bot.updates)} for bot in state.bots.values()],
        "users": [one.wire() for one in state.accounts.values() if not one.is_bot],
        "presses": [
            {"id": press.id, "answer": press.answer, "alert": press.is_alert} for press in state.presses.values()
        ],
        "chats": [_shown_chat(chat) for chat in (*state.groups.values(), *state.private.values())],
    }


def _shown_chat(chat: Chat) -> dict[str, Any]:
    topics = [{"id": one.id, "name": one.name, "closed": one.is_closed} for one in chat.topics.values()]
    return chat.wire() | {
        "members": sorted(chat.members),
        "bots": {str(bot_id): membership for bot_id, membership in chat.bots.items()},
        "topics": topics,
        "moved_to": chat.moved_to,
        "messages": [shown_message(message) for message in chat.messages.values()],
    }


def shown_message(message: Message) -> dict[str, Any]:
    """One message; `photo` is its file id, `document` id, name and size, `buttons` rows of words, token and url."""
    document = message.media.get("document")
    return {
        "id": message.id,
        "text": message.text,
        "author": message.sender.name,
        "from_bot": message.sender.is_bot,
        "buttons": [
            [{"text": one["text"], "token": one.get("callback_data", ""), "url": one.get("url", "")} for one in row]
            for row in message.markup.get("inline_keyboard", [])
        ],
        "photo": message.media["photo"][-1]["file_id"] if "photo" in message.media else None,
        "document": document
        and {
            "file_id": document["file_id"],
            "name": document.get("file_name", ""),
            "size": document.get("file_size", 0),
        },
        "album": message.album_id,
        "edited": message.edited_at is not None,
        "deleted": message.is_deleted,
        "reply_to": message.reply_to.id if message.reply_to else None,
        "topic": message.topic_id,
        "force_reply": bool(message.markup.get("force_reply")),
        "silent": message.is_silent,
        "entities": message.entities,
        "sent_at": message.sent_at.isoformat(),
    }
