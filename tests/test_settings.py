"""Settings: their sources and precedence, every fault at once in one sentence each, and no secret ever shown."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from bot.settings import SettingsError, is_real_host, load_settings, settings_table, shown_values
from store.vocabulary import Platform

SANDBOX = {
    "SMGT_CHANNELS": "x:cmohry facebook:cmo telegram:desk",
    "SMGT_X_API_URL": "http://127.0.0.1:8901",
    "SMGT_FACEBOOK_GRAPH_URL": "http://localhost:8902/",
    "SMGT_TELEGRAM_API_URL": "http://[::1]:8903",
    "SMGT_CMOHRY_BEARER_TOKEN": "bearer-s3cret",
    "SMGT_CMOHRY_CONSUMER_KEY": "key-s3cret",
    "SMGT_CMOHRY_CONSUMER_SECRET": "consumer-s3cret",
    "SMGT_CMOHRY_ACCESS_TOKEN": "access-s3cret",
    "SMGT_CMOHRY_ACCESS_SECRET": "access-secret-s3cret",
    "SMGT_CMO_PAGE_ID": "1001",
    "SMGT_CMO_PAGE_TOKEN": "page-s3cret",
    "SMGT_CMO_APP_ID": "77",
    "SMGT_CMO_APP_SECRET": "app-s3cret",
    "SMGT_CMO_VERIFY_TOKEN": "verify-s3cret",
    "SMGT_DESK_BOT_TOKEN": "42:bot-s3cret",
    "SMGT_DESK_WEBHOOK_SECRET": "hook-s3cret",
}


def _faults(environ: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(environ)
    assert str(caught.value) == "\n".join(caught.value.faults)
    assert "s3cret" not in str(caught.value)
    return list(caught.value.faults)


def test_nothing_set_gives_the_defaults() -> None:
    settings = load_settings({"PATH": "/bin", "SMGT_TEST_POSTGRES_URL": "x", "SMGT_WEB_PORT": ""})
    assert settings.database_url == "sqlite:///smgt.db"
    assert settings.digest_at == time(8)
    assert (settings.live, settings.is_live, settings.channels) == (False, False, ())
    assert [fault.split(" ")[0] for fault in settings.missing_to_run()] == ["SMGT_CHANNELS", "SMGT_CHANNELS"]


def test_a_whole_sandbox_is_read_and_can_run() -> None:
    settings = load_settings({**SANDBOX, "SMGT_CLOCK_URL": "http://127.0.0.1:8900", "SMGT_WEBHOOKS": "on"})
    x, facebook, telegram = settings.channels
    assert (x.platform, x.name, x.x().access_token) == (Platform.X, "cmohry", "access-s3cret")
    assert (facebook.name, facebook.facebook().page_id) == ("cmo", "1001")
    assert telegram.credentials == {"BOT_TOKEN": "42:bot-s3cret", "WEBHOOK_SECRET": "hook-s3cret"}
    assert settings.base_url(Platform.FACEBOOK) == "http://localhost:8902"
    assert not settings.is_live
    assert settings.missing_to_run() == ()


def test_live_needs_a_yes_and_names_what_is_real() -> None:
    environ = {name: value for name, value in SANDBOX.items() if name != "SMGT_X_API_URL"}
    settings = load_settings(environ)
    assert settings.is_live
    assert settings.missing_to_run() == ("SMGT_LIVE=yes is needed to send to the real hosts of SMGT_X_API_URL.",)
    assert load_settings({**environ, "SMGT_LIVE": "yes"}).missing_to_run() == ()


def test_every_fault_is_told_at_once() -> None:
    assert _faults(
        {
            "SMGT_CHANNELS": "x:cmohry,facebook:cmo x:Hry telegram:cmo",
            "SMGT_CMO_PAGE_ID": "the-page",
            "SMGT_CMO_PAGE_TOKEN": "page-s3cret",
            "SMGT_CMO_APP_ID": "77",
            "SMGT_CMO_APP_SECRT": "app-s3cret",
            "SMGT_CMOHRY_BEARER_TOKEN": "b-s3cret",
            "SMGT_CMOHRY_CONSUMER_KEY": "c-s3cret",
            "SMGT_CMOHRY_ACCESS_TOKEN": "d-s3cret",
            "SMGT_CMOHRY_ACCESS_SECRET": "e-s3cret",
            "SMGT_OLD_BEARER_TOKEN": "old-s3cret",
            "SMGT_WEB_PORT": "99999",
            "SMGT_LIVE": "perhaps",
            "SMGT_X_FOLLOWUPS": "often",
            "SMGT_DIGEST_AT": "morning",
            "SMGT_TICKET_PREFIX": "HR",
            "SMGT_PROXY_URL": "s3cret@proxy",
            "SMGT_NIGHT_FROM": "24",
            "SMGT_X_API_URL": "api.x.com",
        }
    ) == [
        "SMGT_CMOHRY_CONSUMER_SECRET is missing; set it, or SMGT_CMOHRY_CONSUMER_SECRET_FILE to a file that holds it.",
        "SMGT_CMO_PAGE_ID must be digits.",
        "SMGT_CMO_APP_SECRET is missing; set it, or SMGT_CMO_APP_SECRET_FILE to a file that holds it.",
        "SMGT_CHANNELS: 'x:Hry' is not <x|facebook|telegram>:<name in small letters>.",
        "SMGT_CHANNELS: the name cmo is given twice; names are unique.",
        "SMGT_CMO_APP_SECRT is not a setting; did you mean SMGT_CMO_APP_SECRET?",
        "SMGT_OLD_BEARER_TOKEN is not a setting; `smgt check --help` lists them; is its channel in SMGT_CHANNELS?",
        "SMGT_LIVE: 'perhaps' will not do: it must be yes or no.",
        "SMGT_X_API_URL: 'api.x.com' will not do: it must be an address like https://host or http://127.0.0.1:8901.",
        "SMGT_PROXY_URL: it must be an address like https://host or http://127.0.0.1:8901.",
        "SMGT_TICKET_PREFIX: 'HR' will not do: it must be three to six capital letters.",
        "SMGT_X_FOLLOWUPS: 'often' will not do: it must be one of permitted, asked, never.",
        "SMGT_NIGHT_FROM: '24' will not do: it must be a whole number from 0 to 23.",
        "SMGT_DIGEST_AT: 'morning' will not do: it must be a time like 08:00.",
        "SMGT_WEB_PORT: '99999' will not do: it must be a whole number from 1 to 65535.",
    ]


def test_contradictions_name_both_settings() -> None:
    environ = {
        **SANDBOX,
        "SMGT_X_API_URL": "http://gateway.example",
        "SMGT_CLOCK_URL": "http://127.0.0.1:8900",
        "SMGT_SATISFACTION_REMINDER_HOURS": "200",
        "SMGT_HOLIDAYS_FILE": "/nowhere/holidays.csv",
        "SMGT_CHANNELS": SANDBOX["SMGT_CHANNELS"] + " telegram:second",
        "SMGT_SECOND_BOT_TOKEN": SANDBOX["SMGT_DESK_BOT_TOKEN"],
        "SMGT_WEBHOOKS": "yes",
    }
    assert _faults(environ) == [
        "SMGT_CLOCK_URL cannot be used while SMGT_X_API_URL is a real host; leave the clock out or name the sandbox.",
        "SMGT_X_API_URL sends secrets to another machine in the clear; use https.",
        "SMGT_SATISFACTION_REMINDER_HOURS (200) must be less than SMGT_SATISFACTION_CLOSE_HOURS (168).",
        "SMGT_HOLIDAYS_FILE: there is no file /nowhere/holidays.csv; create it or leave the setting out.",
        "SMGT_DESK_BOT_TOKEN and SMGT_SECOND_BOT_TOKEN are the same account; each channel needs its own.",
        "SMGT_SECOND_WEBHOOK_SECRET is missing, but SMGT_WEBHOOKS is on; set it or turn webhooks off.",
    ]


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    config = tmp_path / "smgt.toml"
    config.write_text(
        'web_port = 9000\nlog_level = "WARNING"\nlive = true\nchannels = ["telegram:desk"]\n'
        '[desk]\nbot_token = "42:abc"\n'
    )
    settings = load_settings({"SMGT_CONFIG": str(config), "SMGT_WEB_PORT": "9001"})
    assert (settings.web_port, settings.log_level, settings.live) == (9001, "warning", True)
    assert settings.channels[0].credentials == {"BOT_TOKEN": "42:abc"}


def test_secrets_come_from_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "smgt_cmohry_access_token").write_text("from-folder\n")
    (tmp_path / "SMGT_CMO_APP_SECRET").write_text("also-from-folder")
    (tmp_path / "unrelated").write_text("x")
    token = tmp_path / "token"
    token.write_text("42:from-file\n")
    left_out = ("SMGT_CMOHRY_ACCESS_TOKEN", "SMGT_CMO_APP_SECRET", "SMGT_DESK_BOT_TOKEN")
    environ = {name: value for name, value in SANDBOX.items() if name not in left_out}
    settings = load_settings({**environ, "SMGT_SECRETS_DIR": str(tmp_path), "SMGT_DESK_BOT_TOKEN_FILE": str(token)})
    x, facebook, telegram = settings.channels
    assert x.credentials["ACCESS_TOKEN"] == "from-folder"
    assert facebook.credentials["APP_SECRET"] == "also-from-folder"
    assert telegram.credentials["BOT_TOKEN"] == "42:from-file"


def test_files_that_cannot_serve_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "smgt.toml").write_text("web_port = = 1")
    (tmp_path / "ok").write_text("s3cret")
    faults = _faults(
        {
            **SANDBOX,
            "SMGT_CONFIG": str(tmp_path / "smgt.toml"),
            "SMGT_SECRETS_DIR": str(tmp_path / "none"),
            "SMGT_DATABASE_URL_FILE": str(tmp_path / "empty"),
            "SMGT_PROXY_URL_FILE": str(tmp_path / "bytes"),
            "SMGT_WEB_HOST_FILE": str(tmp_path / "gone"),
            "SMGT_CMO_PAGE_TOKEN_FILE": str(tmp_path / "ok"),
        }
    )
    assert [fault.split(str(tmp_path))[0] for fault in faults[:2]] == [
        "SMGT_CONFIG: ",
        "SMGT_SECRETS_DIR: there is no folder ",
    ]
    assert "is not TOML" in faults[0]
    assert f"SMGT_DATABASE_URL_FILE: {tmp_path / 'empty'} is empty; put the secret into it." in faults
    assert any(fault.startswith("SMGT_PROXY_URL_FILE") and "UTF-8" in fault for fault in faults)
    assert any(fault.startswith("SMGT_WEB_HOST_FILE") and "cannot be read" in fault for fault in faults)
    assert "SMGT_CMO_PAGE_TOKEN and SMGT_CMO_PAGE_TOKEN_FILE both give SMGT_CMO_PAGE_TOKEN; keep one of them." in faults


@pytest.mark.parametrize(
    ("url", "real"),
    [
        ("https://api.x.com", True),
        ("http://10.0.0.7:8081", True),
        ("https://localhost.example.org", True),
        ("http://127.0.0.1:9", False),
        ("http://localhost:9", False),
        ("http://[::1]:9", False),
    ],
)
def test_only_this_machine_is_a_sandbox(url: str, real: bool) -> None:
    assert is_real_host(url) is real


def test_nothing_shown_holds_a_secret() -> None:
    environ = {
        **SANDBOX,
        "SMGT_DATABASE_URL": "postgresql+psycopg://smgt:s3cret@db/smgt?password=s3cret",
        "SMGT_PROXY_URL": "http://user:s3cret@proxy.example:3128",
    }
    settings = load_settings(environ)
    shown = dict(shown_values(settings))
    assert shown["SMGT_DATABASE_URL"] == "postgresql+psycopg://***@db/smgt"
    assert shown["SMGT_CHANNELS"] == SANDBOX["SMGT_CHANNELS"]
    assert "s3cret" not in f"{shown} {settings!r} {settings}"


def test_every_setting_of_the_table_is_accepted_and_described() -> None:
    rows = settings_table()
    assert len({name for name, _, _ in rows}) == len(rows)
    assert all(meaning for _, _, meaning in rows)
    given = {name: default for name, default, _ in rows if default}
    assert load_settings(given) == load_settings({})
