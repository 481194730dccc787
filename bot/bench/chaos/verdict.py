"""The checker: compares what the platforms show with what the database says, and counts what is lost or doubled.

It shares no code with SMGT: only plain data, SQL and the standard library. It must never import anything of ours, or a
fault of the product could hide itself here.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

Query = Callable[[str], Iterable[tuple[Any, ...]]]
"""Runs one SELECT and gives its rows."""

NUMBER = re.compile(r"HRY\d\d-\d{6}-\d")


@dataclass(frozen=True, slots=True)
class Complaint:
    """A post of a citizen that must have exactly one ticket."""

    platform: str
    id: str


@dataclass(frozen=True, slots=True)
class Written:
    """Anything that people wrote or pressed: it must have been heard. `id`: of the post, the comment, the update."""

    platform: str
    id: str


@dataclass(frozen=True, slots=True)
class Shown:
    """Something of ours on a platform, in the order in which it appeared there.

    `thread`: the post under which it stands, or the chat. `text`: as given by the API. `marked`: it says that it is a
    repeat, or came without a sound.
    """

    platform: str
    id: str
    thread: str
    text: str
    marked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the platforms hold; `refused_twins`: how often they refused a text that we had posted already."""

    complaints: tuple[Complaint, ...]
    written: tuple[Written, ...]
    shown: tuple[Shown, ...]
    refused_twins: int = 0


@dataclass(slots=True)
class Verdict:
    """What was found; `findings` names each by its ids, for a person who looks closer."""

    lost: int = 0
    doubled_tickets: int = 0
    doubled_replies: int = 0
    doubled_notices: int = 0
    marked_repeats: int = 0
    out_of_order: int = 0
    unknown_left: int = 0
    unsent_left: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def is_doubled(self) -> bool:
        """Something stands twice or in the wrong order: no time heals that."""
        return bool(self.doubled_tickets or self.doubled_replies or self.doubled_notices or self.out_of_order)

    @property
    def is_clean(self) -> bool:
        """Nothing lost, nothing doubled, nothing left over."""
        return not (self.is_doubled or self.lost or self.unknown_left or self.unsent_left)


@dataclass(frozen=True, slots=True)
class _Row:
    id: int
    platform: str
    destination: str
    template: str
    state: str
    sent_id: str
    marked: bool
    act: str
    text: str


def judge(truth: Truth, query: Query) -> Verdict:
    """Count what is lost and doubled."""
    verdict = Verdict()
    rows = list(_rows(query))
    _judge_tickets(verdict, truth, query)
    _judge_heard(verdict, truth, query)
    _judge_rows(verdict, rows)
    _judge_replies(verdict, truth, rows, query)
    _judge_notices(verdict, truth, rows)
    _judge_gathered(verdict, rows, query)
    _judge_order(verdict, truth, rows)
    for _ in range(truth.refused_twins):
        verdict.doubled_replies += 1
    if truth.refused_twins:
        verdict.findings.append(f"a platform refused {truth.refused_twins} texts that stood there already")
    return verdict


def _rows(query: Query) -> Iterable[_Row]:
    found = query(
        "SELECT o.id, c.platform, o.destination, o.template, o.state, o.sent_id, o.marked_repeat, o.payload "
        "FROM outbox o JOIN channels c ON c.id = o.channel_id ORDER BY o.id"
    )
    for row_id, platform, destination, template, state, sent_id, marked, payload in found:
        outgoing = json.loads(payload) if payload else {}
        yield _Row(
            int(row_id),
            str(platform),
            str(destination),
            str(template),
            str(state),
            str(sent_id or ""),
            bool(marked),
            str(outgoing.get("act", "")),
            str(outgoing.get("text") or ""),
        )


def _judge_tickets(verdict: Verdict, truth: Truth, query: Query) -> None:
    tickets = Counter((str(row[0]), str(row[1])) for row in query("SELECT platform, first_message_id FROM tickets"))
    for complaint in truth.complaints:
        many = tickets[complaint.platform, complaint.id]
        if many == 0:
            verdict.lost += 1
            verdict.findings.append(f"{complaint.platform} {complaint.id}: a complaint without a ticket")
        elif many > 1:
            verdict.doubled_tickets += many - 1
            verdict.findings.append(f"{complaint.platform} {complaint.id}: {many} tickets for one complaint")
    known = {(one.platform, one.id) for one in truth.complaints}
    for (platform, first), many in tickets.items():
        if (platform, first) not in known:
            verdict.doubled_tickets += many
            verdict.findings.append(f"{platform} {first}: a ticket for something that is no complaint")


def _judge_heard(verdict: Verdict, truth: Truth, query: Query) -> None:
    heard: Counter[tuple[str, str]] = Counter()
    found = query("SELECT c.platform, i.event_key, i.state, i.id FROM inbox i JOIN channels c ON c.id = i.channel_id")
    for platform, key, state, row_id in found:
        parts = str(key).split(":")
        heard[str(platform), parts[0] if platform == "x" else parts[1]] += 1
        if state != "done":
            verdict.lost += 1
            verdict.findings.append(f"inbox row {row_id} ({platform}): {state}, nobody has decided it")
    for one in truth.written:
        if not heard[one.platform, one.id]:
            verdict.lost += 1
            verdict.findings.append(f"{one.platform} {one.id}: written by somebody and never heard")


