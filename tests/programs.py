"""Programs beside Python that some tests need. Owns saying which is missing: in CI that is a failure."""

from __future__ import annotations

import os
import shutil

import pytest


def needs_pg_dump() -> None:
    """Skip where PostgreSQL's programs are missing; in CI fail."""
    if shutil.which("pg_dump") is None:
        reason = "pg_dump is not installed (Debian: postgresql-client)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
