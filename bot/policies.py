"""What the settings mean to the rest: the office's rules, how sending is timed, what an account may spend.

Owns the translation alone. It must not read the environment nor a file but the holidays'.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.budget import Budget, Limit
from bot.delivery_policy import DeliveryPolicy
from bot.office_calendar import office_holidays
from bot.pace import pace_of
from bot.settings import Settings
from handlers.policy import FollowUps, Policy
from store.vocabulary import Platform


def policy_of(settings: Settings, now: datetime) -> Policy:
    """The office's rules as the settings give them."""
    years = range(now.year - 1, now.year + 2)
    return Policy(
        prefix=settings.ticket_prefix,
        details_after=timedelta(hours=settings.details_hours),
        satisfaction_reminder_after=timedelta(hours=settings.satisfaction_reminder_hours),
        satisfaction_close_after=timedelta(hours=settings.satisfaction_close_hours),
        reopen_within=timedelta(days=settings.reopen_days),
        undo_withdrawal_within=timedelta(days=settings.withdraw_undo_days),
        thread_join=timedelta(seconds=settings.thread_join_seconds),
        confirm_emergency_after=timedelta(minutes=settings.emergency_confirm_minutes),
        undo_within=timedelta(seconds=settings.undo_seconds),
        night_from=settings.night_from,
        night_to=settings.night_to,
        x_follow_ups=FollowUps(settings.x_followups),
        max_unasked_per_ticket=settings.max_unasked_per_ticket,
        any_state=settings.any_state,
        flood_per_hour=settings.flood_per_hour,
        photo_far_km=float(settings.photo_far_km),
        reach=settings.reach,
        holidays=office_holidays(years, settings.holidays_file),
    )


def delivery_policy_of(settings: Settings) -> DeliveryPolicy:
    """How sending is timed, as the settings give it."""
    return DeliveryPolicy(
        start_within=float(settings.send_start_seconds),
        deadline=float(settings.send_deadline_seconds),
        lateness=float(settings.platform_lateness_seconds),
        max_attempts=settings.max_attempts,
        pace=pace_of(settings.telegram_group_per_minute),
    )


def budget_of(settings: Settings, platform: Platform) -> Budget:
    """What one account there may post and read; only X costs money."""
    if platform is not Platform.X:
        return Budget()
    posts = (
        Limit("day", settings.x_posts_per_day, "SMGT_X_POSTS_PER_DAY"),
        Limit("month", settings.x_posts_per_month, "SMGT_X_POSTS_PER_MONTH"),
    )
    reads = (Limit("month", settings.x_reads_per_month, "SMGT_X_READS_PER_MONTH"),)
    return Budget(
        posts=tuple(one for one in posts if one.most),
        reads=tuple(one for one in reads if one.most),
        reserve_percent=settings.urgent_reserve_percent,
    )
