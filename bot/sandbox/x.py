"""The emulated X: accounts, posts, blocks, and the platform's rules for what our account may post.

Owns the state and the rules; the HTTP side is in x_wire. Times come from the office clock of the World.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from bot.sandbox import x_posts
from bot.sandbox.world import World
from bot.sandbox.x_posts import Account, Json, Keys, Media, Post
from handlers.length import X_LIMIT, weighted_length

if TYPE_CHECKING:
    from starlette.routing import Route

NOT_VISIBLE = "You attempted to reply to a Tweet that is deleted or not visible to you."
NOT_MENTIONED = "You can only reply to or quote posts where you are mentioned or are the author."
DUPLICATE = "You are not allowed to create a Tweet with duplicate content."
TOO_LONG = "Your Tweet text is too long."
HANDLE = re.compile(r"[A-Za-z0-9_]{1,20}")
DUPLICATE_WINDOW = timedelta(days=7)  # how long the emulator remembers our texts


@dataclass(slots=True)
class Refusal(Exception):
    """What the platform answers when a rule forbids a post."""

    status: int
    title: str
    detail: str


class XWorld:
    """All of the emulated X. Methods are safe to call from any thread.

    `refuse_duplicates` and `reply_needs_mention` switch X's rules of those names.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.refuse_duplicates = True
        self.refused_twins = 0
        self.reply_needs_mention = True
        self.accounts: dict[str, Account] = {}
        self.posts: dict[str, Post] = {}
        self.by_author: dict[str, list[str]] = {}
        self.by_mention: dict[str, list[str]] = {}
        self.by_conversation: dict[str, list[str]] = {}
        self.media: dict[str, Media] = {}
        self._ids_by_handle: dict[str, str] = {}
        self.asked: Counter[tuple[str, int]] = Counter()  # requests by operation and status of the answer
        self._last_id = 0

    # accounts

    def add_official(
        self,
        handle: str,
        name: str,
        *,
        bearer: str,
        consumer_key: str,
        consumer_secret: str,
        access_token: str,
        access_secret: str,
    ) -> str:
        """Add an official account with its keys, or give keys to one that is there; its user id."""
        with self.world.lock:
            account = self.accounts[self.add_user(handle, name)]
            account.keys = Keys(bearer, consumer_key, consumer_secret, access_token, access_secret)
            return account.id

    def add_user(self, handle: str, name: str = "") -> str:
        """The user id behind `handle`, made if there is none. Raises ValueError for an impossible handle."""
        handle = handle.removeprefix("@")
        if not HANDLE.fullmatch(handle):
            raise ValueError(f"An X handle has 1 to 20 of A-Z, a-z, 0-9 and _; {handle!r} is none.")
        with self.world.lock:
            known = self._ids_by_handle.get(handle.lower())
            if known is None:
                known = str(1_400_000_000_000_000_000 + 7919 * (len(self.accounts) + 1))
                self.accounts[known] = Account(known, handle, name or handle)
                self._ids_by_handle[handle.lower()] = known
            return known

    def account(self, handle: str) -> Account | None:
        """The account behind a handle, in any case and with or without @."""
        found = self._ids_by_handle.get(handle.removeprefix("@").lower())
        return self.accounts[found] if found else None

    def block(self, handle: str, official_handle: str) -> None:
        """The citizen blocks an official account: its replies are refused from now on."""
        with self.world.lock:
            self._existing(handle).blocked.add(self._existing(official_handle).id)

    def officials(self) -> list[Account]:
        """The accounts that have keys."""
        return [account for account in self.accounts.values() if account.keys]

    def _existing(self, handle: str) -> Account:
        found = self.account(handle)
        if found is None:
            raise ValueError(f"The sandbox knows no X account @{handle.removeprefix('@')}; add it first.")
        return found

    # what people do

    def post(
        self,
        handle: str,
        text: str,
        *,
        in_reply_to: str | None = None,
        quote_of: str | None = None,
        repost_of: str | None = None,
        photos: Sequence[str] = (),
        video: bool = False,
        voice: bool = False,
        hide_mention: bool = False,
    ) -> str:
        """Post as a citizen; the new post's id. An unknown handle becomes a new account.

        A reply names everybody of the thread, as on X; `hide_mention` unticks the official accounts.
        X shows a voice post as a video. Raises ValueError when a post referred to is not there.
        """
        with self.world.lock:
            author = self.accounts[self.add_user(handle)]
            left_out = {account.id for account in self.officials()} if hide_mention else set()
            if in_reply_to is not None:
                text = x_posts.with_auto_mentions(text, self._names_above(in_reply_to, author, left_out), self.account)
            if quote_of is not None:
                self._standing(quote_of)
            if repost_of is not None:
                original = self._standing(repost_of)
                text = f"RT @{original.author.handle}: {original.text}"
            media = [self._keep_media("photo", source) for source in photos]
            media += [self._keep_media("video", "video")] * (video or voice)
            return self._publish(
                author,
                text,
                parent_id=in_reply_to,
                quote_of=quote_of,
                repost_of=repost_of,
                media=tuple(media),
            ).id

    def human_post(self, official_handle: str, text: str, in_reply_to: str | None = None) -> str:
        """A person posts with our own account, past all rules of the API."""
        self._existing(official_handle)
        return self.post(official_handle, text, in_reply_to=in_reply_to)

    def edit(self, post_id: str, text: str) -> str:
        """A new version of a post; its own new id. The old version stays readable by its id."""
        with self.world.lock:
            old = self._standing(post_id)
            if old.parent_id:
                names = self._names_above(old.parent_id, old.author, set())
                names = [one for one in names if one.id in old.mention_ids]  # an unticked name stays unticked
                text = x_posts.with_auto_mentions(text, names, self.account)
            return self._publish(
                old.author, text, parent_id=old.parent_id, quote_of=old.quote_of, media=old.media, follows=old
            ).id

    def delete(self, post_id: str) -> None:
        """Delete a post with all its versions."""
        with self.world.lock:
            for version in self._standing(post_id).history:
                self.posts[version].deleted = True

    # what one may look at

    def thread_of(self, post_id: str) -> list[Post]:
        """The standing posts of the same conversation, oldest first."""
        with self.world.lock:
            if post_id not in self.posts:
                raise ValueError(f"The sandbox knows no X post {post_id}.")
            return self.visible(self.by_conversation[self.posts[post_id].conversation_id])

    def posts_by(self, official: str) -> list[Post]:
        """The standing posts of an account, oldest first."""
        with self.world.lock:
            return self.visible(self.by_author.get(self._existing(official).id, []))

    def dump(self) -> Json:
        """Everything, deleted posts included, without keys."""
        with self.world.lock:
            return {
                "accounts": [
                    {
                        **x_posts.user_json(one),
                        "official": one.keys is not None,
                        "blocked": sorted(one.blocked),
                    }
                    for one in self.accounts.values()
                ],
                "posts": [post.as_json() for post in self.posts.values()],
            }

    def visible(self, ids: Iterable[str], most: int | None = None) -> list[Post]:
        """The latest versions of posts that still stand, in the order of `ids`; at most `most`."""
        posts = (self.posts[one] for one in ids)
        return list(islice((post for post in posts if not post.deleted and post.is_latest), most))

    def routes(self) -> list[Route]:
        """The HTTP side, to be mounted under /x."""
        from bot.sandbox.x_wire import XWire

        return XWire(self).routes()

    # our account, by the API

    def create(
        self,
        account: Account,
        text: str,
        *,
        in_reply_to: str | None = None,
        exclude: Iterable[str] = (),
        quote_of: str | None = None,
    ) -> Post:
        """Post by the API. Raises Refusal when a rule of the platform forbids it."""
        with self.world.lock:
            if weighted_length(text) > X_LIMIT:
                raise Refusal(403, "Forbidden", TOO_LONG)
            for other in (in_reply_to, quote_of):
                if other is not None:
                    self._may_answer(account, other)
            if self.refuse_duplicates and self._said_lately(account, text):
                self.refused_twins += 1
                raise Refusal(403, "Forbidden", DUPLICATE)
            shown = text
            if in_reply_to is not None:
                left_out = set(exclude) - {self.posts[in_reply_to].author.id}
                shown = x_posts.with_auto_mentions(
                    text, self._names_above(in_reply_to, account, left_out), self.account
                )
            post = self._publish(account, shown, parent_id=in_reply_to, quote_of=quote_of)
            post.by_api, post.said = True, text
            return post

    def _may_answer(self, account: Account, post_id: str) -> None:
        post = self.posts.get(post_id)
        if post is None or post.deleted or account.id in post.author.blocked:
            raise Refusal(403, "Forbidden", NOT_VISIBLE)
        post = self.posts[post.history[-1]]
        quoted = self.posts.get(post.quote_of or "")
        named = account.id in post.mention_ids or (quoted is not None and quoted.author.id == account.id)
        if self.reply_needs_mention and not named and post.author.id != account.id:
            raise Refusal(403, "Forbidden", NOT_MENTIONED)

    def _said_lately(self, account: Account, text: str) -> bool:
        since = self.world.clock.now() - DUPLICATE_WINDOW
        for post_id in reversed(self.by_author.get(account.id, [])):
            post = self.posts[post_id]
            if post.created_at < since:
                return False
            if post.said == text and not post.deleted:
                return True
        return False

    # records

    def _standing(self, post_id: str) -> Post:
        post = self.posts.get(post_id)
        if post is None or post.deleted:
            raise ValueError(f"The sandbox has no standing X post {post_id}.")
        return self.posts[post.history[-1]]

    def _names_above(self, parent_id: str, author: Account, left_out: set[str]) -> list[Account]:
        parent = self._standing(parent_id)
        ids = dict.fromkeys([parent.author.id, *parent.mention_ids])
        return [self.accounts[one] for one in ids if one != author.id and one not in left_out]

    def _keep_media(self, kind: str, source: str) -> Media:
        key = f"{3 if kind == 'photo' else 7}_{self._new_id(self.world.clock.now())}"
        self.media[key] = Media(key, kind, source)
        return self.media[key]

    def _new_id(self, moment: datetime) -> str:
        self._last_id = max(self._last_id + 1, x_posts.snowflake(moment))
        return str(self._last_id)

    def _publish(
        self,
        author: Account,
        text: str,
        *,
        parent_id: str | None = None,
        quote_of: str | None = None,
        repost_of: str | None = None,
        media: tuple[Media, ...] = (),
        follows: Post | None = None,
    ) -> Post:
        now = self.world.clock.now()
        post_id = self._new_id(now)
        parent = self._standing(parent_id) if parent_id else None
        conversation = follows or parent
        history = follows.history if follows else []
        history.append(post_id)
        post = Post(
            post_id, author, text, now, conversation.conversation_id if conversation else post_id, history,
            parent_id=parent_id, quote_of=quote_of, repost_of=repost_of, media=media,
            mention_ids=tuple(one.id for one in x_posts.mentioned(text, self.account)),
        )  # fmt: skip
        self.posts[post_id] = post
        self.by_author.setdefault(author.id, []).append(post_id)
        self.by_conversation.setdefault(post.conversation_id, []).append(post_id)
        for one in post.mention_ids:
            self.by_mention.setdefault(one, []).append(post_id)
        return post
