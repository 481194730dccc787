"""Serving the web app beside everything else: its socket, taken before anything begins, and its stop.

Owns the socket and uvicorn. It must not know what is served.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from bot.settings import Settings


@contextlib.contextmanager
def web_socket(settings: Settings) -> Iterator[socket.socket | None]:
    """The web server's socket; None without webhooks. Raises PortTaken."""
    if not settings.webhooks:
        yield None
        return
    try:
        taken = socket.create_server((settings.web_host, settings.web_port))
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
            raise
        from bot.sandbox.server import PortTaken

        raise PortTaken(
            f"The web server cannot listen on {settings.web_host}:{settings.web_port} ({os.strerror(error.errno)}); "
            "stop the other program or change SMGT_WEB_HOST or SMGT_WEB_PORT."
        ) from error
    with taken:
        yield taken


async def serve(app: ASGIApp, taken: socket.socket, stop: asyncio.Event) -> None:
    """Answer on the socket until `stop`; requests under way are finished first."""
    config = uvicorn.Config(app, lifespan="off", log_level="warning", access_log=False, timeout_graceful_shutdown=3)
    server = _Server(config)
    serving = asyncio.create_task(server.serve([taken]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals belong to the whole process, which stops everything together."""
        yield
