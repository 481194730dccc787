"""What the emulated Telegram remembers: accounts, chats, messages, updates, files.

Owns the state, the lookups and which bot hears what (privacy mode). It must not know HTTP, nor the acts of
people (bot/sandbox/telegram.py) and of bots (bot/sandbox/telegram_methods.py). Callers hold `world.lock`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from bot.sandbox.telegram_rules import UPDATES_KEPT, FloodLimits, Wire, bad_request, forbidden
from bot.sandbox.world import World

# https://core.telegram.org/bots/api#getupdates: these three come only when asked for by name.
ONLY_WHEN_ASKED = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


@dataclass(slots=True)
class Account:
    """A person or a bot."""

    id: int
    name: str
    username: str | None = None
    is_bot: bool = False

    def wire(self) -> Wire:
        """The Bot API's User."""
        wire: Wire = {"id": self.id, "is_bot": self.is_bot, "first_name": self.name}
        if self.username:
            wire["username"] = self.username
        return wire


ANONYMOUS_ADMIN = Account(1087968824, "Group", "GroupAnonymousBot", is_bot=True)


@dataclass(slots=True)
class Topic:
    """A forum topic; its id is the message that opened it."""

    id: int
    name: str
    is_closed: bool = False


@dataclass(slots=True)
class Chat:
    """A private chat of one bot, a group or a supergroup. `bots`: bot id -> its membership."""

    id: int
    kind: str
    title: str = ""
    person: Account | None = None
    members: set[int] = field(default_factory=set)
    bots: dict[int, str] = field(default_factory=dict)
    is_forum: bool = False
    topics: dict[int, Topic] = field(default_factory=dict)
    moved_to: int | None = None
    messages: dict[int, Message] = field(default_factory=dict)

    def wire(self) -> Wire:
        """The Bot API's Chat."""
        if self.person is not None:
            wire = self.person.wire()
            del wire["is_bot"]
            return {**wire, "type": "private"}
        wire = {"id": self.id, "type": self.kind, "title": self.title}
        if self.is_forum:
            wire["is_forum"] = True
        return wire


@dataclass(slots=True, kw_only=True)
class Message:
    """One message; `text` is the caption beside `media`; `service` is what happened instead of words."""

    id: int
    chat: Chat
    sender: Account
    sent_at: datetime
    text: str = ""
    entities: list[Wire] = field(default_factory=list)
    media: Wire = field(default_factory=dict)
    service: Wire = field(default_factory=dict)
    album_id: str | None = None
    topic_id: int | None = None
    reply_to: Message | None = None
    markup: Wire = field(default_factory=dict)
    edited_at: datetime | None = None
    is_anonymous: bool = False
    is_deleted: bool = False
    is_silent: bool = False

    def wire(self, *, with_reply: bool = True) -> Wire:
        """The Bot API's Message."""
        wire: Wire = {"message_id": self.id, "date": _unix(self.sent_at), "chat": self.chat.wire()}
        wire["from"] = ANONYMOUS_ADMIN.wire() if self.is_anonymous else self.sender.wire()
        if self.is_anonymous:
            wire["sender_chat"] = self.chat.wire()
        if self.topic_id is not None:
            wire |= {"message_thread_id": self.topic_id, "is_topic_message": True}
        if with_reply and self.reply_to is not None:
            wire["reply_to_message"] = self.reply_to.wire(with_reply=False)
        if self.text:
            prefix = ("caption", "caption_entities") if self.media else ("text", "entities")
            wire[prefix[0]] = self.text
            if self.entities:
                wire[prefix[1]] = self.entities
        if self.album_id:
            wire["media_group_id"] = self.album_id
        if self.edited_at:
            wire["edit_date"] = _unix(self.edited_at)
        if "inline_keyboard" in self.markup:
            wire["reply_markup"] = self.markup
        return wire | self.media | self.service


@dataclass(slots=True)
class Webhook:
    """Where a bot wants its updates, and the secret it wants to see with them."""

    url: str
    secret: str = ""
    last_error: str = ""


@dataclass(slots=True)
class BotAccount:
    """A bot and its queue of (update id, when it came, update)."""

    account: Account
    token: str
    privacy_mode: bool = True
    updates: list[tuple[int, datetime, Wire]] = field(default_factory=list)
    next_update_id: int = 900_000_001
    allowed: list[str] = field(default_factory=list)
    webhook: Webhook | None = None
    poller: int = 0  # number of the newest getUpdates request

    @property
    def id(self) -> int:
        return self.account.id

    def wants(self, kind: str) -> bool:
        """Whether updates of this kind were asked for."""
        return kind in self.allowed if self.allowed else kind not in ONLY_WHEN_ASKED


@dataclass(slots=True)
class Press:
    """A button press; `answer` is the toast once the bot has answered ("" for none shown)."""

    id: str
    bot_id: int
    pressed_at: datetime
    answer: str | None = None
    is_alert: bool = False


