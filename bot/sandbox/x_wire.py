"""The HTTP side of the emulated X: API v2 as tweepy and X's own SDK speak it, with its faults.

Owns requests, answers, paging and expansions; the rules for posting are in x, tokens and limits in x_gate.
"""

from __future__ import annotations

import asyncio
import re
import struct
import zlib
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from bot.sandbox import x_posts
from bot.sandbox.wire import ResetConnection, broken_after
from bot.sandbox.world import Fault, FaultKind
from bot.sandbox.x import Refusal, XWorld
from bot.sandbox.x_gate import Problem, XGate
from bot.sandbox.x_posts import Account, Json, Post
from bot.sandbox.x_search import BadQuery, search_test
from store.vocabulary import Platform

MENTIONS_REACH = 800  # the newest mentions that can be read at all
TIMELINE_REACH = 3200
SEARCH_REACH = timedelta(days=7)

Act = Callable[[Request, Account], Json]


class XWire:
    """Routes over one XWorld."""

    def __init__(self, x: XWorld) -> None:
        self._x = x
        self._gate = XGate(x)
        self._late: set[asyncio.TimerHandle] = set()

    def routes(self) -> list[Route]:
        """All endpoints, to be mounted under /x."""
        return [
            Route("/2/users/me", self._endpoint("me", self._me, signed=True)),
            Route("/2/users/by/username/{handle}", self._endpoint("user", self._user)),
            Route("/2/users/{id:int}/mentions", self._endpoint("mentions", self._mentions)),
            Route("/2/users/{id:int}/tweets", self._endpoint("timeline", self._timeline)),
            Route("/2/tweets/search/recent", self._endpoint("search", self._search)),
            Route("/2/tweets", self._endpoint("lookup", self._lookup), methods=["GET"]),
            Route("/2/tweets", self._endpoint("create", self._create, signed=True), methods=["POST"]),
            Route("/2/tweets/{id:int}", self._endpoint("delete", self._delete, signed=True), methods=["DELETE"]),
            Route("/media/{key}", self._photo),
        ]

    def _endpoint(self, operation: str, act: Act, *, signed: bool = False) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            await request.body()
            response: Response
            try:
                response = await self._answer(request, operation, act, signed)
            except Problem as problem:
                response = problem.response()
            self._x.asked[operation, response.status_code] += 1
            return response

        return answer

    async def _caller(self, request: Request, signed: bool) -> Account:
        if signed or not request.headers.get("authorization", "").startswith("Bearer "):
            return await self._gate.by_signature(request)
        callers = self._gate.by_bearer(request)
        asked = str(request.path_params.get("id", ""))
        return next((one for one in callers if one.id == asked), callers[0])

    async def _answer(self, request: Request, operation: str, act: Act, signed: bool) -> Response:
        caller = await self._caller(request, signed)
        body = await _json_body(request) if operation == "create" else {}
        request.state.body = body
        fault = self._x.world.faults.pick(Platform.X, operation, channel=caller.id)
        request.state.fault = fault
        if fault is not None:
            broken = self._broken_before(fault, operation, lambda: self._act(act, request, caller))
            if broken is not None:
                return broken
        with self._x.world.lock:
            headers = self._gate.count(operation, caller.id)
            content = self._act(act, request, caller)
        whole = JSONResponse(content, 201 if operation == "create" else 200, headers=headers)
        return await broken_after(fault, whole) if fault else whole

    def _act(self, act: Act, request: Request, caller: Account) -> Json:
        try:
            with self._x.world.lock:
                return act(request, caller)
        except Refusal as refusal:
            raise Problem(refusal.status, refusal.title, refusal.detail) from refusal

    def _broken_before(self, fault: Fault, operation: str, effect: Callable[[], Json]) -> Response | None:
        match fault.kind:
            case FaultKind.RATE_LIMITED:
                raise self._gate.too_many(operation, fault.seconds)
            case FaultKind.REVOKED:
                raise Problem(401, "Unauthorized", "Unauthorized")
            case FaultKind.PERMANENT:
                raise Problem(403, "Forbidden", "You are not permitted to perform this action.")
            case FaultKind.ERROR_BEFORE:
                return HTMLResponse("<html><h1>503 Service Unavailable</h1></html>", 503)
            case FaultKind.RESET_BEFORE:
                return ResetConnection()
            case FaultKind.LATE:
                self._do_later(fault.seconds, effect)
                return HTMLResponse("<html><h1>503 Service Unavailable</h1></html>", 503)
        return None

    def _do_later(self, seconds: float, effect: Callable[[], Json]) -> None:
        def run() -> None:
            self._late.discard(timer)
            try:
                effect()
            except Problem:
                return  # a rule forbids it by now: the late effect never shows, as on the real platform

        timer = asyncio.get_running_loop().call_later(seconds, run)
        self._late.add(timer)

    # endpoints

    def _me(self, _request: Request, caller: Account) -> Json:
        return {"data": x_posts.user_json(caller)}

    def _user(self, request: Request, _caller: Account) -> Json:
        handle = request.path_params["handle"]
        account = self._x.account(handle)
        if account is None:
            return {"errors": [_missing("user", "username", handle)]}
        return {"data": x_posts.user_json(account)}

    def _mentions(self, request: Request, _caller: Account) -> Json:
        ids = self._x.by_mention.get(str(request.path_params["id"]), [])
        return self._page(request, self._x.visible(reversed(ids), MENTIONS_REACH), smallest=5)

    def _timeline(self, request: Request, _caller: Account) -> Json:
        ids = self._x.by_author.get(str(request.path_params["id"]), [])
        return self._page(request, self._x.visible(reversed(ids), TIMELINE_REACH), smallest=5)

    def _search(self, request: Request, _caller: Account) -> Json:
        try:
            fits = search_test(request.query_params.get("query", ""), self._x.account)
        except BadQuery as problem:
            raise _invalid("query", str(problem)) from problem
        since = self._x.world.clock.now() - SEARCH_REACH
        start = _moment(request, "start_time")
        if start is not None and start < since:
            raise _invalid("start_time", "'start_time' must be on or after the last 7 days")
        end = _moment(request, "end_time")
        if end is not None and end > self._x.world.clock.now() - timedelta(seconds=10):
            raise _invalid("end_time", "'end_time' must be a minimum of 10 seconds prior to the request time")
        found = [post for post in self._x.visible(self._candidates(request, since)) if fits(post)]
        return self._page(request, found, smallest=10, page_by="next_token")

    def _candidates(self, request: Request, since: datetime) -> Iterable[str]:
        """Ids newest first, no older than `since`; a search for whole threads looks only at those threads."""
        terms = request.query_params["query"].split(" OR ")
        ids: Iterable[str] = reversed(self._x.posts)
        if all(re.fullmatch(r"conversation_id:\d+", term) for term in terms):
            threads = {term.partition(":")[2] for term in terms}
            ids = sorted((one for each in threads for one in self._x.by_conversation.get(each, [])), key=int)[::-1]
        return takewhile(lambda one: self._x.posts[one].created_at >= since, ids)

    def _lookup(self, request: Request, _caller: Account) -> Json:
        ids = [one for one in request.query_params.get("ids", "").split(",") if one]
        if not 1 <= len(ids) <= 100:
            raise _invalid("ids", "'ids' takes 1 to 100 values")
        found = [self._x.posts[one] for one in ids if one in self._x.posts and not self._x.posts[one].deleted]
        answer = self._with_includes(request, found) if found else {}
        there = {post.id for post in found}
        errors = [_missing("tweet", "ids", one) for one in ids if one not in there]
        if errors:
            answer["errors"] = [*answer.get("errors", []), *errors]
        return answer

    def _create(self, request: Request, caller: Account) -> Json:
        body: Json = request.state.body
        text = body.get("text")
        if not isinstance(text, str) or not text.strip():
            raise _invalid("text", "'text' must be given")
        reply = body.get("reply", {})
        if not isinstance(reply, dict) or not isinstance(reply.get("exclude_reply_user_ids", []), list):
            raise _invalid("reply", "'reply' is malformed")
        post = self._x.create(
            caller,
            text,
            in_reply_to=_id_or_none(reply.get("in_reply_to_tweet_id")),
            exclude=map(str, reply.get("exclude_reply_user_ids", [])),
            quote_of=_id_or_none(body.get("quote_tweet_id")),
        )
        return {"data": {"id": post.id, "text": post.text, "edit_history_tweet_ids": list(post.history)}}

    def _delete(self, request: Request, caller: Account) -> Json:
        post_id = str(request.path_params["id"])
        post = self._x.posts.get(post_id)
        if post is None or post.deleted:
            return {"data": {"deleted": False}}
        if post.author.id != caller.id:
            raise Problem(403, "Forbidden", "You are not authorized to delete this Tweet.")
        self._x.delete(post_id)
        return {"data": {"deleted": True}}

    async def _photo(self, request: Request) -> Response:
        media = self._x.media.get(request.path_params["key"])
        if media is None:
            return Response("Not Found", 404)
        path = Path(media.source)
        if media.source and path.is_file():
            return Response(path.read_bytes(), media_type="image/jpeg")
        return Response(_small_picture(zlib.crc32(media.source.encode())), media_type="image/png")

    # pages

    def _page(self, request: Request, posts: list[Post], *, smallest: int, page_by: str = "pagination_token") -> Json:
        """One page of `posts`, both newest first."""
        size = _number(request, "max_results", 10)
        if not smallest <= size <= 100:
            raise _invalid("max_results", f"'max_results' must be between {smallest} and 100")
        fault: Fault | None = request.state.fault
        if fault and fault.kind is FaultKind.STALE_READ:
            now = self._x.world.clock.now()
            hidden = sum(fault.hides(now - post.created_at) for post in posts[: fault.count])
            posts = posts[hidden:]
        below = request.query_params.get(page_by, "").removeprefix("p")
        inside = _window(request)
        kept = [post for post in posts if inside(post) and (not below or int(post.id) < int(below))]
        page = self._disorder(fault, kept[:size])
        meta: Json = {"result_count": len(page)}
        if page:
            ids = sorted((post.id for post in page), key=int)
            meta |= {"newest_id": ids[-1], "oldest_id": ids[0]}
        if len(kept) > size:
            meta["next_token"] = f"p{kept[size - 1].id}"
        return {**(self._with_includes(request, page) if page else {}), "meta": meta}

    def _disorder(self, fault: Fault | None, page: list[Post]) -> list[Post]:
        if fault and fault.kind is FaultKind.DUPLICATE:
            return page + page
        if fault and fault.kind is FaultKind.SHUFFLE:
            return self._x.world.random.sample(page, len(page))
        return page

    def _with_includes(self, request: Request, posts: list[Post]) -> Json:
        asked, fields, new_names = _asked_for(request)
        fields |= {"author_id"} if "author_id" in asked else set()
        fields |= {"referenced_tweets"} if "referenced_tweets.id" in asked else set()
        fields |= {"attachments"} if "attachments.media_keys" in asked else set()
        referenced, lost = self._referenced(posts) if "referenced_tweets.id" in asked else ([], [])
        users = [post.author for post in posts] if "author_id" in asked else []
        if "referenced_tweets.id.author_id" in asked:
            users += [post.author for post in referenced]
        media = [one for post in posts for one in post.media] if "attachments.media_keys" in asked else []
        if "referenced_tweets.id.attachments.media_keys" in asked:
            media += [one for post in referenced for one in post.media]
        base = f"{request.url.scheme}://{request.url.netloc}{request.scope.get('root_path', '')}"
        includes = {
            "users": [x_posts.user_json(one) for one in {one.id: one for one in users}.values()],
            "tweets": [self._json(post, fields) for post in {post.id: post for post in referenced}.values()],
            "media": [x_posts.media_json(one, base) for one in {one.key: one for one in media}.values()],
        }
        answer: Json = {"data": [self._json(post, fields) for post in posts]}
        if any(includes.values()):
            answer["includes"] = {name: rows for name, rows in includes.items() if rows}
        if new_names:
            answer = _in_new_names(answer)
        if lost:
            answer["errors"] = [_missing("tweet", "referenced_tweets.id", one) for one in lost]
        return answer

    def _referenced(self, posts: list[Post]) -> tuple[list[Post], list[str]]:
        ids = [one for post in posts for one in (post.parent_id, post.quote_of, post.repost_of) if one]
        found = [self._x.posts[one] for one in ids if not self._x.posts[one].deleted]
        return found, [one for one in ids if self._x.posts[one].deleted]

    def _json(self, post: Post, fields: set[str]) -> Json:
        parent = self._x.posts.get(post.parent_id or "")
        return x_posts.post_json(post, fields, self._x.account, parent.author.id if parent else None)


