"""What `smgt check` asks the mail server: whether it takes us as it would when the digest is sent. Sends nothing."""

from __future__ import annotations

from collections.abc import Iterator

from bot.findings import Finding
from bot.settings import Settings
from bot.settings_mail import mail_server


def mail_findings(settings: Settings) -> Iterator[Finding]:
    """One finding; none where no e-mail is sent."""
    server = mail_server(settings)
    if server is None:
        return
    from bot.digest.mail import MailFailed, ask_server

    try:
        yield Finding("mail", True, ask_server(server, deadline=settings.send_deadline_seconds))
    except MailFailed as fault:
        yield Finding("mail", False, str(fault).replace("The e-mail was not sent", "No e-mail would be sent"))
