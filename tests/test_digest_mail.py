"""The digest by e-mail, handed to a real mail server on loopback: in secret, by name, refused, silent, not there.

The certificate in tests/tls is for localhost, its issuer's key was thrown away.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from bot.checking_mail import mail_findings
from bot.digest import fonts
from bot.digest.forms import Forms, forms_of
from bot.digest.mail import MailFailed, ask_server, mail_of, send_mail
from bot.digest.making import UNMAILED, make_due
from bot.settings import SettingsError, load_settings, shown_values
from bot.settings_mail import MailServer, mail_server
from handlers.digest.papers import UNMADE, ask_for_papers
from handlers.digest.sheet import Charts
from handlers.reach import EVERYBODY, reach_of
from store import channels
from store.alarms import open_alarms
from store.db import reading, writing
from store.outbound import Outgoing
from store.outbox import NewRow
from store.vocabulary import Language, OutgoingAct, Platform
from tests.digest_sheets import MADE_AT, drawn, sheet

TLS = Path(__file__).parent / "tls"
AUTHORITY = TLS / "authority.pem"
TO = ("cm@example.org", "cs@example.org")


class Post:
    """What a mail server was handed; addresses in `refused` it does not take."""

    def __init__(self, *refused: str) -> None:
        self.refused = refused
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.in_secret: list[bool] = []

    async def handle_RCPT(  # noqa: N802 - its name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:  # fmt: skip
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients += envelope.rcpt_tos
        self.in_secret.append(session.ssl is not None)
        return "250 OK"


@contextmanager
def serving(post: Post, **options: Any) -> Iterator[MailServer]:
    """A mail server on this machine, and how it is reached."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(post, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield MailServer("localhost", port, "none", "digest@haryana.example", TO)
    finally:
        controller.stop()


def secret() -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "server.pem")
    return context


