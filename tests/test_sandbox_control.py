"""The sandbox's control API over real HTTP: every act arrives on its platform, every wrong request gets a sentence."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bot.sandbox import control_requests
from bot.sandbox.server import FACEBOOK_KEYS, TELEGRAM_KEYS, X_KEYS, Sandbox, build, standard_accounts
from bot.sandbox.telegram_methods import METHODS
from bot.sandbox.world import FaultKind
from store.vocabulary import Platform

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
PIXEL = base64.b64encode(b"\xff\xd8 a photo").decode()


class Control:
    """A client of the control API."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.http = httpx.Client(base_url=f"{sandbox.url}/control", trust_env=False)

    def act(self, door: str, **body: Any) -> dict[str, Any]:
        answer = self.http.post(door, json=body)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def refused(self, door: str, **body: Any) -> str:
        return sentence(self.http.post(door, json=body))

    def look(self, path: str) -> dict[str, Any]:
        answer = self.http.get(path)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


def sentence(answer: httpx.Response) -> str:
    assert answer.status_code == 400, answer.text
    told = answer.json()
    assert list(told) == ["error"]
    error: str = told["error"]
    assert error.endswith(".")
    assert "\n" not in error
    return error


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    with build(start=START, limit_scale=None).serve() as served:
        standard_accounts(served)
        yield served


@pytest.fixture
def control(server: Sandbox) -> Iterator[Control]:
    one = Control(server)
    yield one
    one.http.delete("/faults")
    one.http.close()


def test_a_talk_on_x(control: Control) -> None:
    first = control.act(
        "/x/post", handle="sunita_k", name="Sunita", text="@cmohry no water", photos=["tap.jpg"], video=True
    )["id"]
    answer = control.act("/x/human", official="cmohry", text="We look into it", in_reply_to=first)["id"]
    second = control.act("/x/post", handle="sunita_k", text="still none", in_reply_to=answer, hide_mention=True)["id"]
    newer = control.act("/x/edit", id=second, text="still none since Monday")["id"]
    posts = control.look(f"/thread/x/{first}")["posts"]
    assert [post["id"] for post in posts] == [first, answer, newer]
    assert [post["author"] for post in posts] == ["sunita_k", "cmohry", "sunita_k"]
    assert [one["kind"] for one in posts[0]["media"]] == ["photo", "video"]
    assert posts[1]["by_api"] is False
    assert "@cmohry" not in posts[2]["text"]
    control.act("/x/delete", id=newer)
    assert [post["id"] for post in control.look(f"/thread/x/{first}")["posts"]] == [first, answer]


def test_quotes_reposts_and_blocks_on_x(control: Control) -> None:
    first = control.act("/x/post", handle="a_citizen", text="garbage everywhere")["id"]
    quote = control.act("/x/post", handle="another", text="@cmohry see this", quote_of=first)["id"]
    repost = control.act("/x/post", handle="third", text="", repost_of=first)["id"]
    control.act("/x/block", handle="another", official="@cmohry")
    state = control.look("/state")["x"]
    by_id = {post["id"]: post for post in state["posts"]}
    assert by_id[quote]["quote_of"] == by_id[repost]["repost_of"] == first
    office = next(one["id"] for one in state["accounts"] if one["official"])
    assert [one["blocked"] for one in state["accounts"] if one["username"] == "another"] == [[office]]


