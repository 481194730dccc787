"""The web server's routes: webhooks of Facebook and Telegram, and whether SMGT is alive and ready.

Owns who may knock, how large a delivery may be, and that 200 is answered only after everything was kept. It must not
know the database, tickets or what an event means. Answers and log lines hold no secret and none of a citizen's words.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.clocks import OfficeClock, WallClock
from bot.platforms.facebook import FacebookPort
from bot.platforms.facebook_webhook import LARGEST_DELIVERY, MalformedWebhook, NeedsFetch, Told
from bot.platforms.port import PlatformError
from bot.platforms.telegram_updates import parse_update, verify_secret
from store.boundaries import passing
from store.inbound import Heard, Unreadable

logger = logging.getLogger(__name__)

BODY_SECONDS: Final = 15.0  # a whole delivery must have arrived by then
FILL_SECONDS: Final = 15.0  # for fetching the words of all mentions of one delivery; Facebook waits 20

Keep = Callable[[str, Sequence[Heard | Unreadable]], Awaitable[int]]
"""Commits events of a channel, by its name, to the inbox; how many were new. Raises when nothing was kept."""


def build_web(
    *,
    facebook: Mapping[str, FacebookPort],
    telegram: Mapping[str, tuple[int, str]],
    keep: Keep,
    health: Callable[[], Mapping[str, Any]],
    clock: OfficeClock | None = None,
) -> Starlette:
    """The app for uvicorn.

    `facebook` and `telegram` by channel name; a Telegram channel is (bot id, webhook secret). `health` may block; its
    mapping is answered by /readyz, with status 503 when its `ready` is false. `clock` dates button presses, which carry
    no time of their own.
    """
    webhooks = _Webhooks(facebook, telegram, keep, clock or WallClock())
    return Starlette(
        routes=[
            Route("/webhooks/facebook/{channel}", webhooks.subscribe, methods=["GET"]),
            Route("/webhooks/facebook/{channel}", webhooks.facebook, methods=["POST"]),
            Route("/webhooks/telegram/{channel}", webhooks.telegram, methods=["POST"]),
            Route("/healthz", _alive, methods=["GET"]),
            Route("/readyz", _Readiness(health).answer, methods=["GET"]),
        ]
    )


class _Refusal(Exception):
    """A delivery is not taken; `sentence` is for whoever reads the answer or the log."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class _Webhooks:
    def __init__(
        self,
        facebook: Mapping[str, FacebookPort],
        telegram: Mapping[str, tuple[int, str]],
        keep: Keep,
        clock: OfficeClock,
    ) -> None:
        self._facebook = facebook
        self._telegram = telegram
        self._keep = keep
        self._clock = clock

    async def subscribe(self, request: Request) -> Response:
        """Facebook's question whether this address is ours: the challenge comes back as plain text."""
        port = self._facebook.get(request.path_params["channel"])
        if port is None:
            return _refused(request, _unknown_channel())
        challenge = port.challenge(request.query_params)
        if challenge is None:
            return _refused(request, _Refusal(403, "The verify token is not the one of this channel."))
        return PlainTextResponse(challenge, headers={"X-Content-Type-Options": "nosniff"})

    async def facebook(self, request: Request) -> Response:
        """One delivery of Facebook."""
        try:
            if request.path_params["channel"] not in self._facebook:
                raise _unknown_channel()
            raw = await _body(request)
            await self._take_facebook(request.path_params["channel"], raw, request.headers.get("X-Hub-Signature-256"))
        except _Refusal as refusal:
            return _refused(request, refusal)
        return Response()

    async def telegram(self, request: Request) -> Response:
        """One update of Telegram."""
        channel = request.path_params["channel"]
        try:
            if channel not in self._telegram:
                raise _unknown_channel()
            bot_id, secret = self._telegram[channel]
            if not verify_secret(request.headers.get("X-Telegram-Bot-Api-Secret-Token"), secret):
                raise _Refusal(403, "The secret header is not the one of this channel.")
            await self._commit(channel, [self._update(await _body(request), bot_id)])
        except _Refusal as refusal:
            return _refused(request, refusal)
        return Response()

    async def _take_facebook(self, channel: str, raw: bytes, signature: str | None) -> None:
        # An app has one callback for all its Pages: whoever shares its secret hears its own entries.
        genuine = {name: port for name, port in self._facebook.items() if port.is_genuine(raw, signature)}
        if channel not in genuine:
            raise _Refusal(403, "The signature is not that of this channel's app.")
        try:
            told = {name: port.hear(raw) for name, port in genuine.items()}
        except MalformedWebhook as trouble:
            raise _Refusal(400, str(trouble)) from trouble
        deadline = asyncio.get_running_loop().time() + FILL_SECONDS
        missing = None
        for name, events in told.items():
            heard, error = await _filled(genuine[name], events, deadline)
            missing = missing or error
            # What is known is kept even when a part could not be fetched; the repeated delivery adds the rest.
            await self._commit(name, heard)
        if missing is not None:
            raise missing

    def _update(self, raw: bytes, bot_id: int) -> Heard:
        try:
            told = json.loads(raw)
        except (ValueError, RecursionError) as trouble:
            raise _Refusal(400, "The Telegram delivery is not JSON.") from trouble
        if not isinstance(told, dict):
            raise _Refusal(400, "The Telegram delivery is not an object.")
        try:
            return parse_update(told, bot_id, self._clock.now())
        except ValueError as trouble:
            raise _Refusal(400, str(trouble)) from trouble

    async def _commit(self, channel: str, heard: Sequence[Heard | Unreadable]) -> None:
        if not heard:
            return
        passing("webhook.heard")
        try:
            await self._keep(channel, heard)
        except Exception as trouble:
            # The platform delivers again; the trouble's own words may quote what a citizen wrote.
            logger.error(
                "A webhook of %s could not be kept (%s); the platform will repeat it",
                channel,
                type(trouble).__name__,
                extra={"action": "webhook.keep", "channel": channel},
            )
            raise _Refusal(503, "The delivery could not be kept; send it again.") from trouble
        passing("webhook.committed")


