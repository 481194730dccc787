"""Fetching a picture that a platform names: from hosts that are allowed, nowhere else, and never more than bearable.

Owns what may be asked for and how much of the answer is read. Blocks; runs in a thread of the account it is for. It must
not know what a picture shows, nor which complaint it belongs to.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, urlsplit

import requests
from urllib3.exceptions import HTTPError

from bot.clocks import machine_seconds
from bot.platforms.port import NotSent, Refused, Unreachable

LARGEST_PICTURE: Final = 5 * 1024 * 1024  # bytes
READ_SECONDS: Final = 20.0  # for the whole of a picture, however slowly it drips
CONNECT_SECONDS: Final = 5.0
AT_A_TIME: Final = 64 * 1024
HTTPS: Final = 443


class Pictures:
    """The pictures of one platform. `hosts` are names, or `*.name` for all below it.

    Beside the sandbox (`api_url` on this machine) only the sandbox's own pictures are fetched. `patience` is how many
    seconds the whole of a picture may take.
    """

    def __init__(
        self,
        platform: str,
        api_url: str,
        hosts: Sequence[str],
        proxy: str | None = None,
        *,
        patience: float = READ_SECONDS,
    ) -> None:
        self._platform = platform
        self._patience = patience
        self._hosts = tuple(host.lower() for host in hosts)
        api = urlsplit(api_url)
        self._sandbox = _origin(api) if _is_this_machine(api.hostname or "") else None
        self._looks_inside = proxy is None  # a proxy looks hosts up itself
        self._session = requests.Session()
        self._session.trust_env = False
        if proxy:
            self._session.proxies = {"http": proxy, "https": proxy}

    def fetch(self, address: str) -> bytes:
        """The bytes behind an address, at most 5 MB. Raises Refused, NotSent or Unreachable."""
        self._require_allowed(address)
        begun = machine_seconds()
        asked = {"Accept": "image/*", "Accept-Encoding": "identity"}
        try:
            with self._session.get(
                address, headers=asked, timeout=CONNECT_SECONDS, allow_redirects=False, stream=True
            ) as answer:
                self._require_picture(answer)
                return self._read(answer, begun)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise Unreachable(self._code("away"), "The photo host did not answer.") from error

    def close(self) -> None:
        """Release connections."""
        self._session.close()

    def _require_allowed(self, address: str) -> None:
        try:
            parts = urlsplit(address)
            origin, host = _origin(parts), parts.hostname or ""
        except ValueError as error:
            raise Refused(self._code("address"), "The address names no photo host.") from error
        if self._sandbox is not None:
            if origin != self._sandbox:
                raise Refused(self._code("host"), "Beside the sandbox only its own photo host is asked.")
            return
        named = any(host == one or (one.startswith("*.") and host.endswith(one[1:])) for one in self._hosts)
        if not named or origin != ("https", host, HTTPS) or parts.username or parts.password:
            raise Refused(self._code("host"), "The photo lies on no photo host of SMGT_PHOTO_HOSTS.")
        if self._looks_inside:
            self._require_outside(host)

    def _require_outside(self, host: str) -> None:
        """An allowed name must not lead into our own network."""
        try:
            found = socket.getaddrinfo(host, HTTPS, proto=socket.IPPROTO_TCP)
        except OSError as error:
            raise Unreachable(self._code("name"), "The photo host's name could not be looked up.") from error
        if not found or not all(ipaddress.ip_address(one[4][0]).is_global for one in found):
            raise Refused(self._code("inside"), "The photo host's name leads into a private network.")

    def _require_picture(self, answer: requests.Response) -> None:
        status = answer.status_code
        if status >= 500 or status == 429:
            raise NotSent(self._code(str(status)), "The photo host failed.")
        if 300 <= status < 400:
            raise Refused(self._code("redirect"), "The photo host points elsewhere; nobody follows.")
        if status != 200:
            raise Refused(self._code(str(status)), "The photo host does not give this photo.")
        kind = answer.headers.get("Content-Type", "image/")
        if not kind.lower().startswith(("image/", "application/octet-stream")):
            raise Refused(self._code("kind"), "What the photo host gives is no picture.")
        told = answer.headers.get("Content-Length", "")
        if told.isdigit() and int(told) > LARGEST_PICTURE:
            raise self._too_large()

    def _read(self, answer: requests.Response, begun: float) -> bytes:
        kept = bytearray()
        while part := answer.raw.read1(AT_A_TIME):
            kept += part
            if len(kept) > LARGEST_PICTURE:
                raise self._too_large()
            if machine_seconds() - begun > self._patience:
                raise NotSent(self._code("slow"), "The photo came too slowly.")
        told = answer.headers.get("Content-Length", "")
        if told.isdigit() and int(told) != len(kept):
            raise NotSent(self._code("cut"), "The photo arrived incomplete.")
        return bytes(kept)

    def _too_large(self) -> Refused:
        return Refused(self._code("size"), f"The photo has more than {LARGEST_PICTURE} bytes.")

    def _code(self, why: str) -> str:
        return f"{self._platform}:photo_{why}"


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", parts.port or (HTTPS if parts.scheme == "https" else 80)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
