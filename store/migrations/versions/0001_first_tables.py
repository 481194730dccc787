"""Make every table.

Until the first release written by `python -m store.migrations.check --write-first`.
"""

# ruff: noqa: E501 (conditions read best whole)

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite counts up only INTEGER primary keys.
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", BigId, nullable=False),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("author_id", sa.String(64), nullable=True),
        sa.Column("handle", sa.String(128), nullable=False, server_default=""),
        sa.Column("name", sa.String(256), nullable=False, server_default=""),
        sa.Column("language", sa.String(32), nullable=True),
        sa.Column("secret", sa.LargeBinary(32), nullable=True),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("platform IN ('x', 'facebook', 'telegram')", name=op.f("ck_accounts_platform_known")),
        sa.CheckConstraint("language IN ('en', 'hi', 'hi-Latn', 'pa')", name=op.f("ck_accounts_language_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("platform", "author_id", name=op.f("uq_accounts_platform_author_id")),
    )
    op.create_table(
        "alarms",
        sa.Column("id", BigId, nullable=False),
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("sentence", sa.String(512), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alarms")),
    )
    op.create_table(
        "channels",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("account_id", sa.String(64), nullable=False, server_default=""),
        sa.Column("handle", sa.String(128), nullable=False, server_default=""),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stopped_why", sa.String(256), nullable=True),
        sa.CheckConstraint("platform IN ('x', 'facebook', 'telegram')", name=op.f("ck_channels_platform_known")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channels")),
        sa.UniqueConstraint("name", name=op.f("uq_channels_name")),
    )
    op.create_table(
        "chat_aliases",
        sa.Column("old_chat_id", sa.String(64), nullable=False),
        sa.Column("new_chat_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("old_chat_id", name=op.f("pk_chat_aliases")),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", BigId, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counters")),
    )
    op.create_table(
        "desks",
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("title", sa.String(128), nullable=False),
        sa.Column("language", sa.String(32), nullable=False, server_default="hi"),
        sa.Column("chat_id", sa.String(64), nullable=True),
        sa.Column("topic_id", sa.String(32), nullable=True),
        sa.Column("lost_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("language IN ('en', 'hi', 'hi-Latn', 'pa')", name=op.f("ck_desks_language_known")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_desks")),
    )
    op.create_table(
        "editions",
        sa.Column("edition", sa.String(32), nullable=False),
        sa.Column("period", sa.String(32), nullable=False),
        sa.Column("recipient", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("edition", "period", "recipient", name=op.f("pk_editions")),
    )
    op.create_table(
        "officers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("telegram_user_id", sa.String(32), nullable=True),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_officers")),
        sa.UniqueConstraint("telegram_user_id", name=op.f("uq_officers_telegram_user_id")),
    )
    op.create_table(
        "cursors",
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("value", sa.String(1024), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_cursors_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", "name", name=op.f("pk_cursors")),
    )
    op.create_table(
        "gaps",
        sa.Column("id", BigId, nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.String(256), nullable=False),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_gaps_channel_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gaps")),
    )
    op.create_table(
        "lanes",
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False, server_default="0"),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_lanes_channel_id")),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_lanes")),
    )
    op.create_table(
        "posts",
        sa.Column("code", sa.String(64), nullable=False),
        sa.Column("title", sa.String(128), nullable=False),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("department", sa.String(32), nullable=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("desk", sa.String(64), nullable=True),
        sa.CheckConstraint(
            "role IN ('nodal_officer', 'district_head', 'department_head', 'cmo_desk', 'cmo_viewer')",
            name=op.f("ck_posts_role_known"),
        ),
        sa.CheckConstraint("level BETWEEN 0 AND 3", name=op.f("ck_posts_level_on_the_ladder")),
        sa.CheckConstraint(
            "(department IS NULL) = (role IN ('cmo_desk','cmo_viewer'))", name=op.f("ck_posts_a_department_or_the_cmo")
        ),
        sa.ForeignKeyConstraint(["desk"], ["desks.code"], name=op.f("fk_posts_desk")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_posts")),
    )
    op.create_table(
        "invites",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_invites_officer_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_invites")),
    )
    op.create_table(
        "coverage",
        sa.Column("post", sa.String(64), nullable=False),
        sa.Column("district", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["post"], ["posts.code"], name=op.f("fk_coverage_post")),
        sa.PrimaryKeyConstraint("post", "district", name=op.f("pk_coverage")),
    )
    op.create_table(
        "holdings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("post", sa.String(64), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("to_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("to_at IS NULL OR to_at >= from_at", name=op.f("ck_holdings_ends_after_it_begins")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_holdings_officer_id")),
        sa.ForeignKeyConstraint(["post"], ["posts.code"], name=op.f("fk_holdings_post")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holdings")),
    )
    op.create_index(
        "ix_holdings_current",
        "holdings",
        ["officer_id", "post"],
        unique=True,
        sqlite_where=sa.text("to_at IS NULL"),
        postgresql_where=sa.text("to_at IS NULL"),
    )
    op.create_table(
        "tickets",
        sa.Column("id", BigId, nullable=False, autoincrement=False),
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column("thread_id", sa.String(128), nullable=False),
        sa.Column("first_message_id", sa.String(128), nullable=False),
        sa.Column("language", sa.String(32), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("category", sa.String(32), nullable=True),
        sa.Column("district", sa.String(64), nullable=True),
        sa.Column("locality", sa.String(256), nullable=True),
        sa.Column("rural", sa.Boolean(), nullable=True),
        sa.Column("agency", sa.String(32), nullable=True),
        sa.Column("for_whom", sa.String(16), nullable=True),
        sa.Column("other_matters", sa.String(512), nullable=False, server_default=""),
        sa.Column("portal_numbers", sa.String(512), nullable=False, server_default=""),
        sa.Column("department", sa.String(32), nullable=True),
        sa.Column("owner_post", sa.String(64), nullable=True),
        sa.Column("register", sa.String(32), nullable=False, server_default="normal"),
        sa.Column("sensitivity", sa.String(32), nullable=False, server_default="normal"),
        sa.Column("urgent", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("hidden_author", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("keep_name_hidden", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("linked_to", BigId, nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(32), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_owner_words", sa.Text(), nullable=True),
        sa.Column("reminded_percent", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("escalation_level", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("reopen_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("disposal_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("forward_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("turn", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("confirm_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wake_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("platform IN ('x', 'facebook', 'telegram')", name=op.f("ck_tickets_platform_known")),
        sa.CheckConstraint("language IN ('en', 'hi', 'hi-Latn', 'pa')", name=op.f("ck_tickets_language_known")),
        sa.CheckConstraint(
            "status IN ('collecting', 'triage', 'assigned', 'accepted', 'disposed', 'closed', 'rejected', 'withdrawn', 'merged')",
            name=op.f("ck_tickets_status_known"),
        ),
        sa.CheckConstraint("register IN ('normal', 'grave', 'sensitive')", name=op.f("ck_tickets_register_known")),
        sa.CheckConstraint(
            "sensitivity IN ('normal', 'restricted', 'sensitive')", name=op.f("ck_tickets_sensitivity_known")
        ),
        sa.CheckConstraint(
            "outcome IN ('satisfied', 'not_satisfied', 'no_answer', 'not_askable')",
            name=op.f("ck_tickets_outcome_known"),
        ),
        sa.CheckConstraint("reminded_percent >= 0", name=op.f("ck_tickets_reminded_percent_not_negative")),
        sa.CheckConstraint("escalation_level >= 0", name=op.f("ck_tickets_escalation_level_not_negative")),
        sa.CheckConstraint("reopen_count >= 0", name=op.f("ck_tickets_reopen_count_not_negative")),
        sa.CheckConstraint("disposal_count >= 0", name=op.f("ck_tickets_disposal_count_not_negative")),
        sa.CheckConstraint("forward_count >= 0", name=op.f("ck_tickets_forward_count_not_negative")),
        sa.CheckConstraint("turn >= 0", name=op.f("ck_tickets_turn_not_negative")),
        sa.CheckConstraint(
            "(status = 'closed') = (outcome IS NOT NULL)", name=op.f("ck_tickets_closed_has_an_outcome")
        ),
        sa.CheckConstraint(
            "(status IN ('closed','rejected','withdrawn','merged')) = (ended_at IS NOT NULL)",
            name=op.f("ck_tickets_ended_has_a_time"),
        ),
        sa.CheckConstraint(
            "hidden_author OR account_id IS NOT NULL OR status IN ('closed','rejected','withdrawn','merged')",
            name=op.f("ck_tickets_somebody_complains"),
        ),
        sa.CheckConstraint(
            "outcome IS NULL OR outcome <> 'not_satisfied'", name=op.f("ck_tickets_never_closed_against_the_citizen")
        ),
        sa.CheckConstraint(
            "status <> 'disposed' OR disposed_at IS NOT NULL", name=op.f("ck_tickets_disposed_has_a_time")
        ),
        sa.CheckConstraint(
            "status NOT IN ('assigned','accepted','disposed') OR (department IS NOT NULL AND due_at IS NOT NULL)",
            name=op.f("ck_tickets_with_an_office_and_a_due_time"),
        ),
        sa.CheckConstraint("reopen_count <= disposal_count + 1", name=op.f("ck_tickets_reopened_only_after_an_end")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_tickets_account_id")),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_tickets_channel_id")),
        sa.ForeignKeyConstraint(["linked_to"], ["tickets.id"], name=op.f("fk_tickets_linked_to")),
        sa.ForeignKeyConstraint(["owner_post"], ["posts.code"], name=op.f("fk_tickets_owner_post")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tickets")),
        sa.UniqueConstraint("number", name=op.f("uq_tickets_number")),
    )
    op.create_index("ix_tickets_account", "tickets", ["account_id", "status"])
    op.create_index("ix_tickets_opened", "tickets", ["opened_at"])
    op.create_index("ix_tickets_thread", "tickets", ["platform", "thread_id"])
    op.create_index(
        "ix_tickets_wake",
        "tickets",
        ["wake_at"],
        sqlite_where=sa.text("wake_at IS NOT NULL"),
        postgresql_where=sa.text("wake_at IS NOT NULL"),
    )
    op.create_table(
        "inbox",
        sa.Column("id", BigId, nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("event_key", sa.String(256), nullable=False),
        sa.Column("actor_key", sa.String(160), nullable=False),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("not_before_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(32), nullable=False, server_default="pending"),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.String(64), nullable=True),
        sa.Column("ticket_id", BigId, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("error", sa.String(512), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'done', 'parked')", name=op.f("ck_inbox_state_known")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_inbox_attempts_not_negative")),
        sa.CheckConstraint(
            "state = 'pending' OR (decided_at IS NOT NULL AND result IS NOT NULL)",
            name=op.f("ck_inbox_decided_rows_say_how"),
        ),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_inbox_channel_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_inbox_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox")),
        sa.UniqueConstraint("channel_id", "event_key", name=op.f("uq_inbox_channel_id_event_key")),
    )
    op.create_index(
        "ix_inbox_waiting",
        "inbox",
        ["actor_key", "id"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_table(
        "buttons",
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("act", sa.String(32), nullable=False),
        sa.Column("argument", sa.String(128), nullable=False, server_default=""),
        sa.Column("cycle", sa.String(32), nullable=False, server_default=""),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_buttons_ticket_id")),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_buttons")),
    )
    op.create_index("ix_buttons_ticket", "buttons", ["ticket_id"])
    op.create_table(
        "conversations",
        sa.Column("ticket_id", BigId, nullable=False, autoincrement=False),
        sa.Column("awaiting", sa.String(32), nullable=False, server_default="nothing"),
        sa.Column("asked", sa.String(32), nullable=False, server_default="nothing"),
        sa.Column("awaiting_since_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reply_to_id", sa.String(128), nullable=False),
        sa.Column("category_choices", sa.String(256), nullable=False, server_default=""),
        sa.Column("district_choices", sa.String(256), nullable=False, server_default=""),
        sa.Column("keys", sa.Text(), nullable=False, server_default=""),
        sa.Column("mentioned_ids", sa.Text(), nullable=False, server_default=""),
        sa.Column("unasked_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("misses", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("reminded", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("interim_told", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("last_heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "awaiting IN ('nothing', 'details', 'officer_question', 'satisfaction', 'reopen_reason')",
            name=op.f("ck_conversations_awaiting_known"),
        ),
        sa.CheckConstraint("unasked_count >= 0", name=op.f("ck_conversations_unasked_count_not_negative")),
        sa.CheckConstraint("misses >= 0", name=op.f("ck_conversations_misses_not_negative")),
        sa.CheckConstraint(
            "(awaiting = 'nothing') = (awaiting_since_at IS NULL)", name=op.f("ck_conversations_waiting_has_a_start")
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_conversations_ticket_id")),
        sa.PrimaryKeyConstraint("ticket_id", name=op.f("pk_conversations")),
    )
    op.create_table(
        "drafts",
        sa.Column("id", BigId, nullable=False),
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("photo_ref", sa.String(256), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_drafts_officer_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_drafts_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drafts")),
    )
    op.create_table(
        "labels",
        sa.Column("id", BigId, nullable=False),
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("told_by", sa.String(32), nullable=False),
        sa.Column("category", sa.String(32), nullable=True),
        sa.Column("district", sa.String(64), nullable=True),
        sa.Column("department", sa.String(32), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("told_by IN ('citizen', 'officer', 'desk')", name=op.f("ck_labels_told_by_known")),
        sa.CheckConstraint(
            "category IS NOT NULL OR district IS NOT NULL OR department IS NOT NULL",
            name=op.f("ck_labels_a_label_tells_something"),
        ),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_labels_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labels")),
    )
    op.create_index("ix_labels_ticket_id", "labels", ["ticket_id"])
    op.create_table(
        "media",
        sa.Column("id", BigId, nullable=False),
        sa.Column("ticket_id", BigId, nullable=True),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("ref", sa.String(512), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("error", sa.String(256), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_media_channel_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_media_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media")),
        sa.UniqueConstraint("ticket_id", "ref", name=op.f("uq_media_ticket_id_ref")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", BigId, nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.String(160), nullable=False),
        sa.Column("recipient", sa.String(160), nullable=False),
        sa.Column("destination", sa.String(200), nullable=False),
        sa.Column("template", sa.String(64), nullable=False),
        sa.Column("payload", sa.Text(), nullable=True),
        sa.Column("ticket_id", BigId, nullable=True),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column("follows_step", sa.String(160), nullable=True),
        sa.Column("supersede_key", sa.String(160), nullable=True),
        sa.Column("state", sa.String(32), nullable=False, server_default="pending"),
        sa.Column("urgent", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.Column("sending_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_id", sa.String(128), nullable=True),
        sa.Column("error_code", sa.String(64), nullable=True),
        sa.Column("error", sa.String(512), nullable=True),
        sa.Column("marked_repeat", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.CheckConstraint(
            "state IN ('pending', 'sending', 'sent', 'retry', 'unknown', 'parked', 'cancelled', 'superseded')",
            name=op.f("ck_outbox_state_known"),
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_outbox_attempts_not_negative")),
        sa.CheckConstraint("state <> 'sent' OR sent_at IS NOT NULL", name=op.f("ck_outbox_sent_has_a_time")),
        sa.CheckConstraint(
            "state NOT IN ('sending','unknown') OR (sending_at IS NOT NULL AND epoch IS NOT NULL)",
            name=op.f("ck_outbox_sending_has_an_owner"),
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_outbox_account_id")),
        sa.ForeignKeyConstraint(["channel_id"], ["channels.id"], name=op.f("fk_outbox_channel_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_outbox_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("channel_id", "sent_id", name=op.f("uq_outbox_channel_id_sent_id")),
        sa.UniqueConstraint("step_id", "recipient", name=op.f("uq_outbox_step_id_recipient")),
    )
    op.create_index(
        "ix_outbox_open",
        "outbox",
        ["channel_id", "destination", "id"],
        sqlite_where=sa.text("state IN ('pending', 'sending', 'retry', 'unknown')"),
        postgresql_where=sa.text("state IN ('pending', 'sending', 'retry', 'unknown')"),
    )
    op.create_index("ix_outbox_ticket", "outbox", ["ticket_id"])
    op.create_table(
        "satisfaction",
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("post", sa.String(64), nullable=True),
        sa.Column("officer_id", sa.Integer(), nullable=True),
        sa.Column("disposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(32), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('satisfied', 'not_satisfied', 'no_answer', 'not_askable')",
            name=op.f("ck_satisfaction_outcome_known"),
        ),
        sa.CheckConstraint(
            "(outcome IS NULL) = (answered_at IS NULL)", name=op.f("ck_satisfaction_an_outcome_has_a_time")
        ),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_satisfaction_officer_id")),
        sa.ForeignKeyConstraint(["post"], ["posts.code"], name=op.f("fk_satisfaction_post")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_satisfaction_ticket_id")),
        sa.PrimaryKeyConstraint("ticket_id", "cycle", name=op.f("pk_satisfaction")),
    )
    op.create_table(
        "supporters",
        sa.Column("ticket_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("since_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_supporters_account_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_supporters_ticket_id")),
        sa.PrimaryKeyConstraint("ticket_id", "account_id", name=op.f("pk_supporters")),
    )
    op.create_table(
        "transcript",
        sa.Column("id", BigId, nullable=False),
        sa.Column("ticket_id", BigId, nullable=True),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column("officer_id", sa.Integer(), nullable=True),
        sa.Column("platform", sa.String(32), nullable=False),
        sa.Column("speaker", sa.String(16), nullable=False),
        sa.Column("message_id", sa.String(128), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("thread_id", sa.String(128), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("attachments", sa.Text(), nullable=False, server_default="[]"),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("platform IN ('x', 'facebook', 'telegram')", name=op.f("ck_transcript_platform_known")),
        sa.CheckConstraint(
            "speaker IN ('citizen','stranger','officer','human','quoted')", name=op.f("ck_transcript_speaker_known")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_transcript_account_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_transcript_officer_id")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_transcript_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcript")),
        sa.UniqueConstraint(
            "platform",
            "message_id",
            "version",
            "speaker",
            name=op.f("uq_transcript_platform_message_id_version_speaker"),
        ),
    )
    op.create_index("ix_transcript_ticket", "transcript", ["ticket_id"])
    op.create_index(
        "ix_transcript_untaken",
        "transcript",
        ["thread_id"],
        sqlite_where=sa.text("ticket_id IS NULL"),
        postgresql_where=sa.text("ticket_id IS NULL"),
    )
    op.create_table(
        "events",
        sa.Column("id", BigId, nullable=False),
        sa.Column("ticket_id", BigId, nullable=True),
        sa.Column("kind", sa.String(48), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(16), nullable=False),
        sa.Column("officer_id", sa.Integer(), nullable=True),
        sa.Column("post", sa.String(64), nullable=True),
        sa.Column("inbox_id", BigId, nullable=True),
        sa.Column("codes", sa.Text(), nullable=False, server_default="{}"),
        sa.CheckConstraint(
            "actor IN ('citizen','stranger','officer','clock','office')", name=op.f("ck_events_actor_known")
        ),
        sa.ForeignKeyConstraint(["inbox_id"], ["inbox.id"], name=op.f("fk_events_inbox_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_events_officer_id")),
        sa.ForeignKeyConstraint(["post"], ["posts.code"], name=op.f("fk_events_post")),
        sa.ForeignKeyConstraint(["ticket_id"], ["tickets.id"], name=op.f("fk_events_ticket_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index("ix_events_at", "events", ["at"])
    op.create_index("ix_events_ticket", "events", ["ticket_id", "id"])
    op.create_table(
        "attempts",
        sa.Column("id", BigId, nullable=False),
        sa.Column("outbox_id", BigId, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.String(32), nullable=False),
        sa.Column("error_code", sa.String(64), nullable=True),
        sa.CheckConstraint(
            "result IN ('pending', 'sending', 'sent', 'retry', 'unknown', 'parked', 'cancelled', 'superseded')",
            name=op.f("ck_attempts_result_known"),
        ),
        sa.ForeignKeyConstraint(["outbox_id"], ["outbox.id"], name=op.f("fk_attempts_outbox_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_outbox_id", "attempts", ["outbox_id"])
    op.create_table(
        "audit_chain",
        sa.Column("event_id", BigId, nullable=False, autoincrement=False),
        sa.Column("position", BigId, nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_audit_chain_event_id")),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_audit_chain")),
        sa.UniqueConstraint("position", name=op.f("uq_audit_chain_position")),
    )
