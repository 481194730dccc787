"""Every table, with the constraints that make wrong states impossible.

Owns the shape of what is remembered. Personal text lives only in inbox.payload, transcript.text, outbox.payload,
drafts.text, remarks.text and remark_answers.text, each keyed to an account or an officer; events hold ids and codes. It
must not know any rule of conduct.
"""

from __future__ import annotations

import sqlalchemy as sa

from store.columns import BigId, count, fact, moment, word
from store.vocabulary import (
    Awaiting,
    CheckResult,
    DeliveryState,
    InboxState,
    Language,
    Outcome,
    Platform,
    Register,
    Role,
    Sensitivity,
    Status,
    Teller,
)

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# -- channels: our official accounts; cursors, lanes, inbox and outbox hang on them ------------------------------------

channels = sa.Table(
    "channels",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    word("platform", Platform),
    sa.Column("account_id", sa.String(64), nullable=False, server_default=""),
    sa.Column("handle", sa.String(128), nullable=False, server_default=""),
    moment("stopped_at", nullable=True),  # credentials refused: nothing is sent or read until a person renews them
    sa.Column("stopped_why", sa.String(256)),
    moment("rewound_to_at", nullable=True),  # put back to this moment by a restore: it only reads until that is made up
)

cursors = sa.Table(
    "cursors",
    metadata,
    sa.Column("channel_id", sa.ForeignKey("channels.id"), primary_key=True),
    sa.Column("name", sa.String(128), primary_key=True),
    sa.Column("value", sa.Text(), nullable=False),
)

lanes = sa.Table(
    "lanes",
    metadata,
    sa.Column("channel_id", sa.ForeignKey("channels.id"), primary_key=True),
    sa.Column("epoch", sa.Integer(), nullable=False, server_default="0"),
)

gaps = sa.Table(
    "gaps",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("channel_id", sa.ForeignKey("channels.id"), nullable=False),
    moment("since_at"),
    moment("until_at"),
    sa.Column("why", sa.String(256), nullable=False),
    moment("settled_at", nullable=True),  # a person has looked there by hand
    sa.Column("settled_why", sa.String(64)),  # their code
)

counters = sa.Table(
    "counters",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("value", BigId, nullable=False),
)

# -- people ------------------------------------------------------------------------------------------------------------

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    word("platform", Platform),
    sa.Column("author_id", sa.String(64)),  # NULL once erased
    sa.Column("handle", sa.String(128), nullable=False, server_default=""),
    sa.Column("name", sa.String(256), nullable=False, server_default=""),
    word("language", Language, nullable=True),
    sa.Column("secret", sa.LargeBinary(32)),  # destroyed on erasure
    moment("first_seen_at"),
    moment("stopped_at", nullable=True),  # asked us to stop
    sa.UniqueConstraint("platform", "author_id"),
)

first_accounts = sa.Table(
    "first_accounts",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    word("platform", Platform),
    sa.Column("handle", sa.String(128), nullable=False, server_default=""),  # small letters, without @
    sa.Column("author_id", sa.String(64), nullable=False, server_default=""),  # "" until the account was heard
    sa.Column("note", sa.String(256), nullable=False, server_default=""),  # why a person comes first
    moment("added_at"),
    sa.UniqueConstraint("platform", "handle", "author_id"),
)

# -- inbox: heard, committed before anything is decided ---------------------------------------------------------------

inbox = sa.Table(
    "inbox",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("channel_id", sa.ForeignKey("channels.id"), nullable=False),
    sa.Column("event_key", sa.String(256), nullable=False),
    sa.Column("actor_key", sa.String(160), nullable=False),  # rows of one actor are decided in order
    sa.Column("payload", sa.Text()),  # JSON of store.inbound.Heard; NULL once purged
    moment("occurred_at"),
    moment("received_at"),
    moment("not_before_at", nullable=True),  # a first part of several waits for the others
    word("state", InboxState, server_default=InboxState.PENDING.value),
    moment("decided_at", nullable=True),
    sa.Column("result", sa.String(64)),  # code: ticketed, answered, ignored:..., addition, ...
    sa.Column("ticket_id", BigId, sa.ForeignKey("tickets.id", use_alter=True)),
    count("attempts"),
    sa.Column("error", sa.String(512)),
    sa.UniqueConstraint("channel_id", "event_key"),
    sa.CheckConstraint(
        "state = 'pending' OR (decided_at IS NOT NULL AND result IS NOT NULL)", name="decided_rows_say_how"
    ),
)
sa.Index(
    "ix_inbox_waiting",
    inbox.c.actor_key,
    inbox.c.id,
    sqlite_where=inbox.c.state == "pending",
    postgresql_where=inbox.c.state == "pending",
)

