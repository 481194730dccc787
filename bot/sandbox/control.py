"""The sandbox's control API: people's acts on the emulated platforms, the clock and the faults, over JSON.

Owns the doors and the checking of what comes in; the acts themselves are the emulators'. What is asked for is in
`control_requests`. Every wrong request is answered with status 400 and `{"error": <one sentence>}`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.sandbox import control_requests as asked
from bot.sandbox.control_requests import BadRequest
from bot.sandbox.facebook import FacebookWorld
from bot.sandbox.facebook_state import NoSuchStory
from bot.sandbox.telegram import TelegramWorld
from bot.sandbox.world import Fault, World
from bot.sandbox.x import XWorld
from store.vocabulary import Platform

LARGEST_BODY: Final = 20_000_000  # bytes; an album of photos fits
Json = dict[str, Any]
Asked = TypeVar("Asked", bound=msgspec.Struct)
Endpoint = Callable[[Request], Awaitable[Response]]


def control_routes(world: World, x: XWorld, facebook: FacebookWorld, telegram: TelegramWorld) -> list[Route]:
    """The control API, to be mounted under `/control`."""
    control = _Control(world, x, facebook, telegram)
    on_x, on_facebook, on_telegram = _XActs(x), _FacebookActs(facebook), _TelegramActs(telegram)
    doors: Doors = {
        "/clock": (asked.Clock, control.move_clock),
        "/faults": (asked.NewFault, control.add_fault),
        **on_x.doors(),
        **on_facebook.doors(),
        **on_telegram.doors(),
    }
    control.shapes = {f"POST {path}": list(shape.__struct_fields__) for path, (shape, _) in doors.items()}
    return [
        *(Route(path, _guarded(_reading(shape, act)), methods=["POST"]) for path, (shape, act) in doors.items()),
        Route("/", _guarded(control.index), methods=["GET"]),
        Route("/faults", _guarded(control.clear_faults), methods=["DELETE"]),
        Route("/state", _guarded(control.state), methods=["GET"]),
        Route("/thread/{platform}/{id}", _guarded(control.thread), methods=["GET"]),
        Route("/{path:path}", _guarded(_no_door), methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]


Doors = dict[str, tuple[type[Any], Callable[[Any], Json]]]


def _reading(shape: type[Asked], act: Callable[[Asked], Json]) -> Callable[[Request], Awaitable[Json]]:
    """Read the body into its shape, then act."""

    async def answer(request: Request) -> Json:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LARGEST_BODY:
                raise BadRequest(f"The body is larger than {LARGEST_BODY} bytes; send less at once.")
        try:
            given = msgspec.json.decode(bytes(body), type=shape)
        except msgspec.ValidationError as problem:
            raise BadRequest(f"The body of {request.url.path} does not fit: {problem}.") from problem
        except (msgspec.DecodeError, RecursionError) as problem:
            raise BadRequest(f"The body of {request.url.path} is not a JSON object; send one.") from problem
        return act(given)

    return answer


def _guarded(answer: Callable[[Request], Awaitable[Json]]) -> Endpoint:
    """Answer with JSON; what the emulators refuse in a sentence is told as status 400."""

    async def endpoint(request: Request) -> Response:
        try:
            content = await answer(request)
        except NoSuchStory as problem:
            return _json({"error": f"{problem.args[0]}."}, 400)
        except (BadRequest, ValueError, LookupError) as problem:
            return _json({"error": str(problem.args[0]) if problem.args else "That cannot be done."}, 400)
        return _json(content)

    return endpoint


def _json(content: Json, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")


async def _no_door(request: Request) -> Json:
    raise BadRequest(f"The sandbox has no {request.method} {request.url.path}; GET /control/ tells what it has.")


class _Control:
    """The clock, the faults and looking at everything."""

    def __init__(self, world: World, x: XWorld, facebook: FacebookWorld, telegram: TelegramWorld) -> None:
        self._world, self._x, self._facebook, self._telegram = world, x, facebook, telegram
        self.shapes: dict[str, list[str]] = {}

    async def index(self, _request: Request) -> Json:
        gets = ["GET /state", "GET /thread/{platform}/{id}", "DELETE /faults"]
        return {"asks": gets, "acts": self.shapes}

    def move_clock(self, body: asked.Clock) -> Json:
        clock = self._world.clock
        if (body.advance_seconds is None) == (body.to is None):
            raise BadRequest("Give the clock either advance_seconds or to, one of them.")
        now = clock.now()
        moment = body.to or now + timedelta(seconds=body.advance_seconds or 0.0)
        if moment < now:
            raise BadRequest(f"The office clock only moves forward; it is {now.isoformat()} already.")
        if moment >= asked.LAST_MOMENT:
            raise BadRequest(f"The office clock stops short of {asked.LAST_MOMENT:%Y}; choose an earlier time.")
        clock.advance_to(moment)
        return {"now": clock.now().isoformat()}

    def add_fault(self, body: asked.NewFault) -> Json:
        known = asked.OPERATIONS[body.platform]
        if body.operation != "*" and body.operation not in known:
            raise BadRequest(
                f"{body.platform} has no operation {body.operation!r}; it has {', '.join(sorted(known))} and *."
            )
        fault = Fault(**msgspec.structs.asdict(body))
        self._world.faults.add(fault)
        return {"fault": asdict(fault)}

    async def clear_faults(self, _request: Request) -> Json:
        self._world.faults.clear()
        return {"faults": []}

    async def state(self, _request: Request) -> Json:
        return {
            "now": self._world.clock.now().isoformat(),
            "faults": [asdict(fault) for fault in self._world.faults],
            "x": self._x.dump(),
            "facebook": self._facebook.dump(),
            "telegram": self._telegram.dump(),
        }

    async def thread(self, request: Request) -> Json:
        platform, name = request.path_params["platform"], request.path_params["id"]
        match platform:
            case Platform.X:
                return {"posts": [post.as_json() for post in self._x.thread_of(name)]}
            case Platform.FACEBOOK:
                post = self._facebook.story(name)
                return {
                    "post": {
                        "id": post.id,
                        "text": post.text,
                        "author": self._facebook.name_of(post.author_id),
                    },
                    "comments": self._facebook.comments_of(post.post_id),
                }
            case Platform.TELEGRAM:
                return {"messages": self._telegram.messages(asked.number(name, "chat"))}
        raise BadRequest(f"There is no platform {platform!r}; there are x, facebook and telegram.")


class _XActs:
    """What people do on X."""

    def __init__(self, x: XWorld) -> None:
        self._x = x

    def doors(self) -> Doors:
        return {
            "/x/post": (asked.XPost, self.post),
            "/x/edit": (asked.XEdit, self.edit),
            "/x/delete": (asked.XDelete, self.delete),
            "/x/block": (asked.XBlock, self.block),
            "/x/human": (asked.XHuman, self.human),
        }

    def post(self, body: asked.XPost) -> Json:
        self._x.add_user(body.handle, body.name)
        fields = msgspec.structs.asdict(body)
        del fields["name"]
        fields["photos"] = asked.photo_names(body.photos)
        return {"id": self._x.post(fields.pop("handle"), fields.pop("text"), **fields)}

    def edit(self, body: asked.XEdit) -> Json:
        return {"id": self._x.edit(body.id, body.text)}

    def delete(self, body: asked.XDelete) -> Json:
        self._x.delete(body.id)
        return {}

    def block(self, body: asked.XBlock) -> Json:
        self._x.block(body.handle, body.official)
        return {}

    def human(self, body: asked.XHuman) -> Json:
        return {"id": self._x.human_post(body.official, body.text, body.in_reply_to)}


class _FacebookActs:
    """What people do on Facebook."""

    def __init__(self, facebook: FacebookWorld) -> None:
        self._facebook = facebook

    def doors(self) -> Doors:
        return {
            "/facebook/post": (asked.FacebookPost, self.post),
            "/facebook/page_post": (asked.FacebookPagePost, self.page_post),
            "/facebook/comment": (asked.FacebookComment, self.comment),
            "/facebook/edit": (asked.FacebookEdit, self.edit),
            "/facebook/delete": (asked.FacebookId, self.delete),
            "/facebook/reveal": (asked.FacebookId, self.reveal),
            "/facebook/block": (asked.FacebookBlock, self.block),
            "/facebook/human": (asked.FacebookHuman, self.human),
            "/facebook/subscribe": (asked.FacebookSubscribe, self.subscribe),
        }

    def post(self, body: asked.FacebookPost) -> Json:
        if body.shares is not None:
            self._facebook.story(body.shares)
        self._facebook.add_user(body.handle, body.name or body.handle)
        fields = msgspec.structs.asdict(body)
        del fields["name"]
        fields["photos"] = asked.photo_names(body.photos)
        return {"id": self._facebook.tag_post(fields.pop("handle"), fields.pop("text"), **fields)}

    def page_post(self, body: asked.FacebookPagePost) -> Json:
        return {"id": self._facebook.page_post(body.text, page=body.page, photos=asked.photo_names(body.photos))}

    def comment(self, body: asked.FacebookComment) -> Json:
        self._facebook.add_user(body.handle, body.name or body.handle)
        made = self._facebook.comment(
            body.handle,
            body.on,
            body.text,
            photos=asked.photo_names(body.photos),
            video=body.video,
            mention_page=body.mention_page,
        )
        return {"id": made}

    def edit(self, body: asked.FacebookEdit) -> Json:
        self._facebook.edit(body.id, body.text)
        return {}

    def delete(self, body: asked.FacebookId) -> Json:
        self._facebook.delete(body.id)
        return {}

    def reveal(self, body: asked.FacebookId) -> Json:
        self._facebook.reveal(body.id)
        return {}

    def block(self, body: asked.FacebookBlock) -> Json:
        (self._facebook.block if body.blocks else self._facebook.unblock)(body.handle)
        return {}

    def human(self, body: asked.FacebookHuman) -> Json:
        return {"id": self._facebook.human_comment(body.on, body.text, page=body.page)}

    def subscribe(self, body: asked.FacebookSubscribe) -> Json:
        self._facebook.subscribe(body.url, page=body.page)
        return {}


class _TelegramActs:
    """What people do on Telegram."""

    def __init__(self, telegram: TelegramWorld) -> None:
        self._telegram = telegram

    def doors(self) -> Doors:
        return {
            "/telegram/user": (asked.TelegramUser, self.user),
            "/telegram/group": (asked.TelegramGroup, self.group),
            "/telegram/write": (asked.TelegramWrite, self.write),
            "/telegram/edit": (asked.TelegramEdit, self.edit),
            "/telegram/press": (asked.TelegramPress, self.press),
            "/telegram/album": (asked.TelegramAlbum, self.album),
            "/telegram/voice": (asked.TelegramVoice, self.voice),
            "/telegram/start": (asked.TelegramStart, self.start),
            "/telegram/migrate": (asked.TelegramChat, self.migrate),
            "/telegram/remove_bot": (asked.TelegramRemoveBot, self.remove_bot),
            "/telegram/close_topic": (asked.TelegramTopic, self.close_topic),
        }

    def user(self, body: asked.TelegramUser) -> Json:
        return {"id": self._telegram.add_user(body.name, body.username)}

    def group(self, body: asked.TelegramGroup) -> Json:
        strangers = sorted(one for one in body.members if one not in self._telegram.accounts)
        if strangers:
            raise BadRequest(f"There is no Telegram user {strangers[0]}; add it by /control/telegram/user first.")
        chat = self._telegram.add_group(
            body.title,
            members=body.members,
            forum_topics=body.forum_topics,
            supergroup=body.supergroup,
            bot_is_admin=body.bot_is_admin,
        )
        return {"chat": chat, "topics": self._telegram.topics(chat)}

    def write(self, body: asked.TelegramWrite) -> Json:
        fields = msgspec.structs.asdict(body)
        return {"message_id": self._telegram.write(fields.pop("user"), fields.pop("chat"), **fields)}

    def edit(self, body: asked.TelegramEdit) -> Json:
        self._telegram.edit(body.user, body.chat, body.message_id, body.text)
        return {}

    def press(self, body: asked.TelegramPress) -> Json:
        return {"press_id": self._telegram.press(body.user, body.chat, body.message_id, body.button)}

    def album(self, body: asked.TelegramAlbum) -> Json:
        fields = msgspec.structs.asdict(body)
        return {"message_ids": self._telegram.album(fields.pop("user"), fields.pop("chat"), **fields)}

    def voice(self, body: asked.TelegramVoice) -> Json:
        return {"message_id": self._telegram.voice(body.user, body.chat, reply_to=body.reply_to)}

    def start(self, body: asked.TelegramStart) -> Json:
        return {"message_id": self._telegram.start(body.user, body.payload, bot=body.bot)}

    def migrate(self, body: asked.TelegramChat) -> Json:
        return {"chat": self._telegram.migrate(body.chat)}

    def remove_bot(self, body: asked.TelegramRemoveBot) -> Json:
        self._telegram.remove_bot(body.chat, body.bot)
        return {}

    def close_topic(self, body: asked.TelegramTopic) -> Json:
        self._telegram.close_topic(body.chat, body.topic)
        return {}
