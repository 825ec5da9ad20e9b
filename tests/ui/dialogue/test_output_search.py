"""Searching outputs: the hits, the memory used, and stopping."""

from __future__ import annotations

import re
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from backburner.actors import DeadLetters, TaskStatus
from backburner.actors.rules.safe_text import safe_line
from backburner.actors.testing import Recorder, make_task
from backburner.ui.dialogue.arguments import UsageError
from backburner.ui.dialogue.lookups import LookedUp, LookUp
from backburner.ui.dialogue.output_search import (
    MOST,
    STEP,
    FindInOutputs,
    LinesFound,
    OutputSearch,
    Wanted,
    search_outputs,
)
from backburner.ui.dialogue.search_actor import SearchActor, StopSearch
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

    from backburner.actors import Task
    from backburner.ui.dialogue.output_search import FoundLine


def _task(path: Path, data: bytes | None, task_id: int = 1) -> Task:
    if data is not None:
        path.write_bytes(data)
    size = path.stat().st_size if path.exists() else 0
    return make_task(
        task_id, TaskStatus.COMPLETE, output_path=str(path), output_size=size
    )


def _hits(wanted: Wanted, *tasks: Task) -> list[FoundLine]:
    search = OutputSearch(wanted, tasks)
    hits: list[FoundLine] = []
    while not search.is_over:
        hits += search.step()
    return hits


@pytest.mark.parametrize(
    ("text", "output", "lines"),
    [
        ("needle", b"hay\nNeedle 1\nhay\na needle", ["Needle 1", "a needle"]),
        ("Needle", b"Needle\nneedle\n", ["Needle"]),
        ("two words", b"two\twords\ntwo words\n", ["two words"]),
        ("error: x", b"\x1b[31merror:\x1b[0m x\r\n", ["error: x"]),
        ("red", b"\x1b]0;red\x07blue\n\x1b]0;x\x07r\x1b[1med\n", ["red"]),
        ("50%", b"10%\r50%\r90%\n50%\r\n", ["50%"]),
        ("fo", b"f\x00o\nf\x07o\n", ["fo", "fo"]),
        ("größe", "die GRÖSSE, die Größe\n".encode(), ["die GRÖSSE, die Größe"]),
        ("a.b", b"axb\na.b\n", ["a.b"]),
        ("absent", b"hay\n", []),
        ("x", b"", []),
    ],
)
def test_a_search_finds_the_displayed_text(
    tmp_path: Path, text: str, output: bytes, lines: list[str]
) -> None:
    found = _hits(Wanted.typed(text), _task(tmp_path / "1.log", output))
    assert [it.line for it in found] == lines


@given(
    output=st.lists(
        st.lists(
            st.sampled_from(
                [b"a", b"b", b"A", b" ", b"\t", b"\r", b"\x1b[1m", b"\x00", b"\n"]
            )
        ).map(b"".join)
    ).map(b"\n".join),
    text=st.sampled_from(["a", "ab", "a b", "A", "a.b", "^b", "a$", "[^a]b", "a(?!b)"]),
    pattern=st.booleans(),
)
def test_a_search_finds_the_same_as_matching_each_line(
    tmp_path_factory: pytest.TempPathFactory, output: bytes, text: str, *, pattern: bool
) -> None:
    path = tmp_path_factory.mktemp("it") / "1.log"
    wanted = Wanted.typed(text, is_pattern=pattern)
    compiled = wanted.compiled()
    place = 0
    expected: list[tuple[int, str]] = []
    for line in output.split(b"\n"):
        shown = safe_line(line.decode())
        if shown and compiled.search(shown):
            expected.append((place, shown))
        place += len(line) + 1
    found = _hits(wanted, _task(path, output))
    assert [(it.place, it.line) for it in found] == expected


def test_a_line_across_two_parts_is_found_at_its_offset(tmp_path: Path) -> None:
    before = b"hay\n" * (STEP // 4)
    output = before[:-6] + b"\na needle\n" + before + b"x" * (3 * STEP) + b" needle"
    found = _hits(Wanted("needle"), _task(tmp_path / "1.log", output))
    assert found[0].line == "a needle"
    for hit in found:
        line = output[hit.place :].partition(b"\n")[0]
        assert hit.match.encode() in line
    assert found[-1].line.endswith(" needle")
    assert len(found[-1].line) <= 1000


def test_a_large_output_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    with path.open("wb") as file:
        file.write(b"first needle\n")
        file.truncate(1 << 28)
        file.seek(1 << 28)
        file.write(b"\nlast needle\n")
    tracemalloc.start()
    try:
        found = _hits(Wanted("needle"), _task(path, None))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [it.line for it in found] == ["first needle", "last needle"]
    assert found[-1].place == (1 << 28) + 1
    assert peak < 32 << 20


def test_unreadable_outputs_are_named_and_the_rest_is_searched(tmp_path: Path) -> None:
    (tmp_path / "2.log").mkdir()
    missing = make_task(
        3, TaskStatus.COMPLETE, output_path=str(tmp_path / "3.log"), output_size=5
    )
    tasks = (
        _task(tmp_path / "1.log", b"needle\n"),
        make_task(2, TaskStatus.COMPLETE, output_path=str(tmp_path / "2.log")),
        missing,
    )
    found = search_outputs(FindInOutputs(Wanted("needle"), tasks))
    assert [it.id for it in found.hits] == [1]
    (problem,) = found.problems
    assert problem.startswith("can't read the output of #2: ")


def test_the_newest_hits_come_first_and_their_number_is_limited(tmp_path: Path) -> None:
    tasks = tuple(
        _task(tmp_path / f"{it}.log", b"needle\n" * MOST, it) for it in (1, 2)
    )
    found = search_outputs(FindInOutputs(Wanted("needle"), tasks))
    assert {it.id for it in found.hits} == {2}
    assert (len(found.hits), found.cut, found.ended) == (MOST, True, True)


@pytest.mark.parametrize("text", ["(", "a{99999999999}", "(?P<x", "[z-a]"])
def test_a_bad_pattern_is_an_error(text: str) -> None:
    with pytest.raises(UsageError, match="is not a regular expression: "):
        Wanted.typed(text, is_pattern=True)
    assert re.search(Wanted.typed(text).compiled(), f"x{text}")


def test_a_search_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "1.log"
    with path.open("wb") as file:
        file.write(b"needle\n")
        file.truncate(1 << 40)  # a sparse file; searching it takes many minutes
    actor = SearchActor.start(DeadLetters())
    recorder = Recorder[LookedUp]()
    try:
        for number in (1, 2):
            wanted = FindInOutputs(Wanted("needle"), (_task(path, None),))
            actor.tell(LookUp(number, wanted, recorder))
            part = _part(recorder, number, ended=False)
            assert [it.line for it in part.hits] == ["needle"]
        # The second search ended the first.
        assert _part(recorder, 1, ended=True).done < 1 << 40
        actor.tell(StopSearch())
        part = _part(recorder, 2, ended=True)
        assert part.done < part.total
    finally:
        actor.stop()


def _part(recorder: Recorder[LookedUp], number: int, *, ended: bool) -> LinesFound:
    def is_wanted(message: LookedUp) -> bool:
        result = message.result
        is_part = isinstance(result, LinesFound) and result.ended is ended
        return message.number == number and is_part

    result = recorder.wait_for(is_wanted).result
    assert isinstance(result, LinesFound)
    return result
