"""The X adapter when things go wrong: each failure told in the port's words, and unknown outcomes read back."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from x_rig import HANDLE, KEYS, START, XRig, ready_x, ready_x_port, served

from bot.clocks import SteppedClock
from bot.platforms.port import (
    CLOCK_MARGIN,
    BadMessage,
    CredentialsRefused,
    OutcomeUnknown,
    PlatformError,
    RateLimited,
    Refused,
    ReplyRefused,
    Unknown,
    Unreachable,
    Watch,
)
from bot.platforms.x import XCredentials, XPort
from bot.platforms.x_client import PAGE_TRIES
from bot.sandbox.world import FaultKind
from bot.sandbox.x_posts import snowflake
from store.outbound import Outgoing
from store.vocabulary import OutgoingAct


@pytest.fixture
def rig() -> Iterator[XRig]:
    with ready_x() as made:
        yield made


def stand_in(status: int, body: Any, headers: dict[str, str] | None = None) -> Starlette:
    """A server that gives the same answer to everything: what the emulator never says."""

    async def answer(_request: Request) -> Response:
        if isinstance(body, str):
            return PlainTextResponse(body, status, headers=headers)
        return JSONResponse(body, status, headers=headers)

    return Starlette(routes=[Route("/{rest:path}", answer, methods=["GET", "POST"])])


async def failure(port: XPort, outgoing: Outgoing) -> PlatformError:
    with pytest.raises(PlatformError) as caught:
        await port.send(outgoing)
    return caught.value


async def failure_against(status: int, body: Any, headers: dict[str, str] | None = None) -> PlatformError:
    with served(stand_in(status, body, headers)) as url:
        port = XPort("x-office", XCredentials(**KEYS), api_url=url, clock=SteppedClock(START))
        error = await failure(port, REPLY)
        await port.close()
    return error


REPLY = Outgoing(act=OutgoingAct.REPLY, text="Number 1", thread_id="5", reply_to_id="5")

SENDS = [
    (FaultKind.RATE_LIMITED, RateLimited, 0),
    (FaultKind.ERROR_BEFORE, OutcomeUnknown, 0),
    (FaultKind.ERROR_AFTER, OutcomeUnknown, 1),
    (FaultKind.RESET_BEFORE, OutcomeUnknown, 0),
    (FaultKind.RESET_AFTER, OutcomeUnknown, 1),
    (FaultKind.SLOW, OutcomeUnknown, 1),
    (FaultKind.LATE, OutcomeUnknown, 1),
    (FaultKind.NOT_JSON, OutcomeUnknown, 1),
    (FaultKind.HALF_ANSWER, OutcomeUnknown, 1),
    (FaultKind.REVOKED, CredentialsRefused, 0),
    (FaultKind.PERMANENT, Refused, 0),
    (FaultKind.STALE_READ, None, 1),
    (FaultKind.DUPLICATE, None, 1),
    (FaultKind.SHUFFLE, None, 1),
]


def test_every_fault_is_in_the_table() -> None:
    assert {kind for kind, _, _ in SENDS} == set(FaultKind)


@pytest.mark.parametrize(("kind", "error", "posted"), SENDS)
async def test_every_fault_of_a_send(
    rig: XRig, kind: FaultKind, error: type[PlatformError] | None, posted: int
) -> None:
    post_id = rig.x.post("sunita_k", f"@{HANDLE} help")
    rig.fault("create", kind, seconds=0.6 if kind is FaultKind.SLOW else 0.05)
    with ready_x_port(rig, timeout=(0.3, 0.3)) as impatient:
        if error is None:
            await impatient.port.send(rig.answer(post_id))
        else:
            assert type(await failure(impatient.port, rig.answer(post_id))) is error
    end = time.monotonic() + 3
    while len(rig.x.posts_by(HANDLE)) < posted and time.monotonic() < end:
        time.sleep(0.01)
    assert len(rig.x.posts_by(HANDLE)) == posted


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FaultKind.RATE_LIMITED, RateLimited),
        (FaultKind.ERROR_BEFORE, Unreachable),
        (FaultKind.RESET_BEFORE, Unreachable),
        (FaultKind.NOT_JSON, Unreachable),
        (FaultKind.HALF_ANSWER, Unreachable),
        (FaultKind.REVOKED, CredentialsRefused),
        (FaultKind.PERMANENT, Refused),
    ],
)
async def test_every_fault_of_a_read(rig: XRig, kind: FaultKind, error: type[PlatformError]) -> None:
    rig.x.post("sunita_k", f"@{HANDLE} help")
    rig.fault("mentions", kind)
    with pytest.raises(error) as caught:
        await rig.heard()
    assert type(caught.value) is error
    assert len(await rig.heard()) == 1


async def test_rate_limits_say_when(rig: XRig) -> None:
    post_id = rig.x.post("sunita_k", f"@{HANDLE} help")
    rig.fault("create", FaultKind.RATE_LIMITED)
    error = await failure(rig.port, rig.answer(post_id))
    assert (error.retry_at, error.retry_after) == (START + timedelta(minutes=15), None)


@pytest.mark.parametrize("reset", [None, "", "soon", "-5", "0", "1", "9" * 30, "٣٤", "99999999999"])
async def test_a_limit_without_a_believable_end_waits_a_minute(reset: str | None) -> None:
    headers = {} if reset is None else {"x-rate-limit-reset": reset.encode().decode("latin-1")}
    error = await failure_against(429, {"title": "Too Many Requests"}, headers)
    assert isinstance(error, RateLimited)
    assert (error.retry_at, error.retry_after) == (None, 60.0)


async def test_a_day_that_is_used_up_waits_for_its_end() -> None:
    tomorrow = int((START + timedelta(hours=20)).timestamp())
    headers = {
        "x-rate-limit-reset": str(int(START.timestamp()) + 60),
        "x-app-limit-24hour-remaining": "0",
        "x-app-limit-24hour-reset": str(tomorrow),
    }
    error = await failure_against(429, {}, headers)
    assert error.retry_at == datetime.fromtimestamp(tomorrow, UTC)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (403, {"detail": "You are not allowed to create a Tweet with duplicate content."}, OutcomeUnknown),
        (403, {"detail": "Your Tweet text is too long."}, BadMessage),
        (403, {"errors": [{"code": 186, "message": "Tweet needs to be a bit shorter."}]}, BadMessage),
        (403, {"detail": "You have been blocked from the author of this tweet."}, ReplyRefused),
        (403, {"errors": [{"code": 326, "message": "To protect our users this account is temporarily locked."}]},
         CredentialsRefused),
        (403, {"detail": "Your client app is not configured with the appropriate oauth1 app permissions"},
         CredentialsRefused),
        (403, "Forbidden", Refused),
        (402, {"title": "CreditsDepleted"}, CredentialsRefused),
        (404, {"title": "Not Found"}, ReplyRefused),
        (400, {"title": "Invalid Request"}, BadMessage),
        (408, "", OutcomeUnknown),
        (409, {}, Refused),
        (302, "", OutcomeUnknown),
        (500, "oops", OutcomeUnknown),
        (503, {"title": "Service Unavailable"}, OutcomeUnknown),
        (500, [], OutcomeUnknown),
        (400, {"errors": None}, OutcomeUnknown),
        (200, [], OutcomeUnknown),
        (200, "<html>", OutcomeUnknown),
        (201, {"data": {}}, OutcomeUnknown),
        (201, {"data": None}, OutcomeUnknown),
        (201, {"errors": []}, OutcomeUnknown),
    ],
)  # fmt: skip
async def test_what_x_may_answer_to_a_send(status: int, body: Any, error: type[PlatformError]) -> None:
    assert type(await failure_against(status, body)) is error


async def test_a_full_month_waits_an_hour() -> None:
    error = await failure_against(429, {"title": "UsageCapExceeded", "detail": "Usage cap exceeded: Monthly"})
    assert (error.code, error.retry_after) == ("x:cap", 3600.0)


async def test_the_platforms_rules_for_replies(rig: XRig) -> None:
    mentioned, gone = (rig.x.post("sunita_k", f"@{HANDLE} {word}") for word in ("one", "two"))
    stranger = rig.x.post("mohan_d", "no light")
    rig.x.delete(gone)
    assert isinstance(await failure(rig.port, rig.answer(stranger)), ReplyRefused)
    assert isinstance(await failure(rig.port, rig.answer(gone)), ReplyRefused)
    await rig.port.send(rig.answer(mentioned))
    assert isinstance(await failure(rig.port, rig.answer(mentioned)), OutcomeUnknown)
    rig.x.block("sunita_k", HANDLE)
    assert isinstance(await failure(rig.port, rig.answer(mentioned, "Another text")), ReplyRefused)


@pytest.mark.parametrize("text", ["", "   ", "₹" * 141, "क" * 281])
async def test_what_x_would_not_take_is_not_sent(rig: XRig, text: str) -> None:
    post_id = rig.x.post("sunita_k", f"@{HANDLE} help")
    assert isinstance(await failure(rig.port, rig.answer(post_id, text)), BadMessage)
    assert rig.x.posts_by(HANDLE) == []


async def test_only_replies_can_be_sent(rig: XRig) -> None:
    for act in (OutgoingAct.MESSAGE, OutgoingAct.EDIT, OutgoingAct.DELETE):
        outgoing = Outgoing(act=act, text="a", thread_id="5", reply_to_id="5")
        assert isinstance(await failure(rig.port, outgoing), BadMessage)
    assert isinstance(await failure(rig.port, Outgoing(act=OutgoingAct.REPLY, text="a", thread_id="5")), BadMessage)


async def test_no_connection_was_not_sent() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: refused
        url = f"http://127.0.0.1:{held.getsockname()[1]}"
        port = XPort("x-office", XCredentials(**KEYS), api_url=url, clock=SteppedClock(START))
        assert type(await failure(port, REPLY)) is Unreachable
        with pytest.raises(Unreachable):
            await port.identify()
        await port.close()
        behind = XPort("x", XCredentials(**KEYS), api_url="http://x.test", clock=SteppedClock(START), proxy=url)
        assert type(await failure(behind, REPLY)) is Unreachable
        await behind.close()


async def test_excluded_people_are_not_named(rig: XRig) -> None:
    other = rig.x.add_user("dc_hisar")
    post_id = rig.x.post("sunita_k", f"@{HANDLE} @dc_hisar no light")
    outgoing = Outgoing(
        act=OutgoingAct.REPLY, text="Number 1", thread_id=post_id, reply_to_id=post_id, exclude_author_ids=(other,)
    )
    sent = await rig.port.send(outgoing)
    assert rig.x.posts[sent].text == "@sunita_k Number 1"


# reading back


def unknown(rig: XRig, row_id: int, outgoing: Outgoing, **more: Any) -> Unknown:
    return Unknown(row_id, outgoing, rig.world.clock.now(), **more)


async def test_a_reply_that_was_made_is_found(rig: XRig) -> None:
    rig.x.add_user("dc_hisar")
    post_id = rig.x.post("sunita_k", f"@{HANDLE} @dc_hisar & others: no light")
    row = unknown(rig, 7, rig.answer(post_id, "ढ़ाणी & <Hansi>  number 1\nसाथ"))
    rig.fault("create", FaultKind.RESET_AFTER)
    assert isinstance(await failure(rig.port, row.outgoing), OutcomeUnknown)
    rig.later(minutes=2)
    rig.x.human_post(HANDLE, "We are looking into it.", in_reply_to=post_id)
    back = await rig.port.read_back([row])
    (made, _) = rig.x.posts_by(HANDLE)
    assert back.found == {7: made.id}
    assert back.reaches_back_to <= row.sending_at


async def test_a_reply_that_was_not_made_is_not_found(rig: XRig) -> None:
    first, second = (rig.x.post("sunita_k", f"@{HANDLE} {word}") for word in ("one", "two"))
    row = unknown(rig, 7, rig.answer(first))
    rig.fault("create", FaultKind.RESET_BEFORE)
    assert isinstance(await failure(rig.port, row.outgoing), OutcomeUnknown)
    await rig.port.send(rig.answer(second))  # the same words elsewhere
    await rig.port.send(rig.answer(first, "Other words"))  # other words at the same place
    rig.later(minutes=2)
    back = await rig.port.read_back([row])
    assert back.found == {}
    assert back.reaches_back_to == START - CLOCK_MARGIN


async def test_one_post_satisfies_one_row_only(rig: XRig) -> None:
    rig.x.refuse_duplicates = False
    post_id = rig.x.post("sunita_k", f"@{HANDLE} help")
    earlier = await rig.port.send(rig.answer(post_id))
    made = await rig.port.send(rig.answer(post_id))
    rows = [unknown(rig, number, rig.answer(post_id), taken_ids=frozenset({earlier})) for number in (1, 2)]
    assert (await rig.port.read_back(rows)).found == {1: made}
    assert (await rig.port.read_back(rows[1:])).found == {2: made}


async def test_an_old_post_does_not_satisfy_a_new_row(rig: XRig) -> None:
    rig.x.refuse_duplicates = False
    post_id = rig.x.post("sunita_k", f"@{HANDLE} help")
    made = await rig.port.send(rig.answer(post_id))
    old = unknown(rig, 1, rig.answer(post_id, "Other words"))
    rig.later(hours=4)
    row = unknown(rig, 2, rig.answer(post_id))
    assert (await rig.port.read_back([old, row])).found == {}
    assert made


async def test_no_further_is_looked_back_than_a_post_of_ours_that_stood_before() -> None:
    with ready_x(limit_scale=None) as rig:
        old = [rig.x.post(f"citizen_{number}", f"@{HANDLE} help") for number in range(250)]
        sent = [await rig.port.send(rig.answer(one, f"Number {at}")) for at, one in enumerate(old)]
        rig.later(minutes=20)
        row = unknown(rig, 7, rig.answer(old[0], "Number again"), after_id=sent[-1])
        made = await rig.port.send(row.outgoing)
        missing = unknown(rig, 8, rig.answer(old[1], "Number again, too"), after_id=made)
        rig.later(minutes=20)
        for rows, pages in (([row, missing], 3), ([missing], 1)):
            before = len(rig.world.faults.hits)
            rig.fault("timeline", FaultKind.SHUFFLE, times=None)
            back = await rig.port.read_back(rows)
            assert len(rig.world.faults.hits) - before == pages
            assert back.certain == {one.row_id for one in rows}
    assert back.found == {}


async def test_a_clock_that_was_wrong_hides_no_reply_where_an_id_tells_the_time(rig: XRig) -> None:
    post_id = rig.x.post("sunita_k", f"@{HANDLE} help")
    earlier = await rig.port.send(rig.answer(post_id, "Number 1"))
    rig.later(minutes=1)
    made = await rig.port.send(rig.answer(post_id, "Number 2"))
    ahead = rig.world.clock.now() + timedelta(hours=9)
    back = await rig.port.read_back([Unknown(7, rig.answer(post_id, "Number 2"), ahead, after_id=earlier)])
    assert (back.found, back.certain) == ({7: made}, {7})


async def test_an_id_of_the_future_hides_no_reply(rig: XRig) -> None:
    post_id = rig.x.post("sunita_k", f"@{HANDLE} help")
    made = await rig.port.send(rig.answer(post_id, "Number 2"))
    odd = str(snowflake(rig.world.clock.now() + timedelta(hours=4)))
    back = await rig.port.read_back([unknown(rig, 7, rig.answer(post_id, "Number 2"), after_id=odd)])
    assert back.found == {7: made}


@pytest.mark.parametrize("odd", ["", "x", "9" * 60, "-5"])
async def test_an_id_that_tells_no_time_is_not_believed(rig: XRig, odd: str) -> None:
    post_id = rig.x.post("sunita_k", f"@{HANDLE} help")
    made = await rig.port.send(rig.answer(post_id, "Number 1"))
    row = unknown(rig, 7, rig.answer(post_id, "Number 1"), after_id=odd)
    back = await rig.port.read_back([row])
    assert back.found == {7: made}
    assert back.reaches_back_to <= row.sending_at - CLOCK_MARGIN


async def test_many_rows_are_one_reading() -> None:
    with ready_x(limit_scale=None) as rig:
        rows = []
        for number in range(130):
            post_id = rig.x.post(f"citizen_{number}", f"@{HANDLE} help")
            rows.append(unknown(rig, number, rig.answer(post_id, f"Number {number}")))
            if number % 2:
                await rig.port.send(rows[-1].outgoing)
        before = len(rig.world.faults.hits)
        rig.fault("timeline", FaultKind.SHUFFLE, times=None)
        back = await rig.port.read_back(rows)
        assert len(rig.world.faults.hits) - before == 1  # 65 posts: one page
    assert set(back.found) == set(range(1, 130, 2))
    assert len(set(back.found.values())) == 65


@pytest.mark.parametrize("kind", [FaultKind.ERROR_BEFORE, FaultKind.RESET_AFTER, FaultKind.HALF_ANSWER])
async def test_a_page_that_breaks_off_is_read_once_more(kind: FaultKind) -> None:
    with ready_x(limit_scale=None) as rig:
        rows = []
        for number in range(130):  # two pages
            post_id = rig.x.post(f"citizen_{number}", f"@{HANDLE} help")
            rows.append(unknown(rig, number, rig.answer(post_id, f"Number {number}")))
            await rig.port.send(rows[-1].outgoing)
        rig.fault("timeline", kind, times=3)
        back = await rig.port.read_back(rows)
    assert set(back.found) == set(range(130))


async def test_a_reading_that_fails_finds_nothing_and_says_so(rig: XRig) -> None:
    row = unknown(rig, 1, REPLY)
    rig.fault("timeline", FaultKind.ERROR_BEFORE, times=PAGE_TRIES)
    with pytest.raises(Unreachable):
        await rig.port.read_back([row])
    assert (await rig.port.read_back([])).found == {}


@pytest.mark.parametrize("page", [
    {"data": [{"id": "nine", "text": "a"}], "meta": {}},
    {"data": [], "meta": {"next_token": "again"}},
])  # fmt: skip
async def test_a_reading_that_showed_too_little_reaches_back_to_nothing(page: dict[str, object]) -> None:
    """What could not be read may be our own reply: taken for a whole reading, it would be posted again."""

    async def answer(request: Request) -> Response:
        me = request.url.path.endswith("/me")
        return JSONResponse({"data": {"id": "1", "username": HANDLE, "name": "a"}} if me else page)

    with served(Starlette(routes=[Route("/{rest:path}", answer)])) as url:
        port = XPort("x-office", XCredentials(**KEYS), api_url=url, clock=SteppedClock(START))
        back = await port.read_back([Unknown(1, REPLY, START)])
        await port.close()
    assert back.found == {}
    assert back.reaches_back_to >= START


async def test_a_paging_token_that_comes_again_ends_the_reading() -> None:
    post = {
        "id": "9", "text": "a", "edit_history_tweet_ids": ["9"], "author_id": "1",
        "created_at": "2026-11-24T08:59:30.000Z",
    }  # fmt: skip
    page = {"data": [post], "meta": {"next_token": "again"}}

    async def answer(request: Request) -> Response:
        me = request.url.path.endswith("/me")
        return JSONResponse({"data": {"id": "1", "username": HANDLE, "name": "a"}} if me else page)

    with served(Starlette(routes=[Route("/{rest:path}", answer)])) as url:
        port = XPort("x-office", XCredentials(**KEYS), api_url=url, clock=SteppedClock(START))
        back = await port.read_back([Unknown(1, REPLY, START)])
        batches = [batch async for batch in port.read({}, Watch(START))]
        await port.close()
    assert back.reaches_back_to == datetime(2026, 11, 24, 8, 59, 30, tzinfo=UTC)  # only as far as it saw
    assert {event.key for batch in batches for event in batch.events} == {"9:0"}
    assert any(batch.gap for batch in batches)


# photos and secrets


@pytest.mark.parametrize(
    "address",
    ["http://pbs.twimg.com/a.jpg", "https://pbs.twimg.com.evil.example/a", "https://pbs.twimg.com:8443/a", "file:///a",
     "https://example.com/a.jpg", "http://127.0.0.1:1/a", "http://[", "", "https://user@evil.example/pbs.twimg.com"],
)  # fmt: skip
async def test_photos_come_from_the_photo_host_only(rig: XRig, address: str) -> None:
    with pytest.raises(Refused, match="photo host"):
        await rig.port.fetch(address)


async def test_photos_that_are_gone_or_too_big_are_refused() -> None:
    async def big(_request: Request) -> Response:
        return Response(b"\0" * (5 * 1024 * 1024 + 1))

    with served(Starlette(routes=[Route("/big", big)])) as url:
        port = XPort("x-office", XCredentials(**KEYS), api_url=url, clock=SteppedClock(START))
        for name in ("big", "gone"):
            with pytest.raises(Refused):
                await port.fetch(f"{url}/{name}")
        await port.close()


async def test_no_secret_and_no_words_reach_log_or_error(rig: XRig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    words = "my secret sorrow"
    post_id = rig.x.post("sunita_k", f"@{HANDLE} {words}")
    await rig.heard()
    await rig.port.send(rig.answer(post_id, "a most private reply"))
    errors = []
    for kind in (FaultKind.REVOKED, FaultKind.PERMANENT, FaultKind.RESET_AFTER, FaultKind.NOT_JSON):
        rig.fault("create", kind)
        errors.append(repr(await failure(rig.port, rig.answer(post_id, f"a most private reply {kind}"))))
    said = caplog.text + "".join(errors) + repr(rig.port.__dict__)
    for secret in (*KEYS.values(), words, "private reply", "oauth_signature"):
        assert secret not in said


async def test_reads_and_sends_may_run_at_the_same_time(rig: XRig) -> None:
    posts = [rig.x.post("sunita_k", f"@{HANDLE} {number}") for number in range(20)]
    done: list[str] = []

    def send_all() -> None:
        import asyncio

        async def send() -> None:
            done.extend([await rig.port.send(rig.answer(one, f"Number {one}")) for one in posts])

        asyncio.run(send())

    sending = threading.Thread(target=send_all)
    sending.start()
    for _ in range(5):
        assert len({event.message_id for event in await rig.heard()} & set(posts)) == 20
    sending.join(10)
    assert len(done) == 20
