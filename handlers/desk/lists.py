"""Lists that officers ask for in Telegram: what waits, what is late, what is mine, what was said of a place; figures.

Owns whose tickets a list shows, its pages, and the few words that ask for it. It reads the tables and writes nothing; a
list shows numbers, matters and places, never a citizen's words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa

from handlers.desk.snapshot import Snapshot
from handlers.desk.steps import Origin, Outcome, Step
from handlers.desk.telling import refuse, toast_code
from handlers.effects import Act, Decision, Effect, How, Press, Tell
from handlers.facts import Facts, ListedTicket
from handlers.routing import may_see
from handlers.understanding import mask, read_answer
from handlers.understanding.meaning import Asked
from handlers.understanding.taxonomy import taxonomy
from store import lists
from store.inbound import DeskUpdate
from store.inbox import InboxRow
from store.lists import Listed, Needle, Tally
from store.people import Directory, Post
from store.seating import is_beneath
from store.vocabulary import DeskVerb, Language, Role, Sensitivity

PAGE: Final = 10  # tickets to a page: a screen of a small phone, and ten buttons
COMMANDS: Final = {
    "/pending": "pending",
    "/late": "late",
    "/mine": "mine",
    "/find": "find",
    "/stats": "stats",
    "/reopened": "reopened",
}
REOPENED_OFTEN: Final = 2  # that many times the citizen said no
READS_REOPENED: Final = frozenset({Role.CMO_DESK, Role.CMO_VIEWER, Role.DEPARTMENT_HEAD})
FOUND_SINCE: Final = timedelta(days=400)
MOST_FOUND: Final = 100
SHORTEST_WORD: Final = 3
LONGEST_SEARCH: Final = 60  # characters: it must fit into a button's argument
STATS_SINCE: Final = timedelta(days=30)
CMO_ROLES: Final = frozenset({Role.CMO_DESK, Role.CMO_VIEWER})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What list is asked for: `what` is pending, late, mine or find; `at` the first line of the page."""

    what: str
    at: int = 0
    words: str = ""

    def turned(self, at: int) -> str:
        """The argument of the button that turns to the page beginning at `at`."""
        return f"{'next' if at > self.at else 'back'}|{self.what}|{at}|{self.words}"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose tickets may be listed: those of these chairs; `unplaced` ones that wait for the CMO desk; `all_of_them`.

    Of the chairs in `ordinary_of` only tickets that are neither restricted nor sensitive.
    `sent`: chairs that may have been sent to a ticket or asked to help with it.
    """

    owners: frozenset[str]
    sent: frozenset[str] = frozenset()
    unplaced: bool = False
    all_of_them: bool = False
    ordinary_of: frozenset[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        return not (self.owners or self.unplaced or self.all_of_them or self.ordinary_of)


def decide_list(conn: sa.Connection, snapshot: Snapshot, row: InboxRow, update: DeskUpdate) -> Outcome | None:
    """Answer an update that asks for a list or another page of one; None when it asks for neither."""
    origin = Origin(key=f"in:{row.id}", actor="officer", inbox_id=row.id, channel_id=row.channel_id, update=update)
    if update.verb is DeskVerb.PRESSED:
        button = snapshot.buttons.get(update.press_data or "")
        if button is None or button["act"] != Act.PAGE:
            return None
        _, what, at, words = button["argument"].split("|", 3)
        return _answer(conn, snapshot, origin, update, Wanted(what, int(at), words), edit_of=button["cycle"])
    if update.verb is not DeskVerb.WROTE or not update.text.startswith("/"):
        return None
    command, _, words = update.text.partition(" ")
    what = COMMANDS.get(command.split("@")[0].lower())
    if what is None:
        return None
    return _answer(conn, snapshot, origin, update, Wanted(what, 0, " ".join(words.split())))


def _answer(
    conn: sa.Connection, snapshot: Snapshot, origin: Origin, update: DeskUpdate, wanted: Wanted, edit_of: str = ""
) -> Outcome:
    directory = snapshot.ground.directory
    posts = list(directory.posts_of(update.author.id)) if update.author and not update.anonymous else []
    if not posts:
        return _refused(origin, "anonymous" if update.anonymous or update.author is None else "not_linked")
    if wanted.what == "reopened" and not any(post.role in READS_REOPENED for post in posts):
        return _refused(origin, "for_heads")
    scope = scope_of(posts, directory, update, mine=wanted.what == "mine")
    if scope.is_empty:
        return _refused(origin, "not_here")
    if wanted.what == "stats":
        return _listed(origin, (_stats(conn, scope, snapshot.now),), "answered:stats")
    if wanted.what == "find" and (wrong := _wrong_search(wanted.words)) is not None:
        return _refused(origin, wrong)
    rows = _rows(conn, scope, wanted, snapshot.now)
    seen = [row for row in rows if any(may_see(row, post, directory) for post in posts)]
    return _listed(
        origin, _page(wanted, seen, snapshot.now, edit_of, in_group=update.chat_kind != "private"), "answered:list"
    )


# -- whose tickets -------------------------------------------------------------------------------------------------------


def scope_of(posts: Sequence[Post], directory: Directory, update: DeskUpdate, *, mine: bool = False) -> Scope:
    """In a group the chairs that read there, in a private chat one's own and those beneath; only as far as one may see."""
    own = {post.code for post in posts}
    of_cmo = any(post.role in CMO_ROLES for post in posts)
    of_district = [post for post in posts if post.role is Role.DISTRICT_NODAL]
    reach = own if mine else own | _beneath(directory, [post for post in posts if post not in of_district])
    ordinary = set() if mine else _beneath(directory, of_district) - reach
    if update.chat_kind == "private":
        unplaced = any(post.role is Role.CMO_DESK for post in posts)
        sent = frozenset(post.code for post in posts if not post.is_of_cmo)
        return Scope(frozenset(reach), sent, unplaced, all_of_them=of_cmo, ordinary_of=frozenset(ordinary))
    here = {post.code: post for post in directory.posts.values() if _reads_here(post, directory, update)}
    reach = set(here) & (own if mine else set(here) if of_cmo else reach)
    at_the_cmo = of_cmo and any(post.role is Role.CMO_DESK for post in here.values())
    sent = frozenset(code for code in set(here) & own if not here[code].is_of_cmo)
    return Scope(frozenset(reach), sent, at_the_cmo, at_the_cmo, ordinary_of=frozenset(set(here) & ordinary - reach))