sa.Index(
    "ix_inbox_parked",
    inbox.c.id,
    sqlite_where=inbox.c.state == "parked",
    postgresql_where=inbox.c.state == "parked",
)
sa.Index("ix_inbox_actor", inbox.c.actor_key, inbox.c.occurred_at)
sa.Index("ix_inbox_received", inbox.c.channel_id, inbox.c.received_at)

# -- tickets and their talk ---------------------------------------------------------------------------------------------

tickets = sa.Table(
    "tickets",
    metadata,
    sa.Column("id", BigId, primary_key=True, autoincrement=False),
    sa.Column("number", sa.String(32), nullable=False, unique=True),  # never changes
    word("platform", Platform),
    sa.Column("channel_id", sa.ForeignKey("channels.id"), nullable=False),
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id")),  # NULL: the platform hides the author
    sa.Column("thread_id", sa.String(128), nullable=False),
    sa.Column("first_message_id", sa.String(128), nullable=False),
    word("language", Language),
    word("status", Status),
    sa.Column("category", sa.String(32)),
    sa.Column("district", sa.String(64)),
    sa.Column("locality", sa.String(256)),
    sa.Column("rural", sa.Boolean()),
    sa.Column("agency", sa.String(32)),  # body that the citizen named
    sa.Column("for_whom", sa.String(16)),
    sa.Column("other_matters", sa.String(512), nullable=False, server_default=""),  # codes joined by |
    sa.Column("portal_numbers", sa.String(512), nullable=False, server_default=""),  # joined by |
    sa.Column("department", sa.String(32)),
    sa.Column("owner_post", sa.ForeignKey("posts.code")),  # NULL while assigned: nobody found, the CMO desk holds it
    word("register", Register, server_default=Register.NORMAL.value),
    word("sensitivity", Sensitivity, server_default=Sensitivity.NORMAL.value),
    fact("urgent"),
    fact("hidden_author"),
    fact("keep_name_hidden"),
    fact("person_first"),  # its account is on the list of those whom a person answers first
    sa.Column("linked_to", BigId, sa.ForeignKey("tickets.id")),
    sa.Column("incident_id", BigId, sa.ForeignKey("incidents.id")),  # the outage that others report too
    fact("stands_apart"),  # somebody said that it is not the others' matter
    moment("opened_at"),
    moment("assigned_at", nullable=True),
    moment("accepted_at", nullable=True),
    moment("disposed_at", nullable=True),
    moment("ended_at", nullable=True),
    sa.Column("rejected_by", sa.Integer()),  # the officer who did not take it up
    moment("objected_at", nullable=True),  # the citizen did not accept that
    moment("objection_settled_at", nullable=True),
    word("outcome", Outcome, nullable=True),
    moment("due_at", nullable=True),
    moment("paused_at", nullable=True),
    sa.Column("disposal", sa.String(16)),  # what the office's latest answer says, see vocabulary.Disposal
    sa.Column("last_owner_words", sa.Text()),  # the officer's latest action-taken report, masked
    count("reminded_percent"),
    count("escalation_level"),
    count("reopen_count"),
    count("disposal_count"),
    count("forward_count"),
    sa.Column("errands", sa.Text(), nullable=False, server_default=""),  # JSON of handlers.case.Errand; empty: none
    moment("planned_until_at", nullable=True),
    moment("standstill_until_at", nullable=True),
    count("planned_turn"),
    count("turn"),  # how often it was handed to an office; buttons of an earlier turn are dead
    sa.Column("claimed_by", sa.Integer()),  # the officer of the CMO desk who is working on it
    moment("claimed_until_at", nullable=True),
    moment("confirm_asked_at", nullable=True),  # the duty desk was asked whether an emergency is over
    moment("wake_at", nullable=True),  # when time passing will matter next
    sa.CheckConstraint(
        "status NOT IN ('assigned','accepted','disposed') OR (department IS NOT NULL AND due_at IS NOT NULL)",
        name="with_an_office_and_a_due_time",
    ),
    sa.CheckConstraint("status <> 'disposed' OR disposed_at IS NOT NULL", name="disposed_has_a_time"),
    sa.CheckConstraint(
        "(status IN ('closed','rejected','withdrawn','merged')) = (ended_at IS NOT NULL)",
        name="ended_has_a_time",
    ),
    sa.CheckConstraint("(status = 'closed') = (outcome IS NOT NULL)", name="closed_has_an_outcome"),
    sa.CheckConstraint("outcome IS NULL OR outcome <> 'not_satisfied'", name="never_closed_against_the_citizen"),
    sa.CheckConstraint(
        "hidden_author OR account_id IS NOT NULL OR status IN ('closed','rejected','withdrawn','merged')",
        name="somebody_complains",
    ),
    sa.CheckConstraint("reopen_count <= disposal_count + 1", name="reopened_only_after_an_end"),
)
sa.Index("ix_tickets_account", tickets.c.account_id, tickets.c.status)
sa.Index("ix_tickets_thread", tickets.c.platform, tickets.c.thread_id)
sa.Index(
    "ix_tickets_wake",
    tickets.c.wake_at,
    sqlite_where=tickets.c.wake_at.is_not(None),
    postgresql_where=tickets.c.wake_at.is_not(None),
)
sa.Index("ix_tickets_opened", tickets.c.opened_at)
sa.Index("ix_tickets_ended", tickets.c.ended_at)
sa.Index(
    "ix_tickets_standstill",
    tickets.c.standstill_until_at,
    sqlite_where=tickets.c.standstill_until_at.is_not(None),
    postgresql_where=tickets.c.standstill_until_at.is_not(None),
)
sa.Index(
    "ix_tickets_incident",
    tickets.c.incident_id,
    sqlite_where=tickets.c.incident_id.is_not(None),
    postgresql_where=tickets.c.incident_id.is_not(None),
)

