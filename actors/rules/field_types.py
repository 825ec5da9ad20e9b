"""Checks of the types of message fields at run time.

Python doesn't check the types of fields. A value that a type checker would reject is
rejected here, with the name of the field.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import operator
import re
import types
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Final, Union, cast, get_args, get_origin

import msgspec

from .safe_text import brief, is_unicode
from .variables import Variables

# Compiled on first use, to keep the start fast.
_WRONG: Final = r"Expected `(.+?)`, got `(.+?)` - at (`key` in )?`\$\.(.+?)`$"
_OUT_OF_RANGE: Final = r"Expected `(.+?)` (.+) - at `\$\.(.+?)`$"
_OTHER: Final = r"(.+) - at `\$\.(.+?)`$"
_WORDS: Final = {"null": "None", "array": "tuple", "object": "mapping"}
_GIVEN: Final = {**_WORDS, "array": "list or tuple", "Task": "Task; give its id"}


class _Shape(msgspec.Struct, frozen=True):
    """The fields of a class of messages, by the way to check them.

    Attributes:
        plain: A struct class with only the fields that hold data.
        exact: The fields, including those of nested structs, that hold a struct or a
            member of an enumeration: name, class, and whether None is allowed.
        live: The fields that hold an object with methods, such as a recipient: name,
            protocol, and whether None is allowed.
        variables: The fields, including those of nested structs, that hold environment
            variables or None.
    """

    plain: type[msgspec.Struct]
    exact: tuple[tuple[str, type, bool], ...]
    live: tuple[tuple[str, type, bool], ...]
    variables: tuple[str, ...]


def wrong_type(message: msgspec.Struct) -> str | None:
    """Check the types of all fields.

    Returns:
        The error, such as `args[0] must be str, not int`; None if all are right.
    """
    shape = _shape_of(type(message))
    for name, protocol, optional in shape.live:
        value = getattr(message, name)
        if value is None and optional:
            continue
        if (problem := lacks(value, protocol)) is not None:
            return f"{name} {problem}"
    for name, expected, optional in shape.exact:
        value = _getter(name)(message)
        if not (isinstance(value, expected) or (value is None and optional)):
            wanted = f"{expected.__name__}{' or None' if optional else ''}"
            return f"{name} must be {wanted}, not {_type_of(value)}"
    try:
        # Otherwise a text would pass for a date.
        msgspec.convert(
            message, shape.plain, from_attributes=True, builtin_types=(datetime,)
        )
    except msgspec.ValidationError as error:
        text = str(error)
        return _problem_of_terms(message, text) or _in_words(text, message)
    except UnicodeEncodeError:
        # From a text where another type is expected.
        return not_unicode(message)
    for name in shape.variables:
        value = _getter(name)(message)
        if value is not None and (problem := _wrong_variables(name, value)):
            return problem
    return None


def plain(value: object) -> object:
    """Return a text or an int of a derived class as a plain one, for JSON.

    A hook of encoders: `wrong_type` allows derived classes, such as those of libraries
    that parse HTML.

    Raises:
        NotImplementedError: If it is another object.
    """
    match value:
        case str():
            return str.__str__(value)
        case int():
            return int.__int__(value)
        case _:
            raise NotImplementedError(f"{type(value).__name__} can't be stored or sent")


def not_taken(value: object) -> str:
    """Return the error for an object that isn't a request.

    Returns:
        Such as `ListTasks is a class, not a message; send ListTasks()`.
    """
    if isinstance(value, type):
        name = value.__name__
        return f"{name} is a class, not a message; send {name}()"
    return f"{_type_of(value)} is not a request; send one, such as ListTasks()"


def not_unicode(message: msgspec.Struct) -> str | None:
    """Return the error that names a text which is not valid UTF-8; None if all are.

    Environment variables are not checked.
    """
    name = _not_unicode(message)
    return None if name is None else f"{name[1:]} is not valid UTF-8; correct it"


def _not_unicode(value: object) -> str | None:
    match value:
        case str():
            return None if is_unicode(value) else ""
        case msgspec.Struct():
            parts = [(f".{it}", getattr(value, it)) for it in value.__struct_fields__]
        case tuple():
            parts = [(f"[{i}]", it) for i, it in enumerate(cast("Any", value))]
        case _:
            return None
    found = ((name, _not_unicode(part)) for name, part in parts)
    return next((f"{name}{rest}" for name, rest in found if rest is not None), None)


def lacks(value: object, protocol: type) -> str | None:
    """Check that an object has the methods of a protocol.

    Returns:
        The error, such as `must have a method tell; int has none`; None if it has them.
    """
    if isinstance(value, type):
        return f"must be an object, not the class {value.__name__}"
    for method in _methods(protocol):
        if not callable(getattr(value, method, None)):
            problem = f"must have a method {method}; {_type_of(value)} has none"
            # A Pykka actor itself, or a proxy of it.
            is_actor = method == "tell" and hasattr(value, "actor_ref")
            return f"{problem}; give its actor_ref" if is_actor else problem
    return None


@functools.cache
def _methods(protocol: type) -> tuple[str, ...]:
    public = (it for it in vars(protocol).items() if not it[0].startswith("_"))
    return tuple(name for name, value in public if callable(value))


_getter = functools.cache(operator.attrgetter)


def _wrong_variables(name: str, value: object) -> str | None:
    if not isinstance(value, Variables):
        return f"{name} must be mapping or None, not {_type_of(value)}"
    wrong = value.no_text()
    if wrong is None:
        return None
    key, content = wrong
    if not isinstance(key, str):
        return f"each name in {name} must be str, not {_type_of(key)}"
    return f"{name}[name] must be str, not {_type_of(content)}"


def _problem_of_terms(message: msgspec.Struct, text: str) -> str | None:
    """Return the error of the request's terms about a value out of range."""
    terms: Any = getattr(getattr(message, "request", None), "terms", None)
    if re.match(_WRONG, text) is None and terms is not None:
        # Another field may have a value of a wrong type.
        with contextlib.suppress(TypeError, ValueError, AttributeError):
            return terms.problem()
    return None


