"""facebook-sdk as SMGT uses it: its session, its version, its pages of results, and its errors in our words.

Owns how a Graph request is made and what its failure means. It must not know posts, comments or complaints.
The token travels in the query of a GET and the body of a POST, so no exception of the SDK or of requests may
leave this module: every error is raised anew, without its cause, in sentences of our own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import facebook
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from bot.platforms.http import PlatformSession, redact
from bot.platforms.port import (
    BadMessage,
    CredentialsRefused,
    OutcomeUnknown,
    PlatformError,
    RateLimited,
    Refused,
    ReplyRefused,
    Unreachable,
)

logger = logging.getLogger(__name__)

GRAPH_HOST = "https://graph.facebook.com"
# Application, user, page, business-use-case and custom limits (Graph API: error codes, rate limiting).
RATE_CODES = frozenset({4, 17, 32, 613, 80001, 80002, 80006})
RATE_DEFAULT_SECONDS = {613: 300.0}
RATE_DEFAULT = 900.0
RATE_LONGEST = 24 * 3600.0
BLOCKED_SECONDS = 6 * 3600.0  # 368 lasts for hours and does not say how many
CREDENTIAL_CODES = frozenset({102, 190})
UNKNOWN_CODES = frozenset({1, 2, 506})
GONE_CODES = frozenset({803})
OBJECT_GONE_SUBCODE = 33

T = TypeVar("T")


class _WithoutSecrets(logging.Filter):
    """urllib3 logs the whole path at DEBUG, and on a GET that holds the token."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage()), ()
        return True


logging.getLogger("urllib3.connectionpool").addFilter(_WithoutSecrets())


