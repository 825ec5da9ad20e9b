"""Batches, and edits of a queued task."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    AddTask,
    EditTask,
    TaskAdded,
    TaskAltered,
    TaskCounts,
    TaskFound,
    TaskList,
    Terms,
)
from backburner.actors import TaskStatus as Status
from backburner.actors.testing import make_task
from lookups import with_lookups
from msgspec.structs import replace

from tests.ui.dialogue.talk import (
    Samples,
    ask,
    number_of,
    requests_in,
    texts_of,
    the_request,
)

if TYPE_CHECKING:
    from pathlib import Path

    from backburner.ui.dialogue.dialogue import Dialogue
    from backburner.ui.dialogue.effects import Effect


def _added(effects: list[Effect]) -> list[AddTask]:
    return [it for it in requests_in(effects) if isinstance(it, AddTask)]


def test_a_batch_adds_a_task_for_each_value(dialogue: Dialogue) -> None:
    line = "/task --each 08..10 --max-fails 1 --timeout 1m 'Part {}' bash make {}.o {}"
    asked = [it.request for it in _added(dialogue.take_line(line))]
    assert [it.description for it in asked] == ["Part 08", "Part 09", "Part 10"]
    assert asked[1].args == ("make 09.o 09",)
    (terms,) = {it.terms for it in asked}
    assert terms is not None
    assert (terms.max_fails, terms.timeout) == (1, 60.0)
    assert terms.batch
    other = _added(dialogue.take_line("/task --each a,'b P bash echo {}"))
    assert [it.request.args for it in other] == [("echo a",), ("""echo ''"'"'b'""",)]


def test_the_lines_of_a_file_become_a_batch(dialogue: Dialogue, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("\ufeffone\r\n\n# no\n two words \n")
    line = f"/task --batch {file} --unless-queued '{{}}' bash cat {{}}"
    asked = _added(with_lookups(dialogue, dialogue.take_line(line)))
    assert [it.request.description for it in asked] == ["one", "two words"]
    assert [it.request.args for it in asked] == [("cat one",), ("cat 'two words'",)]
    assert all(it.unless_queued for it in asked)
    whole = _added(
        with_lookups(dialogue, dialogue.take_line(f"/task --batch {file} X bash {{}}"))
    )
    assert [it.request.args for it in whole] == [("one",), ("two words",)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "can't read {}: No such file or directory"),
        (b"# nothing\n", "{}: there is nothing to add: every line is empty or"),
        (b"\xff\n", "{} is not valid UTF-8"),
        (b"x\n" * 1001, "{}: a batch has at most 1000 tasks, not 1001"),
        (b"x" * (1 << 21), "{} is longer than 1 MiB"),
    ],
)
def test_an_empty_batch_file_is_named(
    dialogue: Dialogue, tmp_path: Path, content: bytes | None, problem: str
) -> None:
    file = tmp_path / "list"
    if content is not None:
        file.write_bytes(content)
    effects = dialogue.take_line(f"/task --batch {file} X bash {{}}")
    *_, shown = texts_of(with_lookups(dialogue, effects))
    assert shown.startswith(f"! {problem.format(file)}")


def test_an_identical_queued_task_is_named(
    dialogue: Dialogue, samples: Samples
) -> None:
    task = samples[Status.QUEUED]
    line = "/task --unless-queued Look bash ls"
    *_, shown = ask(dialogue, line, TaskAdded(task, existed=True))
    assert shown == f"#{task.id} is queued already: {task.description}"


def test_a_queued_task_comes_back_to_be_edited(
    dialogue: Dialogue, samples: Samples
) -> None:
    task = replace(
        samples[Status.QUEUED],
        id=3,
        description='Say "hi"',
        kind="bash",
        args=('"quoted" whole',),
    )
    again = replace(task, args=("'all of it'",))
    for it, line in (
        (task, '/edit 3 "Say \\"hi\\"" bash "quoted" whole'),
        (again, """/edit 3 "Say \\"hi\\"" bash "'all of it'\""""),
    ):
        number = number_of(the_request(dialogue.take_line("/edit 3")))
        shown = texts_of(dialogue.take_reply(TaskFound(it, None, number)))
        assert shown == [line]
        number = number_of(the_request(dialogue.take_line(line)))
        (edit,) = requests_in(dialogue.take_reply(TaskFound(it, None, number)))
        assert isinstance(edit, EditTask)
        assert (edit.description, edit.args) == ('Say "hi"', it.args)
    number = number_of(the_request(dialogue.take_line("/edit 3 X sleep 5")))
    (shown,) = texts_of(dialogue.take_reply(TaskFound(task, None, number)))
    form = '/edit 3 "Description" bash ARGS...'
    assert shown == f"! #3 keeps the kind bash; the form is: {form}"
    number = number_of(the_request(dialogue.take_line("/edit 3")))
    ended = replace(samples[Status.COMPLETE], id=3)
    (shown,) = texts_of(dialogue.take_reply(TaskFound(ended, None, number)))
    assert shown == "! #3 is complete; only a queued task can be edited"


def test_a_task_is_renamed(dialogue: Dialogue, samples: Samples) -> None:
    task = replace(samples[Status.QUEUED], id=3, description="New", reason="held")
    number = number_of(request := the_request(dialogue.take_line("/rename 3 New")))
    assert request == EditTask(3, "New", None, None, number)
    texts = texts_of(dialogue.take_reply(TaskAltered(task, number)))
    assert texts == ["#3 is now called New"]


def test_an_edit_lists_its_changes(dialogue: Dialogue, samples: Samples) -> None:
    task = replace(
        samples[Status.QUEUED], id=3, description="Job", kind="bash", args=("make",)
    )
    changed = replace(task, description="Tests", args=("make test",))
    for line, now, text in (
        (
            '/edit 3 "Tests" bash make test',
            changed,
            ["#3 was: bash make", "#3 is:  bash make test", "#3 is now called Tests"],
        ),
        (
            '/edit 3 "Job" bash make test',
            replace(changed, description="Job"),
            ["#3 was: bash make", "#3 is:  bash make test"],
        ),
        ('/edit 3 "Job" bash make', task, ["#3 is unchanged"]),
    ):
        number = number_of(the_request(dialogue.take_line(line)))
        (edit,) = requests_in(dialogue.take_reply(TaskFound(task, None, number)))
        answer = dialogue.take_reply(TaskAltered(now, number_of(edit)))
        assert "\n".join(texts_of(answer)).splitlines() == text


def test_tasks_are_listed_by_group_and_label(dialogue: Dialogue) -> None:
    tasks = tuple(
        make_task(number, description=name, terms=terms)
        for number, (name, terms) in enumerate(
            (
                ("Build all", Terms(group="ci")),
                ("Build one", None),
                ("Test", Terms(group="ci")),
            ),
            1,
        )
    )
    answer = TaskList(tasks, TaskCounts(queued=3))

    def ids(line: str) -> list[str]:
        return re.findall(r"#(\d)", "\n".join(ask(dialogue, line, answer)))

    assert ids("/tasks --group ci") == ["1", "3"]
    assert ids("/tasks --label build") == ["1", "2"]
    assert ids("/tasks --label BUILD --group ci") == ["1"]
    assert ids("/tasks --group default") == ["2"]
