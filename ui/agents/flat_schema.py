"""JSON Schemas that all clients of an MCP server understand."""

from __future__ import annotations

from typing import Any, cast

import msgspec


def flat_schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the JSON Schema of a struct without references, titles and docstrings.

    Some clients don't resolve references, and docstrings are not meant for a model.
    """
    whole = msgspec.json.schema(kind)
    parts: dict[str, Any] = whole.pop("$defs", {})
    return _flat(whole, parts, is_struct=True)


def _flat(node: Any, parts: dict[str, Any], *, is_struct: bool = False) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, list):
        return [_flat(it, parts) for it in node]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(node, dict):
        return node
    found = cast("dict[str, Any]", node)
    if (reference := found.get("$ref")) is not None:
        name: str = reference.rpartition("/")[2]
        flat = _flat(parts[name], parts, is_struct=True)
        return flat | {it: found[it] for it in found if it == "description"}
    if is_struct:
        found = {it: found[it] for it in found if it not in {"title", "description"}}
        properties = found.get("properties", {})
        found["properties"] = {
            name: _flat(it, parts) for name, it in properties.items()
        }
        return found
    return {name: _flat(it, parts) for name, it in found.items()}
