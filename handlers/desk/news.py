"""A message to a desk or a person that is about no press and no reply of theirs, as a row of the outbox.

Owns that row's shape. What is told, to whom and when is decided by those who make news.
"""

from __future__ import annotations

from handlers.desk.addresses import Address
from handlers.facts import Facts
from handlers.render import render
from store.outbound import Outgoing
from store.outbox import NewRow
from store.vocabulary import OutgoingAct


def news(
    channel_id: int,
    to: Address,
    template: str,
    facts: Facts,
    *,
    step_id: str,
    lane: str,
    ticket_id: int | None = None,
    urgent: bool = False,
) -> NewRow:
    """One message; those of one `lane` keep their order in a chat. Raises RenderError where a word is missing."""
    return NewRow(
        channel_id=channel_id,
        step_id=step_id,
        recipient=to.chat_id,
        destination=f"{to.chat_id}:{lane}",
        template=template,
        outgoing=Outgoing(
            act=OutgoingAct.MESSAGE,
            text=render(to.language, "officer", template, facts),
            thread_id=to.chat_id,
            topic_id=to.topic_id,
        ),
        ticket_id=ticket_id,
        urgent=urgent,
    )