incidents = sa.Table(
    "incidents",  # what one cause did to many; how it stands is what its tickets say, and nothing here
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("category", sa.String(32), nullable=False),
    sa.Column("district", sa.String(64), nullable=False),
    sa.Column("department", sa.String(32), nullable=False),
    sa.Column("owner_post", sa.ForeignKey("posts.code"), nullable=False),
    sa.Column("locality", sa.String(256)),  # as the first ticket told it
    sa.Column("numbers", sa.String(256), nullable=False, server_default=""),  # wards, sectors ... of all, joined by |
    sa.Column("names", sa.Text(), nullable=False, server_default=""),  # of places, in key space, joined by |
    sa.Column("keys", sa.Text(), nullable=False, server_default=""),  # content word keys of the first, joined by |
    sa.Column("lead_id", BigId, sa.ForeignKey("tickets.id", use_alter=True)),  # whose notice speaks for all
    moment("opened_at"),
)
sa.Index("ix_incidents_block", incidents.c.district, incidents.c.category, incidents.c.opened_at)

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("ticket_id", BigId, sa.ForeignKey("tickets.id"), primary_key=True, autoincrement=False),
    word("awaiting", Awaiting, server_default=Awaiting.NOTHING.value),
    sa.Column("asked", sa.String(32), nullable=False, server_default="nothing"),
    moment("awaiting_since_at", nullable=True),
    sa.Column("reply_to_id", sa.String(128), nullable=False),  # the citizen's latest post that names us
    sa.Column("category_choices", sa.String(256), nullable=False, server_default=""),  # joined by |
    sa.Column("district_choices", sa.String(256), nullable=False, server_default=""),
    sa.Column("keys", sa.Text(), nullable=False, server_default=""),  # content word keys, for repeats
    sa.Column("mentioned_ids", sa.Text(), nullable=False, server_default=""),  # others a reply must not mention
    count("unasked_count"),  # words of ours that answered no post
    count("misses"),
    fact("reminded"),
    fact("interim_told"),
    moment("last_heard_at"),
    sa.CheckConstraint("(awaiting = 'nothing') = (awaiting_since_at IS NULL)", name="waiting_has_a_start"),
)