async def _json_body(request: Request) -> Json:
    try:
        body = await request.json()
    except ValueError as problem:
        raise _invalid("body", "the body is not JSON") from problem
    if not isinstance(body, dict):
        raise _invalid("body", "the body is not an object")
    return body


def _invalid(parameter: str, message: str) -> Problem:
    return Problem(
        400, "Invalid Request", "One or more parameters to your request was invalid.",
        "https://api.x.com/2/problems/invalid-request",
        extra={"errors": [{"parameters": {parameter: []}, "message": message}]},
    )  # fmt: skip


def _missing(resource: str, parameter: str, value: str) -> Json:
    return {
        "value": value, "detail": f"Could not find {resource} with {parameter}: [{value}].",
        "title": "Not Found Error", "resource_type": resource, "parameter": parameter, "resource_id": value,
        "type": "https://api.x.com/2/problems/resource-not-found",
    }  # fmt: skip


def _id_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _number(request: Request, name: str, default: int) -> int:
    value = request.query_params.get(name, str(default))
    if not value.isdigit():
        raise _invalid(name, f"'{name}' is not a number")
    return int(value)


def _moment(request: Request, name: str) -> datetime | None:
    value = request.query_params.get(name)
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError as problem:
        raise _invalid(name, f"'{name}' is not a time") from problem


