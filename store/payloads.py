"""What was heard and what will be said, as the JSON that the inbox and the outbox keep.

Owns the form of the JSON and its bounds. It must not know a platform, a table or a rule of conduct.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from store.inbound import Attachment, DeskUpdate, Heard, Inbound, Undeliverable
from store.outbound import Outgoing

MAX_PAYLOAD_BYTES: Final = 64 * 1024
LONGEST_ID: Final = 128  # of a message or thread, as store/tables.py keeps it
LONGEST_AUTHOR_ID: Final = 64
SAFE_TEXT: Final = 10_000  # characters; three bytes each in Devanagari
SAFE_QUOTE: Final = 4_000
SAFE_ATTACHMENTS: Final = 16
SAFE_URL: Final = 1_024

_SHAPES: Final[dict[str, type[Inbound] | type[DeskUpdate] | type[Undeliverable]]] = {
    "inbound": Inbound,
    "desk": DeskUpdate,
    "undeliverable": Undeliverable,
}
_TAG: Final = re.compile(r"</?[a-z][^<>]*>")
_LEADING_MENTIONS: Final = re.compile(r"^(?:\s*@\w+)+\s+")


class _Envelope(msgspec.Struct):
    type: str
    heard: msgspec.Raw


# Made while the module is loaded: msgspec 0.22 crashes the process when two threads read one type for the first time.
_READ_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_READ_HEARD: Final[dict[str, msgspec.json.Decoder[Inbound | DeskUpdate | Undeliverable]]] = {
    name: msgspec.json.Decoder(shape) for name, shape in _SHAPES.items()
}
_READ_OUTGOING: Final = msgspec.json.Decoder(Outgoing)


class PayloadUnreadable(ValueError):
    """The JSON is not what this version of SMGT writes; the message names the field, not its words."""


@dataclass(frozen=True, slots=True)
class HeardJson:
    """The JSON of one event; `cut_from` is its first size in bytes when it had to be cut."""

    text: str
    cut_from: int | None = None


def heard_to_json(heard: Heard) -> HeardJson:
    """Write an event, cut to its safe parts if it is larger than MAX_PAYLOAD_BYTES.

    Raises PayloadUnreadable if a field is of the wrong type or the event cannot be cut to size.
    """
    whole = _write(heard)
    if len(whole) <= MAX_PAYLOAD_BYTES:
        return HeardJson(whole.decode())
    cut = _write(_safe_parts(heard))
    if len(cut) > MAX_PAYLOAD_BYTES:
        raise PayloadUnreadable(f"an event of {len(whole)} bytes is too large to keep, even cut")
    return HeardJson(cut.decode(), len(whole))


def heard_from_json(text: str) -> Heard:
    """Read an event back. Raises PayloadUnreadable."""
    try:
        envelope = _READ_ENVELOPE.decode(text)
        return _READ_HEARD[envelope.type].decode(envelope.heard)
    except KeyError as error:
        raise PayloadUnreadable("an event of a type that this version does not know") from error
    except msgspec.MsgspecError as error:
        raise PayloadUnreadable(str(error)) from error


def outgoing_to_json(outgoing: Outgoing) -> str:
    """Write an outgoing message."""
    return msgspec.json.encode(outgoing).decode()


def outgoing_from_json(text: str) -> Outgoing:
    """Read an outgoing message back. Raises PayloadUnreadable."""
    try:
        return _READ_OUTGOING.decode(text)
    except msgspec.MsgspecError as error:
        raise PayloadUnreadable(str(error)) from error


def same_words(text: str) -> str:
    """The text as two copies of one post agree on it.

    Platforms put mentions in front, escape HTML, compose letters and touch blanks.
    """
    plain = unicodedata.normalize("NFC", html.unescape(text))
    return " ".join(_LEADING_MENTIONS.sub("", plain).split())


def words_mark(shown: str) -> str:
    """A short mark by which two copies of one Telegram message are known without keeping their words."""
    plain = " ".join(unicodedata.normalize("NFC", shown).split())
    return hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()[:32] if plain else ""


def shown_on_telegram(text: str) -> str:
    """What a chat shows of a text with Telegram's HTML."""
    return html.unescape(_TAG.sub("", text))


def _write(heard: Heard) -> bytes:
    name = next((name for name, shape in _SHAPES.items() if type(heard) is shape), None)
    if name is None:
        raise PayloadUnreadable(f"not an event but a {type(heard).__name__}")
    try:
        body = msgspec.json.encode(heard)
    except UnicodeEncodeError:  # half a surrogate pair, as broken emoji arrive: the rest is still readable
        body = msgspec.json.encode(_whole_characters(msgspec.to_builtins(heard)))
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise PayloadUnreadable(f"a field that cannot be written: {type(error).__name__}") from error
    try:
        read = _READ_HEARD[name].decode(body)
    except msgspec.MsgspecError as error:
        raise PayloadUnreadable(str(error)) from error
    if b"\\u0000" in body:  # PostgreSQL keeps no NUL in a text, and nobody reads one
        body = msgspec.json.encode(_without_nul(msgspec.to_builtins(read)))
        read = _READ_HEARD[name].decode(body)
    _bounded_ids(read)
    if not read.key:
        raise PayloadUnreadable("an event without a key")
    if read.occurred_at.tzinfo is None:
        raise PayloadUnreadable("occurred_at has no time zone")
    return msgspec.json.encode(_Envelope(name, msgspec.Raw(body)))


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, Mapping):
        return {key: _without_nul(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nul(one) for one in value]
    return value


def _bounded_ids(heard: Heard) -> None:
    """Ids as long as the tables keep them; a platform sends none longer, so such an event is somebody's play."""
    if not isinstance(heard, Inbound):
        return
    ids = (heard.message_id, heard.thread_id, heard.reply_to_id or "", heard.quoted.id if heard.quoted else "")
    if any(len(one) > LONGEST_ID for one in ids) or (heard.author and len(heard.author.id) > LONGEST_AUTHOR_ID):
        raise PayloadUnreadable("an id longer than any platform's")


def _whole_characters(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {key: _whole_characters(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole_characters(item) for item in value]
    return value


def _safe_parts(heard: Heard) -> Heard:
    match heard:
        case Inbound():
            quoted = heard.quoted and replace(
                heard.quoted,
                text=heard.quoted.text[:SAFE_QUOTE],
                attachments=_safe_attachments(heard.quoted.attachments),
            )
            return replace(
                heard,
                text=heard.text[:SAFE_TEXT],
                attachments=_safe_attachments(heard.attachments),
                mentioned_ids=heard.mentioned_ids[:64],
                quoted=quoted,
            )
        case DeskUpdate():
            return replace(
                heard,
                text=heard.text[:SAFE_TEXT],
                chat_title=heard.chat_title[:256],
                attachments=_safe_attachments(heard.attachments),
            )
        case Undeliverable():
            return heard


def _safe_attachments(attachments: tuple[Attachment, ...]) -> tuple[Attachment, ...]:
    kept = [one for one in attachments if len(one.url or "") <= SAFE_URL and len(one.ref or "") <= SAFE_URL]
    return tuple(kept[:SAFE_ATTACHMENTS])
