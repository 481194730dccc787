"""The emulated Facebook: people, pages, posts, comments, and what one may do to them by hand.

Owns the state and the acts of people. How programs reach it over HTTP is `facebook_wire`; how it calls back
is `facebook_webhooks`. It must not know SMGT's tickets or text.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from starlette.routing import BaseRoute

from bot.sandbox.facebook_state import NoSuchStory, Page, Person, Picture, PrivateReply, Refusal, Story
from bot.sandbox.facebook_webhooks import WebhookQueue
from bot.sandbox.world import World


class FacebookWorld:
    """The emulated Facebook. Safe from any thread; times come from the world's office clock."""

    def __init__(self, world: World, *, webhooks_for_foreign_threads: bool = False) -> None:
        self.world = world
        self.pages: dict[str, Page] = {}
        self.people: dict[str, Person] = {}  # by handle
        self._people_by_id: dict[str, Person] = {}
        self.stories: dict[str, Story] = {}
        self._by_post: dict[str, list[Story]] = defaultdict(list)
        self.private_replies: list[PrivateReply] = []
        self.photo_bytes: dict[str, bytes] = {}  # uploaded by us, or put here by a test
        self.refusals: list[Refusal] = []
        self.refuse_duplicates = True
        self.refused_twins = 0
        self.duplicate_window = timedelta(hours=24)
        self.repeat_cursor = False  # pages of a listing name the cursor they were asked with
        self.hourly_calls = 4800
        self.public_url = ""  # learned from requests; photos are served under it
        self.webhooks = WebhookQueue(self, foreign_threads=webhooks_for_foreign_threads)
        self._numbers = itertools.count(1)

    # accounts

    def add_page(
        self, handle: str, name: str, *, token: str, app_id: str, app_secret: str, verify_token: str = ""
    ) -> str:
        """Open a Page of ours and return its id."""
        with self.world.lock:
            page = Page(self._id(61), handle, name, token, app_id, app_secret, verify_token)
            self.pages[page.id] = page
            return page.id

    def add_user(self, handle: str, name: str) -> str:
        """The id of this person; the same for the same handle."""
        with self.world.lock:
            if handle not in self.people:
                self.people[handle] = person = Person(self._id(10), handle, name)
                self._people_by_id[person.id] = person
            return self.people[handle].id

    def block(self, handle: str) -> None:
        """This person blocks our Pages: nothing of theirs is visible to us any more."""
        with self.world.lock:
            self._person(handle).blocks_us = True

    def unblock(self, handle: str) -> None:
        """This person lets our Pages see them again."""
        with self.world.lock:
            self._person(handle).blocks_us = False

    # what people write

    def tag_post(
        self,
        handle: str,
        text: str,
        *,
        page: str | None = None,
        photos: Sequence[str] = (),
        video: bool = False,
        hide_author: bool = True,
        shares: str | None = None,
        tagged: bool = True,
    ) -> str:
        """A citizen's own post, tagging the page unless `tagged` is False; `shares`: another post's id."""
        with self.world.lock:
            tags = (self._page(page).id,) if tagged else ()
            story = self._new_post(self._person(handle).id, text, photos, video=video)
            story.page_ids, story.hide_author, story.shares = tags, hide_author, shares
            if tags:
                self._tag(story)
            return story.id

    def tag_later(self, post_id: str, *, page: str | None = None) -> None:
        """The writer of an older post tags the page in it."""
        with self.world.lock:
            story = self.story(post_id)
            story.page_ids = (*story.page_ids, self._page(page).id)
            self._tag(story)

    def page_post(self, text: str, *, page: str | None = None, photos: Sequence[str] = ()) -> str:
        """A post of our own Page, written by a person."""
        with self.world.lock:
            story = self._new_post(self._page(page).id, text, photos)
            self.webhooks.changed(story, "add")
            return story.id

    def comment(
        self,
        handle: str,
        on_id: str,
        text: str,
        *,
        photos: Sequence[str] = (),
        video: bool = False,
        mention_page: bool | str = False,
    ) -> str:
        """A citizen's comment on a post or comment; `mention_page` names the Page (True: the first one)."""
        with self.world.lock:
            story = self._new_comment(self._person(handle).id, on_id, text)
            story.pictures = self._pictures(photos, video=video)
            if mention_page:
                story.page_ids = (self._page(None if mention_page is True else mention_page).id,)
                self.webhooks.mentioned(story)
            self.webhooks.changed(story, "add")
            return story.id

    def human_comment(self, on_id: str, text: str, *, page: str | None = None) -> str:
        """A person at the office comments with our Page, by hand."""
        with self.world.lock:
            story = self._new_comment(self._page(page).id, on_id, text)
            self.webhooks.changed(story, "add")
            return story.id

    def program_comment(
        self,
        page_id: str,
        on_id: str,
        text: str,
        *,
        picture: bytes | None = None,
        picture_url: str | None = None,
    ) -> str:
        """A comment of our Page through the Graph API."""
        with self.world.lock:
            story = self._new_comment(page_id, on_id, text)
            story.by_program = True
            if picture is not None:
                story.pictures = self._pictures(("upload.jpg",))
                self.photo_bytes[story.pictures[0].id] = picture
            elif picture_url:
                story.pictures = self._pictures((picture_url,))
            self.webhooks.changed(story, "add")
            return story.id

    def edit(self, object_id: str, text: str) -> None:
        """The writer changes their words."""
        with self.world.lock:
            story = self.story(object_id)
            story.text, story.updated_at = text, self.world.clock.now()
            self.webhooks.changed(story, "edited")

    def reveal(self, object_id: str) -> None:
        """The writer of a post becomes visible to the Page."""
        with self.world.lock:
            self.story(object_id).hide_author = False

    def delete(self, object_id: str) -> None:
        """The writer takes a post or comment away, and with it everything beneath."""
        with self.world.lock:
            story = self.story(object_id)
            for below in self.stories.values():
                if object_id in (below.id, below.parent_id, below.post_id):
                    below.deleted = True
            self.webhooks.changed(story, "remove")

    # what can be seen

    def story(self, object_id: str) -> Story:
        """The post or comment. Raises NoSuchStory."""
        story = self.stories.get(object_id)
        if story is None or story.deleted:
            raise NoSuchStory(f"Facebook (emulated) has no post or comment {object_id}")
        return story

    def visible(self, object_id: str) -> Story:
        """The post or comment as our Pages see it. Raises NoSuchStory when its writer blocked us."""
        story = self.story(object_id)
        if story.author_id in self.blockers():
            raise NoSuchStory(f"Facebook (emulated) shows us no post or comment {object_id}")
        return story

    def visible_stories(self, post_id: str | None = None) -> list[Story]:
        """Everything our Pages may see, oldest first; of one post and what stands under it, if named."""
        blockers = self.blockers()
        stories = self.stories.values() if post_id is None else self._by_post[post_id]
        return [one for one in stories if not one.deleted and one.author_id not in blockers]

    def comments_of(self, post_id: str) -> list[dict[str, Any]]:
        """The comments of a post, oldest first, as plain data."""
        with self.world.lock:
            return [
                self._plain(one)
                for one in self.stories.values()
                if one.post_id == post_id and not one.is_post and not one.deleted
            ]

    def posts_by_page(self) -> list[dict[str, Any]]:
        """Everything our Pages posted or commented and that still stands, oldest first."""
        with self.world.lock:
            return [
                self._plain(one) for one in self.stories.values() if one.author_id in self.pages and not one.deleted
            ]

    def dump(self) -> dict[str, Any]:
        """Everything as JSON-able data, secrets left out."""
        with self.world.lock:
            return {
                "pages": [{"id": p.id, "handle": p.handle, "name": p.name} for p in self.pages.values()],
                "people": [asdict(one) for one in self.people.values()],
                "stories": [self._plain(one) for one in self.stories.values()],
                "private_replies": [
                    {**asdict(one), "sent_at": one.sent_at.isoformat()} for one in self.private_replies
                ],
                "webhooks_waiting": len(self.webhooks),
            }

    def name_of(self, author_id: str) -> str:
        """The name shown for a person or Page."""
        if author_id in self.pages:
            return self.pages[author_id].name
        person = self._people_by_id.get(author_id)
        return person.name if person is not None else ""

    def blockers(self) -> set[str]:
        """Author ids of those who blocked our Pages."""
        return {one.id for one in self.people.values() if one.blocks_us}

    # webhooks and HTTP

    def subscribe(self, callback_url: str, *, page: str | None = None) -> None:
        """Send the page's changes to this URL."""
        with self.world.lock:
            self._page(page).callback_url = callback_url

    async def deliver_webhooks(self) -> int:
        """Post the waiting changes to their subscribers; the number that was accepted."""
        return await self.webhooks.deliver()

    def refuse_next(
        self,
        operation: str,
        code: int,
        *,
        subcode: int | None = None,
        status: int = 400,
        minutes: int | None = None,
        message: str = "Refused on purpose.",
    ) -> None:
        """Answer the next request of this operation with a Graph error of this code."""
        with self.world.lock:
            self.refusals.append(Refusal(operation, code, subcode, message, status, minutes))

    def routes(self) -> list[BaseRoute]:
        """The Graph API, to be mounted under `/facebook`."""
        from bot.sandbox.facebook_wire import routes

        return routes(self)

    # inside

    def _tag(self, story: Story) -> None:
        story.tagged_at = self.world.clock.now()
        self.webhooks.mentioned(story)

    def _id(self, prefix: int) -> str:
        return f"{prefix}{next(self._numbers):010d}"

    def _person(self, handle: str) -> Person:
        if handle not in self.people:
            self.add_user(handle, handle)
        return self.people[handle]

    def _page(self, wanted: str | None) -> Page:
        for page in self.pages.values():
            if wanted is None or wanted in (page.id, page.handle):
                return page
        raise LookupError(f"Facebook (emulated) has no page {wanted or 'at all'}; add one with add_page.")

    def _pictures(self, photos: Sequence[str], *, video: bool = False) -> tuple[Picture, ...]:
        made = [
            Picture(self._id(30), name, url=name if name.startswith(("http://", "https://")) else None)
            for name in photos
        ]
        if video:
            made.append(Picture(self._id(31), "video.mp4", kind="video"))
        return tuple(made)

    def _new_post(self, author_id: str, text: str, photos: Sequence[str], *, video: bool = False) -> Story:
        now = self.world.clock.now()
        # A citizen's post id must not give a hidden author away, so its first half is no author id.
        owner = author_id if author_id in self.pages else self._id(99)
        post_id = f"{owner}_{self._id(12)}"
        story = Story(post_id, author_id, text, now, now, post_id, pictures=self._pictures(photos, video=video))
        self.stories[post_id] = story
        self._by_post[post_id].append(story)
        return story

    def _new_comment(self, author_id: str, on_id: str, text: str) -> Story:
        now = self.world.clock.now()
        above = self.story(on_id)
        post = self.story(above.post_id)
        comment_id = f"{post.id.partition('_')[2]}_{self._id(77)}"
        parent_id = None if above.is_post else (above.parent_id or above.id)
        story = Story(comment_id, author_id, text, now, now, post.id, parent_id=parent_id)
        self.stories[comment_id] = story
        self._by_post[story.post_id].append(story)
        post.updated_at = now
        return story

    def _plain(self, story: Story) -> dict[str, Any]:
        return {
            **asdict(story),
            "author": self.name_of(story.author_id),
            "by_page": story.author_id in self.pages,
            "created_at": story.created_at.isoformat(),
            "updated_at": story.updated_at.isoformat(),
            "tagged_at": story.tagged_at.isoformat() if story.tagged_at else None,
        }
