"""The part of the settings that is about e-mail: what contradicts what, and the server as one shape.

Owns the faults and their sentences. No fault repeats the password.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bot.settings import Settings

ADDRESS: Final = re.compile(r"[^\s@<>(),;:\"\\]+@[A-Za-z0-9.-]+")


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where e-mail is handed over, from whom, and to whom. `tls`: starttls, implicit or none."""

    host: str
    port: int
    tls: str
    sender: str
    recipients: tuple[str, ...]
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None


def mail_server(settings: Settings) -> MailServer | None:
    """The server, or None when no e-mail is sent."""
    if not settings.mail_host:
        return None
    return MailServer(
        host=settings.mail_host,
        port=settings.mail_port,
        tls=settings.mail_tls,
        sender=settings.mail_from,
        recipients=tuple(_parts(settings.mail_to)),
        user=settings.mail_user,
        password=settings.mail_password,
        ca_file=settings.mail_ca_file,
    )


def mail_faults(settings: Settings) -> Iterator[str]:
    """What is missing, what is no address, what would speak in the clear."""
    given = [name for name in ("from", "to", "user") if getattr(settings, f"mail_{name}")]
    if not settings.mail_host:
        if given:
            yield f"SMGT_MAIL_HOST is missing, but SMGT_MAIL_{given[0].upper()} is given; name the mail server."
        return
    for name, who in (("from", "who sends the digest"), ("to", "who gets it")):
        if name not in given:
            yield f"SMGT_MAIL_{name.upper()} is missing, but SMGT_MAIL_HOST is given; write {who}, e.g. digest@example.org."
    for name, parts in (("FROM", [settings.mail_from]), ("TO", _parts(settings.mail_to))):
        for part in parts:
            if part and not ADDRESS.fullmatch(part):
                yield f"SMGT_MAIL_{name}: {part!r} is no e-mail address; write e.g. digest@example.org."
    if bool(settings.mail_user) != bool(settings.mail_password):
        yield "SMGT_MAIL_USER and SMGT_MAIL_PASSWORD belong together; give both or neither."
    if settings.mail_tls == "none" and not _is_loopback(settings.mail_host):
        yield "SMGT_MAIL_TLS=none would send the digest to another machine in the clear; use starttls or implicit."
    if settings.mail_ca_file and not settings.mail_ca_file.is_file():
        yield f"SMGT_MAIL_CA_FILE: there is no file {settings.mail_ca_file}; create it or leave the setting out."


def _parts(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
