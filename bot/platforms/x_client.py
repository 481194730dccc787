"""tweepy made safe to build on: our own hosts and deadlines, keys never logged, plain JSON out.

Owns the SDK and the fields we ask for; it must not know what a post means.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import requests
import tweepy

from bot.clocks import OfficeClock
from bot.platforms.http import PlatformSession
from bot.platforms.port import Refused, Unreachable
from bot.platforms.x_errors import platform_error

Json = dict[str, Any]

SDK_HOST = "https://api.twitter.com"  # tweepy's literal
LIVE_HOSTS = ("https://api.x.com", "https://api.twitter.com")
PAGE = 100
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
    includes = dict(answer.get("includes") or {})
    if "posts" in includes:
        includes["tweets"] = [_renamed(one) for one in includes.pop("posts")]
    data = answer.get("data")
    if isinstance(data, list):
        data = [_renamed(one) for one in data]
    return {**answer, **({"includes": includes} if includes else {}), **({"data": data} if data else {})}


def _renamed(post: Json) -> Json:
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
        self, ask: Callable[..., Any], *args: Any, page_by: str, most: int, **params: Any
    ) -> tuple[list[Json], bool]:
        """Up to `most` pages, newest first, and whether that was all. Raises PlatformError.

        A paging token that comes a second time ends the reading, incomplete.
        """
        answers: list[Json] = []
        seen: set[str] = set()
        asked: dict[str, Any] = {"max_results": PAGE, **FIELDS, **params}
        while len(answers) < most:
            answers.append(self.call(ask, *args, **asked))
            following = (answers[-1].get("meta") or {}).get("next_token")
            if not following:
                return answers, True
            if following in seen:
                return answers, False
            seen.add(following)
            asked[page_by] = following
        return answers, False

    def bytes_of(self, address: str, most: int) -> bytes:
        """The photo behind an address, asked without keys. Raises PlatformError."""
        try:
            with self.session.get(address, stream=True) as response:
                if response.status_code >= 500:
                    raise Unreachable(f"x:{response.status_code}", "The photo host failed.")
                if response.status_code != 200:
                    raise Refused(f"x:{response.status_code}", "The photo host does not give this photo.")
                kept = bytearray()
                for part in response.iter_content(65536):
                    kept += part
                    if len(kept) > most:
                        raise Refused("x:photo_size", f"The photo has more than {most} bytes.")
                return bytes(kept)
        except requests.RequestException as error:
            raise platform_error(error, now=self._clock.now(), sending=False) from error

    def close(self) -> None:
        self.session.close()