def by_name(server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
    return AuthResult(success=isinstance(given, LoginPassword) and given.password == b"open sesame", handled=False)


def the_mail(server: MailServer, language: Language = Language.HI) -> EmailMessage:
    return mail_of(sheet(language), made(language), server)


@cache
def made(language: Language) -> Forms:
    return Forms(forms_of(replace(sheet(language), charts=Charts())).files, drawn(language), ())


@pytest.mark.parametrize("language", [Language.HI, Language.EN])
def test_the_mail_has_words_page_pictures_and_papers(language: Language) -> None:
    post = Post()
    with serving(post) as server:
        assert send_mail(the_mail(server, language), server) == ()
    [mail] = post.mails
    shown = sheet(language)
    assert mail["Subject"] == f"{shown.title}, {shown.about}"
    assert (mail["From"], mail["To"]) == ("digest@haryana.example", ", ".join(TO))
    assert mail["Date"].datetime == MADE_AT.replace(microsecond=0)
    assert mail["Auto-Submitted"] == "auto-generated"
    assert post.recipients == list(TO)
    body = mail.get_body(("plain",))
    assert body is not None
    for line in (*shown.story, *shown.calls.lines, "1,23,456"):
        assert line in body.get_content()
    page = mail.get_body(("html",))
    assert page is not None
    inside = {part["Content-ID"][1:-1] for part in mail.walk() if part["Content-ID"]}
    assert len(inside) == 4
    assert all(f'src="cid:{name}"' in page.get_content() for name in inside)
    papers = [part.get_filename() for part in mail.iter_attachments()]
    assert papers == [f"{shown.stem}.pdf", f"{shown.stem}.xlsx"]
    assert next(mail.iter_attachments()).get_content().startswith(b"%PDF-")
    assert the_mail(server, language)["Message-ID"] == mail["Message-ID"]


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_it_is_handed_over_in_secret_and_by_name(tls: str) -> None:
    post = Post()
    options: dict[str, Any] = {"authenticator": by_name}
    if tls == "implicit":
        options |= {"ssl_context": secret(), "auth_require_tls": False}  # it takes only its own STARTTLS for a secret
    else:
        options |= {"tls_context": secret(), "require_starttls": True, "auth_required": True}
    with serving(post, **options) as plain:
        server = replace(plain, tls=tls, ca_file=AUTHORITY, user="smgt", password="open sesame")
        assert send_mail(the_mail(server), server) == ()
        assert ask_server(server) == f"localhost:{server.port} takes us ({tls}, by name)"
        with pytest.raises(MailFailed, match=r"refuses SMGT_MAIL_USER or its password \(535\)"):
            send_mail(the_mail(server), replace(server, password="wrong"))
        with pytest.raises(MailFailed, match=r"certificate of the mail server localhost:\d+ cannot be trusted"):
            send_mail(the_mail(server), replace(server, ca_file=None))
    assert len(post.mails) == 1


def test_a_server_that_knows_no_secret_is_told_nothing() -> None:
    post = Post()
    with serving(post) as server, pytest.raises(MailFailed, match="no conversation with the mail server"):
        send_mail(the_mail(server), replace(server, tls="starttls"))
    assert post.mails == []


def test_of_several_recipients_one_may_be_refused() -> None:
    post = Post(TO[0])
    with serving(post) as server:
        [told] = send_mail(the_mail(server), server)
        assert told == f"The mail server localhost:{server.port} refused {TO[0]} (550); see that the address is right."
        assert post.recipients == [TO[1]]
        with pytest.raises(MailFailed, match="refuses every address in SMGT_MAIL_TO"):
            send_mail(the_mail(server), replace(server, recipients=TO[:1]))


def test_a_server_that_says_nothing_is_left_in_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        server = MailServer("127.0.0.1", silent.getsockname()[1], "none", "a@example.org", TO)
        with pytest.raises(MailFailed, match=r"did not answer within 0\.3 seconds"):
            send_mail(the_mail(server), server, deadline=0.3)
    with pytest.raises(MailFailed, match="no conversation with the mail server"):
        send_mail(the_mail(server), server)


# -- with an edition -----------------------------------------------------------------------------------------------------


def edition(engine: sa.Engine) -> None:
    with writing(engine) as conn:
        channel = channels.register(conn, "desk_bot", Platform.TELEGRAM)
        message = NewRow(
            channel_id=channel.id, step_id="digest:daily:2026-11-27", recipient="-100", destination="-100:digest",
            template="daily",
            outgoing=Outgoing(act=OutgoingAct.MESSAGE, text="digest", thread_id="-100"),
        )  # fmt: skip
        ask_for_papers(conn, message, replace(sheet(Language.EN), charts=Charts()), MADE_AT, by_mail=True)


def alarms(engine: sa.Engine) -> list[tuple[str, str]]:
    with reading(engine) as conn:
        return [(one.code, one.sentence) for one in open_alarms(conn)]


def test_an_edition_is_mailed_once_and_tried_again(engine: sa.Engine) -> None:
    edition(engine)
    post = Post(TO[0])
    times = iter(range(100))

    def later() -> Any:
        return MADE_AT.replace(hour=3 + next(times) // 6)

    nobody = MailServer("127.0.0.1", 9, "none", "a@example.org", TO)
    assert make_due(engine, later, EVERYBODY, nobody) == 2
    assert [code for code, _ in alarms(engine)] == [UNMADE]
    assert "no conversation with the mail server 127.0.0.1:9" in alarms(engine)[0][1]
    with serving(post) as server:
        for _ in range(4):
            assert make_due(engine, later, EVERYBODY, server) == 0
    assert len(post.mails) == 1
    assert [code for code, _ in alarms(engine)] == [UNMAILED]
    assert TO[0] in alarms(engine)[0][1]


def test_the_mail_waits_a_little_for_what_could_not_be_made(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    edition(engine)
    post = Post()
    monkeypatch.setattr(fonts, "FAMILIES", {"x": ("fontpkg_gone", "fontpkg-gone", "x.ttf")})
    sent = []
    with serving(post) as server:
        for hour in range(3, 9):
            make_due(engine, lambda hour=hour: MADE_AT.replace(hour=hour), EVERYBODY, server)  # type: ignore[misc]
            sent.append(len(post.mails))
    assert sent == [0, 0, 1, 1, 1, 1]
    assert [part.get_filename()[-4:] for part in post.mails[0].iter_attachments()] == ["xlsx"]  # type: ignore[index]


def test_in_the_shadow_nothing_is_mailed(engine: sa.Engine) -> None:
    edition(engine)
    post = Post()
    with serving(post) as server:
        make_due(engine, lambda: MADE_AT, reach_of("shadow", {}), server)
    assert post.mails == []


# -- settings and check ----------------------------------------------------------------------------------------------------

GOOD = {
    "SMGT_MAIL_HOST": "localhost",
    "SMGT_MAIL_FROM": "digest@example.org",
    "SMGT_MAIL_TO": "a@example.org, b@example.org",
}


def refused(**changed: str) -> str:
    with pytest.raises(SettingsError) as fault:
        load_settings({name: value for name, value in (GOOD | changed).items() if value})
    return str(fault.value)


def test_settings_of_mail_are_read(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open sesame\n")
    named = {
        "SMGT_MAIL_USER": "smgt",
        "SMGT_MAIL_PASSWORD_FILE": str(tmp_path / "password"),
        "SMGT_MAIL_CA_FILE": str(AUTHORITY),
    }
    loaded = load_settings(GOOD | named)
    server = mail_server(loaded)
    assert server == MailServer(
        "localhost", 587, "starttls", "digest@example.org", ("a@example.org", "b@example.org"), "smgt", "open sesame", AUTHORITY
    )  # fmt: skip
    assert "sesame" not in repr(server) + repr(loaded) + str(shown_values(loaded))
    assert mail_server(load_settings({})) is None


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"SMGT_MAIL_HOST": ""}, "SMGT_MAIL_HOST is missing, but SMGT_MAIL_FROM is given; name the mail server."),
        ({"SMGT_MAIL_TO": ""}, "SMGT_MAIL_TO is missing, but SMGT_MAIL_HOST is given; write who gets it"),
        ({"SMGT_MAIL_FROM": "digest"}, "SMGT_MAIL_FROM: 'digest' is no e-mail address"),
        ({"SMGT_MAIL_TO": "a@example.org b"}, "SMGT_MAIL_TO: 'b' is no e-mail address"),
        ({"SMGT_MAIL_USER": "smgt"}, "SMGT_MAIL_USER and SMGT_MAIL_PASSWORD belong together"),
        ({"SMGT_MAIL_TLS": "none", "SMGT_MAIL_HOST": "mail.example.org"}, "in the clear; use starttls or implicit."),
        ({"SMGT_MAIL_TLS": "ssl"}, "SMGT_MAIL_TLS: 'ssl' will not do: it must be one of starttls, implicit, none."),
        ({"SMGT_MAIL_CA_FILE": "/nowhere.pem"}, "SMGT_MAIL_CA_FILE: there is no file /nowhere.pem"),
        (
            {"SMGT_MAIL_PORT": "70000"},
            "SMGT_MAIL_PORT: '70000' will not do: it must be a whole number from 1 to 65535.",
        ),
    ],
)
def test_bad_settings_of_mail_are_told(changed: dict[str, str], told: str) -> None:
    assert told in refused(**changed)


def test_check_asks_the_mail_server() -> None:
    assert list(mail_findings(load_settings({}))) == []
    ask: Callable[[int], Any] = lambda port: list(  # noqa: E731
        mail_findings(load_settings(GOOD | {"SMGT_MAIL_TLS": "none", "SMGT_MAIL_PORT": str(port)}))
    )
    with serving(Post()) as server:
        [found] = ask(server.port)
        assert (found.area, found.ok, found.text) == ("mail", True, f"localhost:{server.port} takes us (none)")
    [found] = ask(server.port)
    assert not found.ok
    assert found.text.startswith("No e-mail would be sent: no conversation with the mail server localhost:")
