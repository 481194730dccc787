"""The sheet as an e-mail: words, page and pictures in one, the papers attached; and handing it to a mail server.

Owns the message and the one conversation with the server, within a total deadline. It must not know when an edition goes.
Servers tell two sendings of one edition by their equal Message-ID: after a crash in between, it may be handed over again.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from typing import Final

import aiosmtplib

from bot.digest.charts import CODES
from bot.digest.forms import PDF, XLSX, Forms
from bot.digest.page import PageFailed, mail_page_of
from bot.settings_mail import MailServer
from handlers.digest.cells import grouped
from handlers.digest.sheet import ABSENT, Sheet

DEADLINE: Final = 60.0  # seconds for the whole conversation


class MailFailed(Exception):
    """The e-mail was not handed over; the message is one sentence."""


def mail_of(sheet: Sheet, made: Forms, server: MailServer) -> EmailMessage:
    """The e-mail. Raises PageFailed."""
    domain = server.sender.rpartition("@")[2]
    mail = EmailMessage(policy=SMTP_POLICY)
    mail["Subject"] = f"{sheet.title}, {sheet.about}"
    mail["From"] = server.sender
    mail["To"] = ", ".join(server.recipients)
    mail["Date"] = format_datetime(sheet.made_at)
    mail["Message-ID"] = f"<{hashlib.sha256(sheet.stem.encode()).hexdigest()[:32]}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = sheet.language.value
    mail.set_content("\n".join(_lines(sheet)) + "\n")
    names = {code: f"{code}.{sheet.stem}@{domain}" for code in CODES if code in made.pictures}
    page = mail_page_of(sheet, {code: f"cid:{name}" for code, name in names.items()})
    mail.add_alternative(page, subtype="html")
    html = mail.get_payload()[1]  # type: ignore[index] # it has two parts now
    for code, name in names.items():
        html.add_related(  # type: ignore[union-attr]
            made.pictures[code].png, "image", "png", cid=f"<{name}>", filename=f"{code}.png", disposition="inline"
        )
    for form in (*made.of_type(PDF), *made.of_type(XLSX)):
        main, _, sub = form.media_type.partition("/")
        mail.add_attachment(form.content, maintype=main, subtype=sub, filename=form.name)
    return mail


def _lines(sheet: Sheet) -> Iterator[str]:
    yield from (sheet.title, sheet.about, "", *sheet.story)
    if sheet.calls.lines:
        yield from ("", sheet.calls.title)
        yield from (f"{at}. {line}" for at, line in enumerate(sheet.calls.lines, start=1))
    yield from ("", sheet.figures_title)
    for one in sheet.figures:
        value = ABSENT if one.value is None else grouped(one.value)
        yield f"{one.label}: {value}" + (f" ({one.change})" if one.change else "")
    yield from ("", sheet.foot)


def send_mail(mail: EmailMessage, server: MailServer, *, deadline: float = DEADLINE) -> tuple[str, ...]:
    """Hand it over; returns a sentence for each recipient that was refused. Blocks. Raises MailFailed when none was taken."""
    where = f"the mail server {server.host}:{server.port}"
    refused = _run(_handed_over(mail, server, deadline), where, deadline)
    return tuple(
        f"{where.capitalize()} refused {who} ({code}); see that the address is right." for who, code in refused
    )


def ask_server(server: MailServer, *, deadline: float = DEADLINE) -> str:
    """Greet it, in secret and by name as when the digest is sent; returns how. Blocks. Raises MailFailed."""
    where = f"the mail server {server.host}:{server.port}"
    _run(_greeted(server, deadline), where, deadline)
    return f"{server.host}:{server.port} takes us ({server.tls}{', by name' if server.user else ''})"


async def _handed_over(mail: EmailMessage, server: MailServer, deadline: float) -> list[tuple[str, int]]:
    async with _conversation(server, deadline) as client:
        refused, _ = await client.send_message(mail, sender=server.sender, recipients=list(server.recipients))
        return [(who, answer.code) for who, answer in refused.items()]


async def _greeted(server: MailServer, deadline: float) -> list[tuple[str, int]]:
    async with _conversation(server, deadline) as client:
        await client.noop()
    return []


@asynccontextmanager
async def _conversation(server: MailServer, deadline: float) -> AsyncIterator[aiosmtplib.SMTP]:
    client = _client(server, deadline)
    line = None
    try:
        async with client:
            line = client.transport
            if server.user:
                await client.login(server.user, server.password)
            yield client
    finally:
        client.close()
        if isinstance(line, asyncio.WriteTransport):
            line.abort()  # else it waits for the server's farewell, and this loop ends here
        for _ in range(5):  # what was closed is let go of in the loop's next rounds
            await asyncio.sleep(0)


def _client(server: MailServer, deadline: float) -> aiosmtplib.SMTP:
    context = ssl.create_default_context(cafile=str(server.ca_file) if server.ca_file else None)
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.tls == "implicit",
        start_tls=server.tls == "starttls",
        tls_context=None if server.tls == "none" else context,
        timeout=deadline,
    )


def _run(conversation: object, where: str, deadline: float) -> list[tuple[str, int]]:
    """The end of the conversation, every fault of it as one sentence."""
    try:
        return asyncio.run(asyncio.wait_for(conversation, deadline))  # type: ignore[arg-type]
    except (TimeoutError, aiosmtplib.SMTPTimeoutError) as fault:
        raise MailFailed(f"The e-mail was not sent: {where} did not answer within {deadline:g} seconds.") from fault
    except aiosmtplib.SMTPAuthenticationError as fault:
        raise MailFailed(
            f"The e-mail was not sent: {where} refuses SMGT_MAIL_USER or its password ({fault.code})."
        ) from fault
    except aiosmtplib.SMTPRecipientsRefused as fault:
        raise MailFailed(f"The e-mail was not sent: {where} refuses every address in SMGT_MAIL_TO.") from fault
    except aiosmtplib.SMTPSenderRefused as fault:
        raise MailFailed(f"The e-mail was not sent: {where} refuses SMGT_MAIL_FROM ({fault.code}).") from fault
    except aiosmtplib.SMTPResponseException as fault:
        raise MailFailed(f"The e-mail was not sent: {where} refused it ({fault.code}).") from fault
    except ssl.SSLCertVerificationError as fault:
        raise MailFailed(_distrusted(where, fault)) from fault
    except (aiosmtplib.SMTPException, OSError) as fault:
        cause = fault.__cause__
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise MailFailed(_distrusted(where, cause)) from fault
        raise MailFailed(
            f"The e-mail was not sent: no conversation with {where} came about ({_short(fault)})."
        ) from fault


def _distrusted(where: str, fault: ssl.SSLCertVerificationError) -> str:
    return (
        f"The e-mail was not sent: the certificate of {where} cannot be trusted ({fault.verify_message.rstrip('.')}); "
        "name its issuer's in SMGT_MAIL_CA_FILE."
    )


def _short(fault: Exception) -> str:
    return " ".join(str(fault).split()).rstrip(".")[:160] or type(fault).__name__


__all__ = ["MailFailed", "PageFailed", "ask_server", "mail_of", "send_mail"]
