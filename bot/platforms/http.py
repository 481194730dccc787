"""The HTTP session that tweepy and facebook-sdk are given: other hosts, deadlines, no secrets in errors.

Both SDKs hold their host as a literal and pass no timeout; this session swaps the prefix before the request is
signed, sets a timeout and keeps the latest response headers. It must not know what is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import requests

SECRET_IN_TEXT = re.compile(
    r"((?:access_token|appsecret_proof|oauth_[a-z_]+|client_secret|token)(?:=|%3D|\"?:\s*\"?))[^&\s\"',)]+",
    re.IGNORECASE,
)
BEARER_IN_TEXT = re.compile(r"(Bearer\s+)\S+", re.IGNORECASE)
BOT_TOKEN_IN_TEXT = re.compile(r"(/bot)\d+:[A-Za-z0-9_-]+")


def redact(text: str) -> str:
    """The same text without tokens, for logs and errors."""
    text = SECRET_IN_TEXT.sub(r"\1***", text)
    text = BEARER_IN_TEXT.sub(r"\1***", text)
    return BOT_TOKEN_IN_TEXT.sub(r"\1***", text)


class PlatformSession(requests.Session):
    """A session bound to one platform's base URL.

    `prefix` is the SDK's literal host, `base_url` where requests really go, `timeout` (connect, read) in seconds.
    """

    def __init__(self, prefix: str, base_url: str, timeout: tuple[float, float], proxy: str | None = None) -> None:
        super().__init__()
        self.trust_env = False
        self._prefix = prefix.rstrip("/")
        self._base_url = base_url.rstrip("/")
        self._timeout = timeout
        self.last_headers: Mapping[str, str] = {}
        if proxy:
            self.proxies = {"http": proxy, "https": proxy}

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        address = url.decode() if isinstance(url, bytes) else url
        if address.startswith(self._prefix):
            address = self._base_url + address.removeprefix(self._prefix)
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        kwargs.setdefault("allow_redirects", False)
        response = super().request(method, address, *args, **kwargs)
        self.last_headers = response.headers
        return response
