"""Values of wrong types in the fields of messages, named before they do harm.

Python lets anybody put anything into a field. What a type checker would have refused is
refused here, with the name of the field.
"""

from __future__ import annotations

import enum
import functools
import re
import types
from typing import Any, Final, Union, cast, get_args, get_origin

import msgspec

_WRONG: Final = re.compile(
    r"Expected `(.+?)`, got `(.+?)` - at (`key` in )?`\$\.(.+?)`$"
)
_WORDS: Final = {"null": "None", "array": "tuple", "object": "mapping"}


class _Shape(msgspec.Struct, frozen=True):
    """What can be told of a class of messages.

    Attributes:
        plain: A class with those of its fields that hold data.
        exact: Its fields that hold another struct, or a member of an enumeration.
        live: Its fields that hold a recipient, and whether there may be none.
    """

    plain: type[msgspec.Struct]
    exact: tuple[tuple[str, type], ...]
    live: tuple[tuple[str, bool], ...]


def wrong_type(message: msgspec.Struct) -> str | None:
    """Return which field has a value of a wrong type, and which type that is.

    Returns:
        `args[0] must be str, not int`; none if all are right.
    """
    shape = _shape_of(type(message))
    for name, optional in shape.live:
        value = getattr(message, name)
        if value is None and optional:
            continue
        if not callable(getattr(value, "tell", None)):
            return f"{name} must have a method tell; {_type_of(value)} has none"
    for name, expected in shape.exact:
        value = getattr(message, name)
        if not isinstance(value, expected):
            return f"{name} must be {expected.__name__}, not {_type_of(value)}"
    try:
        msgspec.convert(message, shape.plain, from_attributes=True)
    except msgspec.ValidationError as error:
        return _in_words(str(error))
    return None


def _in_words(text: str) -> str:
    match = _WRONG.match(text)
    if match is None:
        return text
    expected, got, key, path = match.groups()
    expected = " or ".join(_WORDS.get(it, it) for it in expected.split(" | "))
    what = path.replace("[...]", "[name]")
    if key:
        what = f"each name in {path}"
    return f"{what} must be {expected}, not {_WORDS.get(got, got)}"


def _type_of(value: object) -> str:
    return "None" if value is None else type(value).__name__


@functools.cache
def _shape_of(cls: type[msgspec.Struct]) -> _Shape:
    fields: list[tuple[str, Any]] = []
    exact: list[tuple[str, type]] = []
    live: list[tuple[str, bool]] = []
    for field in msgspec.structs.fields(cls):
        kind: Any = field.type
        union = get_origin(kind) in {Union, types.UnionType}
        parts = get_args(kind) if union else (kind,)
        if any(getattr(get_origin(it) or it, "_is_protocol", False) for it in parts):
            live.append((field.name, type(None) in parts))
        elif isinstance(kind, enum.EnumMeta):
            exact.append((field.name, kind))
        elif isinstance(kind, msgspec.StructMeta):
            struct = cast("type[msgspec.Struct]", kind)
            exact.append((field.name, struct))
            fields.append((field.name, _shape_of(struct).plain))
        else:
            fields.append((field.name, kind))
    # Without a `__post_init__`, which would be in the way of a wrong type.
    plain = msgspec.defstruct(cls.__name__, fields)
    return _Shape(plain, tuple(exact), tuple(live))
