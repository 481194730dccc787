"""The web server over real HTTP: who is let in, what is kept, and that 200 comes only after the commit."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from rig_facebook import START

from bot.platforms.facebook import FacebookCredentials, FacebookPort
from bot.platforms.port import Watch
from bot.platforms.telegram import TelegramPort
from bot.sandbox.server import FACEBOOK_KEYS, TELEGRAM_KEYS, Sandbox, build, standard_accounts
from bot.sandbox.wire import LoopbackServer
from bot.sandbox.world import Fault, FaultKind
from bot.web import build_web
from store import channels, inbox
from store.db import reading, writing
from store.inbound import Heard
from store.tables import inbox as inbox_table
from store.vocabulary import Platform

SECRET = FACEBOOK_KEYS["APP_SECRET"]
HOOK_SECRET = TELEGRAM_KEYS["WEBHOOK_SECRET"]
BOT = int(TELEGRAM_KEYS["BOT_TOKEN"].partition(":")[0])
WORDS = "my tap is dry since Monday"


@dataclass
class Office:
    """A sandbox, a database, and our web server between them."""

    sandbox: Sandbox
    engine: sa.Engine
    port: FacebookPort
    page_id: str
    client: httpx.AsyncClient
    url: str
    channels: Mapping[str, int]
    failing: list[Exception] = field(default_factory=list)

    def rows(self) -> list[tuple[int, str]]:
        with reading(self.engine) as conn:
            found = conn.execute(sa.select(inbox_table.c.channel_id, inbox_table.c.event_key).order_by("id"))
            return [(row[0], row[1]) for row in found]

    def keys(self) -> list[str]:
        return [key for _, key in self.rows()]

    async def deliver(self, body: bytes, *, channel: str = "cmo", secret: str = SECRET) -> httpx.Response:
        signed = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return await self.client.post(
            f"/webhooks/facebook/{channel}", content=body, headers={"X-Hub-Signature-256": signed}
        )

    async def update(self, body: bytes, *, channel: str = "desk", secret: str = HOOK_SECRET) -> httpx.Response:
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
        return await self.client.post(f"/webhooks/telegram/{channel}", content=body, headers=headers)

    def delivery(self, *values: Mapping[str, Any], what: str = "feed", page: str | None = None) -> bytes:
        changes = [{"field": what, "value": value} for value in values]
        entry = {"id": page or self.page_id, "time": int(START.timestamp()), "changes": changes}
        return json.dumps({"object": "page", "entry": [entry]}).encode()


def comment(number: int, text: str = WORDS) -> dict[str, Any]:
    return {
        "item": "comment",
        "verb": "add",
        "post_id": "990000000001_12",
        "comment_id": f"12_{number}",
        "created_time": int(START.timestamp()),
        "from": {"id": "100", "name": "Sunita"},
        "message": text,
    }


@asynccontextmanager
async def open_office(engine: sa.Engine, health: Mapping[str, Any] | Exception) -> AsyncIterator[Office]:
    with build(start=START, limit_scale=None).serve() as sandbox:
        variables = standard_accounts(sandbox)
        page_id = variables["SMGT_CMO_PAGE_ID"]
        credentials = FacebookCredentials(page_id, *FACEBOOK_KEYS.values())
        port = FacebookPort(
            "cmo",
            credentials,
            graph_url=variables["SMGT_FACEBOOK_GRAPH_URL"],
            clock=sandbox.world.clock,
            timeout=(2, 2),
        )
        await port.identify()
        with writing(engine) as conn:
            ids = {
                "cmo": channels.register(conn, "cmo", Platform.FACEBOOK, page_id).id,
                "desk": channels.register(conn, "desk", Platform.TELEGRAM, str(BOT)).id,
            }
        failing: list[Exception] = []

        def put(channel: str, events: Sequence[Heard]) -> int:
            with writing(engine) as conn:
                new = inbox.put(conn, ids[channel], events, {}, START)
                if failing:
                    raise failing[0]  # the transaction breaks at its very end
                return new

        async def keep(channel: str, events: Sequence[Heard]) -> int:
            return await asyncio.to_thread(put, channel, events)

        def told() -> Mapping[str, Any]:
            if isinstance(health, Exception):
                raise health
            return health

        app = build_web(
            facebook={"cmo": port},
            telegram={"desk": (BOT, HOOK_SECRET), "open": (BOT, "")},
            keep=keep,
            health=told,
            clock=sandbox.world.clock,
        )
        with LoopbackServer(app) as server:
            async with httpx.AsyncClient(base_url=server.url, trust_env=False) as client:
                yield Office(sandbox, engine, port, page_id, client, server.url, ids, failing)
        await port.close()


@pytest.fixture
async def office(sqlite_engine: sa.Engine) -> AsyncIterator[Office]:
    async with open_office(sqlite_engine, {"ready": True, "channels": 2}) as opened:
        yield opened


def error_of(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    said = answer.json()
    assert list(said) == ["error"]
    sentence: str = said["error"]
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


# Facebook


async def test_facebook_is_answered_with_its_challenge_as_plain_text(office: Office) -> None:
    office.sandbox.facebook.subscribe(f"{office.url}/webhooks/facebook/cmo")
    assert await office.sandbox.facebook.webhooks.verify(office.page_id)
    asked = {"hub.mode": "subscribe", "hub.verify_token": FACEBOOK_KEYS["VERIFY_TOKEN"], "hub.challenge": "<b>5</b>"}
    answer = await office.client.get("/webhooks/facebook/cmo", params=asked)
    assert answer.text == "<b>5</b>"
    assert answer.headers["content-type"].startswith("text/plain")
    error_of(await office.client.get("/webhooks/facebook/cmo", params=asked | {"hub.verify_token": "guess"}), 403)
    error_of(await office.client.get("/webhooks/facebook/cmo", params=asked | {"hub.mode": "unsubscribe"}), 403)
    error_of(await office.client.get("/webhooks/facebook/cmo"), 403)
    error_of(await office.client.get("/webhooks/facebook/other", params=asked), 404)


async def test_a_comment_is_kept_once_however_often_it_comes(office: Office) -> None:
    body = office.delivery(comment(1))
    answers = await asyncio.gather(*(office.deliver(body) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert office.rows() == [(office.channels["cmo"], f"posted:12_1:{int(START.timestamp())}")]


async def test_webhooks_and_polling_give_one_key_for_each_event(office: Office) -> None:
    facebook = office.sandbox.facebook
    facebook.subscribe(f"{office.url}/webhooks/facebook/cmo")
    office.sandbox.world.faults.add(Fault(Platform.FACEBOOK, "webhook", FaultKind.DUPLICATE, times=None))
    tagged = facebook.tag_post("sunita", WORDS, hide_author=False)
    ours = facebook.page_post("Camp on Monday")
    facebook.comment("ram", ours, "and the road?")
    facebook.comment("ram", tagged, "here too", mention_page=True)
    while len(facebook.webhooks):
        assert await facebook.deliver_webhooks()
    by_webhook = office.keys()
    assert len(by_webhook) == len(set(by_webhook)) >= 4
    polled = [
        event
        async for batch in office.port.read({}, Watch(START))
        for event in batch.events
        if event.key not in by_webhook
    ]
    assert polled == []


@pytest.mark.parametrize("header", [None, "", "sha256=", "sha256=00", "sha1=abc", "sha256=é", "x" * 5000])
async def test_a_forged_delivery_is_refused_before_it_is_read(office: Office, header: str | None) -> None:
    headers = {} if header is None else {"X-Hub-Signature-256": header.encode()}
    for body in (office.delivery(comment(1)), b"not json"):
        answer = await office.client.post("/webhooks/facebook/cmo", content=body, headers=headers)
        assert "signature" in error_of(answer, 403)
    assert office.keys() == []


async def test_a_changed_body_or_a_strangers_secret_is_refused(office: Office) -> None:
    body = office.delivery(comment(1))
    signed = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    changed = body.replace(b"Monday", b"Friday")
    headers = {"X-Hub-Signature-256": signed}
    error_of(await office.client.post("/webhooks/facebook/cmo", content=changed, headers=headers), 403)
    error_of(await office.deliver(body, secret="another app's secret"), 403)
    assert office.keys() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff",
        b'{"object": "user"}',
        b'{"object": "page"}',
        b"[" * 100_000,
    ],
)
async def test_a_malformed_delivery_gets_one_sentence(office: Office, body: bytes) -> None:
    error_of(await office.deliver(body), 400)
    assert office.keys() == []


async def test_a_change_without_an_id_is_parked_once(office: Office) -> None:
    body = office.delivery({"item": "comment", "verb": "add", "message": WORDS})
    for _ in range(2):
        assert (await office.deliver(body)).status_code == 200
    (key,) = office.keys()
    assert key.startswith("malformed:")


async def test_an_oversized_delivery_is_refused(office: Office) -> None:
    for size, status in ((1_000_000, 400), (1_000_001, 413)):
        error_of(await office.deliver(b" " * size), status)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 10_000

    error_of(await office.client.post("/webhooks/facebook/cmo", content=endless()), 413)


async def test_a_wrong_channel_is_refused(office: Office) -> None:
    body = office.delivery(comment(1))
    error_of(await office.deliver(body, channel="other"), 404)
    error_of(await office.deliver(body, channel="desk"), 404)
    error_of(await office.update(b"{}", channel="cmo"), 404)
    assert (await office.deliver(office.delivery(comment(1), page="61999"))).status_code == 200
    assert office.keys() == []


async def test_pages_that_share_an_app_share_its_callback(office: Office) -> None:
    def page(number: str, secret: str) -> FacebookPort:
        credentials = FacebookCredentials(number, "token", "1", secret, "verify")
        return FacebookPort(number, credentials, graph_url="http://127.0.0.1:9", clock=office.sandbox.world.clock)

    kept: list[str] = []

    async def keep(channel: str, events: Sequence[Heard]) -> int:
        kept.append(channel)
        return len(events)

    ports = {"cmo": office.port, "sister": page("61999", SECRET), "stranger": page("61888", "other-app-secret")}
    app = build_web(facebook=ports, telegram={}, keep=keep, health=dict)
    entries = [
        json.loads(office.delivery(comment(1), page=one))["entry"][0] for one in (office.page_id, "61999", "61888")
    ]
    body = json.dumps({"object": "page", "entry": entries}).encode()
    signed = "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    with LoopbackServer(app) as server:
        url = f"{server.url}/webhooks/facebook/cmo"
        answer = await office.client.post(url, content=body, headers={"X-Hub-Signature-256": signed})
    assert answer.status_code == 200
    assert kept == ["cmo", "sister"]
    for port in (ports["sister"], ports["stranger"]):
        await port.close()


async def test_a_mention_whose_words_cannot_be_fetched_comes_again(office: Office) -> None:
    post = office.sandbox.facebook.tag_post("sunita", WORDS)
    body = office.delivery({"item": "post", "verb": "add", "post_id": post}, what="mention")
    office.sandbox.world.faults.add(Fault(Platform.FACEBOOK, "object", FaultKind.ERROR_BEFORE))
    answer = await office.deliver(body)
    assert "could not be fetched" in error_of(answer, 503)
    assert answer.headers["retry-after"] == "60"
    assert office.keys() == []
    assert (await office.deliver(body)).status_code == 200
    assert len(office.keys()) == 1


async def test_what_is_known_is_kept_although_a_mention_cannot_be_fetched(office: Office) -> None:
    post = office.sandbox.facebook.tag_post("sunita", WORDS)
    told = json.loads(office.delivery(comment(1)))
    told["entry"][0]["changes"].append({"field": "mention", "value": {"item": "post", "verb": "add", "post_id": post}})
    told["entry"][0]["changes"].append({"field": "feed", "value": comment(2)})
    body = json.dumps(told).encode()
    office.sandbox.world.faults.add(Fault(Platform.FACEBOOK, "object", FaultKind.RESET_BEFORE))
    error_of(await office.deliver(body), 503)
    assert len(office.keys()) == 2
    assert (await office.deliver(body)).status_code == 200
    assert len(office.keys()) == 3


async def test_a_mention_that_is_gone_needs_no_repeat(office: Office) -> None:
    body = office.delivery({"item": "post", "verb": "add", "post_id": "99_5"}, what="mention")
    assert (await office.deliver(body)).status_code == 200
    assert office.keys() == []


async def test_nothing_is_answered_with_200_before_it_is_committed(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    office.failing.append(RuntimeError(f"disk full at {WORDS}"))
    update = json.dumps({"update_id": 1, "message": message(WORDS)}).encode()
    with caplog.at_level(logging.DEBUG):
        for answer in (await office.deliver(office.delivery(comment(1))), await office.update(update)):
            assert "could not be kept" in error_of(answer, 503)
    assert office.keys() == []
    assert "RuntimeError" in caplog.text
    assert WORDS not in caplog.text
    office.failing.clear()
    assert (await office.deliver(office.delivery(comment(1)))).status_code == 200
    assert (await office.update(update)).status_code == 200
    assert len(office.keys()) == 2


# Telegram


def message(text: str) -> dict[str, Any]:
    chat = {"id": -1002000000001, "type": "supergroup", "title": "PWD Hisar"}
    sender = {"id": 5, "is_bot": False, "first_name": "Kavita"}
    return {"message_id": 7, "date": int(START.timestamp()), "chat": chat, "from": sender, "text": text}


async def test_an_update_has_the_same_key_by_webhook_and_by_polling(office: Office) -> None:
    telegram = office.sandbox.telegram
    officer = telegram.add_user("Kavita Devi")
    telegram.start(officer, "join_abc")
    telegram.start(officer, "join_def")
    port = TelegramPort(
        "desk",
        TELEGRAM_KEYS["BOT_TOKEN"],
        api_url=office.sandbox.urls["SMGT_TELEGRAM_API_URL"],
        clock=office.sandbox.world.clock,
    )
    polled = [event.key async for batch in port.read({}, Watch(START)) for event in batch.events]
    await port.close()
    hook = {"url": f"{office.url}/webhooks/telegram/desk", "secret_token": HOOK_SECRET}
    await office.client.post(f"{office.sandbox.url}/telegram/bot{TELEGRAM_KEYS['BOT_TOKEN']}/setWebhook", json=hook)
    office.sandbox.world.faults.add(Fault(Platform.TELEGRAM, "webhook", FaultKind.DUPLICATE))
    assert await telegram.deliver_webhooks() == 4
    assert office.keys() == polled
    assert polled == [f"{BOT}:900000001", f"{BOT}:900000002"]


@pytest.mark.parametrize("secret", ["", "guess", HOOK_SECRET + "x", HOOK_SECRET[:-1]])
async def test_a_forged_update_is_refused(office: Office, secret: str) -> None:
    body = json.dumps({"update_id": 1, "message": message("hello")}).encode()
    assert "secret header" in error_of(await office.update(body, secret=secret), 403)
    error_of(await office.update(body, channel="open", secret=secret), 403)
    assert office.keys() == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b"{}", b'{"update_id": "1"}', b"\xff", b"[" * 100_000])
async def test_a_malformed_update_gets_one_sentence(office: Office, body: bytes) -> None:
    error_of(await office.update(body), 400)


async def test_an_oversized_update_is_refused(office: Office) -> None:
    error_of(await office.update(b" " * 1_000_001), 413)


async def test_an_unknown_kind_of_update_is_kept(office: Office) -> None:
    assert (await office.update(b'{"update_id": 3, "poll": {"id": "1"}}')).status_code == 200
    assert office.keys() == [f"{BOT}:3"]


# Both


async def test_wrong_methods_and_paths_are_refused(office: Office) -> None:
    assert (await office.client.get("/webhooks/telegram/desk")).status_code == 405
    assert (await office.client.put("/webhooks/facebook/cmo")).status_code == 405
    assert (await office.client.get("/webhooks/facebook")).status_code == 404
    assert (await office.client.get("/control/state")).status_code == 404


async def test_health_and_readiness(office: Office) -> None:
    assert (await office.client.get("/healthz")).json() == {"alive": True}
    answer = await office.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "channels": 2})


@pytest.mark.parametrize(
    ("health", "told"),
    [
        ({"ready": False, "stopped": ["cmohry"]}, {"ready": False, "stopped": ["cmohry"]}),
        (RuntimeError("postgresql://smgt:password@db"), {"ready": False}),
    ],
)
async def test_what_is_not_ready_says_so_with_503(
    sqlite_engine: sa.Engine,
    health: Mapping[str, Any] | Exception,
    told: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with open_office(sqlite_engine, health) as office:
        answer = await office.client.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, told)
        assert (await office.client.get("/healthz")).status_code == 200
    assert "password" not in caplog.text


async def test_no_secret_and_no_citizens_words_in_answers_and_logs(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    update = json.dumps({"update_id": 1, "message": message(WORDS)}).encode()
    with caplog.at_level(logging.DEBUG):
        answers = [
            await office.deliver(office.delivery(comment(1))),
            await office.deliver(office.delivery(comment(1)), secret="wrong"),
            await office.deliver(office.delivery({**comment(2), "comment_id": ""})),
            await office.update(update),
            await office.update(update, secret="wrong"),
            await office.update(update[:-1]),
        ]
    assert [answer.status_code for answer in answers] == [200, 403, 200, 200, 403, 400]
    everything = caplog.text + "".join(answer.text for answer in answers)
    hidden = [WORDS, SECRET, HOOK_SECRET, TELEGRAM_KEYS["BOT_TOKEN"], FACEBOOK_KEYS["PAGE_TOKEN"]]
    assert [one for one in hidden if one in everything] == []