@dataclass(frozen=True, slots=True)
class FacebookCredentials:
    """What one Page of ours needs to speak and listen."""

    page_id: str
    page_token: str
    app_id: str
    app_secret: str
    verify_token: str = ""

    def __repr__(self) -> str:
        return f"FacebookCredentials(page_id={self.page_id!r})"

    @property
    def proof(self) -> str:
        """The appsecret_proof: HMAC-SHA256 of the token under the app's secret."""
        return hmac.new(self.app_secret.encode(), self.page_token.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of the allowance is spent: per cent, and minutes until calls are allowed again (0: now)."""

    percent: float = 0.0
    regain_minutes: float = 0.0


class GraphSession(PlatformSession):
    """Adds the appsecret_proof and keeps each thread's latest status and usage."""

    def __init__(self, base_url: str, timeout: tuple[float, float], proof: str, proxy: str | None) -> None:
        super().__init__(GRAPH_HOST, base_url, timeout, proxy)
        self._proof = proof
        self._latest = threading.local()
        self.usage = Usage()

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        place = "data" if kwargs.get("data") else "params"
        kwargs[place] = {**(kwargs.get(place) or {}), "appsecret_proof": self._proof}
        self._latest.status = None
        response = super().request(method, url, *args, **kwargs)
        self._latest.status = response.status_code
        self.usage = usage_of(response.headers)
        self._latest.usage = self.usage
        return response

    @property
    def status(self) -> int | None:
        """The status of this thread's latest answer; None when there was none."""
        return getattr(self._latest, "status", None)

    @property
    def regain_minutes(self) -> float:
        """What this thread's latest answer said about waiting."""
        usage: Usage = getattr(self._latest, "usage", Usage())
        return usage.regain_minutes


class Graph(facebook.GraphAPI):  # type: ignore[misc]  # facebook-sdk ships no types
    """The SDK at a version its constructor does not know."""

    def __init__(self, token: str, session: GraphSession, version: str) -> None:
        super().__init__(access_token=token, session=session)
        self.version = version


class GraphPages:
    """The pages of a listing, each asked for when it is wanted. Reading them raises PlatformError.

    `after` is the paging cursor behind the latest page, `whole` says at the end whether that was all. Some listings
    answer their last page for ever: the cursor just asked for ends it. Any other cursor that comes again would never
    end: the listing is left, incomplete.
    """

    def __init__(self, ask: Callable[[str | None], dict[str, Any]], most: int, after: str | None) -> None:
        self.whole = False
        self.after = after
        self._ask = ask
        self._most = most

    def __iter__(self) -> Iterator[list[Any]]:
        seen = {self.after}
        for _ in range(self._most):
            answer = self._ask(self.after)
            asked, (goes_on, following) = self.after, _paging(answer)
            self.after = following or asked
            self.whole = not goes_on or (following is not None and following == asked)
            yield _data_of(answer)
            if self.whole:
                return
            if following is None or following in seen:
                logger.warning(
                    "A listing of Facebook names no next page that was not read already; it is left incomplete",
                    extra={"action": "facebook_paging_loop"},
                )
                return
            seen.add(following)


class GraphClient:
    """Calls the Graph API for one Page. Blocking, safe from several threads; raises PlatformError only."""

    def __init__(
        self,
        credentials: FacebookCredentials,
        *,
        graph_url: str,
        version: str,
        timeout: tuple[float, float],
        proxy: str | None,
    ) -> None:
        self.session = GraphSession(graph_url, timeout, credentials.proof, proxy)
        self._graph = Graph(credentials.page_token, self.session, version)

    def get(self, object_id: str, **arguments: Any) -> dict[str, Any]:
        """One object, with the `fields` asked for."""
        return self._call(lambda: self._graph.get_object(object_id, **arguments))

    def get_many(self, ids: list[str], **arguments: Any) -> dict[str, Any]:
        """Objects by id (at most 50); those that are gone are absent."""
        return self._call(lambda: self._graph.get_objects(ids, **arguments))

    def pages(self, object_id: str, edge: str, *, most: int, after: str | None = None, **arguments: Any) -> GraphPages:
        """The pages of a listing in the platform's order, at most `most`, from a paging cursor on."""

        def ask(cursor: str | None) -> dict[str, Any]:
            asked = {**arguments, "after": cursor} if cursor else arguments
            return self._call(lambda: self._graph.get_connections(object_id, edge, **asked))

        return GraphPages(ask, most, after)

    def post(self, object_id: str, edge: str, **data: Any) -> dict[str, Any]:
        """Write to an edge."""
        return self._call(lambda: self._graph.put_object(object_id, edge, **data))

    def post_photo(self, object_id: str, edge: str, photo: bytes, **data: Any) -> dict[str, Any]:
        """Write to an edge with a photo uploaded as multipart."""
        path = f"{self._graph.version}/{object_id}/{edge}"
        files = {"source": ("photo.jpg", photo)}
        return self._call(lambda: self._graph.request(path, post_args=data, files=files, method="POST"))

    def close(self) -> None:
        self.session.close()

    def _call(self, ask: Callable[[], Any]) -> dict[str, Any]:
        try:
            answer = ask()
        except (facebook.GraphAPIError, requests.RequestException, KeyError, ValueError) as trouble:
            error = our_error(trouble, self.session.status, self.session.regain_minutes)
        else:
            status = self.session.status or 0
            if isinstance(answer, dict) and status < 400:
                return answer
            error = OutcomeUnknown(f"facebook:http{status}", "Facebook's answer could not be read.")
        # Outside the except block: the SDK's exception holds the token in its URL and must not be chained.
        raise error


def usage_of(headers: Mapping[str, str]) -> Usage:
    """The usage an answer's headers tell; headers that cannot be read tell nothing."""
    percents, minutes = [0.0], [0.0]
    for name in ("X-App-Usage", "X-Page-Usage", "X-Business-Use-Case-Usage"):
        try:
            told = json.loads(headers.get(name) or "{}")
        except ValueError:
            continue  # the platform's own bookkeeping, not worth failing an answer for
        for spent in _usage_rows(told):
            percents.extend(float(spent[key]) for key in _SPENT if _is_a_share(spent.get(key)))
            wait = spent.get("estimated_time_to_regain_access")
            minutes.append(float(wait) if isinstance(wait, int | float) else 0.0)
    return Usage(max(percents), max(minutes))


MOST_PERCENT = 1000.0  # Facebook tells more than 100 when more than all is spent; beyond this it is nonsense


def _is_a_share(told: Any) -> bool:
    return isinstance(told, int | float) and not isinstance(told, bool) and 0 <= told <= MOST_PERCENT


_SPENT = ("call_count", "total_time", "total_cputime")


def _usage_rows(told: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(told, dict):
        return
    yield told
    for rows in told.values():
        if isinstance(rows, list):
            yield from (row for row in rows if isinstance(row, dict))


def our_error(trouble: Exception, status: int | None, regain_minutes: float = 0.0) -> PlatformError:
    """What a failure of the SDK or of the connection means: the one place where Facebook's errors are named.

    `status` is the HTTP status that was answered, None for none. Codes: Graph API, *Handle errors*. That 1, 2
    and any 5xx may have published is from users' reports, so they are read back.
    """
    if isinstance(trouble, facebook.GraphAPIError):
        return _graph_error(trouble, status, regain_minutes)
    if _never_connected(trouble):
        return Unreachable("facebook:unreachable", "No connection to Facebook could be made.")
    if isinstance(trouble, requests.Timeout):
        return OutcomeUnknown("facebook:timeout", "Facebook did not answer in time.")
    if isinstance(trouble, requests.ConnectionError) and status is None:
        return OutcomeUnknown("facebook:broken", "The connection to Facebook broke before an answer.")
    return OutcomeUnknown("facebook:unreadable", "Facebook's answer could not be read.")


def _graph_error(trouble: Any, status: int | None, regain_minutes: float) -> PlatformError:
    code = trouble.code if isinstance(trouble.code, int) else None
    subcode = _subcode(trouble.result)
    if status is not None and status >= 500:
        return OutcomeUnknown(f"facebook:http{status}", "Facebook failed while it answered; it may have been done.")
    if code is None:
        if status == 429:
            return RateLimited("facebook:429", "Facebook asked to slow down.", retry_after=RATE_DEFAULT)
        return OutcomeUnknown(f"facebook:http{status}", "Facebook answered with something that is not JSON.")
    name = f"facebook:{code}" + (f"/{subcode}" if subcode else "")
    if code in RATE_CODES:
        wait = _wait(code, regain_minutes)
        return RateLimited(name, f"Facebook's rate limit was reached; waiting {wait:.0f} s.", retry_after=wait)
    if code == 368:
        wait = _wait(code, regain_minutes)
        return RateLimited(name, "Facebook blocked this Page's comments for some hours.", retry_after=wait)
    if code in CREDENTIAL_CODES:
        return CredentialsRefused(name, "Facebook refused the Page's access token; a new one must be issued.")
    if code == 100 and "appsecret_proof" in str(trouble.message):
        return CredentialsRefused(name, "Facebook refused the appsecret_proof; check the app's secret.")
    if code in UNKNOWN_CODES:
        return OutcomeUnknown(name, "Facebook does not say whether it was done.")
    return _permanent(code, subcode, name)


def _permanent(code: int, subcode: int | None, name: str) -> PlatformError:
    if (code == 100 and subcode == OBJECT_GONE_SUBCODE) or code in GONE_CODES:
        return ReplyRefused(name, "The post or comment is gone, or its writer no longer lets the Page see it.")
    if 200 <= code <= 299 or 10900 <= code <= 10999:
        return ReplyRefused(name, "Facebook does not permit the Page to answer there.")
    if code == 100:
        return BadMessage(name, "Facebook says that a parameter of the request is wrong.")
    if code == 10:
        return Refused(name, "The app lacks a permission for this; see the Page's permissions in the app's settings.")
    return Refused(name, "Facebook refused the request for good.")


def _subcode(result: Any) -> int | None:
    error = result.get("error") if isinstance(result, dict) else None
    subcode = error.get("error_subcode") if isinstance(error, dict) else None
    return subcode if isinstance(subcode, int) else None


def _wait(code: int, regain_minutes: float) -> float:
    """Seconds to wait: what Facebook estimates, unless it is missing, negative or absurd."""
    least = BLOCKED_SECONDS if code == 368 else RATE_DEFAULT_SECONDS.get(code, RATE_DEFAULT)
    return min(regain_minutes * 60, RATE_LONGEST) if regain_minutes > 0 else least


def _never_connected(trouble: Exception) -> bool:
    if isinstance(trouble, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    reason: Any = trouble.args[0] if trouble.args else None
    if isinstance(reason, MaxRetryError):
        reason = reason.reason
    if isinstance(trouble, requests.exceptions.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" in str(reason) or isinstance(reason, ssl.SSLCertVerificationError)
    return isinstance(reason, NewConnectionError)


def _data_of(answer: Mapping[str, Any]) -> list[Any]:
    data = answer.get("data")
    if not isinstance(data, list):
        raise OutcomeUnknown("facebook:unreadable", "Facebook's listing has no data.")
    return data


def _paging(answer: Mapping[str, Any]) -> tuple[bool, str | None]:
    """Whether there is a next page, and its cursor. Raises OutcomeUnknown for what is no paging."""
    paging = answer.get("paging") or {}
    cursors = (paging.get("cursors") or {}) if isinstance(paging, dict) else None
    if not isinstance(cursors, dict):
        raise OutcomeUnknown("facebook:unreadable", "Facebook's listing has no paging that can be read.")
    after = cursors.get("after")
    return bool(paging.get("next")), str(after) if after else None
