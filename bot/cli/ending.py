"""How a command ends badly: each line of the message is one sentence on stderr, exit code 1."""

from __future__ import annotations

from typing import IO, Any

import click


class Failed(click.ClickException):
    """The thing asked for failed; nothing was done by halves."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        for line in self.message.splitlines():
            click.echo(f"smgt: {line}", err=True)
