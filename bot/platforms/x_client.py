"""tweepy made safe to build on: our own hosts and deadlines, keys never logged, plain JSON out.

Owns the SDK and the fields we ask for; it must not know what a post means.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import tweepy

from bot.clocks import OfficeClock
from bot.platforms.http import PlatformSession
from bot.platforms.port import OutcomeUnknown, Unreachable
from bot.platforms.x_errors import platform_error

logger = logging.getLogger(__name__)

Json = dict[str, Any]

SDK_HOST = "https://api.twitter.com"  # tweepy's literal
LIVE_HOSTS = ("https://api.x.com", "https://api.twitter.com")
PAGE = 100
PAGE_TRIES = 4  # of one page, where only the whole listing counts: of thirty pages one breaks off on a bad day
FIELDS: Mapping[str, str] = {
    "tweet_fields": "attachments,author_id,conversation_id,created_at,edit_history_tweet_ids,entities,"
    "in_reply_to_user_id,note_tweet,referenced_tweets",
    "expansions": "author_id,attachments.media_keys,referenced_tweets.id,referenced_tweets.id.author_id,"
    "referenced_tweets.id.attachments.media_keys",
    "media_fields": "media_key,preview_image_url,type,url,variants",
    "user_fields": "name,username",
}
# These write tokens, signatures and citizens' words to the log at DEBUG.
_TALKATIVE = ("tweepy", "oauthlib", "requests_oauthlib")


# X's documentation of 2026 calls tweets posts, in field names too; SMGT asks and reads by tweepy's names.
_NEW_NAMES = {
    "edit_history_post_ids": "edit_history_tweet_ids",
    "note_post": "note_tweet",
    "referenced_posts": "referenced_tweets",
}


def in_sdk_names(answer: Json) -> Json:
    """The answer with the field names that tweepy knows, whichever of its two sets of names X used."""
    told = answer.get("includes")
    includes = dict(told) if isinstance(told, dict) else {}
    if isinstance(includes.get("posts"), list):
        includes["tweets"] = [_renamed(one) for one in includes.pop("posts")]
    data = answer.get("data")
    if isinstance(data, list):
        data = [_renamed(one) for one in data]
    return {**answer, **({"includes": includes} if includes else {}), **({"data": data} if data else {})}


def _renamed(post: Any) -> Any:
    if not isinstance(post, dict):
        return post  # x_reading says what is wrong with it
    return {_NEW_NAMES.get(name, name): value for name, value in post.items()}


@dataclass(frozen=True, slots=True)
class XCredentials:
    """The keys of one official account; never shown."""

    bearer: str = field(repr=False)
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    access_token: str = field(repr=False)
    access_secret: str = field(repr=False)


class _XSession(PlatformSession):
    """Drops a reset header that is no number: tweepy would raise ValueError on it and lose the 429."""

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        response = super().request(method, url, *args, **kwargs)
        reset = response.headers.get("x-rate-limit-reset", "0")
        if not (reset.isascii() and reset.isdigit()):
            del response.headers["x-rate-limit-reset"]
        return response


class Pages:
    """The pages of one listing, each asked for when it is wanted; `whole` says at the end whether that was all.

    A paging token that comes a second time ends the reading, incomplete: such a listing would never end. A page that
    breaks off is asked for again, up to `tries` times in all.
    """

    def __init__(self, ask: Callable[..., Json], page_by: str, most: int, tries: int = 1) -> None:
        self.whole = False
        self._ask = ask
        self._page_by = page_by
        self._most = most
        self._tries = tries

    def __iter__(self) -> Iterator[Json]:
        seen: set[str] = set()
        token: dict[str, str] = {}
        for _ in range(self._most):
            answer, following = self._page(token)
            self.whole = following is None
            yield answer
            if following is None:
                return
            if following in seen:
                logger.warning(
                    "X names the same next page twice; the listing is read on by time",
                    extra={"action": "x_paging_loop"},
                )
                return
            seen.add(following)
            token = {self._page_by: following}

    def _page(self, token: dict[str, str]) -> tuple[Json, str | None]:
        """A page and the token of the next; asked for again, because all that was read before it would be lost."""
        left = self._tries
        while True:
            left -= 1
            try:
                answer = self._ask(**token)
                return answer, _following(answer)
            except (OutcomeUnknown, Unreachable) as error:
                if left <= 0:
                    raise
                logger.info("A page of X broke off and is asked for again (%s)", error.code, extra={"action": "x_page"})


def _following(answer: Json) -> str | None:
    """The token of the next page. Raises OutcomeUnknown for an answer that is no listing."""
    meta, data = answer.get("meta"), answer.get("data")
    if not isinstance(meta or {}, dict) or not isinstance(data or [], list):
        raise OutcomeUnknown("x:answer", "X's listing could not be read.")
    token = (meta or {}).get("next_token")
    return str(token) if token else None


class XClient:
    """tweepy's client with every failure told in the port's words."""

    def __init__(
        self,
        credentials: XCredentials,
        *,
        api_url: str,
        clock: OfficeClock,
        timeout: tuple[float, float],
        proxy: str | None = None,
    ) -> None:
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.INFO)
        self._clock = clock
        self.session = _XSession(SDK_HOST, api_url, timeout, proxy)
        self.sdk = tweepy.Client(
            credentials.bearer,
            credentials.consumer_key,
            credentials.consumer_secret,
            credentials.access_token,
            credentials.access_secret,
            return_type=dict,
            wait_on_rate_limit=False,
        )
        self.sdk.session.close()
        self.sdk.session = self.session

    def call(self, ask: Callable[..., Any], *args: Any, sending: bool = False, **params: Any) -> Json:
        """Ask the SDK; the JSON object of the answer. Raises PlatformError and nothing else."""
        try:
            answer = ask(*args, **params)
        except Exception as error:  # tweepy lets anything through
            raise platform_error(error, now=self._clock.now(), sending=sending) from error
        if isinstance(answer, dict):
            return in_sdk_names(answer)
        raise platform_error(TypeError(), now=self._clock.now(), sending=sending)

    def pages(
        self, ask: Callable[..., Any], *args: Any, page_by: str, most: int, tries: int = 1, **params: Any
    ) -> Pages:
        """The pages of a listing, newest first, at most `most`. Reading them raises PlatformError."""
        asked = {"max_results": PAGE, **FIELDS, **params}
        return Pages(lambda **token: self.call(ask, *args, **asked, **token), page_by, most, tries)

    def close(self) -> None:
        self.session.close()
