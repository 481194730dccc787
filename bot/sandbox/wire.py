"""Serving emulators over real sockets: a uvicorn in a thread, and answers that break as real networks do.

Owns the socket and the broken answers; it must not know a platform's rules.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import uvicorn
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.sandbox.world import Fault, FaultKind

_TRANSPORTS: dict[tuple[str, int], asyncio.Transport] = {}


class _OpenProtocol(H11Protocol):
    """uvicorn's HTTP protocol, with its transport kept at hand so that a connection can be reset."""

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._peer = (peer[0], peer[1]) if peer else None
        if self._peer:
            _TRANSPORTS[self._peer] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._peer:
            _TRANSPORTS.pop(self._peer, None)
        super().connection_lost(exc)


class ResetConnection(Response):
    """Cuts the connection without an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        transport = _TRANSPORTS.get((client[0], client[1])) if client else None
        if transport is not None:
            transport.abort()
            await asyncio.sleep(0)


class HalfAnswer(Response):
    """Promises a whole body and cuts the connection in its middle."""

    def __init__(self, whole: bytes) -> None:
        super().__init__(content=whole, media_type="application/json")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body)[: len(self.body) // 2], "more_body": True})
        client = scope.get("client")
        transport = _TRANSPORTS.get((client[0], client[1])) if client else None
        if transport is not None:
            await asyncio.sleep(0.01)
            transport.abort()


async def broken_after(fault: Fault, whole: Response) -> Response:
    """The answer to a request whose effect has already happened, as this fault breaks it."""
    match fault.kind:
        case FaultKind.ERROR_AFTER:
            return HTMLResponse("<html><h1>502 Bad Gateway</h1></html>", 502)
        case FaultKind.RESET_AFTER:
            return ResetConnection()
        case FaultKind.NOT_JSON:
            return HTMLResponse("<html><body>Something went wrong</body></html>", 200)
        case FaultKind.HALF_ANSWER:
            return HalfAnswer(bytes(whole.body))
        case FaultKind.SLOW:
            await asyncio.sleep(fault.seconds)
            return whole
    return whole


class LoopbackServer:
    """An ASGI app on 127.0.0.1 in a thread of its own; `port` 0 takes a free one.

    Raises OSError when the port is in use.
    """

    def __init__(self, app: ASGIApp, port: int = 0) -> None:
        # Naming TCP makes asyncio switch Nagle off; without it every answer waits 40 ms for an acknowledgement.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            app,
            http=_OpenProtocol,
            ws="none",
            lifespan="off",
            log_level="critical",
            access_log=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="smgt-sandbox", daemon=True)

    def _serve(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))

    def start(self) -> LoopbackServer:
        """Begin to serve; returns when requests are answered."""
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            self._thread.join(0.005)
        return self

    def stop(self) -> None:
        """Stop serving and free the port."""
        self._server.should_exit = True
        self._thread.join(5)
        self._socket.close()

    def __enter__(self) -> LoopbackServer:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
