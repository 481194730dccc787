"""The emulated Telegram, as its people use it: they join, write, press, move groups and throw bots out.

Owns the acts of people, for demos, stories and the sandbox page. What bots may do is
bot/sandbox/telegram_methods.py; the wire is bot/sandbox/telegram_wire.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from starlette.routing import Route

from bot.sandbox import telegram_wire
from bot.sandbox.telegram_rules import Wire, entities_of_plain
from bot.sandbox.telegram_state import (
    ANONYMOUS_ADMIN,
    Account,
    BotAccount,
    Chat,
    Message,
    Press,
    TelegramState,
    Topic,
    chat_member,
)
from bot.sandbox.telegram_view import everything, shown_message
from bot.sandbox.world import World


class TelegramWorld(TelegramState):
    """One emulated Telegram. Chat ids: a user's id for a private chat with a bot, negative for groups.

    Every method raises ValueError with a clear sentence when the thing it names is not there.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._wire = telegram_wire.TelegramWire(self)

    def routes(self) -> list[Route]:
        """The API under `/telegram/bot<token>/<method>` and files under `/telegram/file/bot<token>/...`."""
        return self._wire.routes()

    async def deliver_webhooks(self) -> int:
        """Deliver waiting updates to the bots' webhooks; returns how many were taken."""
        return await telegram_wire.deliver_webhooks(self)

    # Who and where

    def add_bot(self, token: str, username: str, *, privacy_mode: bool = True) -> int:
        """A bot whose id is the number before the token's colon, as on Telegram."""
        number, colon, _ = token.partition(":")
        if not (number.isdigit() and colon):
            raise ValueError("A bot token looks like 7000000001:letters, with the bot's id before the colon.")
        with self.lock:
            account = Account(int(number), username, username, is_bot=True)
            self.accounts[account.id] = account
            self.bots[account.id] = BotAccount(account, token, privacy_mode)
            return account.id

    def add_user(self, name: str, username: str | None = None) -> int:
        """A person; the same username (or, without one, the same name) is the same person."""
        with self.lock:
            for account in self.accounts.values():
                if not account.is_bot and (account.username == username if username else account.name == name):
                    return account.id
            account = Account(self.number("user", 5_000_000_001), name, username)
            self.accounts[account.id] = account
            return account.id

    def add_group(
        self,
        title: str,
        *,
        members: Iterable[int] = (),
        forum_topics: Sequence[str] = (),
        supergroup: bool = True,
        bots: Iterable[int] | None = None,
        bot_is_admin: bool = False,
    ) -> int:
        """A group with these people and these bots (all there are, when not said)."""
        if forum_topics and not supergroup:
            raise ValueError("Only a supergroup has forum topics.")
        with self.lock:
            number = self.number("group", 2_000_000_001 if supergroup else 4_000_000_001)
            chat_id = -1_000_000_000_000 - number if supergroup else -number
            chat = Chat(chat_id, "supergroup" if supergroup else "group", title, members=set(members))
            self.groups[chat_id] = chat
            for topic in forum_topics:
                self._open_topic(chat, topic)
            for bot_id in self.bots if bots is None else bots:
                self.set_membership(chat_id, "administrator" if bot_is_admin else "member", bot=bot_id)
            return chat_id

    def topics(self, chat: int) -> dict[str, int]:
        """Topic names and ids of a forum; General has none."""
        with self.lock:
            return {topic.name: topic.id for topic in self._chat(chat).topics.values()}

    def close_topic(self, chat: int, topic: str | int) -> None:
        """Close a topic: bots that may not manage topics are refused there."""
        with self.lock:
            self._topic(self._chat(chat), topic).is_closed = True

    def delete_topic(self, chat: int, topic: str | int) -> None:
        """Delete a topic: its id is not found any more."""
        with self.lock:
            found = self._chat(chat)
            del found.topics[self._topic(found, topic).id]

    def remove_bot(self, chat: int, bot: int | None = None) -> None:
        """Throw the bot out of a group; in a private chat, block it."""
        self.set_membership(chat, "kicked", bot=bot)

    def set_membership(self, chat: int, status: str, *, bot: int | None = None) -> None:
        """Make the bot `member`, `administrator`, `restricted`, `left` or `kicked`; it is told."""
        with self.lock:
            found, account = self._chat(chat), self._bot(bot)
            before = found.bots.get(account.id, "left")
            found.bots[account.id] = status
            actor = found.person or self._someone(found)
            self.tell(
                account,
                "my_chat_member",
                {
                    "chat": found.wire(),
                    "from": actor.wire(),
                    "date": int(self.now.timestamp()),
                    "old_chat_member": chat_member(account.account.wire(), before),
                    "new_chat_member": chat_member(account.account.wire(), status),
                },
            )

    def migrate(self, chat: int) -> int:
        """Turn a basic group into a supergroup; the old id answers with the new one from now on."""
        with self.lock:
            old = self._chat(chat)
            if old.kind != "group" or old.moved_to is not None:
                raise ValueError(f"Chat {chat} is not a basic group that can still move.")
            new_id = -1_000_000_000_000 - self.number("group", 2_000_000_001)
            new = Chat(new_id, "supergroup", old.title, members=set(old.members), bots=dict(old.bots))
            self.groups[new_id] = new
            someone = self._someone(old)
            self._say(self.post(old, someone, service={"migrate_to_chat_id": new_id}))
            old.moved_to = new_id
            self._say(self.post(new, someone, service={"migrate_from_chat_id": chat}))
            return new_id

    # What people do

    def write(
        self,
        user: int,
        chat: int,
        text: str,
        *,
        reply_to: int | None = None,
        photo: bytes | None = None,
        topic: str | int | None = None,
        anonymous: bool = False,
    ) -> int:
        """A person writes; `chat` is a group's id or, for a private talk, the bot's id."""
        with self.lock:
            media = self.photo_media(photo) if photo is not None else {}
            return self._write(user, chat, text, reply_to, topic, anonymous=anonymous, media=media).id

    def start(self, user: int, payload: str = "", *, bot: int | None = None) -> int:
        """A person opens the bot's link `https://t.me/<bot>?start=<payload>`."""
        return self.write(user, self._bot(bot).id, f"/start {payload}".strip())

    def open_chat(self, user: int, *, bot: int | None = None) -> None:
        """A person started the bot long ago: it may write to them, and there is no news of it."""
        with self.lock:
            self._chat(self._bot(bot).id, user, opens=True)

    def album(
        self,
        user: int,
        chat: int,
        photos: Sequence[bytes],
        caption: str = "",
        *,
        reply_to: int | None = None,
        topic: str | int | None = None,
    ) -> list[int]:
        """Several photos at once: as many messages with one media_group_id, the caption on the first."""
        with self.lock:
            album_id = str(self.number("album", 13_000_000_000_000_001))
            return [
                self._write(
                    user,
                    chat,
                    "" if index else caption,
                    reply_to,
                    topic,
                    media=self.photo_media(photo),
                    album_id=album_id,
                ).id
                for index, photo in enumerate(photos)
            ]

    def document(
        self, user: int, chat: int, content: bytes, caption: str = "", *, kind: str = "image/jpeg",
        reply_to: int | None = None,
    ) -> int:  # fmt: skip
        """A file, left as it is."""
        with self.lock:
            media = {"document": self._file("documents", "", content) | {"file_name": "file", "mime_type": kind}}
            return self._write(user, chat, caption, reply_to, None, media=media).id

    def voice(self, user: int, chat: int, content: bytes = b"OggS", *, reply_to: int | None = None) -> int:
        """A voice message."""
        with self.lock:
            media = {"voice": self._file("voice", ".oga", content) | {"duration": 3, "mime_type": "audio/ogg"}}
            return self._write(user, chat, "", reply_to, None, media=media).id

    def sticker(self, user: int, chat: int, emoji: str = "👍", *, reply_to: int | None = None) -> int:
        """A sticker."""
        with self.lock:
            shape = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
            media = {"sticker": self._file("stickers", ".webp", b"RIFF") | shape | {"emoji": emoji}}
            return self._write(user, chat, "", reply_to, None, media=media).id

    def edit(self, user: int, chat: int, message_id: int, text: str) -> None:
        """A person edits what they wrote."""
        with self.lock:
            message = self._message(self._chat(chat, user), message_id)
            if message.sender.id != user:
                raise ValueError(f"Message {message_id} was not written by user {user}; only its writer edits it.")
            message.text, message.entities, message.edited_at = text, entities_of_plain(text), self.now
            self._say(message, "edited_message")

    def press(self, user: int, chat: int, message_id: int, label_or_token: str, *, stale: bool = False) -> str:
        """A person presses a button, found by its words or its token; returns the callback query's id.

        `stale`: their screen still shows a button that was edited away, and its token is given.
        """
        with self.lock:
            message = self._message(self._chat(chat, user), message_id)
            rows = message.markup.get("inline_keyboard", [])
            buttons = [button for row in rows for button in row]
            wanted = [one for one in buttons if label_or_token in (one["text"], one.get("callback_data"))]
            if stale:
                wanted = [{"callback_data": label_or_token}]
            if not wanted or "callback_data" not in wanted[0]:
                labels = ", ".join(repr(button["text"]) for button in buttons) or "none"
                raise ValueError(f"Message {message_id} has no button {label_or_token!r} to press; it has: {labels}.")
            press = Press(str(self.number("press", 4_380_000_000_000_001)), message.sender.id, self.now)
            self.presses[press.id] = press
            self.tell(
                self.bots[press.bot_id],
                "callback_query",
                {
                    "id": press.id,
                    "from": self._person(user).wire(),
                    "message": message.wire(),
                    "chat_instance": str(abs(message.chat.id)),
                    "data": wanted[0]["callback_data"],
                },
            )
            return press.id

    def tell_raw(self, kind: str, content: Wire, *, bot: int | None = None) -> None:
        """Queue an update of any kind, for what this emulator does not know."""
        with self.lock:
            self.tell(self._bot(bot), kind, content)

    # What there is to see

    def answers(self, callback_id: str) -> str | None:
        """The toast a press was answered with; None while it was not answered."""
        with self.lock:
            press = self.presses.get(callback_id)
            if press is None:
                raise ValueError(f"There was no button press {callback_id}.")
            return press.answer

    def messages(self, chat: int, *, bot: int | None = None) -> list[dict[str, Any]]:
        """What is in a chat, oldest first, deleted messages included."""
        with self.lock:
            found = self.private.get((self._bot(bot).id, chat)) if chat > 0 else self._chat(chat)
            return [shown_message(message) for message in found.messages.values()] if found else []

    def dump(self) -> dict[str, Any]:
        """Everything, as JSON."""
        with self.lock:
            return everything(self)

    # Inside

    def _write(
        self, user: int, chat: int, text: str, reply_to: int | None, topic: str | int | None, **fields: Any
    ) -> Message:
        person = self._person(user)
        found = self._chat(chat, user, opens=True)
        if found.person is None:
            if found.moved_to is not None:
                raise ValueError(f"Chat {chat} moved to {found.moved_to}; write there.")
            found.members.add(user)
        opened = self._topic(found, topic) if topic is not None else None
        replied = self._message(found, reply_to) if reply_to is not None else None
        if opened is not None and replied is None:
            # In a topic, Telegram shows a message that answers nobody as a reply to the topic's opening.
            replied = found.messages[opened.id]
        is_anonymous = fields.pop("anonymous", False)
        message = self.post(
            found,
            person,
            text=text,
            entities=entities_of_plain(text),
            reply_to=replied,
            topic_id=opened.id if opened else None,
            is_anonymous=is_anonymous,
            **fields,
        )
        self._say(message)
        return message

    def _say(self, message: Message, kind: str = "message") -> None:
        for bot in self.hearers(message):
            self.tell(bot, kind, message.wire())

    def _open_topic(self, chat: Chat, name: str) -> None:
        chat.is_forum = True
        if not chat.messages:
            # Message 1 is the group's making, so that no topic has General's number.
            self.post(chat, self._someone(chat), service={"supergroup_chat_created": True})
        opening = self.post(
            chat, self._someone(chat), service={"forum_topic_created": {"name": name, "icon_color": 7322096}}
        )
        opening.topic_id = opening.id
        chat.topics[opening.id] = Topic(opening.id, name)

    def _file(self, folder: str, suffix: str, content: bytes) -> Wire:
        file_id = self.keep_file(folder, suffix, content)
        return {"file_id": file_id, "file_unique_id": f"u{file_id[-6:]}", "file_size": len(content)}

    def _someone(self, chat: Chat) -> Account:
        """The member who acts for the group: the first person, else the anonymous admin."""
        return self.accounts[min(chat.members)] if chat.members else ANONYMOUS_ADMIN

    def _person(self, user: int) -> Account:
        account = self.accounts.get(user)
        if account is None or account.is_bot:
            raise ValueError(f"There is no Telegram user {user}.")
        return account

    def _bot(self, bot: int | None) -> BotAccount:
        if bot is None and self.bots:
            return next(iter(self.bots.values()))
        if bot not in self.bots:
            raise ValueError(f"There is no Telegram bot {bot}." if bot else "There is no Telegram bot yet.")
        return self.bots[bot]

    def _chat(self, chat: int, user: int | None = None, *, opens: bool = False) -> Chat:
        """A group by its id; a private chat by the bot's id (and the user) or by the user's id."""
        if chat in self.groups:
            return self.groups[chat]
        bot = self._bot(chat if chat in self.bots else None)
        person = user if chat in self.bots else chat
        if person is not None and (bot.id, person) in self.private:
            found = self.private[bot.id, person]
        elif opens and user is not None and person == user:
            found = Chat(user, "private", person=self._person(user), bots={bot.id: "member"})
            self.private[bot.id, user] = found
        else:
            raise ValueError(f"There is no Telegram chat {chat}.")
        return found

    def _message(self, chat: Chat, message_id: int) -> Message:
        message = chat.messages.get(message_id)
        if message is None or message.is_deleted:
            raise ValueError(f"There is no message {message_id} in chat {chat.id}.")
        return message

    def _topic(self, chat: Chat, topic: str | int) -> Topic:
        for one in chat.topics.values():
            if topic in (one.id, one.name):
                return one
        raise ValueError(f"There is no topic {topic!r} in chat {chat.id}.")
