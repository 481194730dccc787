"""The emulated Graph API over HTTP: who may ask, what is answered, what is refused, how it fails on purpose.

Owns paths, fields, paging, error codes and usage headers, as the Graph API reference has them. What people
do is `facebook`. It must not know SMGT's adapter.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.sandbox.facebook import FacebookWorld
from bot.sandbox.facebook_paging import BadCursor, paging_of, start_of
from bot.sandbox.facebook_shapes import picked, shape_of
from bot.sandbox.facebook_state import (
    COMMENT_LENGTH,
    PRIVATE_REPLY_WINDOW,
    NoSuchStory,
    Page,
    PrivateReply,
    Story,
)
from bot.sandbox.facebook_tokens import BadToken, app_token, debugged, owner_of, proof_of
from bot.sandbox.wire import ResetConnection, broken_after
from bot.sandbox.world import Fault, FaultKind
from store.vocabulary import Platform

VERSION = re.compile(r"v\d{1,2}\.\d")
# 1x1 pixel GIF: every photo nobody gave bytes for.
PLACEHOLDER = base64.b64decode("R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==")

Parameters = Mapping[str, Any]
Act = Callable[[Fault | None], dict[str, Any]]


class GraphRefusal(Exception):
    """The Graph API answers with an error object."""

    def __init__(
        self, code: int, message: str, *, subcode: int | None = None, status: int = 400, minutes: int = 0
    ) -> None:
        super().__init__(message)
        self.code, self.message, self.subcode = code, message, subcode
        self.status, self.minutes = status, minutes

    def body(self) -> dict[str, Any]:
        error: dict[str, Any] = {
            "message": f"(#{self.code}) {self.message}",
            "type": "OAuthException",
            "code": self.code,
            "fbtrace_id": "sandbox",
        }
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        return {"error": error}


def routes(facebook: FacebookWorld) -> list[BaseRoute]:
    """The Graph API and its photos, with paths relative to the mount."""
    wire = GraphWire(facebook)
    return [
        Route("/photos/{name}", wire.photo, methods=["GET"]),
        Route("/{path:path}", wire.graph, methods=["GET", "POST", "DELETE"]),
    ]


class GraphWire:
    """Answers requests to the emulated Graph API."""

    def __init__(self, facebook: FacebookWorld) -> None:
        self.facebook = facebook
        self.world = facebook.world
        self._late: set[asyncio.TimerHandle] = set()

    async def photo(self, request: Request) -> Response:
        """The bytes of a photo, as the content network serves them: no token asked."""
        picture_id = str(request.path_params["name"]).partition(".")[0]
        return Response(self.facebook.photo_bytes.get(picture_id, PLACEHOLDER), media_type="image/gif")

    async def graph(self, request: Request) -> Response:
        """Any request to the Graph API, with or without a version in its path."""
        mounted_at = request.scope.get("root_path", "")
        self.facebook.public_url = f"{request.url.scheme}://{request.url.netloc}{mounted_at}"
        segments = [part for part in request.path_params["path"].split("/") if part]
        if segments and VERSION.fullmatch(segments[0]):
            segments.pop(0)
        parameters = await self._parameters(request)
        if (told := self._about_tokens(request.method, segments, parameters)) is not None:
            return told
        try:
            page = self._page_of(parameters)
            operation, act = self._operation(request.method, segments, parameters, page)
            self._proof(page, parameters)
        except GraphRefusal as refusal:
            return JSONResponse(refusal.body(), refusal.status)
        return await self._answer(page, operation, act)

    async def _answer(self, page: Page, operation: str, act: Act) -> Response:
        fault = self.world.faults.pick(Platform.FACEBOOK, operation, page.id)
        before = self._broken_before(fault, page, act)
        if before is not None:
            return before
        try:
            with self.world.lock:
                self._ordered_refusal(operation)
                self._count(page)
                whole = JSONResponse(act(fault), headers=self._usage(page))
        except GraphRefusal as refusal:
            return JSONResponse(refusal.body(), refusal.status, headers=self._usage(page, refusal.minutes))
        except NoSuchStory:
            gone = GraphRefusal(100, "Unsupported request. The object does not exist or cannot be loaded.", subcode=33)
            return JSONResponse(gone.body(), gone.status, headers=self._usage(page))
        return whole if fault is None else await broken_after(fault, whole)

    def _broken_before(self, fault: Fault | None, page: Page, act: Act) -> Response | None:
        """The answer of a fault that lets nothing happen now."""
        refusal: GraphRefusal | None = None
        match fault.kind if fault else None:
            case FaultKind.RATE_LIMITED:
                minutes = max(1, round(fault.seconds / 60)) if fault else 1
                refusal = GraphRefusal(80001, "There have been too many calls to this Page.", minutes=minutes)
            case FaultKind.REVOKED:
                refusal = GraphRefusal(190, "The session has been invalidated.", subcode=460)
            case FaultKind.PERMANENT:
                refusal = GraphRefusal(200, "Permissions error")
            case FaultKind.ERROR_BEFORE:
                refusal = GraphRefusal(2, "Service temporarily unavailable", status=500)
            case FaultKind.RESET_BEFORE:
                return ResetConnection()
            case FaultKind.LATE:
                self._do_later(fault.seconds if fault else 0.0, act)
                return HTMLResponse("<html><h1>504 Gateway Timeout</h1></html>", 504)
        if refusal is None:
            return None
        return JSONResponse(refusal.body(), refusal.status, headers=self._usage(page, refusal.minutes))

    def _do_later(self, seconds: float, act: Act) -> None:
        def do() -> None:
            self._late.discard(handle)
            # What the rules refuse when its moment comes simply does not happen: the answer has been given.
            with self.world.lock, contextlib.suppress(GraphRefusal, NoSuchStory):
                act(None)

        handle = asyncio.get_running_loop().call_later(seconds, do)
        self._late.add(handle)

    # who asks

    async def _parameters(self, request: Request) -> dict[str, Any]:
        found: dict[str, Any] = dict(request.query_params)
        if request.method == "POST":
            async with request.form() as form:
                for name, value in form.multi_items():
                    found[name] = await value.read() if isinstance(value, UploadFile) else value
        return found

    def _page_of(self, parameters: Parameters) -> Page:
        try:
            return owner_of(str(parameters.get("access_token", "")), self.facebook.pages.values())
        except BadToken as error:
            raise GraphRefusal(error.code, str(error)) from error

    def _about_tokens(self, method: str, segments: list[str], parameters: Parameters) -> Response | None:
        """The answer to a question about tokens, which needs no proof; None for any other request."""
        answer = {("debug_token",): debugged, ("oauth", "access_token"): app_token}.get(tuple(segments))
        if method != "GET" or answer is None:
            return None
        try:
            return JSONResponse(answer(parameters, self.facebook.pages.values()))
        except BadToken as error:
            refusal = GraphRefusal(error.code, str(error))
            return JSONResponse(refusal.body(), refusal.status)

    def _proof(self, page: Page, parameters: Parameters) -> None:
        if not hmac.compare_digest(proof_of(page), str(parameters.get("appsecret_proof", ""))):
            raise GraphRefusal(100, "Invalid appsecret_proof provided in the API argument")

    # how much

    def _count(self, page: Page) -> None:
        allowed = self.world.limits.allowed(self.facebook.hourly_calls)
        now = self.world.clock.now()
        while page.calls and now - page.calls[0] >= timedelta(hours=1):
            page.calls.popleft()
        if allowed is not None and len(page.calls) >= allowed:
            wait = page.calls[0] + timedelta(hours=1) - now
            minutes = max(1, round(wait / timedelta(minutes=1)))
            raise GraphRefusal(80001, "There have been too many calls to this Page.", minutes=minutes)
        page.calls.append(now)

    def _usage(self, page: Page, minutes: int = 0) -> dict[str, str]:
        allowed = self.world.limits.allowed(self.facebook.hourly_calls)
        percent = 0 if allowed is None else min(100, 100 * len(page.calls) // allowed)
        spent = {"call_count": percent, "total_cputime": 0, "total_time": 0}
        per_page = {"type": "pages", **spent, "estimated_time_to_regain_access": minutes}
        return {
            "X-App-Usage": json.dumps(spent),
            "X-Business-Use-Case-Usage": json.dumps({page.id: [per_page]}),
            "facebook-api-version": "v24.0",
        }

    def _ordered_refusal(self, operation: str) -> None:
        for refusal in self.facebook.refusals:
            if refusal.operation in ("*", operation):
                self.facebook.refusals.remove(refusal)
                raise GraphRefusal(
                    refusal.code,
                    refusal.message,
                    subcode=refusal.subcode,
                    status=refusal.status,
                    minutes=refusal.minutes or 0,
                )

    # what is asked

    def _operation(self, method: str, segments: list[str], asked: Parameters, page: Page) -> tuple[str, Act]:
        segments = [page.id if part == "me" else part for part in segments]
        match method, segments:
            case "GET", []:
                return "object", lambda _: self._many(asked, page)
            case "GET", [one]:
                return ("me" if one == page.id else "object"), lambda _: self._one(one, asked)
            case "GET", [one, "tagged" | "feed" | "comments" as edge]:
                return edge, lambda fault: self._listing(self._edge(one, edge, asked), asked, fault, f"{one}/{edge}")
            case "POST", [one, "comments"]:
                return "comment", lambda _: self._comment(page, one, asked)
            case "POST", [_, "messages"]:
                return "private_reply", lambda _: self._private_reply(page, asked)
            case "DELETE", [one]:
                return "delete", lambda _: self._delete(page, one)
        raise GraphRefusal(2500, f"Unknown path components: /{'/'.join(segments)}")

    def _one(self, object_id: str, asked: Parameters) -> dict[str, Any]:
        page = self.facebook.pages.get(object_id)
        if page is not None:
            return picked({"id": page.id, "name": page.name, "username": page.handle}, asked, {"id", "name"})
        picture = self._picture(object_id, asked)
        return picture if picture is not None else self._shown(self.facebook.visible(object_id), asked)

    def _picture(self, object_id: str, asked: Parameters) -> dict[str, Any] | None:
        for story in self.facebook.visible_stories():
            for picture in story.pictures:
                if picture.id == object_id:
                    source = picture.url or f"{self.facebook.public_url}/photos/{picture.id}.jpg"
                    image = {"height": 1, "width": 1, "source": source}
                    return picked({"id": object_id, "images": [image]}, asked, {"id"})
        return None

    def _many(self, asked: Parameters, page: Page) -> dict[str, Any]:
        ids = [one for one in str(asked.get("ids", "")).split(",") if one]
        if not ids:
            raise GraphRefusal(100, "The parameter ids is required")
        if len(ids) > 50:
            raise GraphRefusal(100, "Too many ids (the maximum is 50)")
        found = {}
        for one in ids:
            try:
                found[one] = self._one(one, asked)
            except NoSuchStory:
                continue  # absent ids are left out of the answer
        return found

    def _edge(self, object_id: str, edge: str, asked: Parameters) -> list[Story]:
        match edge:
            case "tagged":
                return self._tagged(object_id)
            case "feed":
                return self._feed(object_id)
        return self._comments(object_id, asked)

    def _tagged(self, page_id: str) -> list[Story]:
        tagged = [one for one in self.facebook.visible_stories() if one.tagged_at and page_id in one.page_ids]
        tagged.reverse()  # the later of two that were tagged in the same moment comes first
        return sorted(tagged, key=lambda one: one.tagged_at or one.created_at, reverse=True)

    def _feed(self, page_id: str) -> list[Story]:
        return [one for one in self.facebook.visible_stories() if one.is_post and one.author_id == page_id][::-1]

    def _comments(self, object_id: str, asked: Parameters) -> list[Story]:
        above = self.facebook.visible(object_id)
        stream = asked.get("filter") == "stream"
        found = []
        for one in self.facebook.visible_stories(above.post_id):
            if one.is_post:
                continue
            beneath = one.parent_id == above.id or (above.is_post and (stream or one.parent_id is None))
            if beneath:
                found.append(one)
        return found[::-1] if asked.get("order") == "reverse_chronological" else found

    def _listing(self, stories: list[Story], asked: Parameters, fault: Fault | None, path: str) -> dict[str, Any]:
        stories = self._within(stories, asked)
        if fault is not None:
            stories = self._misread(stories, fault)
        limit = min(100, max(1, int(asked.get("limit", 25))))
        ids = [one.id for one in stories]
        try:
            start = start_of(asked, ids, limit)
        except BadCursor as error:
            raise GraphRefusal(100, str(error)) from error
        answer: dict[str, Any] = {"data": [self._shown(one, asked) for one in stories[start : start + limit]]}
        if shown := ids[start : start + limit]:
            answer["paging"] = paging_of(
                self.facebook.public_url,
                path,
                asked,
                shown,
                more=start + limit < len(ids),
                earlier=start > 0,
                stuck=self.facebook.repeat_cursor,
            )
        return answer

    def _within(self, stories: list[Story], asked: Parameters) -> list[Story]:
        since, until = asked.get("since"), asked.get("until")
        return [
            one
            for one in stories
            if (since is None or one.created_at.timestamp() >= float(since))
            and (until is None or one.created_at.timestamp() <= float(until))
        ]

    def _misread(self, stories: list[Story], fault: Fault) -> list[Story]:
        match fault.kind:
            case FaultKind.STALE_READ:
                now = self.world.clock.now()
                newest = sorted(stories, key=lambda one: one.created_at)[-fault.count :]
                hidden = {one.id for one in newest if fault.hides(now - one.created_at)}
                return [one for one in stories if one.id not in hidden]
            case FaultKind.DUPLICATE:
                return [copy for one in stories for copy in (one, one)]
            case FaultKind.SHUFFLE:
                return self.world.random.sample(stories, len(stories))
        return stories

    def _shown(self, story: Story, asked: Parameters) -> dict[str, Any]:
        default = {"id", "created_time", "message"} if story.is_post else {"id", "created_time", "message", "from"}
        return picked(shape_of(self.facebook, story), asked, default)

    # what is done

    def _comment(self, page: Page, on_id: str, asked: Parameters) -> dict[str, Any]:
        text = str(asked.get("message", ""))
        picture = asked.get("source")
        address = asked.get("attachment_url")
        if not text and picture is None and not address:
            raise GraphRefusal(100, "The comment has neither a message nor an attachment")
        if len(text) > COMMENT_LENGTH:
            raise GraphRefusal(100, "The comment is too long")
        self.facebook.visible(on_id)
        if self.facebook.refuse_duplicates and text and self._said_lately(page, text):
            self.facebook.refused_twins += 1
            raise GraphRefusal(506, "Duplicate status message", subcode=1455006)
        bytes_given = picture if isinstance(picture, bytes) else None
        made = self.facebook.program_comment(page.id, on_id, text, picture=bytes_given, picture_url=address)
        return {"id": made}

    def _said_lately(self, page: Page, text: str) -> bool:
        since = self.world.clock.now() - self.facebook.duplicate_window
        return any(
            one.author_id == page.id and one.text == text and one.created_at > since and not one.deleted
            for one in self.facebook.stories.values()
        )

    def _private_reply(self, page: Page, asked: Parameters) -> dict[str, Any]:
        try:
            comment_id = str(json.loads(str(asked.get("recipient", "")))["comment_id"])
            text = str(json.loads(str(asked.get("message", "")))["text"])
        except (ValueError, KeyError, TypeError):
            raise GraphRefusal(100, "The parameters recipient and message are required") from None
        story = self.facebook.visible(comment_id)
        if self.world.clock.now() - story.created_at > PRIVATE_REPLY_WINDOW:
            raise GraphRefusal(10901, "Invalid or expired activity")
        if any(one.comment_id == comment_id for one in self.facebook.private_replies):
            raise GraphRefusal(10900, "Activity already replied to")
        message_id = f"m_{comment_id}"
        self.facebook.private_replies.append(
            PrivateReply(message_id, page.id, comment_id, text, self.world.clock.now())
        )
        return {"recipient_id": story.author_id, "message_id": message_id}

    def _delete(self, page: Page, object_id: str) -> dict[str, Any]:
        if self.facebook.visible(object_id).author_id != page.id:
            raise GraphRefusal(200, "Permissions error")
        self.facebook.delete(object_id)
        return {"success": True}