transcript = sa.Table(
    "transcript",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("ticket_id", BigId, sa.ForeignKey("tickets.id")),
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id")),
    sa.Column("officer_id", sa.ForeignKey("officers.id")),
    word("platform", Platform),
    sa.Column(
        "speaker",
        sa.String(16),
        sa.CheckConstraint("speaker IN ('citizen','stranger','officer','note','human','quoted')", name="speaker_known"),
        nullable=False,
    ),
    sa.Column("message_id", sa.String(128), nullable=False),
    sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
    sa.Column("thread_id", sa.String(128), nullable=False),
    sa.Column("text", sa.Text()),  # NULL once withdrawn or erased
    sa.Column("attachments", sa.Text(), nullable=False, server_default="[]"),
    moment("occurred_at"),
    moment("withdrawn_at", nullable=True),
    sa.UniqueConstraint("platform", "message_id", "version", "speaker"),
)
sa.Index("ix_transcript_ticket", transcript.c.ticket_id)
sa.Index(
    "ix_transcript_untaken",
    transcript.c.thread_id,
    sqlite_where=transcript.c.ticket_id.is_(None),
    postgresql_where=transcript.c.ticket_id.is_(None),
)

supporters = sa.Table(
    "supporters",
    metadata,
    sa.Column("ticket_id", BigId, sa.ForeignKey("tickets.id"), primary_key=True),
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id"), primary_key=True),
    moment("since_at"),
)

labels = sa.Table(
    "labels",  # what people said a complaint is about, for learning; its words stay in the transcript alone
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("ticket_id", BigId, sa.ForeignKey("tickets.id"), nullable=False, index=True),
    word("told_by", Teller),
    sa.Column("category", sa.String(32)),
    sa.Column("district", sa.String(64)),
    sa.Column("department", sa.String(32)),
    moment("at"),
    sa.CheckConstraint(
        "category IS NOT NULL OR district IS NOT NULL OR department IS NOT NULL", name="a_label_tells_something"
    ),
)

satisfaction = sa.Table(
    "satisfaction",
    metadata,
    sa.Column("ticket_id", BigId, sa.ForeignKey("tickets.id"), primary_key=True),
    sa.Column("cycle", sa.Integer(), primary_key=True),  # the ticket's disposal_count at this ask
    sa.Column("post", sa.ForeignKey("posts.code")),  # who disposed
    sa.Column("officer_id", sa.ForeignKey("officers.id")),
    sa.Column("disposal", sa.String(16), nullable=False, server_default="done"),
    moment("disposed_at"),
    moment("answered_at", nullable=True),
    word("outcome", Outcome, nullable=True),
    sa.CheckConstraint("(outcome IS NULL) = (answered_at IS NULL)", name="an_outcome_has_a_time"),
)
sa.Index("ix_satisfaction_disposed", satisfaction.c.disposed_at)
sa.Index("ix_satisfaction_answered", satisfaction.c.answered_at, satisfaction.c.outcome, satisfaction.c.disposal)