def test_a_talk_on_facebook(control: Control) -> None:
    post = control.act("/facebook/post", handle="ram", name="Ram Lal", text="the road", photos=["road.jpg"])["id"]
    shared = control.act("/facebook/post", handle="sita", text="look", shares=post, tagged=False)["id"]
    comment = control.act("/facebook/comment", handle="ram", on=post, text="@CMO", mention_page=True)["id"]
    human = control.act("/facebook/human", on=comment, text="We look into it")["id"]
    control.act("/facebook/edit", id=comment, text="@CMO please")
    control.act("/facebook/reveal", id=post)
    thread = control.look(f"/thread/facebook/{post}")
    assert thread["post"] == {"id": post, "text": "the road", "author": "Ram Lal"}
    assert [(one["id"], one["text"]) for one in thread["comments"]] == [
        (comment, "@CMO please"),
        (human, "We look into it"),
    ]
    control.act("/facebook/delete", id=human)
    assert len(control.look(f"/thread/facebook/{post}")["comments"]) == 1
    stories = {one["id"]: one for one in control.look("/state")["facebook"]["stories"]}
    assert stories[post]["hide_author"] is False
    assert stories[shared]["shares"] == post
    ours = control.act("/facebook/page_post", text="Camp on Monday")["id"]
    assert control.look(f"/thread/facebook/{ours}")["post"]["author"] == "CMO Haryana (sandbox)"
    control.act("/facebook/block", handle="ram")
    control.act("/facebook/block", handle="ram", blocks=False)
    control.act("/facebook/subscribe", url="http://127.0.0.1:9/webhooks/facebook/cmo")


def test_a_desk_on_telegram(control: Control) -> None:
    bot = int(TELEGRAM_KEYS["BOT_TOKEN"].partition(":")[0])
    kavita = control.act("/telegram/user", name="Kavita Devi", username="kavita")["id"]
    group = control.act("/telegram/group", title="PWD Hisar", members=[kavita], forum_topics=["Roads", "Drains"])
    assert list(group["topics"]) == ["Roads", "Drains"]
    chat = group["chat"]
    wrote = control.act("/telegram/write", user=kavita, chat=chat, text="done", photo=PIXEL, topic="Roads")
    album = control.act("/telegram/album", user=kavita, chat=chat, photos=[PIXEL, PIXEL], caption="before, after")
    control.act("/telegram/voice", user=kavita, chat=chat)
    words = control.act("/telegram/write", user=kavita, chat=chat, text="wrong")["message_id"]
    control.act("/telegram/edit", user=kavita, chat=chat, message_id=words, text="right")
    messages = {one["id"]: one for one in control.look(f"/thread/telegram/{chat}")["messages"]}
    assert messages[wrote["message_id"]]["topic"] == group["topics"]["Roads"]
    assert messages[wrote["message_id"]]["photo"]
    assert messages[words]["text"] == "right"
    assert len(album["message_ids"]) == 2
    control.act("/telegram/close_topic", chat=chat, topic="Roads")
    control.act("/telegram/remove_bot", chat=chat)
    control.act("/telegram/start", user=kavita, payload="join_abc", bot=bot)
    assert control.look(f"/thread/telegram/{kavita}")["messages"][-1]["text"] == "/start join_abc"
    chats = {one["id"]: one for one in control.look("/state")["telegram"]["chats"]}
    assert chats[chat]["bots"] == {str(bot): "kicked"}
    assert [topic["closed"] for topic in chats[chat]["topics"]] == [True, False]


def test_pressing_a_button_of_the_bot(control: Control) -> None:
    token = TELEGRAM_KEYS["BOT_TOKEN"]
    ramesh = control.act("/telegram/user", name="Ramesh")["id"]
    chat = control.act("/telegram/group", title="Basic", members=[ramesh], supergroup=False)["chat"]
    bot = httpx.Client(base_url=f"{control.sandbox.url}/telegram/bot{token}", trust_env=False)
    markup = {"inline_keyboard": [[{"text": "Accept", "callback_data": "t:1"}]]}
    sent = bot.post("/sendMessage", json={"chat_id": chat, "text": "New", "reply_markup": markup}).json()["result"]
    asked = {"user": ramesh, "chat": chat, "message_id": sent["message_id"]}
    press = control.act("/telegram/press", **asked, button="Accept")["press_id"]
    assert "has no button 'Reject' to press" in control.refused("/telegram/press", **asked, button="Reject")
    bot.post("/answerCallbackQuery", json={"callback_query_id": press, "text": "Taken"})
    bot.close()
    presses = {one["id"]: one for one in control.look("/state")["telegram"]["presses"]}
    assert presses[press]["answer"] == "Taken"
    moved = control.act("/telegram/migrate", chat=chat)["chat"]
    assert moved < -1_000_000_000_000
    assert "is not a basic group that can still move" in control.refused("/telegram/migrate", chat=chat)


