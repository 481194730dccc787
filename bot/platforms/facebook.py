"""One Facebook Page of ours as a `Port`: answering, reading back, private replies, photos.

Owns what is asked of the Graph API and in what order; `facebook_reader` owns polling, `facebook_graph`
requests and errors, `facebook_events` the shapes. It must not know the database, the conversation or how a
webhook is served.
"""

from __future__ import annotations

import html
import json
import unicodedata
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.clocks import OfficeClock
from bot.platforms.facebook_events import (
    COMMENT_FIELDS,
    POST_FIELDS,
    comment_event,
    created_time,
    post_event,
    quoted_post,
    thread_is_ours,
    words_of,
)
from bot.platforms.facebook_graph import FacebookCredentials, GraphClient, Usage
from bot.platforms.facebook_listing import readable
from bot.platforms.facebook_reader import FacebookReader, ReadingPlan, cursor_at
from bot.platforms.facebook_webhook import NeedsFetch, Told, challenge_answer, parse_webhook, verify_signature
from bot.platforms.pictures import Pictures
from bot.platforms.port import (
    CLOCK_MARGIN,
    BadMessage,
    Batch,
    CredentialsRefused,
    Identity,
    OutcomeUnknown,
    OwnWords,
    PhotoGone,
    ReadBack,
    Refused,
    ReplyRefused,
    Said,
    Unknown,
    Watch,
)
from bot.platforms.threads import Threads
from store.inbound import Inbound, QuotedPost
from store.outbound import Outgoing
from store.vocabulary import OutgoingAct, Platform

LONGEST_COMMENT = 8000
PHOTO_HOSTS = ("*.fbcdn.net", "*.facebook.com", "*.fbsbx.com")
READ_BACK_PAGES = 10

__all__ = ["FacebookCredentials", "FacebookPort"]


