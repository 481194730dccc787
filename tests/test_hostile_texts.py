"""Hostile words, of citizens and of officers: whatever is written, what goes out is whole, short enough and harmless."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser
from typing import Any

import pytest
import sqlalchemy as sa
from officers_stage import HISAR, Office, labels, token

from store.db import reading
from store.inbound import Attachment
from store.outbound import Outgoing
from store.payloads import outgoing_from_json
from store.tables import outbox, tickets
from store.vocabulary import DeskVerb, OutgoingAct

ALLOWED = {"b", "i", "blockquote"}  # what our own templates use of Telegram's HTML
BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
WORDS = "pump theek kar diya gaya"
HOSTILE = {
    "html": f"<b>bold</b> <a href='https://evil.example'>{WORDS}</a> <script>alert(1)</script>",
    "unclosed": f"</blockquote></b><tg-spoiler>{WORDS} <<<>>> &lt;b&gt; &#x202e;",
    "bidi": f"\u202e{WORDS}\u2066 \u200fulta\u061c",
    "control": f"{WORDS}\x00\x07\x1b[31m\u2028\u2029 laal",
    "emoji": "👩\u200d👩\u200d👧\u200d👦🇮🇳🏽" * 20 + WORDS,
    "long": (WORDS + " ") * 80,
    "one word": "अ" * 1900,
    "combining": "ज़" + "\u0301" * 500 + WORDS,
    "template": f"{{{{ number }}}} {{% raw %}} ${{number}} %s {WORDS}",
    "mentions": f"@cmohry @everyone #tag {WORDS} https://evil.example t.me/evil",
    "numbers": f"{WORDS}, call 98120 12345, aadhaar 2345 6789 0124",
}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        assert tag in ALLOWED, tag
        assert not attrs
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check(message: Outgoing) -> None:
    """The message can be sent and cannot mislead."""
    if message.act is OutgoingAct.ANSWER_PRESS:
        assert len(message.text) <= 200
        return
    assert not BIDI & set(message.text)
    assert not [one for one in message.text if unicodedata.category(one) == "Cc" and one != "\n"]
    if message.act is OutgoingAct.REPLY:
        assert "evil.example" not in message.text
        assert "98120" not in message.text
        return
    tags = Tags()
    tags.feed(message.text)
    tags.close()
    assert not tags.open
    assert len(re.sub(r"<[^>]+>", "", message.text)) <= 4096
    assert "98120" not in message.text


@pytest.fixture
def office(sqlite_engine: sa.Engine) -> Office:
    office = Office(sqlite_engine)
    office.complain("Hisar")
    return office


def everything(office: Office) -> list[Outgoing]:
    with reading(office.engine) as conn:
        return [outgoing_from_json(one) for one in conn.scalars(sa.select(outbox.c.payload)) if one]


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_citizens_words(sqlite_engine: sa.Engine, words: str) -> None:
    office = Office(sqlite_engine)
    office.complain("Hisar", words=f"me 3 din se pani nahi aa raha {words}")
    for message in everything(office):
        check(message)
    with reading(office.engine) as conn:
        is_ticket = conn.execute(sa.select(sa.func.count()).select_from(tickets)).scalar_one()
    if is_ticket:
        office.say("c1", f"jaldi karo {words}")
    for message in everything(office):
        check(message)


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE.keys())
def test_an_officers_report(office: Office, words: str) -> None:
    answers = office.reply("Nodal Hisar", HISAR, office.notice(), words)
    for message in answers:
        check(message)
    if "Send" in labels(answers[0]):
        office.press("Nodal Hisar", HISAR, token(answers[0], "Send"))
    for message in everything(office):
        check(message)


@pytest.mark.parametrize("words", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_note_a_question_and_a_plan(office: Office, words: str) -> None:
    choices, _ = office.press("Nodal Hisar", HISAR, token(office.notice(), "More..."))
    for label in ("Note", "Plan for a day"):
        prompt, _ = office.press("Nodal Hisar", HISAR, token(choices, label))
        for message in office.reply("Nodal Hisar", HISAR, prompt, f"15 December {words}"):
            check(message)
    prompt, _ = office.press("Nodal Hisar", HISAR, token(office.notice(), "Ask citizen"))
    for message in (*office.reply("Nodal Hisar", HISAR, prompt, words), *everything(office)):
        check(message)


# -- what is no report ---------------------------------------------------------------------------------------------------


def row(office: Office) -> Any:
    with reading(office.engine) as conn:
        return conn.execute(sa.select(tickets)).one()


@pytest.mark.parametrize(
    ("text", "kind"),
    [("", "sticker"), ("", "voice"), ("", "video"), ("   ", None), ("", None), ("x" * 4096, None), ("done", "video")],
)
def test_what_is_no_report_is_refused_in_one_sentence(office: Office, text: str, kind: str | None) -> None:
    before, to = row(office), office._deliver(office.notice())
    attachments = (Attachment(kind, ref="a-1"),) if kind else ()
    update = office._update(
        "Nodal Hisar", HISAR, DeskVerb.WROTE, text=text, message_id="777", reply_to_id=to, attachments=attachments
    )
    (answer,) = office._answers(update)
    check(answer)
    assert len(answer.text) <= 200
    assert row(office) == before
    (again,) = office._answers(update_again(office, to, text, attachments))
    assert again.text == answer.text


def update_again(office: Office, to: str, text: str, attachments: tuple[Attachment, ...]) -> Any:
    return office._update(
        "Nodal Hisar", HISAR, DeskVerb.WROTE, text=text, message_id="778", reply_to_id=to, attachments=attachments
    )


def test_an_edit_of_a_report_changes_nothing_and_says_so(office: Office) -> None:
    to = office._deliver(office.notice())
    report = {"message_id": "777", "reply_to_id": to}
    preview, *_ = office._answers(
        office._update("Nodal Hisar", HISAR, DeskVerb.WROTE, text="Repaired today.", **report)
    )
    edit = office._update("Nodal Hisar", HISAR, DeskVerb.EDITED, text="Not repaired.", **report)
    (answer,) = office._answers(edit)
    assert answer.text.startswith("It was sent already")
    office.press("Nodal Hisar", HISAR, token(preview, "Send"))
    assert row(office).last_owner_words == "Repaired today."


def test_a_reply_to_a_message_that_is_gone_is_left_alone(office: Office) -> None:
    before = row(office)
    update = office._update(
        "Nodal Hisar", HISAR, DeskVerb.WROTE, text="Repaired.", message_id="777", reply_to_id="9999"
    )
    assert office._answers(update) == []
    assert row(office) == before