def test_the_clock(control: Control) -> None:
    before = datetime.fromisoformat(control.look("/state")["now"])
    after = datetime.fromisoformat(control.act("/clock", advance_seconds=90)["now"])
    assert (after - before).total_seconds() == 90
    assert control.act("/clock", to="2026-12-01T09:00:00+05:30") == {"now": "2026-12-01T03:30:00+00:00"}
    assert control.refused("/clock", to="2026-11-30T09:00:00+05:30") == (
        "The office clock only moves forward; it is 2026-12-01T03:30:00+00:00 already."
    )
    assert "Give the clock either" in control.refused("/clock")
    assert "Give the clock either" in control.refused("/clock", advance_seconds=1, to="2026-12-02T09:00:00Z")
    assert "$.advance_seconds" in control.refused("/clock", advance_seconds=-1)
    assert "$.to" in control.refused("/clock", to="2026-12-02T09:00:00")
    assert "stops short of 2100" in control.refused("/clock", to="9999-12-31T23:59:59Z")


def test_faults_go_on_and_off(control: Control) -> None:
    fault = {"platform": "x", "operation": "create", "kind": "rate_limited", "times": None, "rate": 0.3}
    control.act("/faults", **fault)
    shown = control.look("/state")["faults"]
    assert [{key: one[key] for key in fault} for one in shown] == [fault]
    assert control.http.delete("/faults").status_code == 200
    assert control.look("/state")["faults"] == []


def test_a_fault_hits_the_real_wire(control: Control) -> None:
    control.act("/faults", platform="telegram", operation="getMe", kind="rate_limited", seconds=7)
    url = f"{control.sandbox.url}/telegram/bot{TELEGRAM_KEYS['BOT_TOKEN']}/getMe"
    with httpx.Client(trust_env=False) as bot:
        assert bot.get(url).json()["parameters"] == {"retry_after": 7}
        assert bot.get(url).json()["ok"] is True


def test_every_operation_can_be_named(control: Control) -> None:
    named = {one.lower() for one in control_requests.OPERATIONS[Platform.TELEGRAM]}
    assert named == {*METHODS, "getupdates", "file", "webhook"}
    for platform, operations in control_requests.OPERATIONS.items():
        for operation in (*operations, "*"):
            control.act("/faults", platform=platform, operation=operation, kind=FaultKind.SLOW)


def test_the_state_holds_no_secret(control: Control) -> None:
    told = control.http.get("/state").text
    secrets = [*X_KEYS.values(), *TELEGRAM_KEYS.values(), *FACEBOOK_KEYS.values()]
    assert [secret for secret in secrets if secret in told] == []


def test_the_index_names_every_door(control: Control) -> None:
    acts = control.look("/")["acts"]
    assert acts["POST /x/block"] == ["handle", "official"]
    assert {path.split("/")[1] for path in acts} == {"clock", "faults", "x", "facebook", "telegram"}


