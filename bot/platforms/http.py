"""The HTTP session that tweepy and facebook-sdk are given: other hosts, deadlines, no secrets in errors.

Both SDKs hold their host as a literal and pass no timeout; this session swaps the prefix before the request is
signed, sets a timeout and keeps the latest response headers. It must not know what is asked.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

from bot.platforms.port import in_time

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


def gives_up_after(seconds: float) -> list[tuple[int, int, int]]:
    """Socket options that end what the other side does not acknowledge within these seconds.

    Else the system goes on delivering a request for minutes after we, or our whole process, gave it up; it would take
    effect long after it was read back and not found.
    """
    number = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux has it
    return [] if number is None else [(socket.IPPROTO_TCP, number, int(seconds * 1000))]


class _Impatient(HTTPAdapter):
    """Connections that do not deliver late."""

    def __init__(self, seconds: float) -> None:
        self._options = [*HTTPConnection.default_socket_options, *gives_up_after(seconds)]
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, socket_options=self._options, **kwargs)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(*args, socket_options=self._options, **kwargs)


class PlatformSession(requests.Session):
    """A session bound to one platform's base URL.

    `prefix` is the SDK's literal host, `base_url` where requests really go, `timeout` (connect, read) in seconds.
    """

    def __init__(self, prefix: str, base_url: str, timeout: tuple[float, float], proxy: str | None = None) -> None:
        super().__init__()
        self.trust_env = False
        for scheme in ("https://", "http://"):
            self.mount(scheme, _Impatient(timeout[1]))
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
        if not in_time.get()():
            raise requests.ConnectTimeout("The request waited too long to be started, so it was not.")
        response = super().request(method, address, *args, **kwargs)
        self.last_headers = response.headers
        return response