checks = sa.Table(
    "checks",  # calls of the CMO desk: is it as the outcome says?
    metadata,
    sa.Column("ticket_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("cycle", sa.Integer(), primary_key=True, autoincrement=False),
    word("outcome", Outcome),  # what was checked, as it stood at the call
    word("result", CheckResult),
    sa.Column("officer_id", sa.ForeignKey("officers.id")),
    moment("at"),
    sa.ForeignKeyConstraint(["ticket_id", "cycle"], ["satisfaction.ticket_id", "satisfaction.cycle"]),
)
sa.Index("ix_checks_at", checks.c.at)

events = sa.Table(
    "events",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("ticket_id", BigId, sa.ForeignKey("tickets.id")),
    sa.Column("kind", sa.String(48), nullable=False),
    moment("at"),
    sa.Column(
        "actor",
        sa.String(16),
        sa.CheckConstraint("actor IN ('citizen','stranger','officer','clock','office')", name="actor_known"),
        nullable=False,
    ),
    sa.Column("officer_id", sa.ForeignKey("officers.id")),
    sa.Column("post", sa.ForeignKey("posts.code")),
    sa.Column("inbox_id", BigId, sa.ForeignKey("inbox.id")),
    sa.Column("codes", sa.Text(), nullable=False, server_default="{}"),  # JSON of codes and ids, never words
)
sa.Index("ix_events_ticket", events.c.ticket_id, events.c.id)
sa.Index("ix_events_at", events.c.at)
sa.Index("ix_events_kind", events.c.kind, events.c.at)

audit_chain = sa.Table(
    "audit_chain",
    metadata,
    sa.Column("event_id", BigId, sa.ForeignKey("events.id"), primary_key=True, autoincrement=False),
    sa.Column("position", BigId, nullable=False, unique=True),
    sa.Column("hash", sa.String(64), nullable=False),
)

# -- outbox: said, each message once ------------------------------------------------------------------------------------

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("channel_id", sa.ForeignKey("channels.id"), nullable=False),
    sa.Column("step_id", sa.String(160), nullable=False),  # what this message is for, cycle included
    sa.Column("recipient", sa.String(160), nullable=False),
    sa.Column("destination", sa.String(200), nullable=False),  # order holds within a destination
    sa.Column("template", sa.String(64), nullable=False),
    sa.Column("payload", sa.Text()),  # JSON of store.outbound.Outgoing, frozen; NULL once erased
    sa.Column("ticket_id", BigId, sa.ForeignKey("tickets.id")),
    sa.Column("account_id", BigId, sa.ForeignKey("accounts.id")),
    sa.Column("follows_step", sa.String(160)),  # cancelled with it; its message is the one edited or replied to
    sa.Column("supersede_key", sa.String(160)),  # newer pending rows of this key replace older ones
    word("state", DeliveryState, server_default=DeliveryState.PENDING.value),
    fact("urgent"),
    moment("created_at"),
    moment("next_attempt_at"),
    count("attempts"),
    sa.Column("epoch", sa.Integer()),
    moment("sending_at", nullable=True),
    moment("sent_at", nullable=True),
    sa.Column("sent_id", sa.String(128)),
    sa.Column("after_id", sa.String(128)),  # a message of ours that stood there before the sending began
    sa.Column("error_code", sa.String(64)),
    sa.Column("error", sa.String(512)),
    fact("marked_repeat"),
    moment("released_at", nullable=True),  # let out of the shadow: it may go, or no longer keeps its ticket there
    sa.Column("gathered_into", BigId),  # the row of the list in which it was told, of which it was a part
    sa.UniqueConstraint("step_id", "recipient"),
    sa.UniqueConstraint("channel_id", "sent_id"),
    sa.CheckConstraint("state <> 'sent' OR sent_at IS NOT NULL", name="sent_has_a_time"),
    sa.CheckConstraint(
        "state NOT IN ('sending','unknown') OR (sending_at IS NOT NULL AND epoch IS NOT NULL)",
        name="sending_has_an_owner",
    ),
)
sa.Index(
    "ix_outbox_open",
    outbox.c.channel_id,
    outbox.c.destination,
    outbox.c.id,
    sqlite_where=outbox.c.state.in_(("pending", "sending", "retry", "unknown")),
    postgresql_where=outbox.c.state.in_(("pending", "sending", "retry", "unknown")),
)
sa.Index("ix_outbox_ticket", outbox.c.ticket_id)
sa.Index(
    "ix_outbox_held",
    outbox.c.ticket_id,
    outbox.c.id,
    sqlite_where=outbox.c.state == "held",
    postgresql_where=outbox.c.state == "held",
)

sa.Index(
    "ix_outbox_gathered",
    outbox.c.gathered_into,
    sqlite_where=outbox.c.gathered_into.is_not(None),
    postgresql_where=outbox.c.gathered_into.is_not(None),
)

sa.Index(
    "ix_outbox_set_aside",
    outbox.c.state,
    sqlite_where=outbox.c.state.in_(("parked", "unknown")),
    postgresql_where=outbox.c.state.in_(("parked", "unknown")),
)

found_words = sa.Table(
    "found_words",  # of ours, found on the platform after the database was put back: said, and not known here
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("channel_id", sa.ForeignKey("channels.id"), nullable=False),
    sa.Column("message_id", sa.String(128), nullable=False),
    sa.Column("thread_id", sa.String(128), nullable=False),
    sa.Column("reply_to_id", sa.String(128)),
    sa.Column("numbers", sa.String(256), nullable=False, server_default=""),  # the ticket numbers in it, joined by |
    sa.Column("text", sa.Text()),  # NULL once used: the outbox row that took it over holds it
    moment("written_at"),
    moment("used_at", nullable=True),
    sa.UniqueConstraint("channel_id", "message_id"),
)
sa.Index(
    "ix_found_words_unused",
    found_words.c.thread_id,
    sqlite_where=found_words.c.used_at.is_(None),
    postgresql_where=found_words.c.used_at.is_(None),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("outbox_id", BigId, sa.ForeignKey("outbox.id"), nullable=False, index=True),
    moment("at"),
    word("result", DeliveryState),
    sa.Column("error_code", sa.String(64)),
)