@pytest.mark.parametrize(
    ("door", "body", "says"),
    [
        ("/x/post", {"handle": "sunita_k"}, "missing required field `text`"),
        ("/x/post", {"handle": "sunita_k", "text": 5}, "$.text"),
        ("/x/post", {"handle": "sunita_k", "text": "a", "colour": "red"}, "unknown field `colour`"),
        ("/x/post", {"handle": "no handle", "text": "a"}, "An X handle has 1 to 20"),
        ("/x/post", {"handle": "sunita_k", "text": "a", "in_reply_to": "1"}, "no standing X post 1"),
        ("/x/post", {"handle": "sunita_k", "text": "a", "photos": ["/etc/passwd"]}, "neither a plain name"),
        ("/x/post", {"handle": "sunita_k", "text": "a", "photos": ["..\\secret"]}, "neither a plain name"),
        ("/x/edit", {"id": "1", "text": "a"}, "no standing X post 1"),
        ("/x/delete", {"id": "1"}, "no standing X post 1"),
        ("/x/block", {"handle": "nobody_here", "official": "cmohry"}, "no X account @nobody_here"),
        ("/x/human", {"official": "nobody_here", "text": "a"}, "no X account @nobody_here"),
        ("/facebook/comment", {"handle": "ram", "on": "1_2", "text": "a"}, "no post or comment 1_2"),
        ("/facebook/post", {"handle": "ram", "text": "a", "page": "other"}, "has no page other"),
        ("/facebook/post", {"handle": "ram", "text": "a", "shares": "1_2"}, "no post or comment 1_2"),
        ("/facebook/edit", {"id": "1_2", "text": "a"}, "no post or comment 1_2"),
        ("/facebook/delete", {"id": "1_2"}, "no post or comment 1_2"),
        ("/facebook/reveal", {"id": "1_2"}, "no post or comment 1_2"),
        ("/facebook/human", {"on": "1_2", "text": "a"}, "no post or comment 1_2"),
        ("/facebook/subscribe", {"url": "http://example.org/"}, "$.url"),
        ("/facebook/subscribe", {"url": "http://127.0.0.1.example.org/"}, "$.url"),
        ("/telegram/write", {"user": 1, "chat": -5, "text": "a"}, "There is no Telegram user 1"),
        ("/telegram/group", {"title": "a", "members": [1]}, "There is no Telegram user 1"),
        ("/telegram/group", {"title": "a", "forum_topics": ["b"], "supergroup": False}, "Only a supergroup"),
        ("/telegram/press", {"user": 1, "chat": -5, "message_id": 1, "button": "a"}, "no Telegram chat -5"),
        ("/telegram/album", {"user": 1, "chat": -5, "photos": [PIXEL]}, "$.photos"),
        ("/telegram/album", {"user": 1, "chat": -5, "photos": ["no base64!", PIXEL]}, "base64"),
        ("/telegram/start", {"user": 1, "payload": "with space"}, "$.payload"),
        ("/telegram/start", {"user": 1, "bot": 4}, "There is no Telegram bot 4"),
        ("/telegram/migrate", {"chat": -5}, "no Telegram chat -5"),
        ("/telegram/remove_bot", {"chat": -5}, "no Telegram chat -5"),
        ("/telegram/close_topic", {"chat": -5, "topic": "Roads"}, "no Telegram chat -5"),
        ("/faults", {"platform": "orkut", "operation": "*", "kind": "slow"}, "orkut"),
        ("/faults", {"platform": "x", "operation": "create", "kind": "tired"}, "tired"),
        ("/faults", {"platform": "x", "operation": "sendMessage", "kind": "slow"}, "x has no operation 'sendMessage'"),
        ("/faults", {"platform": "telegram", "operation": "sendmessage", "kind": "slow"}, "has no operation"),
        ("/faults", {"platform": "x", "operation": "*", "kind": "slow", "rate": 2}, "$.rate"),
        ("/faults", {"platform": "x", "operation": "*", "kind": "slow", "times": 0}, "$.times"),
        ("/nowhere", {}, "no POST /control/nowhere; GET /control/"),
    ],
)
def test_a_wrong_request_gets_one_sentence(control: Control, door: str, body: dict[str, Any], says: str) -> None:
    assert says in control.refused(door, **body)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_object_gets_one_sentence(control: Control, body: bytes) -> None:
    sentence(control.http.post("/x/post", content=body))


def test_a_body_that_is_too_large_gets_one_sentence(control: Control) -> None:
    assert "larger than" in sentence(control.http.post("/x/post", content=b" " * 20_000_001))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/thread/x/1", "knows no X post 1"),
        ("/thread/facebook/1_2", "no post or comment 1_2"),
        ("/thread/telegram/abc", "'abc' is not a whole number"),
        ("/thread/telegram/-5", "no Telegram chat -5"),
        ("/thread/orkut/1", "no platform 'orkut'"),
        ("/x/post", "no GET /control/x/post"),
    ],
)
def test_looking_for_what_is_not_there_gets_one_sentence(control: Control, path: str, says: str) -> None:
    assert says in sentence(control.http.get(path))