def _beneath(directory: Directory, heads: Sequence[Post]) -> set[str]:
    return {
        other.code
        for other in directory.posts.values()
        if any(is_beneath(other, post) and post.role in directory.ladder(other.department) for post in heads)
    }


def _reads_here(post: Post, directory: Directory, update: DeskUpdate) -> bool:
    desk = directory.desks.get(post.desk or "")
    if desk is None or desk.chat_id != update.chat_id:
        return False
    return desk.topic_id is None or desk.topic_id == update.topic_id


# -- their lines ---------------------------------------------------------------------------------------------------------


def _rows(conn: sa.Connection, scope: Scope, wanted: Wanted, now: datetime) -> list[Listed]:
    if wanted.what == "find":
        owners = None if scope.all_of_them else scope.owners | scope.ordinary_of
        needles = [_needle(word) for word in wanted.words.split()]
        return lists.containing(conn, needles, now - FOUND_SINCE, MOST_FOUND, owners)
    if wanted.what == "reopened":
        owners = None if scope.all_of_them else scope.owners | scope.ordinary_of
        return lists.reopened(conn, REOPENED_OFTEN, owners)
    return waiting_rows(conn, scope, wanted, now)


def waiting_rows(conn: sa.Connection, scope: Scope, wanted: Wanted, now: datetime) -> list[Listed]:
    """What waits in this scope, in the order of a list."""
    unplaced = scope.unplaced and wanted.what != "mine"
    rows = lists.waiting(conn, scope.owners, unplaced=unplaced, ordinary_of=scope.ordinary_of, sent=scope.sent)
    return [row for row in rows if _is_late(row, now)] if wanted.what == "late" else rows


def _is_late(row: Listed, now: datetime) -> bool:
    return row.due_at is not None and row.paused_at is None and row.due_at < now


def _wrong_search(words: str) -> str | None:
    """Why these words cannot be searched for; personal data is never searched for, whoever asks."""
    if not words or any(len(word) < SHORTEST_WORD for word in words.split()):
        return "find_what"
    if len(words) > LONGEST_SEARCH or "|" in words:
        return "find_shorter"
    return "find_personal" if mask(words) != words else None


def _needle(word: str) -> Needle:
    """The word itself, and the matters and the district that bear it as their name in one of our languages."""
    asked, meant = word.casefold(), read_answer(word, asked=Asked.BOTH)
    named = {
        code
        for code, one in taxonomy().categories.items()
        if any(asked in one.name(language).casefold() for language in Language)
    }
    categories = named | set(meant.category_choices) | ({meant.category} if meant.category else set())
    return Needle(word, categories, {meant.district} if meant.district else ())


