"""Python functions as tasks: called in a process of their own, with JSON."""

from __future__ import annotations

import asyncio
import functools
import math
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    FunctionKind,
    InvalidRequestError,
    RefusedError,
    Task,
    TaskRequest,
    TaskStatus,
    TaskSystem,
)
from backburner.actors.testing import make_task, running
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MODULE = """
import os

def add(one, two=0):
    print("adding", one, two)
    print("50%")
    return {"sum": one + two}

class Shop:
    @staticmethod
    def name(of):
        return f"the shop of {of}"

def fail():
    raise ValueError("no such order")

def odd():
    return {1, 2}

def where():
    return os.getcwd()

def long():
    return "x" * 200_000
"""


@pytest.fixture
def kind(tmp_path: Path) -> FunctionKind:
    (tmp_path / "shop_functions.py").write_text(MODULE)
    return FunctionKind(path=[str(tmp_path), *sys.path])


@pytest.fixture
def system(kind: FunctionKind) -> Iterator[TaskSystem]:
    with running(TaskSystem(kinds=[kind])) as system:
        yield system


def _call(system: TaskSystem, *args: str) -> Task:
    (ended,) = system.wait(system.add("Call", "function", *args).id, timeout=PATIENCE)
    return ended


def test_the_result_is_in_a_file_and_prints_are_the_output(
    system: TaskSystem, kind: FunctionKind
) -> None:
    ended = _call(system, "shop_functions:add", "[1]", '{"two": 2}')
    assert kind.result(ended) == {"sum": 3}
    assert system.tail(ended.id) == ("adding 1 2", "50%")
    assert (ended.last_line, ended.exit_code) == ("50%", 0)
    assert ended.output_path is not None
    result = Path(ended.output_path).with_suffix(".json")
    assert result.stat().st_mode & 0o777 == 0o600
    system.forget_finished()
    assert not result.exists()
    assert not Path(ended.output_path).exists()


@pytest.mark.parametrize(
    ("args", "result"),
    [
        (("shop_functions:add", "[1]"), {"sum": 1}),
        (("shop_functions:Shop.name", '["Ada"]'), "the shop of Ada"),
        (("shop_functions:where",), None),
        (("shop_functions:long",), "x" * 200_000),
    ],
)
def test_arguments_are_optional_and_results_may_have_any_size(
    args: tuple[str, ...], result: object, system: TaskSystem, kind: FunctionKind
) -> None:
    ended = _call(system, *args)
    assert kind.result(ended) == (str(Path.cwd()) if result is None else result)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("shop_functions:fail", "ValueError: no such order"),
        (
            "shop_functions:odd",
            "shop_functions:odd returned a value that is not JSON: ",
        ),
        ("shop_functions:nothing", "AttributeError: module 'shop_functions' has no"),
        ("no_such_module:add", "ModuleNotFoundError: No module named 'no_such_module'"),
    ],
)
def test_a_failing_call_fails_the_task(
    name: str, says: str, system: TaskSystem, kind: FunctionKind
) -> None:
    ended = _call(system, name)
    assert (ended.status, ended.exit_code) == (TaskStatus.FAILED, 1)
    assert (ended.last_line or "").startswith(says)
    with pytest.raises(ValueError, match=f"has no result: exit status 1; {says}"):
        kind.result(ended)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "a call is written MODULE:FUNCTION"),
        (("a:b", "[]", "{}", "more"), "a call is written MODULE:FUNCTION"),
        (
            ("shop",),
            "shop is not the name of a function; write it like shop.images:resize",
        ),
        (("os:system; x",), "is not the name of a function"),
        (("shop:<lambda>",), "is a lambda or a closure"),
        (("shop:outer.<locals>.inner",), "is a lambda or a closure"),
        (("a:b", "1"), "1 is not valid JSON for this argument"),
        (("a:b", "[1"), "is not valid JSON for this argument"),
        (("a:b", "[]", "[]"), "is not valid JSON for this argument"),
        (("a:b", f'["{"x" * 131_072}"]'), "have 131,076 bytes, .*; write them to a"),
    ],
)
def test_an_uncallable_path_is_refused_at_the_request(
    args: tuple[str, ...], says: str, system: TaskSystem
) -> None:
    with pytest.raises(RefusedError, match=says):
        system.add("Call", "function", *args)


def test_a_function_object_creates_its_request(kind: FunctionKind) -> None:
    request = kind.request_for(Path.home)
    assert request.args[0] == "pathlib:Path.home"
    assert kind.request_for(textwrap.shorten, "a b", width=2) == TaskRequest(
        "shorten", "function", ("textwrap:shorten", '["a b"]', '{"width": 2}')
    )
    # C functions may have no signature; a decorator's parameters are unknown too.
    assert kind.request_for(max, 1, 2).args[0] == "builtins:max"
    assert kind.request_for(_decorated).args[0] == f"{__name__}:_decorated"


def _with_connection(connection: object) -> Iterator[object]:
    yield connection


def _connected(function: Callable[[object], None]) -> Callable[[], None]:
    @functools.wraps(function)
    def call() -> None:
        function("the connection")

    return call


@_connected
def _decorated(connection: object) -> None:
    del connection


def test_a_function_that_cannot_be_imported_creates_no_request(
    kind: FunctionKind,
) -> None:
    def inner() -> object: ...

    def of_main() -> object: ...

    of_main.__module__, of_main.__qualname__ = "__main__", "of_main"
    cases: list[tuple[Callable[..., object], str]] = [
        (lambda: None, "is a lambda or a closure"),
        (inner, "is a lambda or a closure"),
        (of_main, "of_main is in the main script"),
        (functools.partial(len), "is not a function of a module; give one"),
        (Path("/").exists, "is not a function"),
        (asyncio.sleep, "asyncio.tasks:sleep is async, and what it returns is not"),
        (_with_connection, "_with_connection is a generator, which is not JSON"),
        (
            textwrap.shorten,
            "shorten can't be called with these arguments: missing a required argument",
        ),
    ]
    for function, says in cases:
        with pytest.raises(InvalidRequestError, match=says):
            kind.request_for(function)
    with pytest.raises(InvalidRequestError, match=r"an argument of .* is not JSON"):
        kind.request_for(functools.reduce, object())
    with pytest.raises(InvalidRequestError, match=r"an argument of .* is not JSON"):
        kind.request_for(math.sqrt, math.nan)


def test_a_path_that_is_not_a_list_is_refused() -> None:
    with pytest.raises(TypeError, match=r"path must be a list of folders, such as \["):
        FunctionKind(path="/srv/shop")


def test_a_task_without_output_has_no_result() -> None:
    with pytest.raises(ValueError, match="has no result"):
        FunctionKind.result(make_task(status=TaskStatus.COMPLETE))