sa.Index("ix_attempts_at", attempts.c.at)

buttons = sa.Table(
    "buttons",
    metadata,
    sa.Column("token", sa.String(32), primary_key=True),
    sa.Column("ticket_id", BigId, sa.ForeignKey("tickets.id")),  # NULL: it turns the pages of a list
    sa.Column("act", sa.String(32), nullable=False),
    sa.Column("argument", sa.String(128), nullable=False, server_default=""),
    sa.Column("cycle", sa.String(32), nullable=False, server_default=""),  # the ticket's turn, or the list's step
    moment("created_at"),
)
sa.Index("ix_buttons_ticket", buttons.c.ticket_id)

drafts = sa.Table(
    "drafts",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("ticket_id", BigId, sa.ForeignKey("tickets.id"), nullable=False),
    sa.Column("officer_id", sa.ForeignKey("officers.id"), nullable=False),
    sa.Column("text", sa.Text(), nullable=False),
    sa.Column("post", sa.String(64)),  # the chair in which it was written
    sa.Column("photo_ref", sa.String(256)),
    sa.Column("album_id", sa.String(64)),  # the other pictures of that album, in media, go with it
    sa.Column("disposal", sa.String(16), nullable=False, server_default="done"),
    moment("created_at"),
    moment("used_at", nullable=True),
)

undos = sa.Table(
    "undos",  # the latest act on a ticket that can be taken back
    metadata,
    sa.Column("ticket_id", BigId, sa.ForeignKey("tickets.id"), primary_key=True, autoincrement=False),
    sa.Column("key", sa.String(32), nullable=False),  # what its button knows it by
    sa.Column("officer_id", sa.ForeignKey("officers.id"), nullable=False),
    sa.Column("draft_id", BigId, sa.ForeignKey("drafts.id")),
    sa.Column("before", sa.Text(), nullable=False),  # JSON of handlers.case.Case
    sa.Column("after", sa.Text(), nullable=False),
    sa.Column("steps", sa.Text(), nullable=False),  # JSON list of the outbox steps of its public words
    moment("made_at"),
)

media = sa.Table(
    "media",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("ticket_id", BigId, sa.ForeignKey("tickets.id")),
    sa.Column("source", sa.String(16), nullable=False),  # citizen | officer
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("ref", sa.String(512), nullable=False),
    sa.Column("url", sa.Text()),  # where a citizen's picture lies, as the post told
    sa.Column("channel_id", sa.ForeignKey("channels.id"), nullable=False),
    sa.Column("message_id", sa.String(128)),  # the post it came with
    sa.Column("album_id", sa.String(64)),  # of several pictures sent at once
    sa.Column(
        "content", sa.LargeBinary()
    ),  # written anew, without what the camera noted; NULL until fetched, once purged
    sa.Column("error", sa.String(256)),  # why it will never be here, or no longer is
    sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
    moment("next_try_at", nullable=True),
    moment("fetched_at", nullable=True),
    moment("taken_at", nullable=True),  # by the camera's clock
    sa.Column("latitude", sa.Float()),
    sa.Column("longitude", sa.Float()),
    sa.Column("shown_in", sa.String(64)),  # the chat in which officers were last shown it
    sa.UniqueConstraint("ticket_id", "ref"),
)
_not_here = sa.and_(media.c.content.is_(None), media.c.error.is_(None))
sa.Index("ix_media_wanted", media.c.id, sqlite_where=_not_here, postgresql_where=_not_here)
_unshown = sa.and_(media.c.source == "citizen", media.c.content.is_not(None), media.c.shown_in.is_(None))
sa.Index("ix_media_unshown", media.c.id, sqlite_where=_unshown, postgresql_where=_unshown)

# -- directory: desks, posts, people ---------------------------------------------------------------------------------------

