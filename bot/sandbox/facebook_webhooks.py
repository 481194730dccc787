"""The emulated Facebook's webhooks: what changed, signed and posted to the subscriber, again if need be.

Owns the queue and the signature. What a change looks like follows the Page webhooks reference of the Graph
API: `feed` changes carry the words and the writer, `mention` changes carry ids only.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests

from bot.sandbox.world import FaultKind
from store.vocabulary import Platform

if TYPE_CHECKING:
    from bot.sandbox.facebook import FacebookWorld
    from bot.sandbox.facebook_state import Page, Story

KEPT_FOR = timedelta(hours=36)  # how long Facebook repeats a delivery that was not answered with 200
ANSWER_SECONDS = 10.0


@dataclass(slots=True)
class Change:
    """One change that waits for its subscriber."""

    page_id: str
    happened_at: datetime
    field: str
    value: dict[str, Any]


def signature(body: bytes, app_secret: str) -> str:
    """The X-Hub-Signature-256 header of a body."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


class WebhookQueue:
    """Changes of our Pages' world, waiting to be delivered."""

    def __init__(self, facebook: FacebookWorld, *, foreign_threads: bool) -> None:
        self._facebook = facebook
        self.foreign_threads = foreign_threads
        self._waiting: list[Change] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def changed(self, story: Story, verb: str) -> None:
        """A post or comment was added, edited or removed."""
        if story.author_id in self._facebook.blockers():
            return
        owner = story.post_id.partition("_")[0]
        for page in self._facebook.pages.values():
            if page.callback_url and (owner == page.id or self.foreign_threads):
                self._waiting.append(Change(page.id, self._now(), "feed", self._feed_value(story, verb)))

    def mentioned(self, story: Story) -> None:
        """A post or comment names a Page: its subscriber learns the ids, not the words."""
        for page_id in story.page_ids:
            if self._facebook.pages[page_id].callback_url:
                value = {
                    "item": "post" if story.is_post else "comment",
                    "verb": "add",
                    "post_id": story.post_id,
                }
                if not story.is_post:
                    value["comment_id"] = story.id
                self._waiting.append(Change(page_id, self._now(), "mention", value))

    async def deliver(self) -> int:
        """Post every waiting change once; what is not accepted keeps waiting. Returns how many arrived."""
        with self._facebook.world.lock:
            self._waiting = [one for one in self._waiting if self._now() - one.happened_at <= KEPT_FOR]
            batch, self._waiting = self._waiting, []
        if not batch:
            return 0
        fault = self._facebook.world.faults.pick(Platform.FACEBOOK, "webhook", batch[0].page_id)
        if fault is not None and fault.kind is FaultKind.SHUFFLE:
            self._facebook.world.random.shuffle(batch)
        failed, arrived = [], 0
        for change in batch:
            lost = fault is not None and fault.kind in (FaultKind.ERROR_BEFORE, FaultKind.RESET_BEFORE)
            if lost or not await asyncio.to_thread(self._post, change):
                failed.append(change)
                continue
            arrived += 1
            if fault is not None and fault.kind is FaultKind.DUPLICATE:
                await asyncio.to_thread(self._post, change)
        with self._facebook.world.lock:
            self._waiting[:0] = failed
        return arrived

    async def keep_delivering(self, every: float = 0.2) -> None:
        """Deliver for ever, looking every so many real seconds; ends when cancelled."""
        while True:
            await self.deliver()
            await asyncio.sleep(every)

    async def verify(self, page_id: str) -> bool:
        """Ask the subscriber for the challenge, as Facebook does before it sends anything."""
        page = self._facebook.pages[page_id]
        query = {
            "hub.mode": "subscribe",
            "hub.verify_token": page.verify_token,
            "hub.challenge": "1158201444",
        }

        def ask() -> bool:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(str(page.callback_url), params=query, timeout=ANSWER_SECONDS)
            return answer.ok and answer.text == query["hub.challenge"]

        return await asyncio.to_thread(ask)

    def body_of(self, change: Change) -> bytes:
        """The raw body of one delivery."""
        entry = {
            "id": change.page_id,
            "time": int(self._now().timestamp()),
            "changes": [{"field": change.field, "value": change.value}],
        }
        return json.dumps({"object": "page", "entry": [entry]}).encode()

    def waiting(self) -> list[Change]:
        """A copy of the queue."""
        with self._facebook.world.lock:
            return list(self._waiting)

    def _post(self, change: Change) -> bool:
        page: Page = self._facebook.pages[change.page_id]
        body = self.body_of(change)
        headers = {
            "Content-Type": "application/json",
            "X-Hub-Signature-256": signature(body, page.app_secret),
        }
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.post(str(page.callback_url), data=body, headers=headers, timeout=ANSWER_SECONDS)
        except requests.RequestException:
            return False  # the change keeps waiting, as Facebook would keep it
        return answer.ok

    def _feed_value(self, story: Story, verb: str) -> dict[str, Any]:
        value: dict[str, Any] = {
            "item": self._item(story),
            "verb": verb,
            "post_id": story.post_id,
            "created_time": int(story.created_at.timestamp()),
        }
        if not story.hide_author:
            value["from"] = {"id": story.author_id, "name": self._facebook.name_of(story.author_id)}
        if not story.is_post:
            value |= {"comment_id": story.id, "parent_id": story.parent_id or story.post_id}
        if story.text and verb != "remove":
            value["message"] = story.text
        if story.pictures and verb != "remove":
            picture = story.pictures[0]
            value["photo" if picture.kind == "photo" else "video"] = self._address(picture.id, picture.url)
        return value

    def _item(self, story: Story) -> str:
        if not story.is_post:
            return "comment"
        return {"photo": "photo", "video": "video"}.get(story.pictures[0].kind, "post") if story.pictures else "status"

    def _address(self, picture_id: str, url: str | None) -> str:
        return url or f"{self._facebook.public_url}/photos/{picture_id}.jpg"

    def _now(self) -> datetime:
        return self._facebook.world.clock.now()
