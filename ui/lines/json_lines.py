"""The JSON lines of `--json`, and their schema."""

from __future__ import annotations

from typing import Any, Final, Literal, cast

import msgspec

from ...actors import Task, TaskEvent
from ..dialogue.answers import Answer


class TaskLine(msgspec.Struct, frozen=True):
    """A task has changed.

    Attributes:
        event: The kind of change; `progress` is any change while it runs.
        seq: The number of this change in the session.
        task: The task after the change.
    """

    event: TaskEvent
    seq: int
    task: Task


class TextLine(msgspec.Struct, frozen=True):
    """A chat message or an answer that is only text, or a problem.

    Attributes:
        event: `error` for a problem.
        text: The text, safe to show; an answer may have several lines.
    """

    event: Literal["reply", "error"]
    text: str


Line = TaskLine | TextLine | Answer
"""The content of one line."""

_TITLE: Final = "A line of `backburner --json`"
_REF: Final = "#/$defs/{name}"


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a line, generated from the structs."""
    kinds: tuple[Any, ...] = (TaskLine, TextLine, *Answer.__args__)
    found, definitions = msgspec.json.schema_components(kinds, ref_template=_REF)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": _TITLE,
        "oneOf": list(found),
        "$defs": _in_order(dict(sorted(definitions.items()))),
    }


def _in_order(schema: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a schema whose alternatives are sorted: msgspec's order of them varies."""
    if isinstance(schema, dict):
        items: dict[str, Any] = cast("dict[str, Any]", schema)
        return {
            key: sorted(map(_in_order, value), key=repr)
            if key == "anyOf"
            else _in_order(value)
            for key, value in items.items()
        }
    if isinstance(schema, list):
        return [_in_order(item) for item in cast("list[Any]", schema)]
    return schema
