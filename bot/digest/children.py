"""A task in a Python process of its own: bytes in, bytes out, an end to its time; its memory comes back.

Owns starting it and telling in one sentence why it failed. It must not know what is asked of it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys


class ChildFailed(Exception):
    """It did not come to an end, or to a bad one; the message is what went wrong, without a full stop."""


def asked(module: str, order: bytes, *, deadline: float) -> bytes:
    """What `python -m module` makes of the order; blocks up to `deadline` seconds. Raises ChildFailed."""
    environment = {**os.environ, "MPLBACKEND": "Agg", "PYTHONUTF8": "1"}
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", module],
            input=order,
            capture_output=True,
            timeout=deadline,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired as late:
        raise ChildFailed(f"it took longer than {deadline:g} seconds and was ended") from late
    except OSError as fault:
        raise ChildFailed(f"no process could be begun ({fault.strerror})") from fault
    if done.returncode < 0:
        raise ChildFailed(f"its process was ended from outside ({signal.Signals(-done.returncode).name})")
    if done.returncode > 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ChildFailed(said[-1].rstrip(".") if said else "no reason was told")
    return done.stdout


def tell_and_end(fault: Exception) -> None:
    """The child's last word: the fault in one line, exit code 1."""
    sys.stderr.write(f"{' '.join(str(fault).split()) or type(fault).__name__}\n")
    sys.exit(1)
