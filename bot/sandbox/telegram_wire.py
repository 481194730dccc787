"""The emulated Telegram on the wire: bodies, tokens, long polls, faults, files and webhook deliveries.

Owns HTTP; what a method means is bot/sandbox/telegram_methods.py. Fault operations are the methods' names as
the Bot API writes them (`sendMessage`), `file` for a download, `webhook` for a delivery; the channel is the
bot id.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.clocks import machine_seconds
from bot.sandbox.telegram_methods import call
from bot.sandbox.telegram_parameters import Parameters
from bot.sandbox.telegram_rules import BotApiError, Wire, bad_request
from bot.sandbox.telegram_state import BotAccount, TelegramState
from bot.sandbox.wire import ResetConnection, broken_after
from bot.sandbox.world import Fault, FaultKind
from store.vocabulary import Platform

LONGEST_POLL = 50.0  # seconds of real time, as the live server caps it
# An offset farther ahead is not believed: update ids restart lower after a quiet week.
FUTURE_OFFSET = 10
POLL_TICK = 0.01  # how often a waiting poll looks, in seconds
_UNDONE = (
    FaultKind.RATE_LIMITED,
    FaultKind.ERROR_BEFORE,
    FaultKind.RESET_BEFORE,
    FaultKind.REVOKED,
    FaultKind.PERMANENT,
    FaultKind.LATE,
)


class TelegramWire:
    """The HTTP face of one emulated Telegram."""

    def __init__(self, state: TelegramState) -> None:
        self._state = state
        self._late: set[asyncio.Task[Any]] = set()

    def routes(self) -> list[Route]:
        """Mount these under the server's root: the API base is `<server>/telegram/bot`."""
        return [
            Route("/telegram/bot{token}/{method}", self._serve_method, methods=["GET", "POST"]),
            Route("/telegram/file/bot{token}/{path:path}", self._serve_file, methods=["GET"]),
        ]

    async def _serve_method(self, request: Request) -> Response:
        method = request.path_params["method"]
        with self._state.lock:
            bot = self._state.bot_of_token(request.path_params["token"])
        if bot is None:
            return _refusal(BotApiError(401, "Unauthorized"))
        try:
            asked = await _parameters(request)
        except BotApiError as refusal:
            return _refusal(refusal)
        fault = self._state.world.faults.pick(Platform.TELEGRAM, method, str(bot.id))
        if fault is None:
            return await self._answer(bot, method, asked)
        if fault.kind in _UNDONE:
            return self._undone(fault, bot, method, asked)
        return await broken_after(fault, await self._answer(bot, method, asked, fault))

    def _undone(self, fault: Fault, bot: BotAccount, method: str, asked: Parameters) -> Response:
        match fault.kind:
            case FaultKind.RATE_LIMITED:
                wait = max(1, int(fault.seconds))
                return _refusal(BotApiError(429, f"Too Many Requests: retry after {wait}", retry_after=wait))
            case FaultKind.REVOKED:
                return _refusal(BotApiError(401, "Unauthorized"))
            case FaultKind.PERMANENT:
                return _refusal(BotApiError(403, "Forbidden: bot was kicked from the supergroup chat"))
            case FaultKind.RESET_BEFORE:
                return ResetConnection()
            case FaultKind.LATE:
                task = asyncio.create_task(self._do_late(fault.seconds, bot, method, asked))
                self._late.add(task)
                task.add_done_callback(self._late.discard)
        return _refusal(BotApiError(500, "Internal Server Error"))

    async def _do_late(self, seconds: float, bot: BotAccount, method: str, asked: Parameters) -> None:
        await asyncio.sleep(seconds)
        await self._answer(bot, method, asked)

    async def _answer(self, bot: BotAccount, method: str, asked: Parameters, fault: Fault | None = None) -> Response:
        try:
            if method.lower() == "getupdates":
                result: Any = _as_read(await self._updates(bot, asked), fault)
            else:
                result = call(self._state, bot, method, asked)
        except BotApiError as refusal:
            return _refusal(refusal)
        return JSONResponse({"ok": True, "result": result})

    async def _updates(self, bot: BotAccount, asked: Parameters) -> list[Wire]:
        """https://core.telegram.org/bots/api#getupdates: an offset confirms everything before it."""
        limit = min(max(asked.integer("limit", 100), 1), 100)
        deadline = machine_seconds() + min(asked.integer("timeout"), LONGEST_POLL)
        with self._state.lock:
            if bot.webhook is not None:
                raise BotApiError(
                    409,
                    "Conflict: can't use getUpdates method while webhook is active; "
                    "use deleteWebhook to delete the webhook first",
                )
            bot.poller += 1
            number = bot.poller
            bot.allowed = asked.nested("allowed_updates", bot.allowed)
            self._confirm(bot, asked.integer("offset"))
        while True:
            with self._state.lock:
                # The older of two waiting pollers loses.
                if bot.poller != number:
                    raise BotApiError(
                        409,
                        "Conflict: terminated by other getUpdates request; "
                        "make sure that only one bot instance is running",
                    )
                self._state.forget_old(bot)
                waiting = [update for _, _, update in bot.updates[:limit]]
            if waiting or machine_seconds() >= deadline:
                return waiting
            await asyncio.sleep(POLL_TICK)

    def _confirm(self, bot: BotAccount, offset: int) -> None:
        if offset < 0:
            bot.updates = bot.updates[offset:]
        elif 0 < offset <= bot.next_update_id + FUTURE_OFFSET:
            bot.updates = [kept for kept in bot.updates if kept[0] >= offset]

    async def _serve_file(self, request: Request) -> Response:
        with self._state.lock:
            bot = self._state.bot_of_token(request.path_params["token"])
            by_path = dict(self._state.files.values())
        content = by_path.get(request.path_params["path"])
        if bot is None or content is None:
            return _refusal(BotApiError(404, "Not Found"))
        whole = Response(content, media_type="application/octet-stream")
        fault = self._state.world.faults.pick(Platform.TELEGRAM, "file", str(bot.id))
        if fault is None:
            return whole
        if fault.kind is FaultKind.PERMANENT:  # a file path that has expired
            return _refusal(BotApiError(404, "Not Found"))
        if fault.kind in _UNDONE:
            return self._undone(fault, bot, "file", Parameters({}, {}))
        return await broken_after(fault, whole)