def _in_words(text: str, message: msgspec.Struct) -> str:
    match = re.match(_WRONG, text)
    if match is None:
        if (match := re.match(_OUT_OF_RANGE, text)) is not None:
            expected, bounds, path = match.groups()
            return f"{path} must be {_WORDS.get(expected, expected)} {bounds}"
        if (match := re.match(_OTHER, text)) is not None:
            problem, path = match.groups()
            if choices := _choices(type(message), path):
                given = brief(operator.attrgetter(path)(message))
                return f"{path} must be {choices}, not {given!r}"
            return f"{path}: {problem[0].lower()}{problem[1:]}"
        return text
    expected, got, key, path = match.groups()
    expected = " or ".join(_WORDS.get(it, it) for it in expected.split(" | "))
    what = path.replace("[...]", "[name]")
    if key:
        what = f"each name in {path}"
    return f"{what} must be {expected}, not {_GIVEN.get(got, got)}"


def _choices(cls: type[msgspec.Struct], path: str) -> str:
    """Return the texts that a field may hold; empty if it may hold others."""
    kind: Any = cls
    for name in path.split("."):
        fields = msgspec.structs.fields(kind) if isinstance(kind, type) else ()
        kind = next((it.type for it in fields if it.name == name), None)
        if get_origin(kind) in {Union, types.UnionType}:
            kind = get_args(kind)[0]
    return " or ".join(repr(it) for it in get_args(kind) if isinstance(it, str))


def _type_of(value: object) -> str:
    return "None" if value is None else type(value).__name__


def _plain(kind: Any) -> Any:  # noqa: ANN401 - any type there is
    """Replace the structs in a type by plain ones, since msgspec trusts instances."""
    if isinstance(kind, msgspec.StructMeta):
        return _shape_of(cast("type[msgspec.Struct]", kind)).plain
    parts = get_args(kind)
    plain = tuple(_plain(it) for it in parts)
    if plain == parts:
        return kind
    if get_origin(kind) in {Union, types.UnionType}:
        return functools.reduce(lambda one, other: one | other, plain)
    if get_origin(kind) is Annotated:
        return Annotated[(plain[0], *kind.__metadata__)]
    return get_origin(kind)[plain]


@functools.cache
def _shape_of(cls: type[msgspec.Struct]) -> _Shape:
    fields: list[tuple[str, Any]] = []
    exact: list[tuple[str, type, bool]] = []
    live: list[tuple[str, type, bool]] = []
    variables: list[str] = []
    for field in msgspec.structs.fields(cls):
        kind: Any = field.type
        union = get_origin(kind) in {Union, types.UnionType}
        parts = get_args(kind) if union else (kind,)
        classes = (get_origin(it) or it for it in parts)
        protocols = [it for it in classes if getattr(it, "_is_protocol", False)]
        if protocols:
            live.append((field.name, protocols[0], type(None) in parts))
        elif isinstance(kind, enum.EnumMeta):
            exact.append((field.name, kind, False))
        elif get_args(kind) == (Mapping[str, str], type(None)):
            # Checked separately and cached: many requests share long environments.
            variables.append(field.name)
        else:
            structs = [it for it in parts if isinstance(it, msgspec.StructMeta)]
            if structs and set(parts) <= {structs[0], type(None)}:
                exact.append((field.name, structs[0], union))
            if isinstance(kind, msgspec.StructMeta):
                inner = _shape_of(cast("type[msgspec.Struct]", kind))
                exact += [(f"{field.name}.{it[0]}", *it[1:]) for it in inner.exact]
                variables += [f"{field.name}.{it}" for it in inner.variables]
            fields.append((field.name, _plain(kind)))
    # Without `__post_init__`, which may fail on a value of a wrong type.
    plain = msgspec.defstruct(cls.__name__, fields)
    return _Shape(plain, tuple(exact), tuple(live), tuple(variables))
