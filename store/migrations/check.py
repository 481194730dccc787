"""Do the migrations make the tables of store.tables? `python -m store.migrations.check` prints what differs.

Owns the comparison and, until the first release, the writing of the first revision from the tables
(`python -m store.migrations.check --write-first`). After a release the first revision is history and stays.

Alembic's own comparison sees no check constraints, so both databases are built and read back as plain lines.
"""

from __future__ import annotations

import difflib
import graphlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from store.columns import UtcTime
from store.db import migrate, open_engine
from store.tables import metadata

FIRST: Final = Path(__file__).parent / "versions" / "0001_first_tables.py"
_NAMES: Final = postgresql.dialect().identifier_preparer  # type: ignore[no-untyped-call]


def differences(migrated: sa.Engine, created: sa.Engine) -> list[str]:
    """A unified diff, empty when both databases hold the same tables; `-` migrations, `+` store.tables."""
    return list(difflib.unified_diff(shape(migrated), shape(created), "migrations", "store.tables", "", "", 1, ""))


def shape(engine: sa.Engine) -> list[str]:
    """Every table of a database, one line for each column, constraint and index, in a fixed order."""
    inspector = sa.inspect(engine)
    lines: list[str] = []
    for table in sorted(set(inspector.get_table_names()) - {"alembic_version"}):
        primary = inspector.get_pk_constraint(table)
        found = [
            f"{table} column {column['name']} {column['type']!r} null={column['nullable']} "
            f"default={column['default']} counts={column.get('autoincrement')}"
            for column in inspector.get_columns(table)
        ]
        found += [f"{table} primary key {primary['name']} {primary['constrained_columns']}"]
        found += [f"{table} unique {u['name']} {u['column_names']}" for u in inspector.get_unique_constraints(table)]
        found += [f"{table} check {c['name']} {c['sqltext']}" for c in inspector.get_check_constraints(table)]
        found += [
            f"{table} foreign key {key['name']} {key['constrained_columns']} "
            f"{key['referred_table']}{key['referred_columns']} {key['options']}"
            for key in inspector.get_foreign_keys(table)
        ]
        found += [
            f"{table} index {index['name']} {index['column_names']} unique={index['unique']} "
            f"where={_where(index['dialect_options'])}"
            for index in inspector.get_indexes(table)
        ]
        lines += sorted(found)
    return lines


def _where(options: dict[str, object]) -> str:
    """The condition of a partial index; SQLite hands back a text clause, PostgreSQL a string."""
    return str(options.get("sqlite_where", options.get("postgresql_where", "")))


def first_revision() -> str:
    """The text of the first revision for the tables as they are now (to be formatted)."""
    body = "\n".join(line for table in _in_order() for line in _create(table))
    return (
        '"""Make every table.\n\n'
        'Until the first release written by `python -m store.migrations.check --write-first`.\n"""\n\n'
        "# ruff: noqa: E501 (conditions read best whole)\n\n"
        "from __future__ import annotations\n\nimport sqlalchemy as sa\nfrom alembic import op\n\n"
        'revision = "0001"\ndown_revision = None\nbranch_labels = None\ndepends_on = None\n\n'
        "# SQLite counts up only INTEGER primary keys.\n"
        'BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")\n\n\n'
        f"def upgrade() -> None:\n{body}\n"
    )


def _in_order() -> Iterator[sa.Table]:
    """Tables after those they refer to."""
    graph = {
        table.name: sorted({key.column.table.name for key in table.foreign_keys} - {table.name})
        for table in metadata.sorted_tables
    }
    for name in graphlib.TopologicalSorter(graph).static_order():
        yield metadata.tables[name]


def _create(table: sa.Table) -> Iterator[str]:
    yield f"    op.create_table({table.name!r},"
    for column in table.columns:
        yield f"        {_column(column)},"
    checks = [check for column in table.columns for check in column.constraints]
    for constraint in [*checks, *sorted(table.constraints, key=_constraint)]:
        if isinstance(constraint, sa.CheckConstraint) and constraint in table.constraints and constraint in checks:
            continue
        yield f"        {_constraint(constraint)},"
    yield "    )"
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        yield f"    {_index(table, index)}"


def _column(column: sa.Column[object]) -> str:
    parts = [repr(column.name), _type(column.type), f"nullable={column.nullable}"]
    if column.primary_key and column.autoincrement is False:
        parts.append("autoincrement=False")
    if isinstance(default := column.server_default, sa.DefaultClause):
        word = default.arg if isinstance(default.arg, str) else None
        parts.append(f"server_default={word!r}" if word is not None else f"server_default=sa.{default.arg}()")
    return f"sa.Column({', '.join(parts)})"


def _type(kind: sa.types.TypeEngine[object]) -> str:
    match kind:
        case UtcTime():
            return "sa.DateTime(timezone=True)"
        case sa.BigInteger():
            return "BigId"
        case sa.Text() | sa.Boolean() | sa.Integer():
            return f"sa.{type(kind).__name__}()"
        case sa.String() | sa.LargeBinary():
            return f"sa.{type(kind).__name__}({kind.length or ''})"
        case _:
            raise TypeError(f"The first revision cannot be written for a column of type {kind!r}; add it here.")


def _constraint(constraint: sa.Constraint) -> str:
    name = f"name=op.f({_NAMES.format_constraint(constraint)!r})"
    match constraint:
        case sa.PrimaryKeyConstraint() | sa.UniqueConstraint():
            columns = ", ".join(repr(column.name) for column in constraint.columns)
            return f"sa.{type(constraint).__name__}({columns}, {name})"
        case sa.ForeignKeyConstraint():
            targets = [key.target_fullname for key in constraint.elements]
            return f"sa.ForeignKeyConstraint({list(constraint.column_keys)!r}, {targets!r}, {name})"
        case sa.CheckConstraint():
            return f"sa.CheckConstraint({str(constraint.sqltext)!r}, {name})"
        case _:
            raise TypeError(f"The first revision cannot be written for {constraint!r}; add it here.")


def _index(table: sa.Table, index: sa.Index) -> str:
    parts = [repr(str(index.name)), repr(table.name), repr([column.name for column in index.columns])]
    parts += ["unique=True"] if index.unique else []
    for dialect in ("sqlite", "postgresql"):
        where = index.dialect_options[dialect]["where"]
        if where is not None:
            text = where.compile(compile_kwargs={"literal_binds": True}).string.replace(f"{table.name}.", "")
            parts.append(f"{dialect}_where=sa.text({text!r})")
    return f"op.create_index({', '.join(parts)})"


def main(arguments: list[str]) -> int:
    """Print the differences on SQLite; 1 if there are any."""
    if arguments == ["--write-first"]:
        FIRST.write_text(first_revision(), encoding="utf-8")
        sys.stdout.write(f"Wrote {FIRST}; now run `ruff format {FIRST}`.\n")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        migrated = open_engine(f"sqlite:///{folder}/migrated.db")
        created = open_engine(f"sqlite:///{folder}/created.db")
        migrate(migrated)
        metadata.create_all(created)
        found = differences(migrated, created)
        migrated.dispose()
        created.dispose()
    sys.stdout.write("\n".join(found) + "\n" if found else "The migrations make exactly the tables of store.tables.\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
