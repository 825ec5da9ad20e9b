"""Tasks that run side by side, each in a directory of its own."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import pytest
from backburner.actors import (
    AddTask,
    BashKind,
    CancelTask,
    GetTask,
    ListTasks,
    RefusalCode,
    Refused,
    Subscribe,
    Task,
    TaskRequest,
    TaskStatus,
    TaskSystem,
)
from backburner.actors.testing import Recorder, make_task
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_COUNT: Final = 200
_THREADS: Final = 4
_BAD_NAME: Final = (
    "the environment variable 'A=B' can't be passed on: a name must not be empty or"
    " hold '=', and neither may hold a NUL character"
)
_NOWHERE: Final = (
    "directory is empty, or the current directory is gone, or its name is not valid"
    " UTF-8; give another one"
)
_BAD_DIRECTORY: Final = (
    "the directory '/caf\\udce9' can't be stored: it is not valid UTF-8; use another"
    " one"
)


class _RoomKind(BashKind):
    """Bash in the folder named by the task's description."""

    name = "room"

    def __init__(self, base: Path) -> None:
        self._base = base
        self.threads: set[int] = set()

    def directory(self, task: Task) -> Path:
        self.threads.add(threading.get_ident())
        return self._base / task.description

    def environment(self, task: Task, inherited: Mapping[str, str]) -> dict[str, str]:
        return {**inherited, "ROOM": task.description}