def _judge_rows(verdict: Verdict, rows: list[_Row]) -> None:
    for row in rows:
        about = f"message {row.id} ({row.platform}, {row.template}, {row.act})"
        if row.state in ("sending", "unknown"):
            verdict.unknown_left += 1
            verdict.findings.append(f"{about}: its outcome is still unknown")
        elif row.state in ("pending", "retry"):
            verdict.unsent_left += 1
            verdict.findings.append(f"{about}: it was not sent in time")
        elif row.state in ("parked", "cancelled") and row.act != "answer_press":
            verdict.lost += 1
            verdict.findings.append(f"{about}: {row.state}, nobody will read it")


def _judge_replies(verdict: Verdict, truth: Truth, rows: list[_Row], query: Query) -> None:
    shown = [one for one in truth.shown if one.platform != "telegram"]
    holders = {(row.platform, row.sent_id): row for row in rows if row.sent_id}
    numbers = {
        (str(row[0]), str(row[1])): str(row[2])
        for row in query("SELECT platform, thread_id, number FROM tickets ORDER BY id DESC")
    }
    told: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for one in shown:
        told[one.platform, one.thread][_plain(one.text)] += 1
        row = holders.get((one.platform, one.id))
        if row is None:
            verdict.doubled_replies += 1
            verdict.findings.append(f"{one.platform} {one.id}: a reply that no message of ours stands for")
        elif _plain(row.text) != _plain(one.text):
            verdict.doubled_replies += 1
            verdict.findings.append(f"{one.platform} {one.id}: message {row.id} stands for it, in other words")
        said = set(NUMBER.findall(one.text))
        if said - {numbers.get((one.platform, one.thread), "")}:
            verdict.doubled_tickets += 1
            verdict.findings.append(f"{one.platform} {one.id}: a reply with the number of another ticket")
    for complaint in truth.complaints:
        number = numbers.get((complaint.platform, complaint.id))
        if number and not any(number in text for text in told[complaint.platform, complaint.id]):
            verdict.lost += 1
            verdict.findings.append(f"{complaint.platform} {complaint.id}: no reply tells the number {number}")
    for (platform, thread), texts in told.items():
        for many in texts.values():
            if many > 1:
                verdict.doubled_replies += many - 1
                verdict.findings.append(f"{platform} thread {thread}: the same words {many} times")
    _judge_sent(verdict, rows, {(one.platform, one.id) for one in truth.shown})


def _judge_sent(verdict: Verdict, rows: list[_Row], standing: set[tuple[str, str]]) -> None:
    for row in rows:
        if row.state == "sent" and row.act in ("reply", "message") and (row.platform, row.sent_id) not in standing:
            verdict.lost += 1
            verdict.findings.append(f"message {row.id} ({row.platform}, {row.template}): sent, but it stands nowhere")


def _judge_notices(verdict: Verdict, truth: Truth, rows: list[_Row]) -> None:
    """On Telegram a message may stand twice, if the second says that it is a repeat."""
    holders = {row.sent_id: row for row in rows if row.platform == "telegram" and row.sent_id}
    by_words: dict[tuple[str, str], list[_Row]] = defaultdict(list)
    for row in rows:
        if row.platform == "telegram" and row.marked and row.sent_id:
            by_words[row.sent_id.partition(":")[0], _words_of(row.text)].append(row)
    marked = {one.id for one in truth.shown if one.platform == "telegram" and one.marked}
    for one in truth.shown:
        if one.platform != "telegram" or one.id in holders:
            continue
        repeats = [row for row in by_words[one.thread, _words_of(one.text)] if row.sent_id in marked]
        if repeats:
            verdict.marked_repeats += 1
        else:
            verdict.doubled_notices += 1
            verdict.findings.append(f"telegram {one.id}: a message that no message of ours stands for, nor repeats")


def _judge_gathered(verdict: Verdict, rows: list[_Row], query: Query) -> None:
    """What was told in a list stands there: the list was sent, and it names the ticket once."""
    by_id = {row.id: row for row in rows}
    parts = query(
        "SELECT o.id, o.gathered_into, o.state, t.number FROM outbox o JOIN tickets t ON t.id = o.ticket_id "
        "WHERE o.gathered_into IS NOT NULL ORDER BY o.id"
    )
    for part_id, list_id, state, number in parts:
        told = by_id.get(int(list_id))
        if told is None or told.state != "sent" or NUMBER.findall(told.text).count(str(number)) != 1:
            verdict.lost += 1
            verdict.findings.append(f"message {part_id} (telegram): told in the list {list_id}, which does not tell it")
        if state != "superseded":
            verdict.doubled_notices += 1
            verdict.findings.append(f"message {part_id} (telegram): {state}, although the list {list_id} tells it")


def _judge_order(verdict: Verdict, truth: Truth, rows: list[_Row]) -> None:
    """Within one destination messages stand in the order in which they were decided."""
    place = {(one.platform, one.id): at for at, one in enumerate(truth.shown)}
    last: dict[tuple[str, str], int] = {}
    for row in rows:
        at = place.get((row.platform, row.sent_id))
        if at is None or row.act not in ("reply", "message"):
            continue
        where = (row.platform, row.destination)
        if at < last.get(where, -1):
            verdict.out_of_order += 1
            verdict.findings.append(
                f"message {row.id} ({row.platform}): it overtook an earlier one to {row.destination}"
            )
        last[where] = max(at, last.get(where, -1))


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", html.unescape(text)).strip()


def _words_of(text: str) -> str:
    """A Telegram text without its markup, as the chat shows it, and without what is before the first number."""
    bare = re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", "", text))).strip()
    number = NUMBER.search(bare)
    return bare[number.start() :] if number else bare
