"""An edition's files in a folder: each whole or not at all.

Owns names and renaming. A reader never sees half a file, and an older edition of the same name is replaced at once.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from bot.digest.forms import Form


class FolderUnusable(Exception):
    """The folder cannot take files; the message is one sentence."""


def require_folder(folder: Path) -> None:
    """See that files can be written there before anything is made. Raises FolderUnusable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as fault:
        raise FolderUnusable(
            f"The folder {folder} cannot be written ({fault.strerror}); name another, or mend its rights."
        ) from fault


def put_into(folder: Path, forms: Iterable[Form]) -> tuple[list[Path], list[str]]:
    """Write the files; returns those that stand there, and a sentence for each that does not. Raises FolderUnusable."""
    require_folder(folder)
    written: list[Path] = []
    faults: list[str] = []
    for form in forms:
        try:
            written.append(_put(folder, form))
        except OSError as fault:
            faults.append(
                f"{form.name} could not be written into {folder} ({fault.strerror}); make room or mend its rights."
            )
    return written, faults


def _put(folder: Path, form: Form) -> Path:
    handle, name = tempfile.mkstemp(dir=folder, prefix=".", suffix=".part")
    unfinished = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(form.content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.chmod(0o644)
        return unfinished.replace(folder / form.name)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
