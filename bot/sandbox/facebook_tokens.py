"""Tokens of the emulated Graph API: whose a token is, an app's own token, and what can be learned of one.

Owns who may ask and how the answers look. What may be done with a token is in facebook_wire.py.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any

from bot.sandbox.facebook_state import Page

SCOPES = ("pages_manage_engagement", "pages_messaging", "pages_read_engagement", "pages_read_user_content")


class BadToken(Exception):
    """Nobody has this token, app id or secret; message and code are the Graph API's."""

    def __init__(self, message: str, code: int = 190) -> None:
        super().__init__(message)
        self.code = code


def owner_of(token: str, pages: Iterable[Page]) -> Page:
    """The Page whose token this is. Raises BadToken."""
    for page in pages:
        if token and hmac.compare_digest(page.token.encode(), token.encode()):
            return page
    raise BadToken("Invalid OAuth access token - Cannot parse access token")


def proof_of(page: Page) -> str:
    """What a request with the Page's token must carry beside it."""
    return hmac.new(page.app_secret.encode(), page.token.encode(), hashlib.sha256).hexdigest()


def app_token(asked: Mapping[str, Any], pages: Iterable[Page]) -> dict[str, str]:
    """The app's own token for its id and secret. Raises BadToken."""
    app_id, secret = str(asked.get("client_id", "")), str(asked.get("client_secret", ""))
    apps = [page for page in pages if page.app_id == app_id]
    if not apps:
        raise BadToken("Error validating application. Cannot get application info due to a system error.", 101)
    for page in apps:
        if hmac.compare_digest(page.app_secret.encode(), secret.encode()):
            return {"access_token": _app_token(page), "token_type": "bearer"}
    raise BadToken("Error validating client secret.", 1)


def debugged(asked: Mapping[str, Any], pages: Iterable[Page]) -> dict[str, Any]:
    """What is known of `input_token`; the one who asks is the app, or the Page itself. Raises BadToken."""
    known = list(pages)
    asker = str(asked.get("access_token", ""))
    if asker not in {_app_token(page) for page in known}:
        owner_of(asker, known)
    try:
        page = owner_of(str(asked.get("input_token", "")), known)
    except BadToken as error:
        return {"data": {"error": {"code": error.code, "message": str(error)}, "is_valid": False, "scopes": []}}
    told = {"app_id": page.app_id, "type": "PAGE", "application": "SMGT", "expires_at": 0, "is_valid": True}
    return {"data": {**told, "data_access_expires_at": 0, "profile_id": page.id, "scopes": list(SCOPES)}}


def _app_token(page: Page) -> str:
    return f"{page.app_id}|{page.app_secret}"
