"""One official account on X: reads what people write to it, answers them, reads its own answers back.

Owns sending, reading back and fetching; what a read asks for is in x_reading, what X's JSON means in x_posts,
its refusals in x_errors. It must not know tickets, the database or the words of a reply.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from bot.clocks import OfficeClock
from bot.platforms.pictures import Pictures
from bot.platforms.port import (
    CLOCK_MARGIN,
    BadMessage,
    Batch,
    Identity,
    OutcomeUnknown,
    OwnWords,
    ReadBack,
    Said,
    Unknown,
    Watch,
)
from bot.platforms.threads import Threads
from bot.platforms.x_client import PAGE_TRIES, Json, XClient, XCredentials
from bot.platforms.x_posts import comparable, first_id, reference, whole_text, written, written_at
from bot.platforms.x_reading import XReader
from handlers.length import X_LIMIT, weighted_length
from store.outbound import Outgoing
from store.vocabulary import OutgoingAct, Platform

__all__ = ["XCredentials", "XPort"]

TIMELINE_PAGES = 33  # X shows an account's newest 3,200 posts
ID_MARGIN = timedelta(minutes=5)  # X's machines number posts each for itself, and clocks may differ a little
TIMELINE_REACH = 3100  # from here on a reading may have been cut by that and not by its window
PHOTO_HOSTS = ("pbs.twimg.com",)


class XPort:
    """The port of one X account.

    `api_url` is X's own or an emulator's; `timeout` is (connect, read) in seconds. `overlap` is how far each
    read goes back behind what was seen, because X may show posts late; `first_look_back` how far the very first
    goes. `sweep_queries` (searches) and `lookups` (of 100 posts) bound the extra requests of one read.
    """

    platform = Platform.X

    def __init__(
        self,
        channel: str,
        credentials: XCredentials,
        *,
        api_url: str,
        clock: OfficeClock,
        timeout: tuple[float, float] = (5, 20),
        overlap: timedelta = timedelta(minutes=10),
        first_look_back: timedelta = timedelta(hours=24),
        sweep_queries: int = 4,
        lookups: int = 1,
        sweep_every: timedelta = timedelta(0),
        proxy: str | None = None,
        photo_hosts: Sequence[str] = PHOTO_HOSTS,
    ) -> None:
        self.channel = channel
        self._api_url = api_url.rstrip("/")
        self._pictures = Pictures("x", self._api_url, photo_hosts, proxy)
        self._picture_threads = Threads(f"pictures-{channel}")
        self._me: Identity | None = None
        # Two sessions: a long read in one thread never shares a connection with a reply in another.
        self._reading = XClient(credentials, api_url=self._api_url, clock=clock, timeout=timeout, proxy=proxy)
        self._sending = XClient(credentials, api_url=self._api_url, clock=clock, timeout=timeout, proxy=proxy)
        self._reading_threads = Threads(f"read-{channel}")
        self._sending_threads = Threads(f"send-{channel}")
        self._clock = clock
        self._overlap = overlap
        self._first_look_back = first_look_back
        self._sweep_queries = sweep_queries
        self._lookups = lookups
        self._sweep_every = sweep_every
        self._swept_at: datetime | None = None

    async def identify(self) -> Identity:
        """Ask X whose keys these are. Raises CredentialsRefused, NotSent or Refused."""
        return await self._reading_threads.run(self._identify)

    def _identify(self) -> Identity:
        answer = self._reading.call(self._reading.sdk.get_me, user_auth=True)
        data = answer.get("data")
        if not isinstance(data, dict) or not data.get("id"):
            raise OutcomeUnknown("x:answer", "X's answer about our account names no account.")
        self._me = Identity(str(data["id"]), str(data.get("username", "")), str(data.get("name", "")))
        return self._me

    async def _us(self) -> Identity:
        return self._me or await self.identify()

    async def read(self, cursors: Mapping[str, str], watch: Watch) -> AsyncIterator[Batch]:
        """Mentions, own posts, watched threads, deletes since `cursors`, oldest first. Raises PlatformError.

        Cursors: `mentions` and `timeline` (newest time seen), `sweep` (last thread), `crowded` (how far crowded
        threads were read), `deletes` (round, id).
        """
        reader = XReader(
            self._reading,
            await self._us(),
            now=watch.now,
            overlap=self._overlap,
            first_look_back=self._first_look_back,
        )
        async for batch in self._reading_threads.steps(reader.mentions(cursors)):
            yield batch
        if watch.is_sparing:
            return
        if self._swept_at is not None and timedelta(0) <= watch.now - self._swept_at < self._sweep_every:
            return
        async for batch in self._reading_threads.steps(reader.own_posts(cursors)):
            yield batch
        self._swept_at = watch.now
        async for batch in self._reading_threads.steps(reader.sweep(cursors, watch, self._sweep_queries)):
            yield batch
        async for batch in self._reading_threads.steps(reader.deletes(cursors, watch, self._lookups)):
            yield batch

    def cursors_at(self, moment: datetime) -> Mapping[str, str]:
        """As if everything up to then had been read."""
        return {"mentions": moment.isoformat(), "timeline": moment.isoformat()}

    async def send(self, outgoing: Outgoing) -> str:
        """Reply publicly; the new post's id. Raises PlatformError.

        A photo is not sent: X takes media only through its old API, so the text says that one is on record.
        """
        if outgoing.act is not OutgoingAct.REPLY or not outgoing.reply_to_id:
            raise BadMessage("x:act", "On X only replies to a post can be sent.")
        length = weighted_length(outgoing.text)
        if not outgoing.text.strip() or length > X_LIMIT:
            raise BadMessage("x:length", f"The reply has {length} of at most {X_LIMIT} weighted characters.")
        return await self._sending_threads.run(self._reply, outgoing)

    def _reply(self, outgoing: Outgoing) -> str:
        answer = self._sending.call(
            self._sending.sdk.create_tweet,
            sending=True,
            user_auth=True,
            text=outgoing.text,
            in_reply_to_tweet_id=outgoing.reply_to_id,
            exclude_reply_user_ids=list(outgoing.exclude_author_ids) or None,
        )
        data = answer.get("data")
        post_id = data.get("id") if isinstance(data, dict) else None
        if not post_id:
            raise OutcomeUnknown("x:answer", "X's answer names no post.")
        return str(post_id)

    async def read_back(self, unknown: Sequence[Unknown]) -> ReadBack:
        """Look for our posts by parent and exact text, one reading for all rows. Raises PlatformError."""
        if not unknown:
            return ReadBack({}, self._clock.now())
        us = await self._us()
        return await self._sending_threads.run(self._read_back, us, unknown)

    def _read_back(self, us: Identity, unknown: Sequence[Unknown]) -> ReadBack:
        standing, reach = self._standing(us, min(_may_stand_since(row) for row in unknown))
        found: dict[int, str] = {}
        used = set[str]().union(*(row.taken_ids for row in unknown))
        for row in sorted(unknown, key=lambda row: (row.sending_at, row.row_id)):
            for post in standing:
                if post["id"] not in used and _is_answer(post, row):
                    found[row.row_id] = post["id"]
                    used.add(post["id"])
                    break
        return ReadBack(found, reach, frozenset(row.row_id for row in unknown if reach <= _may_stand_since(row)))

    def _standing(self, us: Identity, since: datetime) -> tuple[list[Json], datetime]:
        """Our posts since then, oldest first, and how far back the reading reached."""
        pages = self._reading.pages(
            self._reading.sdk.get_users_tweets, us.account_id, page_by="pagination_token", most=TIMELINE_PAGES,
            tries=PAGE_TRIES, start_time=since,
        )  # fmt: skip
        shown = list(pages)
        posts = {post["id"]: post for page in shown for post in _readable(page)}
        standing = sorted(posts.values(), key=lambda post: int(post["id"]))
        if any(len(page.get("data") or []) != len(_readable(page)) for page in shown):
            return standing, self._clock.now()  # what could not be read may be what we look for
        if pages.whole and len(standing) < TIMELINE_REACH:
            return standing, since
        return standing, written(standing[0]) if standing else self._clock.now()

    async def said_since(self, moment: datetime, threads: Collection[str]) -> Said:
        """Our posts since then, from our timeline; threads tell nothing more. Raises PlatformError."""
        if threads:
            return Said((), moment)
        standing, reach = await self._sending_threads.run(self._standing, await self._us(), moment)
        words = (
            OwnWords(
                message_id=first_id(post),
                thread_id=str(post.get("conversation_id") or first_id(post)),
                reply_to_id=reference(post, "replied_to"),
                text=whole_text(post),
                written_at=written(post),
            )
            for post in standing
        )
        return Said(tuple(words), reach)

    async def fetch(self, ref: str) -> bytes:
        """The bytes of a photo by its address. Raises PlatformError; Refused for other hosts."""
        return await self._picture_threads.run(self._pictures.fetch, ref)

    async def close(self) -> None:
        """Close the connections."""
        self._reading_threads.close()
        self._sending_threads.close()
        self._picture_threads.close()
        self._pictures.close()
        self._reading.close()
        self._sending.close()


def _readable(page: Json) -> list[Json]:
    """Posts that can be looked at: whatever else stands on the page is none of ours."""
    good = []
    for post in page.get("data") or []:
        try:
            written(post)
            int(post["id"])
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):
            continue
        good.append(post)
    return good


def _may_stand_since(row: Unknown) -> datetime:
    """From when on its post may stand, on X's own clock: a little before the newest of ours that stood before it.

    X's ids tell the time of their making, whatever our clock did meanwhile; without one our clock is all we have.
    """
    told = None if row.after_id is None else _told_time(row.after_id)
    if told is None or told > row.sending_at + CLOCK_MARGIN:  # an id of the future would hide what stands
        return row.sending_at - CLOCK_MARGIN
    return told - ID_MARGIN


def _told_time(post_id: str) -> datetime | None:
    try:
        return written_at(post_id)
    except (ValueError, OverflowError, OSError):
        return None


def _is_answer(post: Json, row: Unknown) -> bool:
    """Whether our post is what the row was to send: same parent, same words, not older than the sending."""
    return (
        reference(post, "replied_to") == row.outgoing.reply_to_id
        and written(post) >= _may_stand_since(row)
        and comparable(whole_text(post)) == comparable(row.outgoing.text)
    )