# X has two sets of names: tweepy's, and that of X's own SDK since 2026. It answers in the names of the question.
_NEW_NAMES = {
    "edit_history_tweet_ids": "edit_history_post_ids",
    "note_tweet": "note_post",
    "referenced_tweets": "referenced_posts",
    "tweets": "posts",
}


def _asked_for(request: Request) -> tuple[set[str], set[str], bool]:
    """Expansions and fields in tweepy's names, and whether X's new names were used."""
    expansions = request.query_params.get("expansions", "").replace("referenced_posts", "referenced_tweets.id")
    fields = request.query_params.get("tweet.fields", "").split(",")
    old_names = {new: old for old, new in _NEW_NAMES.items()}
    newly = [old_names.get(name, name) for name in request.query_params.get("post.fields", "").split(",")]
    return set(expansions.split(",")), {*fields, *newly}, "post.fields" in request.query_params


def _in_new_names(answer: Json) -> Json:
    def renamed(rows: list[Json]) -> list[Json]:
        return [{_NEW_NAMES.get(name, name): value for name, value in row.items()} for row in rows]

    includes = answer.get("includes", {})
    newly = {_NEW_NAMES.get(name, name): renamed(rows) for name, rows in includes.items()}
    return {**answer, "data": renamed(answer["data"]), **({"includes": newly} if newly else {})}


def _window(request: Request) -> Callable[[Post], bool]:
    since, until = _number(request, "since_id", 0), _number(request, "until_id", 0)
    start, end = _moment(request, "start_time"), _moment(request, "end_time")

    def inside(post: Post) -> bool:
        return (
            int(post.id) > since
            and (not until or int(post.id) < until)
            and (start is None or post.created_at >= start)
            and (end is None or post.created_at < end)
        )

    return inside


def _small_picture(seed: int) -> bytes:
    """A PNG of 8 by 8 pixels in one colour, so that photos without a file are still photos."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    row = b"\x00" + struct.pack(">I", seed)[1:] * 8
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * 8)) + chunk(b"IEND", b"")