class FacebookPort:
    """One Page. `graph_url` stands for https://graph.facebook.com, `timeout` is (connect, read) in seconds.

    `load_photo` gives the bytes of a stored photo by its media id, for photos that go out with a reply.
    """

    platform = Platform.FACEBOOK

    def __init__(
        self,
        channel: str,
        credentials: FacebookCredentials,
        *,
        graph_url: str,
        clock: OfficeClock,
        version: str = "v24.0",
        timeout: tuple[float, float] = (5, 20),
        proxy: str | None = None,
        load_photo: Callable[[int], bytes] | None = None,
        plan: ReadingPlan | None = None,
        photo_hosts: Sequence[str] = PHOTO_HOSTS,
    ) -> None:
        self.channel = channel
        self.page_id = credentials.page_id
        self._credentials = credentials
        self._clock = clock
        self._timeout = timeout
        self._load_photo = load_photo
        self._page_name = ""

        def client() -> GraphClient:
            return GraphClient(credentials, graph_url=graph_url, version=version, timeout=timeout, proxy=proxy)

        # Reading and sending each have a session: a slow read holds no connection that a reply needs.
        self._sending = client()
        self._reading = client()
        self._pictures = Pictures("facebook", graph_url, photo_hosts, proxy)  # fetched without the token
        self._picture_threads = Threads(f"pictures-{channel}")
        self._reading_threads = Threads(f"read-{channel}")
        self._sending_threads = Threads(f"send-{channel}")
        self._reader = FacebookReader(self.page_id, self._reading, plan or ReadingPlan(), self._reading_threads)

    @property
    def usage(self) -> Usage:
        """How much of the allowance is spent, as the latest answer told."""
        return max(self._reading.session.usage, self._sending.session.usage, key=lambda usage: usage.percent)

    async def identify(self) -> Identity:
        """Ask Facebook whose token this is. Raises CredentialsRefused when it is another Page's."""
        me = await self._reading_threads.run(self._reading.get, "me", fields="id,name,username")
        if str(me.get("id")) != self.page_id:
            raise CredentialsRefused("facebook:page", f"The token belongs to another account than Page {self.page_id}.")
        self._page_name = str(me.get("name") or "")
        return Identity(self.page_id, str(me.get("username") or ""), self._page_name)

    def read(self, cursors: Mapping[str, str], watch: Watch) -> AsyncIterator[Batch]:
        """What is new: posts that tag us, our own posts, and comments of watched threads as they fall due."""
        return self._reader.read(cursors, watch)

    def cursors_at(self, moment: datetime) -> Mapping[str, str]:
        """As if everything up to then had been read."""
        return dict.fromkeys(("tagged", "feed", "swept"), cursor_at(moment))

    async def send(self, outgoing: Outgoing) -> str:
        """Comment under the citizen's post or comment and return the comment's id. Raises PlatformError."""
        if outgoing.act is not OutgoingAct.REPLY:
            raise BadMessage("facebook:act", f"A Facebook Page cannot do {outgoing.act}.")
        if len(outgoing.text) > LONGEST_COMMENT:
            raise BadMessage("facebook:long", f"The reply has {len(outgoing.text)} characters; {LONGEST_COMMENT} fit.")
        answer = await self._sending_threads.run(self._comment, outgoing)
        comment_id = answer.get("id")
        if not isinstance(comment_id, str) or not comment_id:
            raise OutcomeUnknown("facebook:unreadable", "Facebook did not say which comment it made.")
        self._reader.note_own(comment_id)
        return comment_id

    async def private_reply(self, comment_id: str, text: str) -> str:
        """Write privately to a comment's writer, once and within seven days of it. Raises PlatformError."""
        recipient, message = json.dumps({"comment_id": comment_id}), json.dumps({"text": text})
        answer = await self._sending_threads.run(
            self._sending.post, self.page_id, "messages", recipient=recipient, message=message
        )
        return str(answer.get("message_id") or "")

    async def read_back(self, unknown: Sequence[Unknown]) -> ReadBack:
        """Look for replies of unknown outcome among the threads' comments, newest first.

        Facebook hangs a reply to a reply under the same top comment, so either parent counts. Every comment
        satisfies at most one row, and none that is named in `taken_ids`.
        """
        return await self._sending_threads.run(self._read_back, list(unknown))

    async def said_since(self, moment: datetime, threads: Collection[str]) -> Said:
        """Our comments since then in these threads, or under our own posts. Raises PlatformError."""
        return await self._sending_threads.run(self._said_since, moment, set(threads))

    async def fetch(self, ref: str) -> bytes:
        """The bytes of a photo by its address or its id; at most 5 MB, from Facebook's hosts only."""
        return await self._picture_threads.run(self._fetch, ref)

    async def fill(self, mention: NeedsFetch) -> Inbound | None:
        """The words of a mention that a webhook told by ids; None when they are gone or not shown to us.

        Under another's post, what the mention points at comes along as `quoted`. Raises PlatformError:
        answer the webhook with an error then, so that Facebook tells it again.
        """
        try:
            return await self._reading_threads.run(self._fill, mention)
        except ReplyRefused:
            return None

    def is_genuine(self, raw: bytes, signature: str | None) -> bool:
        """Whether a delivery with this X-Hub-Signature-256 comes from Facebook; ask before `hear`."""
        return verify_signature(raw, signature, self._credentials.app_secret)

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """The plain text that subscribes our webhook; None when it is not Facebook with our word that asks."""
        return challenge_answer(query, self._credentials.verify_token)

    def hear(self, raw: bytes) -> list[Told]:
        """A verified webhook delivery, read with what this port knows of its own name and comments."""
        return parse_webhook(raw, self.page_id, page_name=self._page_name, is_ours=self._reader.is_own)

    async def close(self) -> None:
        """Release connections."""
        self._reading_threads.close()
        self._sending_threads.close()
        self._sending.close()
        self._reading.close()
        self._picture_threads.close()
        self._pictures.close()

    def _comment(self, outgoing: Outgoing) -> dict[str, Any]:
        parent = outgoing.reply_to_id or outgoing.thread_id
        photo = outgoing.photo
        if photo is None:
            return self._sending.post(parent, "comments", message=outgoing.text)
        if photo.media_id is None or self._load_photo is None:
            raise BadMessage("facebook:photo", "The photo of this reply is not in our store, so it cannot be uploaded.")
        try:
            picture = self._load_photo(photo.media_id)
        except PhotoGone:  # the words are worth sending without it
            return self._sending.post(parent, "comments", message=outgoing.text)
        return self._sending.post_photo(parent, "comments", picture, message=outgoing.text)

    def _read_back(self, unknown: list[Unknown]) -> ReadBack:
        found: dict[int, str] = {}
        used = {taken for row in unknown for taken in row.taken_ids}
        if not unknown:
            return ReadBack({}, self._clock.now())
        since = (
            min(row.sending_at for row in unknown) - CLOCK_MARGIN
        )  # one window for all: each row is told how far it reaches
        reach = [since]
        for thread_id in dict.fromkeys(row.outgoing.thread_id for row in unknown):
            rows = sorted((r for r in unknown if r.outgoing.thread_id == thread_id), key=lambda r: r.sending_at)
            comments, reached = self._newest_comments(thread_id, since)
            reach.append(reached)
            for row in rows:
                match = self._match(row, comments, used)
                if match is not None:
                    used.add(match)
                    found[row.row_id] = match
                    self._reader.note_own(match)
        return ReadBack(found, max(reach))

    def _newest_comments(self, thread_id: str, since: datetime) -> tuple[list[dict[str, Any]], datetime]:
        """The thread's comments since then, oldest first, and how far back they reach."""
        comments: list[dict[str, Any]] = []
        fields = "id,created_time,message,from,parent{id}"
        pages = self._sending.pages(
            thread_id, "comments", most=READ_BACK_PAGES, fields=fields, filter="stream",
            order="reverse_chronological", limit=100,
        )  # fmt: skip
        try:
            for page in pages:
                good, bad = readable(page)
                if bad:  # one of them may be ours
                    return comments[::-1], self._clock.now()
                comments.extend(good)
                if good and min(created_time(one) for one in good) < since:
                    return comments[::-1], since
        except ReplyRefused:
            return [], since  # the post is gone, and our reply with it
        if pages.whole or not comments:
            return comments[::-1], since if pages.whole else self._clock.now()
        return comments[::-1], min(created_time(one) for one in comments)

    def _said_since(self, moment: datetime, threads: set[str]) -> Said:
        words: list[OwnWords] = []
        reach = moment
        for thread_id in sorted(threads or self._reader.own_post_ids(self._clock.now())):
            comments, reached = self._newest_comments(thread_id, moment)
            reach = max(reach, reached)
            for one in comments:
                if (one.get("from") or {}).get("id") == self.page_id and created_time(one) >= moment:
                    above = (one.get("parent") or {}).get("id") or thread_id
                    told = words_of(one)
                    words.append(OwnWords(str(one["id"]), thread_id, str(above), told, created_time(one)))
        return Said(tuple(sorted(words, key=lambda one: one.written_at)), reach)

    def _match(self, row: Unknown, comments: list[dict[str, Any]], used: set[str]) -> str | None:
        parents = self._parents(row.outgoing, comments)
        wanted = normal_text(row.outgoing.text)
        for comment in comments:
            if (comment.get("from") or {}).get("id") != self.page_id or comment["id"] in used:
                continue
            if created_time(comment) < row.sending_at - CLOCK_MARGIN:
                continue
            parent = (comment.get("parent") or {}).get("id") or row.outgoing.thread_id
            if parent in parents and normal_text(str(comment.get("message") or "")) == wanted:
                return str(comment["id"])
        return None

    def _parents(self, outgoing: Outgoing, comments: list[dict[str, Any]]) -> set[str]:
        asked = outgoing.reply_to_id or outgoing.thread_id
        if asked == outgoing.thread_id:
            return {asked}
        known = next((one for one in comments if one["id"] == asked), None)
        if known is None:
            try:
                known = self._sending.get(asked, fields="id,parent{id}")
            except ReplyRefused:
                known = {}  # the citizen's comment is gone; a reply beneath it is gone too
        above = (known.get("parent") or {}).get("id")
        return {asked, str(above)} if above else {asked}

    def _fill(self, mention: NeedsFetch) -> Inbound:
        if not mention.is_comment:
            return post_event(self.page_id, self._reading.get(mention.object_id, fields=POST_FIELDS), tagged=True)
        comment = self._reading.get(mention.object_id, fields=COMMENT_FIELDS)
        quoted = self._pointed_at(comment, mention.thread_id)
        return comment_event(self.page_id, comment, thread_id=mention.thread_id, quoted=quoted)

    def _pointed_at(self, comment: dict[str, Any], thread_id: str) -> QuotedPost | None:
        """What a comment that names us stands under, when it is another person's."""
        if thread_is_ours(self.page_id, thread_id):
            return None
        parent = comment.get("parent")
        parent_id = parent.get("id") if isinstance(parent, dict) else None
        try:
            if parent_id:
                above = quoted_post(self._reading.get(parent_id, fields=COMMENT_FIELDS))
            else:
                above = quoted_post(self._reading.get(thread_id, fields=POST_FIELDS))
        except ReplyRefused:
            return None
        writer = (comment.get("from") or {}).get("id")
        own = above.author_id is not None and above.author_id in (self.page_id, writer)
        return None if own else above

    def _fetch(self, ref: str) -> bytes:
        address = ref if ref.startswith(("http://", "https://")) else self._photo_address(ref)
        return self._pictures.fetch(address)

    def _photo_address(self, photo_id: str) -> str:
        images = self._reading.get(photo_id, fields="images").get("images")
        if not isinstance(images, list) or not images or not images[0].get("source"):
            raise Refused("facebook:photo", f"Facebook shows no picture under {photo_id}.")
        return str(images[0]["source"])


def normal_text(text: str) -> str:
    """A text as it is compared in a read-back: HTML unescaped, NFC, white space at the ends aside."""
    return unicodedata.normalize("NFC", html.unescape(text)).strip()
