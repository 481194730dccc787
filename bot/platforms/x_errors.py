"""What tweepy and requests raise, put into the words of the port: one function, one answer for each failure.

Owns the reading of X's refusals. It must not know what was sent, and puts no words of ours or of a citizen's
in errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import requests
import tweepy
from urllib3 import exceptions as urllib3

from bot.platforms.http import redact
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

DEFAULT_WAIT = 60.0  # seconds to wait when X does not say how long
CAP_WAIT = 3600.0  # seconds between tries when the month's cap is used up
LONGEST_WAIT = timedelta(hours=25)  # X's longest window is 24 hours; a later reset is nonsense

_NOT_CONNECTED = (urllib3.NewConnectionError, urllib3.ConnectTimeoutError)
# Parts of X's sentences; X gives these refusals no codes.
_DUPLICATE = "duplicate content"
_TOO_LONG = ("too long", "needs to be a bit shorter")
_NO_REPLY = (
    "deleted or not visible",
    "mentioned",
    "allowed to reply",
    "reply to this",
    "can reply",
    "blocked",
)
_ACCOUNT = (
    "your account is suspended",
    "account is temporarily locked",
    "app permissions",
    "client-not-enrolled",
)


def reset_moment(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """When the used-up window ends; None when X does not say so in a believable way."""
    names = ["x-rate-limit-reset"]
    if headers.get("x-app-limit-24hour-remaining") == "0":
        names.insert(0, "x-app-limit-24hour-reset")
    for name in names:
        value = headers.get(name, "")
        if value.isascii() and value.isdigit() and len(value) <= 11:
            moment = datetime.fromtimestamp(int(value), UTC)
            if now < moment <= now + LONGEST_WAIT:
                return moment
    return None


def _rate_limited(error: tweepy.HTTPException, now: datetime) -> RateLimited:
    moment = reset_moment(error.response.headers, now)
    sentence = "X asks to slow down."
    if "usage cap" in str(error).lower():
        return RateLimited("x:cap", "The month's cap of X's plan is used up.", retry_after=CAP_WAIT)
    if moment is None:
        return RateLimited("x:429", sentence, retry_after=DEFAULT_WAIT)
    return RateLimited("x:429", sentence, retry_at=moment)


def _forbidden(said: str, sending: bool) -> PlatformError:
    lower = said.lower()
    if any(part in lower for part in _ACCOUNT):
        return CredentialsRefused("x:account", f"X holds back the whole account or app: {said}")
    if not sending:
        return Refused("x:403", f"X forbids this read: {said}")
    if _DUPLICATE in lower:
        return OutcomeUnknown("x:duplicate", "X says this text was posted already.")
    if any(part in lower for part in _TOO_LONG):
        return BadMessage("x:too_long", "X says the text is too long.")
    if any(part in lower for part in _NO_REPLY):
        return ReplyRefused("x:no_reply", f"X does not let us answer this post: {said}")
    return Refused("x:403", f"X forbids this post: {said}")


def _answered(error: tweepy.HTTPException, now: datetime, sending: bool) -> PlatformError:
    status = int(error.response.status_code)
    said = redact(" ".join(str(one) for one in error.api_messages))[:200] or "no reason given"
    if status == 429:
        return _rate_limited(error, now)
    if status == 401:
        return CredentialsRefused("x:401", "X refuses the account's keys; renew them and start the channel again.")
    if status == 402:
        return CredentialsRefused("x:402", "X's credits are used up; buy more and start the channel again.")
    if status == 403:
        return _forbidden(said, sending)
    if status == 404 and sending:
        return ReplyRefused("x:404", "The post to answer is not there.")
    if status == 400 and sending:
        return BadMessage("x:400", f"X says the request is wrong: {said}")
    if 400 <= status < 500 and status != 408:
        return Refused(f"x:{status}", f"X refuses: {said}")
    return _no_outcome(f"x:{status}", f"X answered with status {status}.", sending)


def _no_outcome(code: str, sentence: str, sending: bool) -> PlatformError:
    """A read that brought nothing can be repeated; a post whose answer is missing may stand."""
    return OutcomeUnknown(code, sentence) if sending else Unreachable(code, sentence)


def _never_connected(error: requests.RequestException) -> bool:
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = error.args[0] if error.args else None
    reason = getattr(reason, "reason", reason)
    if isinstance(reason, urllib3.ProxyError):
        reason = reason.original_error
    return isinstance(reason, _NOT_CONNECTED) or "CERTIFICATE_VERIFY_FAILED" in str(reason)


def platform_error(error: Exception, *, now: datetime, sending: bool) -> PlatformError:
    """The port's error for whatever a call of tweepy raised; `now` (office clock) judges reset headers."""
    if isinstance(error, tweepy.HTTPException):
        return _answered(error, now, sending)
    if isinstance(error, requests.JSONDecodeError):
        return _no_outcome("x:answer", "X's answer could not be read.", sending)
    if isinstance(error, requests.RequestException):
        name = type(error).__name__
        if _never_connected(error):
            return Unreachable("x:connect", f"No connection to X was made ({name}).")
        return _no_outcome("x:network", f"The connection to X failed before the answer ({name}).", sending)
    return _no_outcome("x:answer", f"X's answer could not be read ({type(error).__name__}).", sending)
