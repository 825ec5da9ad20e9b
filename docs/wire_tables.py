"""Tables of the protocol's messages with their fields, generated from the types."""

from __future__ import annotations

import inspect
import re
import typing
from typing import TYPE_CHECKING, Final

import msgspec
from backburner.actors.host import wire
from backburner.actors.messages import Notification, QueueReply, QueueRequest
from backburner.actors.runtime import frames
from msgspec import inspect as types

if TYPE_CHECKING:
    import enum
    from collections.abc import Iterable, Iterator

Struct = type[msgspec.Struct]

_ATTRIBUTE: Final = re.compile(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)
_INHERITED: Final = ("reply_to", "correlation_id")
"""Fields that many messages have; the page explains them above the tables."""

_MEBIBYTE: Final = 1 << 20


def protocol_section() -> str:
    """Return the tables of all messages, and of the values in them.

    Raises:
        ValueError: If a field has no meaning in the docstring of its struct.
    """
    to_host = (wire.Hello, wire.StopHost, wire.RestartHost, wire.Farewell)
    from_host = (wire.Welcome, wire.Rejected, wire.Leaving, wire.Told, wire.Behind)
    parts = [
        _limits(),
        "## Connection: client to host",
        *map(_struct, to_host),
        "## Connection: host to client",
        *map(_struct, from_host),
        "## Requests",
        *map(_struct, _members(QueueRequest)),
        "## Answers",
        *map(_struct, _members(QueueReply)),
        "## Notifications",
        *map(_struct, _members(Notification)),
        "## Values",
    ]
    messages = {
        *to_host,
        *from_host,
        *_members(QueueRequest),
        *_members(QueueReply),
        *_members(Notification),
    }
    left = set(_members(wire.ToHost)) | set(_members(wire.FromHost))
    if not left <= messages:
        raise ValueError(f"{left - messages} are in no table")
    values: dict[type, None] = {}
    for message in messages:
        values |= dict.fromkeys(_values(types.type_info(message)))
    by_name = sorted((it for it in values if it not in messages), key=_name)
    for value in by_name:
        if issubclass(value, msgspec.Struct):
            parts.append(_struct(value))
        else:
            parts.append(_enum(typing.cast("type[enum.Enum]", value)))
    return "\n\n".join(parts)


def _limits() -> str:
    to_host, from_host = frames.LONGEST_TO_HOST, frames.LONGEST_FROM_HOST
    return (
        f"The protocol number is {wire.PROTOCOL}. A payload to a host has at most"
        f" {to_host // _MEBIBYTE} MiB, a payload from a host at most"
        f" {from_host // _MEBIBYTE} MiB."
    )


def _members(union: object) -> tuple[Struct, ...]:
    return typing.get_args(union)


def _name(of: type) -> str:
    return of.__name__


def _struct(struct: Struct) -> str:
    info = types.type_info(struct)
    assert isinstance(info, types.StructType)  # noqa: S101 - for the type checker
    text = inspect.getdoc(struct) or ""
    meanings = dict(_ATTRIBUTE.findall(text))
    blocks = [f"### `{struct.__name__}`", _about(text)]
    own = [it for it in info.fields if it.name not in _INHERITED]
    inherited = [f"`{it.name}`" for it in info.fields if it not in own]
    rows = [_row(it, struct, meanings) for it in own]
    if rows:
        head = ("| field | type | default | meaning |", "| --- | --- | --- | --- |")
        blocks.append("\n".join((*head, *rows)))
    if inherited:
        blocks.append(f"{'Also' if rows else 'It has'}: {', '.join(inherited)}.")
    return "\n\n".join(blocks)


def _json_words(text: str) -> str:
    return re.sub(r"`?\bNone\b`?", "`null`", text)


def _about(text: str) -> str:
    before = re.split(r"\n\n?(?:Attributes|Raises|Returns):\n", text)[0]
    return _json_words(before.strip())


def _row(field: types.Field, struct: Struct, meanings: dict[str, str]) -> str:
    if field.name not in meanings:
        raise ValueError(f"{struct.__name__}.{field.name} has no meaning")
    meaning = _json_words(" ".join(meanings[field.name].split()))
    cells = (f"`{field.encode_name}`", _type(field.type), _default(field), meaning)
    return f"| {' | '.join(cells)} |"


def _default(field: types.Field) -> str:
    if field.required:
        return "required"
    value = field.default
    if field.default_factory is not msgspec.NODEFAULT:
        value = field.default_factory()
    return f"`{_json(value)}`"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _type(of: types.Type) -> str:
    match of:
        case types.UnionType(types=members):
            messages = {it.cls for it in members if isinstance(it, types.StructType)}
            if messages == {*_members(QueueReply), *_members(Notification)}:
                return "an answer or a notification"
            return " or ".join(map(_type, members))
        case types.StructType() | types.EnumType():
            name = _name(of.cls)
            return f"[`{name}`](#{name.lower()})"
        case types.VarTupleType(item_type=item) | types.ListType(item_type=item):
            return f"list of {_type(item)}"
        case types.TupleType(item_types=items):
            return f"[{', '.join(map(_type, items))}]"
        case types.DictType():
            return f"object of {_type(of.value_type)}s by name"
        case types.LiteralType(values=values):
            return " or ".join(f"`{json}`" for json in map(_json, values))
        case types.IntType():
            return f"integer{_range(of)}"
        case types.FloatType():
            return f"number{_range(of)}"
        case types.CustomType():
            return "number of a recipient"
        case _:
            return _SIMPLE[type(of)]


_SIMPLE: Final[dict[type[types.Type], str]] = {
    types.StrType: "string",
    types.BytesType: "string, Base64",
    types.BoolType: "boolean",
    types.NoneType: "null",
    types.DateTimeType: "string, a time of RFC 3339",
    types.AnyType: "anything",
}


def _range(of: types.IntType | types.FloatType) -> str:
    bounds = [
        f"{word} {bound:,.15g}"
        for word, bound in (("≥", of.ge), (">", of.gt), ("≤", of.le), ("<", of.lt))
        if bound is not None and abs(bound) < 1e9  # noqa: PLR2004 - what only keeps it finite
    ]
    return f" {', '.join(bounds)}" if bounds else ""


def _enum(of: type[enum.Enum]) -> str:
    words = ", ".join(f"`{msgspec.json.encode(it).decode()}`" for it in of)
    return (
        f"### `{of.__name__}`\n\n{_about(inspect.getdoc(of) or '')}\n\nOne of {words}."
    )


def _values(of: types.Type) -> Iterator[type]:
    """Yield the structs and enumerations that a value of this type can hold."""
    inner: Iterable[types.Type] = ()
    match of:
        case types.StructType():
            yield of.cls
            inner = [field.type for field in of.fields]
        case types.EnumType():
            yield of.cls
        case types.UnionType(types=members):
            inner = members
        case types.VarTupleType(item_type=item) | types.ListType(item_type=item):
            inner = [item]
        case _:
            pass
    for each in inner:
        yield from _values(each)