desks = sa.Table(
    "desks",
    metadata,
    sa.Column("code", sa.String(64), primary_key=True),
    sa.Column("title", sa.String(128), nullable=False),
    word("language", Language, server_default=Language.HI.value),
    sa.Column("chat_id", sa.String(64)),  # NULL until bound
    sa.Column("topic_id", sa.String(32)),
    moment("lost_at", nullable=True),  # the bot was removed
)

chat_aliases = sa.Table(
    "chat_aliases",
    metadata,
    sa.Column("old_chat_id", sa.String(64), primary_key=True),
    sa.Column("new_chat_id", sa.String(64), nullable=False),
)

posts = sa.Table(
    "posts",
    metadata,
    sa.Column("code", sa.String(64), primary_key=True),
    sa.Column("title", sa.String(128), nullable=False),
    word("role", Role),
    sa.Column("department", sa.String(32)),  # NULL for the CMO
    sa.Column(
        "level",
        sa.Integer(),
        sa.CheckConstraint("level BETWEEN 0 AND 3", name="level_on_the_ladder"),
        nullable=False,
    ),
    sa.Column("desk", sa.ForeignKey("desks.code")),
    sa.CheckConstraint(
        "(department IS NULL) = (role IN ('cmo_desk','cmo_viewer','district_nodal'))", name="a_department_or_the_cmo"
    ),
)

coverage = sa.Table(
    "coverage",
    metadata,
    sa.Column("post", sa.ForeignKey("posts.code"), primary_key=True),
    sa.Column("district", sa.String(64), primary_key=True),  # "*" for the whole state
)

officers = sa.Table(
    "officers",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("telegram_user_id", sa.String(32), unique=True),
    moment("linked_at", nullable=True),
)

holdings = sa.Table(
    "holdings",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("post", sa.ForeignKey("posts.code"), nullable=False),
    sa.Column("officer_id", sa.ForeignKey("officers.id"), nullable=False),
    moment("from_at"),
    moment("to_at", nullable=True),
    sa.CheckConstraint("to_at IS NULL OR to_at >= from_at", name="ends_after_it_begins"),
)
sa.Index(
    "ix_holdings_current",
    holdings.c.officer_id,
    holdings.c.post,
    unique=True,
    sqlite_where=holdings.c.to_at.is_(None),
    postgresql_where=holdings.c.to_at.is_(None),
)

leaves = sa.Table(
    "leaves",
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("officer_id", sa.ForeignKey("officers.id")),  # either a person, in all their posts
    sa.Column("post", sa.ForeignKey("posts.code")),  # or a post, whoever holds it
    sa.Column("substitute_id", sa.ForeignKey("officers.id")),
    moment("from_at"),
    moment("to_at"),
    sa.CheckConstraint("(officer_id IS NULL) <> (post IS NULL)", name="a_person_or_a_post"),
    sa.CheckConstraint("to_at >= from_at", name="ends_after_it_begins"),
)

ladders = sa.Table(
    "ladders",
    metadata,
    sa.Column("department", sa.String(32), primary_key=True),  # one that is not here has the usual ladder
    sa.Column("roles", sa.String(128), nullable=False),  # joined by |, the lowest first
)

standstills = sa.Table(
    "standstills",  # time given to all offices of a district
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("district", sa.String(64), nullable=False),  # "*" for the whole state
    sa.Column("department", sa.String(32)),  # NULL: all of them
    sa.Column("reason", sa.String(256), nullable=False),  # as ordered, masked; offices read it, citizens never
    sa.Column("ordered_by", sa.ForeignKey("officers.id")),  # NULL: by the operator
    moment("proposed_at"),
    moment("from_at", nullable=True),  # NULL until somebody confirmed it
    moment("until_at"),
    moment("ended_at", nullable=True),  # called off before
    moment("told_at", nullable=True),  # the desks know of it
    moment("end_told_at", nullable=True),
    sa.CheckConstraint("from_at IS NULL OR until_at > from_at", name="ends_after_it_begins"),
    sa.CheckConstraint("ended_at IS NULL OR from_at IS NOT NULL", name="ended_after_it_began"),
)

