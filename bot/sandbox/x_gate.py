"""Who may call the emulated X and how often: tokens, OAuth 1.0a signatures, rate limits.

Owns the callers' windows; it must not know posts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from oauthlib.oauth1 import RequestValidator, SignatureOnlyEndpoint  # type: ignore[import-untyped]
from starlette.requests import Request
from starlette.responses import JSONResponse

from bot.sandbox.x import XWorld
from bot.sandbox.x_posts import Account

WINDOW = timedelta(minutes=15)
DAY = timedelta(hours=24)
POSTS_PER_DAY = 10_000  # per app
# Requests per 15 minutes, from X's table of rate limits.
LIMITS = {
    "me": 75,
    "mentions": 300,
    "timeline": 900,
    "search": 300,
    "lookup": 900,
    "user": 300,
    "create": 100,
    "delete": 50,
}


@dataclass(slots=True)
class Problem(Exception):
    """A refusal on the wire: a problem document with its status and headers."""

    status: int
    title: str
    detail: str
    kind: str = "about:blank"
    headers: dict[str, str] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def response(self) -> JSONResponse:
        body = {
            "title": self.title,
            "detail": self.detail,
            "type": self.kind,
            "status": self.status,
            **self.extra,
        }
        return JSONResponse(body, self.status, headers=self.headers)


@dataclass(slots=True)
class Window:
    """One caller's use of one operation until `resets_at`."""

    resets_at: datetime
    used: int = 0


class _Signatures(RequestValidator):  # type: ignore[misc]
    """Looks up the secrets of the official accounts for oauthlib."""

    enforce_ssl = False  # loopback
    dummy_client = "nobody"
    dummy_access_token = "nobody"  # noqa: S105 - a name for "no such token", not a secret

    def __init__(self, officials: list[Account]) -> None:
        super().__init__()
        self._officials = officials

    def _with(self, consumer_key: str, token: str | None = None) -> Account | None:
        for account in self._officials:
            keys = account.keys
            if keys and keys.consumer_key == consumer_key and token in (None, keys.access_token):
                return account
        return None

    def check_client_key(self, client_key: str) -> bool:
        return bool(client_key)

    def check_access_token(self, request_token: str) -> bool:
        return bool(request_token)

    def check_nonce(self, nonce: str) -> bool:
        return bool(nonce)

    def validate_client_key(self, client_key: str, request: Any) -> bool:
        return self._with(client_key) is not None

    def validate_timestamp_and_nonce(self, *_: Any, **__: Any) -> bool:
        return True

    def validate_access_token(self, client_key: str, token: str, request: Any) -> bool:
        return self._with(client_key, token) is not None

    def get_client_secret(self, client_key: str, request: Any) -> str:
        account = self._with(client_key)
        return account.keys.consumer_secret if account and account.keys else "nobody"

    def get_access_token_secret(self, client_key: str, token: str, request: Any) -> str:
        account = self._with(client_key, token)
        return account.keys.access_secret if account and account.keys else "nobody"


class XGate:
    """Lets a request through, or raises Problem."""

    def __init__(self, x: XWorld) -> None:
        self._x = x
        self._windows: dict[tuple[str, str], Window] = {}

    def by_bearer(self, request: Request) -> list[Account]:
        """The official accounts of the app whose bearer token this is. Raises Problem 401."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        callers = [one for one in self._x.officials() if one.keys and one.keys.bearer == token]
        if not callers:
            raise Problem(401, "Unauthorized", "Unauthorized")
        return callers

    async def by_signature(self, request: Request) -> Account:
        """The official account that signed. Raises Problem 403 for a bearer token, 401 for a bad one."""
        header = request.headers.get("authorization", "")
        if header.startswith("Bearer "):
            self.by_bearer(request)
            raise Problem(
                403,
                "Unsupported Authentication",
                "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint.  Supported "
                "authentication types are [OAuth 1.0a User Context, OAuth 2.0 User Context].",
                "https://api.x.com/2/problems/unsupported-authentication",
            )
        officials = self._x.officials()
        body = (await request.body()).decode("utf-8", "replace")
        headers = {
            "Authorization": header, "Content-Type": request.headers.get("content-type", "")
        }  # fmt: skip
        valid, signed = SignatureOnlyEndpoint(_Signatures(officials)).validate_request(
            str(request.url), request.method, body if "json" not in headers["Content-Type"] else None, headers
        )
        if not valid:
            raise Problem(401, "Unauthorized", "Unauthorized")
        token = signed.resource_owner_key
        return next(one for one in officials if one.keys and one.keys.access_token == token)

    def count(self, operation: str, caller: str) -> dict[str, str]:
        """Count one request; the rate-limit headers. Raises Problem 429."""
        headers = self._use((operation, caller), LIMITS[operation], WINDOW, "x-rate-limit-")
        if operation == "create":
            headers |= self._use(("day", "app"), POSTS_PER_DAY, DAY, "x-app-limit-24hour-")
        return headers

    def too_many(self, operation: str, seconds: float = 0.0) -> Problem:
        """The 429 of a window that is used up and begins anew in so many office seconds (0: a whole window)."""
        wait = timedelta(seconds=seconds) if seconds else WINDOW
        reset = int((self._x.world.clock.now() + wait).timestamp())
        limit = str(LIMITS[operation])
        return _too_many({"x-rate-limit-limit": limit, "x-rate-limit-remaining": "0", "x-rate-limit-reset": str(reset)})

    def _use(self, key: tuple[str, str], limit: int, length: timedelta, prefix: str) -> dict[str, str]:
        now = self._x.world.clock.now()
        allowed = self._x.world.limits.allowed(limit)
        window = self._windows.get(key)
        if window is None or now >= window.resets_at:
            window = self._windows[key] = Window(now + length)
        window.used += 1
        shown = 1_000_000_000 if allowed is None else allowed
        headers = {
            f"{prefix}limit": str(shown),
            f"{prefix}remaining": str(max(0, shown - window.used)),
            f"{prefix}reset": str(int(window.resets_at.timestamp())),
        }
        if window.used > shown:
            raise _too_many(headers)
        return headers


def _too_many(headers: dict[str, str]) -> Problem:
    return Problem(429, "Too Many Requests", "Too Many Requests", headers=headers)