async def _filled(
    port: FacebookPort, told: Sequence[Told], deadline: float
) -> tuple[list[Heard | Unreadable], _Refusal | None]:
    """The events with the words of mentions fetched, in order; and why some are missing, if so."""
    heard: list[Heard | Unreadable] = []
    missing: _Refusal | None = None
    for event in told:
        if not isinstance(event, NeedsFetch):
            heard.append(event)
            continue
        if missing is not None:
            continue
        try:
            async with asyncio.timeout_at(deadline):
                found = await port.fill(event)
        except (PlatformError, TimeoutError) as trouble:
            code = trouble.code if isinstance(trouble, PlatformError) else "deadline"
            missing = _Refusal(503, f"The words of a mention could not be fetched ({code}); send it again.")
            continue
        if found is not None:
            heard.append(found)
    return heard, missing


async def _body(request: Request) -> bytes:
    """The raw body. Raises _Refusal when it is too large, too slow or breaks off."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_DELIVERY:
                    raise _Refusal(413, f"The delivery is larger than {LARGEST_DELIVERY} bytes.")
    except TimeoutError as trouble:
        raise _Refusal(408, "The delivery did not arrive in time.") from trouble
    except ClientDisconnect as trouble:
        raise _Refusal(400, "The delivery broke off.") from trouble
    return bytes(body)


def _unknown_channel() -> _Refusal:
    return _Refusal(404, "There is no such channel; its name is the one in SMGT_CHANNELS.")


def _refused(request: Request, refusal: _Refusal) -> Response:
    # The path is a stranger's word until the channel is known.
    channel = "an unknown channel" if refusal.status == 404 else request.path_params["channel"]
    logger.warning(
        "A webhook call for %s was refused with %s: %s",
        channel,
        refusal.status,
        refusal.sentence,
        extra={"action": "webhook.refuse", "status": refusal.status},
    )
    headers = {"Retry-After": "60"} if refusal.status == 503 else None
    return JSONResponse({"error": refusal.sentence}, refusal.status, headers=headers)


async def _alive(_request: Request) -> Response:
    return JSONResponse({"alive": True})


class _Readiness:
    def __init__(self, health: Callable[[], Mapping[str, Any]]) -> None:
        self._health = health

    async def answer(self, _request: Request) -> Response:
        try:
            told = dict(await run_in_threadpool(self._health))
        except Exception as trouble:  # noqa: BLE001 - whatever is wrong, the answer is: not ready
            logger.error("Readiness could not be told (%s)", type(trouble).__name__, extra={"action": "web.ready"})
            return JSONResponse({"ready": False}, 503)
        return JSONResponse(told, 200 if told.get("ready", True) else 503)