remarks = sa.Table(
    "remarks",  # of the Chief Minister's Office on a ticket or to an office; citizens never read them
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("ticket_id", BigId, sa.ForeignKey("tickets.id")),  # either a ticket, whoever owns it
    sa.Column("post", sa.ForeignKey("posts.code")),  # or the office that is addressed
    sa.Column("department", sa.String(32)),  # of that office, as it was named
    sa.Column("district", sa.String(64)),
    sa.Column("text", sa.Text(), nullable=False),  # masked
    sa.Column("officer_id", sa.ForeignKey("officers.id"), nullable=False),  # who wrote it, and in which chair
    sa.Column("from_post", sa.ForeignKey("posts.code"), nullable=False),
    moment("made_at"),
    moment("due_at"),
    moment("answered_at", nullable=True),  # NULL while it is open
    moment("reminded_at", nullable=True),
    sa.CheckConstraint("(ticket_id IS NULL) <> (post IS NULL)", name="a_ticket_or_an_office"),
    sa.CheckConstraint("(post IS NULL) = (department IS NULL)", name="an_office_has_a_department"),
    sa.CheckConstraint("due_at >= made_at", name="due_after_it_was_made"),
    sa.CheckConstraint("answered_at IS NULL OR answered_at >= made_at", name="answered_after_it_was_made"),
)
sa.Index("ix_remarks_ticket", remarks.c.ticket_id, remarks.c.id)
sa.Index("ix_remarks_made", remarks.c.made_at)
sa.Index("ix_remarks_answered", remarks.c.answered_at)
_open_remark = remarks.c.answered_at.is_(None)
sa.Index("ix_remarks_open", remarks.c.due_at, sqlite_where=_open_remark, postgresql_where=_open_remark)

remark_answers = sa.Table(
    "remark_answers",  # the first one closes the remark, later ones are additions
    metadata,
    sa.Column("id", sa.Integer(), primary_key=True),
    sa.Column("remark_id", sa.ForeignKey("remarks.id"), nullable=False),
    sa.Column("officer_id", sa.ForeignKey("officers.id"), nullable=False),
    sa.Column("post", sa.ForeignKey("posts.code"), nullable=False),
    sa.Column("text", sa.Text(), nullable=False),  # masked
    moment("at"),
)
sa.Index("ix_remark_answers_remark", remark_answers.c.remark_id, remark_answers.c.id)

invites = sa.Table(
    "invites",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("officer_id", sa.ForeignKey("officers.id"), nullable=False),
    moment("created_at"),
    moment("expires_at"),
    moment("used_at", nullable=True),
)

# -- digests and alarms ------------------------------------------------------------------------------------------------

editions = sa.Table(
    "editions",
    metadata,
    sa.Column("edition", sa.String(32), primary_key=True),
    sa.Column("period", sa.String(32), primary_key=True),
    sa.Column("recipient", sa.String(64), primary_key=True),
    moment("created_at"),
)

edition_forms = sa.Table(
    "edition_forms",  # an edition whose pictures and papers are made, or still to be made
    metadata,
    sa.Column("step_id", sa.String(128), primary_key=True),  # of the message that tells the edition
    sa.Column("channel_id", sa.ForeignKey("channels.id"), nullable=False),
    sa.Column("chat_id", sa.String(64), nullable=False),
    sa.Column("topic_id", sa.String(32)),
    sa.Column("sheet", sa.Text(), nullable=False),  # JSON of handlers.digest.sheet.Sheet; all is made of it
    fact("by_mail"),  # it is still to be sent by e-mail
    count("tries"),
    moment("next_try_at", nullable=True),  # NULL once everything was made, or given up
    sa.Column("error", sa.String(512)),  # what could not be made
    moment("created_at"),
)
sa.Index(
    "ix_edition_forms_due",
    edition_forms.c.next_try_at,
    sqlite_where=edition_forms.c.next_try_at.is_not(None),
    postgresql_where=edition_forms.c.next_try_at.is_not(None),
)

papers = sa.Table(
    "papers",  # files that we made and send: the same bytes whenever they are tried again
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("step_id", sa.String(160), nullable=False),  # of the message that carries it
    sa.Column("name", sa.String(128), nullable=False),
    sa.Column("media_type", sa.String(128), nullable=False),
    sa.Column("content", sa.LargeBinary()),  # NULL once let go of
    moment("created_at"),
    sa.UniqueConstraint("step_id", "name"),
)

alarms = sa.Table(
    "alarms",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("code", sa.String(64), nullable=False),
    sa.Column("subject", sa.String(128), nullable=False),
    sa.Column("sentence", sa.String(512), nullable=False),
    moment("raised_at"),
    moment("cleared_at", nullable=True),
)
