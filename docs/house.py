"""Tables of the rooms of the code, generated from the folders and the imports."""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT: Final = Path(__file__).parents[1]
HOUSES: Final = ("actors", "ui")

Rooms = dict[str, list[Path]]


@functools.cache
def parsed(file: Path) -> ast.Module:
    """Return the syntax tree of a file, which several tables use."""
    return ast.parse(file.read_text())


def house_section() -> str:
    """Return one table for each of the two folders: its rooms, highest first.

    A room is a folder, or a module that stands beside folders. It may import only what
    stands below it, so the order is that of the imports; `make check` holds it.

    Raises:
        ValueError: If rooms import each other in a circle.
    """
    return "\n\n".join(_table(house) for house in HOUSES)


def _table(house: str) -> str:
    rooms = _rooms(ROOT / house)
    imports = {room: _imports(house, rooms, files) for room, files in rooms.items()}
    order = _highest_first(imports)
    direct = _without_indirect(imports)
    lines = [
        f"| `{house}/` | contents | imports, and what they import |",
        "| --- | --- | --- |",
    ]
    for room in order:
        below = " ".join(f"`{it}`" for it in sorted(direct[room])) or "nothing"
        summary = _summary(rooms[room])
        lines.append(f"| `{room}` | {summary} | {below} |")
    return "\n".join(lines)


def _rooms(house: Path) -> Rooms:
    rooms: Rooms = {}
    for file in sorted(house.rglob("*.py")):
        parts = file.relative_to(house).parts
        if parts[0] not in {"__init__.py", "__main__.py"}:
            rooms.setdefault(parts[0] + "/" * (len(parts) > 1), []).append(file)
    return rooms


def _summary(files: Iterable[Path]) -> str:
    first = min(files, key=lambda file: (len(file.parts), file.name != "__init__.py"))
    doc = ast.get_docstring(parsed(first)) or ""
    return " ".join(doc.split("\n\n")[0].split()).rstrip(".")


def _imports(house: str, rooms: Rooms, files: Iterable[Path]) -> set[str]:
    found: set[str] = set()
    for file in files:
        package = file.relative_to(ROOT).parts[:-1]
        for target in _imported(package, parsed(file)):
            if target[:1] == (house,) and len(target) > 1:
                name = target[1]
                found |= {it for it in (f"{name}/", f"{name}.py") if it in rooms}
    own = {it for it in rooms if rooms[it] == list(files)}
    return found - own


def _imported(package: tuple[str, ...], tree: ast.Module) -> Iterator[tuple[str, ...]]:
    for node in _statements(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            module = (*base, *(node.module.split(".") if node.module else ()))
            if len(module) > 1:
                yield module
            else:
                yield from ((*module, alias.name) for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a statement except expressions, nine tenths of all nodes."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.expr):
            yield child
            yield from _statements(child)


def _highest_first(imports: dict[str, set[str]]) -> list[str]:
    """Order rooms so that each precedes all rooms that it imports."""
    order: list[str] = []
    left = dict(imports)
    while left:
        used = {room for below in left.values() for room in below}
        top = sorted(room for room in left if room not in used)
        if not top:
            raise ValueError(f"these rooms import each other: {', '.join(left)}")
        order += top
        for room in top:
            del left[room]
    return order


def _without_indirect(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """Remove the imports that a room reaches through another import."""
    reached: dict[str, set[str]] = {}
    for room in reversed(_highest_first(imports)):
        below = imports[room]
        reached[room] = below.union(*(reached[it] for it in below))
    return {
        room: {it for it in below if not any(it in reached[via] for via in below)}
        for room, below in imports.items()
    }
