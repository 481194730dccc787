"""Pictures and papers of an edition in Telegram, on both databases: the real client, the emulated server, once each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.digest import fonts
from bot.digest.making import MOST_TRIES, make_due
from bot.photos import paper_loader
from bot.platforms.port import BadMessage, PhotoGone
from bot.sandbox.world import FaultKind
from handlers.digest.papers import UNMADE, Parcel, SheetUnreadable, ask_for_papers, queue_papers, sheet_of
from handlers.reach import EVERYBODY
from store import papers
from store.alarms import open_alarms
from store.db import reading, writing
from store.outbound import Outgoing, OutgoingDocument, OutgoingPhoto
from store.outbox import NewRow, add
from store.papers import Due, NewPaper
from store.tables import edition_forms
from store.tables import papers as paper_rows
from store.vocabulary import DeliveryState, Language, OutgoingAct
from tests.digest_sheets import sheet
from tests.stage_delivery import PATIENT, Stand, stand
from tests.telegram_stage import TelegramStage, telegram_stage

STEP = "digest:daily:2026-11-27"
PICTURE = b"\x89PNG 1"


@dataclass
class Chat:
    """The CMO's chat on the emulated Telegram, and our sender to it."""

    stage: TelegramStage
    stand: Stand

    @property
    def engine(self) -> sa.Engine:
        return self.stand.engine

    def due(self, **more: Any) -> Due:
        asked = {"channel_id": self.stand.channel.id, "chat_id": str(self.stage.desk), "topic_id": None, "sheet": "{}"}
        return Due(**({"step_id": STEP} | asked | more))

    def queue(self, *parcels: Parcel) -> int:
        with writing(self.engine) as conn:
            return queue_papers(conn, self.due(), sheet(Language.EN), parcels, self.stand.clock.now(), EVERYBODY)

    def edition(self) -> None:
        """The message of an edition, and the wish for its papers."""
        message = NewRow(
            channel_id=self.stand.channel.id,
            step_id=STEP,
            recipient=str(self.stage.desk),
            destination=f"{self.stage.desk}:digest",
            template="daily",
            outgoing=Outgoing(act=OutgoingAct.MESSAGE, text="<b>Digest</b>", thread_id=str(self.stage.desk)),
        )
        with writing(self.engine) as conn:
            add(conn, [message], self.stand.clock.now())
            ask_for_papers(conn, message, sheet(Language.EN), self.stand.clock.now())
            ask_for_papers(conn, message, sheet(Language.HI), self.stand.clock.now())  # the first stands

    def make(self) -> int:
        return make_due(self.engine, self.stand.clock.now, EVERYBODY)

    def shown(self) -> list[dict[str, Any]]:
        return self.stage.telegram.messages(self.stage.desk)


@pytest.fixture
async def chat(engine: sa.Engine) -> AsyncIterator[Chat]:
    async with telegram_stage(load_paper=paper_loader(engine)) as stage:
        ready = Chat(stage, stand(engine, stage.world.clock, stage.port, policy=PATIENT))
        yield ready
        await ready.stand.delivery.release()


def parcel(code: str, *contents: bytes, is_album: bool = False) -> Parcel:
    suffix = "png" if is_album else code
    files = tuple(NewPaper(f"day-{at}.{suffix}", f"a/{suffix}", one) for at, one in enumerate(contents))
    return Parcel(code, files, is_album)


async def test_an_edition_goes_out_with_everything_in_order_and_once(chat: Chat) -> None:
    chat.edition()
    assert [chat.make(), chat.make()] == [3, 0]
    await chat.stand.settle()
    shown = chat.shown()
    assert [(one["text"], bool(one["photo"]), one["document"] and one["document"]["name"]) for one in shown] == [
        ("Digest", False, None),
        ("Citizens' complaints, Friday 27 November 2026", True, None),
        ("", True, None),
        ("", True, None),
        ("", True, None),
        ("Citizens' complaints, Friday 27 November 2026", False, "smgt-2026-11-27-day-cmo-en.pdf"),
        ("Citizens' complaints, Friday 27 November 2026", False, "smgt-2026-11-27-day-cmo-en.xlsx"),
    ]
    assert len({one["album"] for one in shown[1:5]}) == 1
    assert [one["silent"] for one in shown] == [False, *(True,) * 6]
    with reading(chat.engine) as conn:
        kept = conn.execute(sa.select(paper_rows.c.name, paper_rows.c.content).order_by(paper_rows.c.id)).all()
        assert open_alarms(conn) == []
    pdf = next(row.content for row in kept if row.name.endswith(".pdf"))
    assert await chat.stage.port.fetch(shown[5]["document"]["file_id"]) == pdf


async def test_a_refused_document_stops_no_other(chat: Chat) -> None:
    chat.queue(parcel("charts", PICTURE, is_album=True), parcel("pdf", b"%PDF"), parcel("xlsx", b"PK"))
    chat.stage.fails("sendDocument", FaultKind.PERMANENT, times=1)
    await chat.stand.settle()
    assert [(bool(one["photo"]), one["document"] and one["document"]["name"]) for one in chat.shown()] == [
        (True, None),
        (False, "day-0.xlsx"),
    ]
    assert [chat.stand.state(row) for row in (1, 2, 3)] == [
        DeliveryState.SENT,
        DeliveryState.PARKED,
        DeliveryState.SENT,
    ]


