"""Two days of figures made by hand: a busy one with everything in it, and one on which nothing happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from handlers.digest.shapes import (
    Done,
    Figures,
    FirstReplies,
    Gap,
    Latest,
    Opened,
    Pending,
    Received,
    Trouble,
)

START = datetime(2026, 11, 22, 18, 30, tzinfo=UTC)
END = START + timedelta(days=1)
NOW = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)

BUSY = Figures(
    start=START,
    end=END,
    now=NOW,
    received=Received(
        total=214,
        by_platform={"x": 120, "facebook": 94},
        ticketed=185,
        about_tickets=12,
        answered={"praise": 4, "referral": 3},
        ignored={"spam": 6, "political": 2},
        parked=1,
        waiting=1,
    ),
    opened=Opened(
        total=187,
        by_platform={"x": 100, "facebook": 87},
        by_language={"hi": 90, "hi-Latn": 60, "en": 30, "pa": 7},
        by_department={
            **{"power": 60, "ulb": 50, "phed": 20, "": 10, "police": 10, "pwd": 7},
            **{"health": 6, "tcp": 6, "food": 6, "social": 6, "wcd": 6},
        },
        by_district={
            **{"Hisar": 40, "Gurugram": 30, "Rohtak": 20, "": 20, "Karnal": 10, "Nuh": 7},
            **dict.fromkeys(["Palwal", "Rewari", "Sirsa", "Jind", "Panipat", "Sonipat", "Ambala", "Bhiwani"], 7),
            "Hansi": 4,
        },
        by_category={
            **{"power_outage": 50, "waterlogging": 40, "garbage": 20, "pothole": 10, "crime": 7},
            **dict.fromkeys(["ration", "pension", "school", "sewer", "park", "mosquito", "hospital", "canal"], 7),
            "trees": 4,
        },
    ),
    pending=Pending(
        total=112_407,
        by_status={
            "assigned": 100_000,
            "accepted": 8_000,
            "disposed": 3_000,
            "triage": 907,
            "collecting": 500,
        },
        ages=(180, 400, 800, 111_027),
        due_today=45,
        late=1_200,
        late_by_department={"power": 700, "ulb": 500},
        latest=Latest(number="HRY26-004821-6", department="power", district="Hisar", hours=290.0),
        levels={1: 100, 2: 20, 3: 1},
        without_owner=3,
    ),
    done=Done(
        by_disposal={"done": 133, "policy": 9, "not_found": 4, "other_body": 2, "not_eligible": 1, "court_order": 1},
        solved=55,
        outcomes={"satisfied": 61, "no_answer": 30, "not_satisfied": 22, "not_askable": 4},
        reopened=(15, 6, 1),
        escalated={1: 10, 2: 2},
        rejected=3,
        withdrawn=1,
    ),
    replies=FirstReplies(replied=185, unreplied=2, median=3.4, ninth_decile=128.0),
    trouble=Trouble(
        parked_inbox=1,
        parked_outbox=2,
        unknown_outbox=1,
        stopped_channels=("cmohry",),
        gaps=(Gap(channel="cm_page", since_at=START + timedelta(hours=3), until_at=START + timedelta(hours=4)),),
        older_gaps=2,
    ),
)

QUIET = Figures(
    start=START,
    end=END,
    now=NOW,
    received=Received(
        total=0, by_platform={}, ticketed=0, about_tickets=0, answered={}, ignored={}, parked=0, waiting=0
    ),
    opened=Opened(
        total=0,
        by_platform={},
        by_language={},
        by_department={},
        by_district={},
        by_category={},
    ),
    pending=Pending(
        total=0,
        by_status={},
        ages=(0, 0, 0, 0),
        due_today=0,
        late=0,
        late_by_department={},
        latest=None,
        levels={},
        without_owner=0,
    ),
    done=Done(by_disposal={}, outcomes={}, solved=0, reopened=(0, 0, 0), escalated={}, rejected=0, withdrawn=0),
    replies=FirstReplies(replied=0, unreplied=0, median=None, ninth_decile=None),
    trouble=Trouble(parked_inbox=0, parked_outbox=0, unknown_outbox=0, stopped_channels=(), gaps=()),
)
