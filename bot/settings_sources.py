"""Where settings come from: the environment, files that hold one secret each, and one TOML file.

Owns reading and precedence (environment and secret files before TOML) and leaves every value as text. It must not
know what a setting means. No fault repeats a value, because it may be a secret.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

PREFIX: Final = "SMGT_"
CONFIG: Final = "SMGT_CONFIG"
SECRETS_DIR: Final = "SMGT_SECRETS_DIR"
TESTS: Final = "SMGT_TEST_"  # read by the test suite alone
FILE_SUFFIX: Final = "_FILE"
_LARGEST_SECRET: Final = 65_536  # bytes; a larger file is surely not one secret


class SettingsError(Exception):
    """The settings cannot be used; the message lists every fault, one line each, never a secret."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class Sources:
    """The raw text of every setting by its full name (`SMGT_WEB_PORT`), and what was wrong in reading them.

    `own_names` are the settings that end in `_FILE` themselves, like SMGT_HOLIDAYS_FILE.
    """

    def __init__(self, environ: Mapping[str, str], own_names: frozenset[str]) -> None:
        self.faults: list[str] = []
        given = {
            name: value.strip()
            for name, value in environ.items()
            if name.startswith(PREFIX) and not name.startswith(TESTS) and value.strip()
        }
        config, secrets = given.pop(CONFIG, ""), given.pop(SECRETS_DIR, "")
        self.values: dict[str, str] = dict(self._toml(Path(config))) if config else {}
        if secrets:
            self._merge(self._folder(Path(secrets)), SECRETS_DIR, given)
        for name in [name for name in given if name.endswith(FILE_SUFFIX) and name not in own_names]:
            content = self._content(Path(given.pop(name)), name)
            self._merge({name.removesuffix(FILE_SUFFIX): content} if content else {}, name, given)
        self.values |= given

    def _merge(self, found: Mapping[str, str], where: str, given: Mapping[str, str]) -> None:
        for name, value in found.items():
            if name in given:
                self.faults.append(f"{name} and {where} both give {name}; keep one of them.")
            self.values[name] = value

    def _folder(self, folder: Path) -> dict[str, str]:
        """Files named like their setting, in capitals or not."""
        if not folder.is_dir():
            self.faults.append(f"{SECRETS_DIR}: there is no folder {folder}; create it or leave the setting out.")
            return {}
        files = [file for file in sorted(folder.iterdir()) if file.name.upper().startswith(PREFIX) and file.is_file()]
        contents = {file.name.upper(): self._content(file, SECRETS_DIR) for file in files}
        return {name: content for name, content in contents.items() if content}

    def _content(self, file: Path, where: str) -> str:
        try:
            if file.stat().st_size > _LARGEST_SECRET:
                self.faults.append(f"{where}: {file} is too large to hold one secret; name the right file.")
                return ""
            content = file.read_text(encoding="utf-8").strip()
        except OSError as error:
            self.faults.append(f"{where}: {file} cannot be read ({error.strerror}); check its path and rights.")
            return ""
        except UnicodeDecodeError:
            self.faults.append(f"{where}: {file} does not hold UTF-8 text; save the secret as plain text.")
            return ""
        if not content:
            self.faults.append(f"{where}: {file} is empty; put the secret into it.")
        return content

    def _toml(self, file: Path) -> Iterator[tuple[str, str]]:
        try:
            table = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        except OSError as error:
            self.faults.append(f"{CONFIG}: {file} cannot be read ({error.strerror}); check its path and rights.")
            return
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            self.faults.append(f"{CONFIG}: {file} is not TOML ({error}); mend it there.")
            return
        yield from self._flat(PREFIX.removesuffix("_"), table)

    def _flat(self, above: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """`web_port = 8080` is SMGT_WEB_PORT; `[cmohry]` with `bearer_token` is SMGT_CMOHRY_BEARER_TOKEN."""
        for key, value in table.items():
            name = f"{above}_{key.upper()}"
            match value:
                case dict():
                    yield from self._flat(name, value)
                case bool():
                    yield name, "yes" if value else "no"
                case list():
                    yield name, " ".join(map(str, value))
                case _:
                    yield name, str(value)