class TelegramState:
    """The memory under the emulator's two faces.

    `press_window`: how long a button press may be answered, in office time.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.lock = world.lock
        self.press_window = timedelta(seconds=15)
        self.flood = FloodLimits(world.limits)
        self.accounts: dict[int, Account] = {}
        self.bots: dict[int, BotAccount] = {}
        self.groups: dict[int, Chat] = {}
        self.private: dict[tuple[int, int], Chat] = {}
        self.presses: dict[str, Press] = {}
        self.files: dict[str, tuple[str, bytes]] = {}  # file id -> (path, bytes)
        self._last_number: dict[str, int] = {}

    @property
    def now(self) -> datetime:
        """Office time."""
        return self.world.clock.now()

    def number(self, series: str, start: int = 1) -> int:
        """The next number of a series."""
        self._last_number[series] = self._last_number.get(series, start - 1) + 1
        return self._last_number[series]

    def bot_of_token(self, token: str) -> BotAccount | None:
        """The bot that this token opens."""
        return next((bot for bot in self.bots.values() if bot.token == token), None)

    def chat_for_bot(self, bot: BotAccount, chat_id: int) -> Chat:
        """The chat a bot may send to. Raises BotApiError in Telegram's words."""
        chat = self.private.get((bot.id, chat_id)) or self.groups.get(chat_id)
        if chat is None:
            if chat_id in self.accounts:
                raise forbidden("bot can't initiate conversation with a user")
            raise bad_request("chat not found")
        if chat.moved_to is not None:
            raise bad_request("group chat was upgraded to a supergroup chat", migrate_to_chat_id=chat.moved_to)
        match chat.bots.get(bot.id):
            case "kicked" if chat.person is not None:
                raise forbidden("bot was blocked by the user")
            case "kicked" | "left":
                raise forbidden(f"bot was kicked from the {chat.kind} chat")
            case None:
                raise bad_request("chat not found")
        return chat

    def post(self, chat: Chat, sender: Account, **fields: Any) -> Message:
        """Put a message into a chat, without telling bots."""
        # Supergroups count their own messages; private chats and basic groups share one count.
        series = f"message:{chat.id}" if chat.kind == "supergroup" else "message"
        message = Message(id=self.number(series), chat=chat, sender=sender, sent_at=self.now, **fields)
        chat.messages[message.id] = message
        return message

    def keep_file(self, folder: str, suffix: str, content: bytes) -> str:
        """Store bytes and return their file id."""
        number = self.number("file")
        file_id = f"AgACAgUAAxkB{number:06d}"
        self.files[file_id] = (f"{folder}/file_{number}{suffix}", content)
        return file_id

    def photo_media(self, content: bytes) -> Wire:
        """Message fields of a new photo: a thumbnail and the full size."""
        return {
            "photo": [
                _size(self.keep_file("photos", ".jpg", content), content, *dimensions)
                for dimensions in ((90, 67), (1280, 960))
            ]
        }

    def hearers(self, message: Message) -> Iterable[BotAccount]:
        """The bots that Telegram tells about a message (privacy mode)."""
        for bot_id, membership in message.chat.bots.items():
            bot = self.bots[bot_id]
            if membership not in ("kicked", "left") and message.sender.id != bot_id:
                hears_all = message.chat.person is not None or membership == "administrator"
                if hears_all or not bot.privacy_mode or message.service or _is_for(bot, message):
                    yield bot

    def tell(self, bot: BotAccount, kind: str, content: Wire) -> None:
        """Queue an update, unless this kind was not asked for."""
        self.forget_old(bot)
        if bot.wants(kind):
            bot.updates.append((bot.next_update_id, self.now, {"update_id": bot.next_update_id, kind: content}))
            bot.next_update_id += 1

    def forget_old(self, bot: BotAccount) -> None:
        """Updates are kept for a day."""
        bot.updates = [kept for kept in bot.updates if self.now - kept[1] < UPDATES_KEPT]


_ADMINISTRATOR_MAY = [
    "manage_chat",
    "delete_messages",
    "manage_video_chats",
    "restrict_members",
    "invite_users",
    "pin_messages",
]
_ADMINISTRATOR_MAY_NOT = [
    "be_edited",
    "promote_members",
    "change_info",
    "post_stories",
    "edit_stories",
    "delete_stories",
    "manage_topics",
    "send_welcome_messages",
]
_RESTRICTED_MAY_NOT = [
    "send_messages",
    "send_audios",
    "send_documents",
    "send_photos",
    "send_videos",
    "send_video_notes",
    "send_voice_notes",
    "send_polls",
    "send_other_messages",
    "add_web_page_previews",
    "react_to_messages",
    "edit_tag",
    "change_info",
    "invite_users",
    "pin_messages",
    "manage_topics",
]


def chat_member(user: Wire, status: str) -> Wire:
    """The Bot API's ChatMember; a restricted bot may do nothing, an administrator all but manage topics."""
    wire: Wire = {"user": user, "status": status}
    match status:
        case "administrator":
            wire["is_anonymous"] = False
            wire |= {f"can_{right}": True for right in _ADMINISTRATOR_MAY}
            wire |= {f"can_{right}": False for right in _ADMINISTRATOR_MAY_NOT}
        case "restricted":
            wire |= {f"can_{right}": False for right in _RESTRICTED_MAY_NOT}
            wire |= {"is_member": True, "until_date": 0}
        case "kicked":
            wire["until_date"] = 0
    return wire


def _size(file_id: str, content: bytes, width: int, height: int) -> Wire:
    return {
        "file_id": file_id,
        "file_unique_id": f"u{file_id[-6:]}",
        "file_size": len(content),
        "width": width,
        "height": height,
    }


def _is_for(bot: BotAccount, message: Message) -> bool:
    if message.reply_to is not None and message.reply_to.sender.id == bot.id:
        return True
    name = f"@{bot.account.username}".lower()
    for entity in message.entities:
        units = message.text.encode("utf-16-le")
        start, end = entity["offset"] * 2, (entity["offset"] + entity["length"]) * 2
        word = units[start:end].decode("utf-16-le").lower()
        if entity["type"] == "mention" and word == name:
            return True
        if entity["type"] == "bot_command" and ("@" not in word or word.endswith(name)):
            return True
    return False


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())