async def deliver_webhooks(state: TelegramState) -> int:
    """Deliver what waits to every webhook, in order, until one refuses; returns how many were taken."""
    with state.lock:
        bots = [bot for bot in state.bots.values() if bot.webhook is not None and bot.updates]
    if not bots:
        return 0
    taken = 0
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        for bot in bots:
            taken += await _deliver_to(state, bot, client)
    return taken


async def _deliver_to(state: TelegramState, bot: BotAccount, client: httpx.AsyncClient) -> int:
    hook = bot.webhook
    if hook is None:
        return 0
    fault = state.world.faults.pick(Platform.TELEGRAM, "webhook", str(bot.id))
    with state.lock:
        state.forget_old(bot)
        waiting = _as_read([update for _, _, update in bot.updates], fault)
    headers = {"X-Telegram-Bot-Api-Secret-Token": hook.secret} if hook.secret else {}
    taken = 0
    for update in waiting:
        try:
            answer = await client.post(hook.url, json=update, headers=headers)
        except httpx.HTTPError as error:
            hook.last_error = f"Connection failed: {type(error).__name__}"
            break
        if not answer.is_success:
            hook.last_error = f"Wrong response from the webhook: {answer.status_code} {answer.reason_phrase}"
            break
        taken += 1
        with state.lock:
            bot.updates = [kept for kept in bot.updates if kept[0] != update["update_id"]]
    return taken


def _as_read(updates: list[Wire], fault: Fault | None) -> list[Wire]:
    """The updates as a faulty read shows them."""
    match fault.kind if fault else None:
        case FaultKind.STALE_READ if fault:
            return updates[: -fault.count]
        case FaultKind.DUPLICATE:
            return [update for update in updates for _ in range(2)]
        case FaultKind.SHUFFLE:
            return updates[::-1]
    return updates


def _refusal(error: BotApiError) -> Response:
    return JSONResponse(error.wire(), error.status)


async def _parameters(request: Request) -> Parameters:
    """Query, url-encoded form, multipart form or JSON: the Bot API takes them all."""
    values: dict[str, Any] = dict(request.query_params)
    files: dict[str, bytes] = {}
    kinds: dict[str, tuple[str, str]] = {}
    kind = request.headers.get("content-type", "").partition(";")[0]
    if kind == "application/json":
        try:
            values |= dict(json.loads(await request.body() or b"{}"))
        except (ValueError, TypeError):
            raise bad_request("can't parse request: JSON object expected") from None
    elif kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        async with request.form() as form:
            for name, value in form.items():
                if isinstance(value, UploadFile):
                    files[name] = await value.read()
                    kinds[name] = (value.filename or "", value.content_type or "")
                else:
                    values[name] = value
    return Parameters(values, files, kinds)
