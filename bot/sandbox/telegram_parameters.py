"""The parameters of a Bot API request, whatever body they came in.

Owns reading them; it must not know any method.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.sandbox.telegram_rules import bad_request


class Parameters:
    """The parameters of one request, whatever body they came in; `files` by their form name.

    `kinds`: what the client called each file and said that it is, by the same names.
    """

    def __init__(
        self, values: Mapping[str, Any], files: Mapping[str, bytes], kinds: Mapping[str, tuple[str, str]] | None = None
    ) -> None:
        self._values = values
        self.files = files
        self._kinds = kinds or {}

    def text(self, name: str) -> str:
        """A string, "" when absent."""
        value = self._values.get(name, "")
        return value if isinstance(value, str) else json.dumps(value)

    def integer(self, name: str, default: int = 0) -> int:
        """A whole number. Raises BotApiError when it is none."""
        value = self._values.get(name, default)
        try:
            return int(value)
        except (TypeError, ValueError):
            raise bad_request(f'parameter "{name}" must be an integer') from None

    def truth(self, name: str) -> bool:
        """A boolean, False when absent."""
        return str(self._values.get(name, "")).lower() in ("true", "1")

    def nested(self, name: str, default: Any) -> Any:
        """JSON inside a form field, or the structure itself of a JSON body."""
        value = self._values.get(name, default)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except ValueError:
            raise bad_request(f"can't parse {name} JSON object") from None

    def upload(self, name: str, reference: str) -> bytes | None:
        """The bytes of an uploaded file: the form field itself or what `attach://` points at."""
        return self.files.get(reference.removeprefix("attach://") if reference else name)

    def kind_of_upload(self, name: str, reference: str) -> tuple[str, str]:
        """The name and the media type that came with an uploaded file, "" where none did."""
        return self._kinds.get(reference.removeprefix("attach://") if reference else name, ("", ""))