def _page(wanted: Wanted, rows: Sequence[Listed], now: datetime, edit_of: str, *, in_group: bool) -> tuple[Effect, ...]:
    facts, presses = page_of(wanted, rows, now, in_group=in_group)
    how = How.EDIT if edit_of else How.REPLY
    tell = Tell(template="ticket_list", facts=facts, how=how, step="list", presses=presses, edit_of=edit_of)
    toast = Tell(template="toast", facts=Facts(why="shown"), how=How.TOAST)
    return (tell, toast) if edit_of else (tell,)


def page_of(
    wanted: Wanted, rows: Sequence[Listed], now: datetime, *, in_group: bool
) -> tuple[Facts, tuple[tuple[Press, ...], ...]]:
    """The wanted page of these rows, or their last one, and its buttons; a group reads no sensitive ticket."""
    readable = [row for row in rows if not (in_group and row.sensitivity is Sensitivity.SENSITIVE)]
    shown = folded(readable)
    wanted = replace(wanted, at=min(wanted.at, max(0, (len(shown) - 1) // PAGE * PAGE)))
    page = shown[wanted.at : wanted.at + PAGE]
    facts = Facts(
        why=wanted.what,
        listed=tuple(line_of(row, now, others) for row, others in page),
        listed_before=wanted.at,
        total=len(shown),
        late_count=sum(_is_late(row, now) for row, _ in shown) if wanted.what != "find" else 0,
        hidden_count=len(rows) - len(readable),
    )
    return facts, presses_of(wanted, [row for row, _ in page], len(shown))


def folded(rows: Sequence[Listed]) -> list[tuple[Listed, int]]:
    """Tickets of one incident as one line, that of the oldest, and how many more it stands for."""
    of: dict[int, list[Listed]] = {}
    for row in rows:
        of.setdefault(row.id if row.incident_id is None else -row.incident_id, []).append(row)
    return [(min(same, key=lambda row: row.id), len(same) - 1) for same in of.values()]


def line_of(row: Listed, now: datetime, others: int = 0) -> ListedTicket:
    """The ticket as a line shows it; a sensitive one by its number alone."""
    counted = row.due_at is not None and row.paused_at is None
    sensitive = row.sensitivity is Sensitivity.SENSITIVE
    return ListedTicket(
        number=row.number,
        status=row.status,
        category=None if sensitive else row.category,
        district=None if sensitive else row.district,
        locality=None if sensitive else row.locality,
        opened_at=row.opened_at,
        hours_left=(row.due_at - now).total_seconds() / 3600 if counted and row.due_at is not None else None,
        paused=row.paused_at is not None,
        urgent=row.urgent,
        reopen_count=row.reopen_count,
        others=others,
    )


def presses_of(wanted: Wanted, page: Sequence[Listed], total: int) -> tuple[tuple[Press, ...], ...]:
    """A button for each ticket of the page, two to a row, and those that turn it."""
    turns = [at for at in (wanted.at - PAGE, wanted.at + PAGE) if 0 <= at < total]
    return (*presses_of_tickets(page), *_paired(Press(act=Act.PAGE, argument=wanted.turned(at)) for at in turns))


def presses_of_tickets(rows: Iterable[Listed]) -> tuple[tuple[Press, ...], ...]:
    """A button for each ticket, two to a row."""
    return _paired(Press(act=Act.SHOW, argument=row.number, ticket_id=row.id) for row in rows)


def _paired(presses: Iterable[Press]) -> tuple[tuple[Press, ...], ...]:
    all_of_them = tuple(presses)
    return tuple(all_of_them[at : at + 2] for at in range(0, len(all_of_them), 2))


def _stats(conn: sa.Connection, scope: Scope, now: datetime) -> Tell:
    found: Tally = lists.tally(
        conn, scope.owners, now - STATS_SINCE, now, unplaced=scope.unplaced, ordinary_of=scope.ordinary_of
    )
    counts = tuple((name, int(getattr(found, name))) for name in Tally.__slots__)
    return Tell(template="desk_stats", facts=Facts(counts=counts), how=How.REPLY, step="stats")


def _listed(origin: Origin, effects: tuple[Effect, ...], result: str) -> Outcome:
    return Outcome(result, (Step(origin, None, Decision(case=None, effects=effects, result=result)),))


def _refused(origin: Origin, why: str) -> Outcome:
    pressed = origin.update is not None and origin.update.press_id is not None
    return toast_code(origin, why) if pressed else refuse(origin, why)
