"""How the emulated Graph API shows posts, comments and attachments as JSON.

Owns field names and nothing else. Fields are shown only when asked for, as on the real API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.sandbox.facebook import FacebookWorld
from bot.sandbox.facebook_state import NoSuchStory, Picture, Story


def picked(whole: dict[str, Any], asked: Mapping[str, Any], default: set[str]) -> dict[str, Any]:
    """Only the fields asked for (sub-fields come whole), and always the id."""
    wanted = _top_level(str(asked["fields"])) if asked.get("fields") else default
    return {name: value for name, value in whole.items() if name in wanted or name == "id"}


def shape_of(facebook: FacebookWorld, story: Story) -> dict[str, Any]:
    """Every field of a post or comment; what is empty or hidden is absent."""
    whole: dict[str, Any] = {
        "id": story.id,
        "created_time": graph_time(story.created_at),
        "permalink_url": f"https://www.facebook.com/{story.id}",
    }
    if story.text:
        whole["message"] = story.text
    if not story.hide_author:
        whole["from"] = _account(facebook, story.author_id)
    if story.page_ids:
        whole["message_tags"] = [_tag(facebook, page_id, story.text) for page_id in story.page_ids]
    return whole | (_post_fields(facebook, story) if story.is_post else _comment_fields(facebook, story))


def graph_time(moment: datetime) -> str:
    """A time as the Graph API writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def _post_fields(facebook: FacebookWorld, story: Story) -> dict[str, Any]:
    found: dict[str, Any] = {"updated_time": graph_time(story.updated_at)}
    if story.tagged_at is not None:
        found["tagged_time"] = graph_time(story.tagged_at)
    attachments = _attachments(facebook, story)
    if attachments:
        found["attachments"] = {"data": attachments}
    return found


def _comment_fields(facebook: FacebookWorld, story: Story) -> dict[str, Any]:
    found: dict[str, Any] = {"object": {"id": story.post_id}, "can_reply_privately": True}
    if story.parent_id:
        found["parent"] = _brief(facebook, story.parent_id)
    if story.pictures:
        found["attachment"] = _picture(facebook, story.pictures[0])
    return found


def _attachments(facebook: FacebookWorld, story: Story) -> list[dict[str, Any]]:
    pictures = [_picture(facebook, one) for one in story.pictures]
    found = []
    if len(pictures) > 1:
        found.append({"media_type": "album", "type": "album", "subattachments": {"data": pictures}})
    else:
        found.extend(pictures)
    if story.shares:
        found.append(_share(facebook, story.shares))
    return found


def _picture(facebook: FacebookWorld, picture: Picture) -> dict[str, Any]:
    address = picture.url or f"{facebook.public_url}/photos/{picture.id}.jpg"
    still = {"image": {"height": 1, "width": 1, "src": address}}
    if picture.kind == "video":
        media: dict[str, Any] = {**still, "source": f"{facebook.public_url}/photos/{picture.id}.mp4"}
        return {"media_type": "video", "type": "video_inline", "media": media, "target": {"id": picture.id}}
    return {
        "media_type": "photo",
        "type": "photo",
        "media": still,
        "target": {"id": picture.id},
        "url": address,
    }


def _share(facebook: FacebookWorld, shared_id: str) -> dict[str, Any]:
    address = f"https://www.facebook.com/{shared_id}"
    shown: dict[str, Any] = {"type": "share", "url": address, "target": {"id": shared_id, "url": address}}
    try:
        shared = facebook.visible(shared_id)
    except NoSuchStory:
        return shown
    return shown | {"title": facebook.name_of(shared.author_id), "description": shared.text}


def _brief(facebook: FacebookWorld, object_id: str) -> dict[str, Any]:
    story = facebook.stories[object_id]
    brief: dict[str, Any] = {
        "id": story.id,
        "created_time": graph_time(story.created_at),
        "message": story.text,
    }
    if not story.hide_author:
        brief["from"] = _account(facebook, story.author_id)
    return brief


def _account(facebook: FacebookWorld, author_id: str) -> dict[str, str]:
    return {"id": author_id, "name": facebook.name_of(author_id)}


def _tag(facebook: FacebookWorld, page_id: str, text: str) -> dict[str, Any]:
    name = facebook.pages[page_id].name
    at = text.find(name)
    return {
        "id": page_id,
        "name": name,
        "type": "page",
        "offset": max(at, 0),
        "length": len(name) if at >= 0 else 0,
    }


def _top_level(fields: str) -> set[str]:
    while True:
        bare = re.sub(r"(\.\w+\([^()]*\))|(\{[^{}]*\})", "", fields)
        if bare == fields:
            return {one.strip() for one in bare.split(",") if one.strip()}
        fields = bare
