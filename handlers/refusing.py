"""The refusal of an officer's act, with the code of the sentence that the officer reads. Pure."""

from __future__ import annotations


class ActRefused(ValueError):
    """The act is not possible now; `code` names the sentence the officer reads."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