async def test_a_document_that_must_wait_is_tried_again_with_the_same_bytes_and_holds_the_next(chat: Chat) -> None:
    chat.queue(parcel("pdf", b"%PDF"), parcel("xlsx", b"PK"))
    chat.stage.fails("sendDocument", FaultKind.RATE_LIMITED, times=1)
    await chat.stand.settle()
    names = [one["document"]["name"] for one in chat.shown()]
    assert names == ["day-0.pdf", "day-0.xlsx"]
    assert await chat.stage.port.fetch(chat.shown()[0]["document"]["file_id"]) == b"%PDF"


async def test_what_was_let_go_of_is_set_aside(chat: Chat) -> None:
    chat.queue(parcel("pdf", b"%PDF"), parcel("xlsx", b"PK"))
    with writing(chat.engine) as conn:
        conn.execute(paper_rows.update().where(paper_rows.c.id == 1).values(content=None))
    await chat.stand.settle()
    assert [one["document"]["name"] for one in chat.shown()] == ["day-0.xlsx"]
    assert chat.stand.row(1).error_code == "paper:gone"


async def test_papers_are_let_go_of_once_sent_and_old(chat: Chat) -> None:
    chat.queue(parcel("pdf", b"%PDF"))
    later = chat.stand.clock.now() + timedelta(days=31)

    def purged() -> int:
        with writing(chat.engine) as conn:
            return papers.purge(conn, later)

    assert purged() == 0, "it may still be sent"
    await chat.stand.settle()
    with writing(chat.engine) as conn:
        assert papers.purge(conn, chat.stand.clock.now() - timedelta(days=30)) == 0
    assert [purged(), purged()] == [1, 0]
    with pytest.raises(PhotoGone):
        paper_loader(chat.engine)(1)


async def test_a_document_and_a_picture_have_telegrams_own_bounds(chat: Chat) -> None:
    large = b"x" * (10 * 1024 * 1024 + 1)
    chat.queue(parcel("charts", large, is_album=True), parcel("pdf", large))
    with pytest.raises(BadMessage) as refused:
        await chat.stage.port.send(chat.stage.message(photo=OutgoingPhoto(paper_id=1)))
    assert refused.value.code == "telegram:too_large"
    await chat.stage.port.send(chat.stage.message("", document=OutgoingDocument(2, "large.pdf")))
    assert chat.shown()[-1]["document"] | {"file_id": ""} == {"file_id": "", "name": "large.pdf", "size": len(large)}
    with writing(chat.engine) as conn:
        papers.keep(conn, "s", [NewPaper("huge", "a/b", b"x" * (50 * 1024 * 1024 + 1))], chat.stand.clock.now())
    with pytest.raises(BadMessage) as refused:
        await chat.stage.port.send(chat.stage.message("", document=OutgoingDocument(3, "huge")))
    assert refused.value.code == "telegram:too_large"
    with pytest.raises(BadMessage) as refused:
        await chat.stage.port.send(chat.stage.message("x" * 1025, document=OutgoingDocument(2, "x")))
    assert refused.value.code == "telegram:too_long"


async def test_a_sender_without_a_store_says_so() -> None:
    async with telegram_stage() as stage:
        with pytest.raises(BadMessage, match="file that cannot be loaded"):
            await stage.port.send(stage.message("", document=OutgoingDocument(1, "a.pdf")))


async def test_what_could_not_be_made_follows_later(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    chat.edition()
    with monkeypatch.context() as broken:
        broken.setattr(fonts, "FAMILIES", {"x": ("fontpkg_gone", "fontpkg-gone", "x.ttf")})
        assert chat.make() == 1, "the spreadsheet needs no letters"
        assert chat.make() == 0, "it is not yet time"
        with reading(chat.engine) as conn:
            [alarm] = open_alarms(conn)
        assert (alarm.code, alarm.subject) == (UNMADE, STEP)
        assert "The letters of fontpkg-gone are missing" in alarm.sentence
    chat.stand.clock.advance(timedelta(minutes=3))
    assert chat.make() == 2
    await chat.stand.settle()
    assert [one["document"]["name"][-4:] for one in chat.shown() if one["document"]] == ["xlsx", ".pdf"]
    with reading(chat.engine) as conn:
        assert open_alarms(conn) == []


async def test_what_can_never_be_made_is_given_up(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    chat.edition()
    monkeypatch.setattr(fonts, "FAMILIES", {"x": ("fontpkg_gone", "fontpkg-gone", "x.ttf")})
    made = []
    for _ in range(MOST_TRIES + 2):
        made.append(chat.make())
        chat.stand.clock.advance(timedelta(hours=1))
    assert made == [1, *(0,) * (MOST_TRIES + 1)]
    with reading(chat.engine) as conn:
        row = conn.execute(sa.select(edition_forms)).one()
        assert (row.tries, row.next_try_at) == (MOST_TRIES, None)
        assert len(open_alarms(conn)) == 1


async def test_a_sheet_of_another_version_is_told_and_left(chat: Chat) -> None:
    with writing(chat.engine) as conn:
        papers.ask_for(conn, chat.due(sheet='{"stem": 7}'), chat.stand.clock.now())
    assert [chat.make(), chat.make()] == [0, 0]
    with reading(chat.engine) as conn:
        assert "was kept by another version of SMGT" in open_alarms(conn)[0].sentence
    with pytest.raises(SheetUnreadable):
        sheet_of(chat.due())


async def test_of_two_makers_one_queues(chat: Chat) -> None:
    chat.edition()
    with reading(chat.engine) as conn:
        due = papers.due(conn, chat.stand.clock.now())
    assert due is not None
    assert sheet_of(due) == sheet(Language.EN)
    with writing(chat.engine) as conn:
        assert papers.tried(conn, due, next_try_at=None, error=None)
        assert not papers.tried(conn, due, next_try_at=None, error=None)
