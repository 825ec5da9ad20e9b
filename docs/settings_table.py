"""Tables of settings, generated from the structs of the configuration."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Final

import msgspec
from backburner.ui.program.config import Config

if TYPE_CHECKING:
    from collections.abc import Iterator

_ATTRIBUTE: Final = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def settings_section() -> str:
    """Return the tables of settings: of the file, then of its TOML tables.

    Raises:
        ValueError: If a setting has no meaning in the docstring of its struct.
    """
    return "\n\n".join(_tables(Config, ""))


def _tables(struct: type[msgspec.Struct], table: str) -> Iterator[str]:
    meanings = dict(_ATTRIBUTE.findall(inspect.getdoc(struct) or ""))
    lines = [f"### `[{table}]`", ""] if table else []
    lines += ["| setting | default | meaning |", "| --- | --- | --- |"]
    inner: list[tuple[type[msgspec.Struct], str]] = []
    for field in msgspec.structs.fields(struct):
        default = field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        if isinstance(default, msgspec.Struct):
            inner.append((type(default), field.name))
            continue
        if field.name not in meanings:
            raise ValueError(f"{struct.__name__}.{field.name} has no meaning")
        meaning = " ".join(meanings[field.name].split())
        lines.append(f"| `{field.name}` | `{_toml(default)}` | {meaning} |")
    yield "\n".join(lines)
    for each, name in inner:
        yield from _tables(each, name)


def _toml(value: object) -> str:
    return msgspec.json.encode(value).decode()