def _from_threads(add: Callable[[int], Task]) -> dict[int, Task]:
    added: dict[int, Task] = {}

    def some(start: int) -> None:
        for number in range(start, _COUNT, _THREADS):
            added[number] = add(number)

    threads = [threading.Thread(target=some, args=(i,)) for i in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(added) == _COUNT
    return added


def _folders(base: Path) -> list[Path]:
    folders = [base / f"{number}" for number in range(_COUNT)]
    for folder in folders:
        folder.mkdir()
    return folders


def test_a_kind_chooses_the_directory_of_each_task(tmp_path: Path) -> None:
    folders = _folders(tmp_path)
    kind = _RoomKind(tmp_path)
    with TaskSystem(slots=16, kinds=[kind]) as system:
        tasks = _from_threads(
            lambda number: system.add(f"{number}", "room", "echo $(pwd -P) $ROOM")
        )
        ids = [tasks[number].id for number in range(_COUNT)]
        ended = system.wait(*ids, timeout=PATIENCE)
    assert [task.last_line for task in ended] == [
        f"{folder.resolve()} {folder.name}" for folder in folders
    ]


def test_each_request_names_its_directory(tmp_path: Path) -> None:
    folders = _folders(tmp_path)
    own = {"PATH": os.environ["PATH"]}
    with TaskSystem(slots=16) as system:
        tasks = _from_threads(
            lambda number: system.add(
                "Where",
                "bash",
                "echo $(pwd -P) $ROOM",
                directory=str(folders[number]),
                environment={**own, "ROOM": f"{number % 7}"},
            )
        )
        ids = [tasks[number].id for number in range(_COUNT)]
        ended = system.wait(*ids, timeout=PATIENCE)
    assert [task.last_line for task in ended] == [
        f"{folder.resolve()} {number % 7}" for number, folder in enumerate(folders)
    ]
    assert [task.directory for task in ended] == [str(it) for it in folders]


def test_a_request_without_a_directory_uses_that_of_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = Path.cwd()
    monkeypatch.setenv("ROOM", "at the start")
    with TaskSystem() as system:
        monkeypatch.setenv("ROOM", "later")
        monkeypatch.chdir(tmp_path)
        task = system.add("Where", "bash", "echo $(pwd -P) $ROOM")
        assert task.directory == str(start)
        (ended,) = system.wait(task.id, timeout=PATIENCE)
    assert ended.last_line == f"{start.resolve()} at the start"


def test_a_relative_directory_is_resolved_by_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    with TaskSystem() as system:
        monkeypatch.chdir(tmp_path)
        task = system.add("Where", "bash", "pwd -P", directory="sub")
        (ended,) = system.wait(task.id, timeout=PATIENCE)
        assert ended.last_line == str((tmp_path / "sub").resolve())
        # Another process may read the message, where a relative path would differ.
        text = _refusal(system, TaskRequest("x", "bash", ("pwd",), directory="sub"))
    assert text == "the directory 'sub' is not an absolute path; give one"


def _refusal(system: TaskSystem, request: TaskRequest) -> str:
    answer: object = system.queue.ask(AddTask(request), timeout=PATIENCE)
    assert isinstance(answer, Refused)
    return answer.text


@pytest.mark.parametrize("name", ["gone", "a file", "locked"])
def test_an_unusable_directory_fails_the_task(tmp_path: Path, name: str) -> None:
    (tmp_path / "a file").touch()
    (tmp_path / "locked").mkdir(mode=0)
    if name == "locked" and os.access(tmp_path / "locked", os.X_OK):
        pytest.skip("this user may enter any folder")
    place = tmp_path / name
    with TaskSystem() as system:
        task = system.add("x", "bash", f"touch {tmp_path}/ran", directory=place)
        (ended,) = system.wait(task.id, timeout=PATIENCE)
    assert ended.status is TaskStatus.FAILED
    assert (
        ended.reason
        == {
            "gone": f"its directory {place} does not exist; make it, and run it again",
            "a file": f"its directory {place} is not a directory",
            "locked": f"its directory {place} can't be used: Permission denied",
        }[name]
    )
    assert not (tmp_path / "ran").exists()


def test_the_variable_pwd_names_the_working_directory(tmp_path: Path) -> None:
    """Some programs trust the variable `PWD` rather than the system."""
    with TaskSystem() as system:
        task = system.add(
            "Where",
            "bash",
            "cat /proc/$$/environ | tr '\\0' '\\n' | grep ^PWD=",
            directory=tmp_path,
            environment={**os.environ, "PWD": "/usr"},
        )
        (ended,) = system.wait(task.id, timeout=PATIENCE)
    assert ended.last_line == f"PWD={tmp_path}"


def test_a_request_is_immutable() -> None:
    args, environment = ["true"], {"A": "1"}
    request = TaskRequest("x", "bash", args, environment=environment)  # pyright: ignore[reportArgumentType]
    args.append("more")
    environment["A"] = "2"
    assert request.args == ("true",)
    assert request.environment == {"A": "1"}
    with pytest.raises(TypeError, match="can't be changed"):
        cast("dict[str, str]", request.environment)["A"] = "3"
    assert "1" not in repr(request.environment).replace("1 env", "")
    assert isinstance(hash(request), int)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"description": 5}, "request.description must be str, not int"),
        ({"kind": None}, "request.kind must be str, not None"),
        ({"args": "true"}, "request.args must be tuple, not str"),
        ({"args": {"true"}}, "request.args must be tuple, not set"),
        ({"args": ("true", 5)}, "request.args[1] must be str, not int"),
        ({"args": ["true", b"x"]}, "request.args[1] must be str, not bytes"),
        ({"args": (["true"],)}, "request.args[0] must be str, not list or tuple"),
        ({"terms": {"timeout": 5}}, "request.terms must be Terms or None, not dict"),
        ({"terms": 5}, "request.terms must be Terms or None, not int"),
        ({"origin": 5}, "request.origin must be str, not int"),
        ({"directory": ""}, _NOWHERE),
        ({"directory": 5}, "request.directory must be str or None, not int"),
        ({"environment": 5}, "request.environment must be mapping or None, not int"),
        ({"environment": {"A": 5}}, "request.environment[name] must be str, not int"),
        (
            {"environment": {5: "A"}},
            "each name in request.environment must be str, not int",
        ),
        ({"environment": {"A=B": "x"}}, _BAD_NAME),
        ({"directory": "/caf\udce9"}, _BAD_DIRECTORY),
    ],
)
def test_a_value_of_a_wrong_type_is_named(
    system: TaskSystem, changes: dict[str, object], text: str
) -> None:
    fields: dict[str, object] = {"description": "x", "kind": "bash", "args": ("true",)}
    request = TaskRequest(**{**fields, **changes})  # pyright: ignore[reportArgumentType]
    assert _refusal(system, request) == text
    assert system.list() == ()


def test_a_wrong_type_in_any_request_is_named(system: TaskSystem) -> None:
    for request, text in (
        (AddTask(5), "request must be TaskRequest, not int"),  # pyright: ignore[reportArgumentType]
        (GetTask("1"), "task_id must be int, not str"),  # pyright: ignore[reportArgumentType]
        (GetTask(make_task()), "task_id must be int, not Task; give its id"),  # pyright: ignore[reportArgumentType]
        (CancelTask(1, now="yes"), "now must be bool, not str"),  # pyright: ignore[reportArgumentType]
        (ListTasks("queued"), "which must be TaskFilter, not str"),  # pyright: ignore[reportArgumentType]
        (Subscribe("me"), "subscriber must have a method tell; str has none"),  # pyright: ignore[reportArgumentType]
        (Subscribe(Recorder), "subscriber must be an object, not the class Recorder"),  # pyright: ignore[reportArgumentType]
    ):
        answer: object = system.queue.ask(request, timeout=PATIENCE)
        assert answer == Refused(text, RefusalCode.INVALID)


@pytest.fixture
def system() -> Iterator[TaskSystem]:
    with TaskSystem() as system:
        yield system
