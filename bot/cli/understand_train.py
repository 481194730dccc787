"""`smgt understand train`: learn anew from the shipped texts and an office's labels, and take it only if it is no worse.

Owns the order of training, trying and taking, and what is told. Training stands in handlers/learning/training.py, the
judgement in its trial.py.
"""

from __future__ import annotations

import shutil
import tempfile
from importlib.util import find_spec
from pathlib import Path

import click

from bot.cli.ending import Failed
from bot.cli.opening import office_now, settings
from bot.cli.showing import show_rows
from handlers.learning.corpus import Labelled, labels_of_file
from handlers.learning.trial import Trial, tried, worse
from handlers.understanding.tables import LEARNED


@click.command(
    "train",
    epilog="""\b
Examples:
  smgt understand labels > labels.jsonl
  smgt understand train --labels labels.jsonl --into /etc/smgt/understanding
  SMGT_UNDERSTANDING_DIR=/etc/smgt/understanding smgt run

\b
Takes some minutes and needs the extra: pip install 'smgt[train]'. The new tables are tried,
beside those in use, on texts kept apart from all training; where a figure is worse, nothing
is taken, the new tables stay in FOLDER.new to be looked at, and the exit code is 1.
FOLDER may also hold tables of the office itself, such as localities.tsv or jurisdiction.tsv.
""",
)
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
              help="where the learned tables go  [default: SMGT_UNDERSTANDING_DIR]")  # fmt: skip
@click.option("--labels", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
              help="labels of the office, as `smgt understand labels` writes them")  # fmt: skip
@click.pass_context
def command(ctx: click.Context, /, *, into: Path | None, labels: Path | None) -> None:
    """Learn the understanding anew, and take the result only if it is no worse than what is in use."""
    loaded = settings()
    folder = into or loaded.understanding_dir
    if folder is None:
        raise click.UsageError("Name the folder for the learned tables with --into, or set SMGT_UNDERSTANDING_DIR.")
    if find_spec("sklearn") is None:
        raise Failed("Training needs scikit-learn; install it with `pip install 'smgt[train]'`.")
    gathered = labels_of_file(labels) if labels else []
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".smgt-train-", dir=folder.parent) as made:
        new = Path(made)
        _learn(folder, new, gathered, f"{office_now(loaded):%Y-%m-%d}")
        click.echo("Trying the tables in use and the new ones on texts kept apart ...", err=True)
        old, ours = tried(folder), tried(new)
        _show(old, ours)
        faults = list(worse(old, ours))
        if faults:
            _keep_apart(new, folder)
            click.echo()
            click.echo("Not taken, because the new tables are worse:")
            for fault in faults:
                click.echo(f"  {fault}")
            click.echo(f"They are in {_beside(folder)}; {folder} is as it was.")
            ctx.exit(1)
        for name in LEARNED:
            (new / name).replace(folder / name)
    click.echo()
    click.echo(f"Taken: {folder} holds the new tables. Running copies of SMGT read them when they start anew.")


def _learn(folder: Path, new: Path, gathered: list[Labelled], today: str) -> None:
    """Train into `new`, beside copies of the office's own tables."""
    from handlers.learning.training import train_all

    for file in folder.iterdir():
        if file.suffix == ".tsv" and file.name not in LEARNED:
            shutil.copy(file, new / file.name)
    about = {"trained": today, "labels": str(len(gathered))}
    click.echo(f"Learning from the shipped texts and {len(gathered)} labels ...", err=True)
    train_all(new, gathered, about, lambda step: click.echo(f"  {step}", err=True))


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.new")


def _keep_apart(new: Path, folder: Path) -> None:
    shutil.rmtree(_beside(folder), ignore_errors=True)
    shutil.copytree(new, _beside(folder))


def _show(old: Trial, new: Trial) -> None:
    show_rows(
        ("figure", "in use", "new"), [(name, str(share), str(new.shares[name])) for name, share in old.shares.items()]
    )
    click.echo()
    show_rows(
        ("category, right unasked", "in use", "new"),
        [(code, str(share), str(new.categories[code])) for code, share in old.categories.items()],
    )
