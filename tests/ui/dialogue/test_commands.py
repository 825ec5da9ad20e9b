from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from backburner.actors import CatchUp, TaskFilter, TaskRequest, Terms
from backburner.actors.host.wire import KindWords
from backburner.ui.dialogue.arguments import UsageError
from backburner.ui.dialogue.commands import (
    REGISTRY,
    Allow,
    Cancel,
    CancelEverything,
    Clear,
    CloseConversation,
    Edit,
    Exit,
    Find,
    GiveKeys,
    GoToChat,
    Help,
    Hold,
    Move,
    Parallel,
    Pause,
    PauseTasks,
    Quit,
    Rename,
    Rerun,
    Run,
    RunTemplate,
    Say,
    SendLine,
    SetUpGroup,
    ShowChats,
    ShowCluster,
    ShowOutput,
    ShowSchedules,
    ShowTask,
    ShowTasks,
    TrustFile,
    Unschedule,
    Wait,
)
from backburner.ui.dialogue.commands.summing_up import Export, ShowFailures, ShowStats
from backburner.ui.dialogue.new_task import Asked
from backburner.ui.dialogue.output_search import Wanted
from backburner.ui.dialogue.parse import block_lines, parse
from backburner.ui.dialogue.registry import Registry
from backburner.ui.dialogue.shell_blocks import Missing, commands_of, missing
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

if TYPE_CHECKING:
    from backburner.ui.dialogue.registry import Command, CommandSpec

LONGEST_ERROR = 160


def _bash(description: str, command: str) -> Run:
    return Run(TaskRequest(description, "bash", (command,)))


def _on(terms: Terms, description: str, command: str) -> Run:
    return Run(TaskRequest(description, "bash", (command,), terms=terms))


COMMANDS: list[tuple[str, Command]] = [
    ('/task "Run tests" bash make test', _bash("Run tests", "make test")),
    ('/task "Run tests" bash "make test"', _bash("Run tests", "make test")),
    ("/task 'Run tests' bash 'make test'", _bash("Run tests", "make test")),
    ("/task Tests bash make test", _bash("Tests", "make test")),
    (
        '/task "Count" bash ls | wc -l && echo "a  b"',
        _bash("Count", 'ls | wc -l && echo "a  b"'),
    ),
    ('/task "Count" bash "a" && "b"', _bash("Count", '"a" && "b"')),
    (r'/task "Say \"hi\"" bash echo', _bash('Say "hi"', "echo")),
    ('  /task   "a"\t bash   ls  ', _bash("a", "ls  ")),
    ('/task "Nap" sleep 10s', Run(TaskRequest("Nap", "sleep", ("10s",)))),
    ('/task "Nap" sleep', Run(TaskRequest("Nap", "sleep"))),
    ('/task "Nap" sleep ""', Run(TaskRequest("Nap", "sleep"))),
    ('/task "x" nokind y', Run(TaskRequest("x", "nokind", ("y",)))),
    (
        '/task --after 3,#5 --timeout 10m "Deploy" bash "make deploy"',
        _on(Terms(after=(3, 5), timeout=600.0), "Deploy", "make deploy"),
    ),
    (
        "/task --priority=-2 --stash  Deploy bash make",
        _on(Terms(priority=-2, held=True), "Deploy", "make"),
    ),
    (
        "/task --immediate Deploy bash make",
        _on(Terms(immediate=True), "Deploy", "make"),
    ),
    (
        "/task --after-failed 1 --after-any 2 --after-any 4 Deploy bash make",
        _on(Terms(after_failed=(1,), after_any=(2, 4)), "Deploy", "make"),
    ),
    ("/task --priority 0 Tests bash make", _bash("Tests", "make")),
    ('/task --label "Deploy it" bash "make deploy"', _bash("Deploy it", "make deploy")),
    ("/task --label=Deploy --stash bash make", _on(Terms(held=True), "Deploy", "make")),
    ("/task --delay 5m -- Deploy bash make", _on(Terms(delay=300.0), "Deploy", "make")),
    (
        '/task --at "2999-01-02 9:00" --group builds Deploy bash make',
        _on(
            Terms(at=datetime(2999, 1, 2, 9).astimezone(UTC), group="builds"),
            "Deploy",
            "make",
        ),
    ),
    ("/pause", Pause()),
    ("/pause --all", Pause()),
    ("/pause 3 last", PauseTasks((3, None))),
    ("/drain", Pause(drain=True)),
    (
        "/group builds --pause-on-failure on",
        SetUpGroup("builds", pause_on_failure=True),
    ),
    (
        "/group builds --pause-on-failure off",
        SetUpGroup("builds", pause_on_failure=False),
    ),
    ("/parallel default", Parallel(0)),
    ("/drain --group builds", Pause("builds", drain=True)),
    ("/pause --group builds", Pause("builds")),
    ("/resume", Pause(paused=False)),
    ("/resume --group builds", Pause("builds", paused=False)),
    ("/group", SetUpGroup()),
    ("/group builds --parallel 2", SetUpGroup("builds", 2)),
    ("/move 3 first", Move(3, first=True)),
    ("/move #3 last", Move(3)),
    ("/move last before #5", Move(None, before=5)),
    ("/stash 3 4", Hold((3, 4), held=True)),
    ("/enqueue last", Hold((None,), held=False)),
    ("/allow 3", Allow((3,))),
    ("/deny 3 4", Cancel((3, 4))),
    ("/allow 3 4 --always", Allow((3, 4), always=True)),
    ("/allow 3 --always  make * ", Allow((3,), always=True, pattern="make *")),
    ("/release 3", Hold((3,), held=False)),
    ("!make test", _bash("make test", "make test")),
    ("! make test", _bash("make test", "make test")),
    ('!"make test"', _bash("make test", "make test")),
    ('!echo "a  b" # c', _bash('echo "a  b" # c', 'echo "a  b" # c')),
    ("/tasks", ShowTasks(TaskFilter.NOT_CANCELED)),
    ("/wait --all", Wait(everything=True)),
    ("/tasks --all", ShowTasks(TaskFilter.ALL)),
    ("/tasks --queued", ShowTasks(TaskFilter.QUEUED)),
    ("/tasks --running", ShowTasks(TaskFilter.RUNNING)),
    ("/tasks --completed", ShowTasks(TaskFilter.COMPLETE)),
    ("/tasks --failed ", ShowTasks(TaskFilter.FAILED)),
    ("/tasks --canceled", ShowTasks(TaskFilter.CANCELED)),
    ("/tasks  --finished", ShowTasks(TaskFilter.FINISHED)),
    ("/cancel 3", Cancel((3,))),
    ("/cancel #3 4 last", Cancel((3, 4, None))),
    ("/cancel 3 --now", Cancel((3,), now=True)),
    ("/cancel --now 3", Cancel((3,), now=True)),
    ("/cancel --all", CancelEverything()),
    ("/cancel --now --all", CancelEverything(now=True)),
    ("/show 3", ShowTask(3)),
    ("/show #3", ShowTask(3)),
    ("/show last", ShowTask(None)),
    ("/send 3  two  words ", SendLine(3, "two  words ")),
    ("/send last --end", SendLine(None, None)),
    ("/send 3 --enter", SendLine(3, "")),
    ("/input 3", GiveKeys(3)),
    ("/attach last", GiveKeys(None)),
    ("/task --pty Debug bash gdb", _on(Terms(input="terminal"), "Debug", "gdb")),
    ("/task --stdin Sort bash sort", _on(Terms(input="pipe"), "Sort", "sort")),
    ("/output 12", ShowOutput(12)),
    ("/output last ", ShowOutput(None)),
    ("/wait", Wait(everything=True)),
    ("/wait 3", Wait(3)),
    ("/wait last", Wait(None)),
    ("/clear", Clear()),
    ("/stats", ShowStats()),
    ("/failures", ShowFailures()),
    ("/export tasks.jsonl", Export("tasks.jsonl")),
    ('/export "my report.html"', Export("my report.html")),
    ("/parallel", Parallel()),
    ("/parallel 4", Parallel(4)),
    ("/slots 1", Parallel(1)),
    ("/help", Help()),
    ("/help task", Help("/task")),
    ("/help /task", Help("/task")),
    ("/help !", Help("!")),
    ("/chat notes", GoToChat("notes")),
    ("/chat", ShowChats()),
    ("/chat --new notes", GoToChat("notes", new=True)),
    ("/chat --close", CloseConversation()),
    ("/chat --close notes", CloseConversation("notes")),
    ("/chats", ShowChats()),
    ("/schedules", ShowSchedules()),
    ("/cluster", ShowCluster()),
    ("/edit 3", Edit(3)),
    (
        '/edit last "Run tests" bash make test',
        Edit(None, "Run tests", "bash", ("make test",)),
    ),
    ('/rename 3 "Run tests"', Rename(3, "Run tests")),
    ("/rename #3 Run tests", Rename(3, "Run tests")),
    ("/label 3 Tests", Rename(3, "Tests")),
    ("/tasks --group builds", ShowTasks(TaskFilter.NOT_CANCELED, "builds")),
    (
        '/tasks --failed --label "two words" --group builds',
        ShowTasks(TaskFilter.FAILED, "builds", "two words"),
    ),
    (
        "/task --unless-queued Look bash ls",
        Run(TaskRequest("Look", "bash", ("ls",)), Asked(unless_queued=True)),
    ),
    (
        '/task --each 1..3 --max-fails 2 "Part {}" bash make {}',
        Run(
            TaskRequest("Part {}", "bash", ("make {}",)),
            Asked(each=("1", "2", "3"), max_fails=2),
        ),
    ),
    (
        "/task --batch list.txt Part bash make {}",
        Run(TaskRequest("Part", "bash", ("make {}",)), Asked(batch="list.txt")),
    ),
    ("/unschedule 3", Unschedule((3,))),
    ("/unschedule 3 4", Unschedule((3, 4))),
    ("/pause --schedule 3", Pause(None, schedule=3)),
    ("/resume --schedule 3", Pause(None, paused=False, schedule=3)),
    (
        '/task --every 15m --timeout 5m "Look" bash make test',
        Run(
            TaskRequest("Look", "bash", ("make test",), terms=Terms(timeout=300.0)),
            Asked(every="15m"),
        ),
    ),
    (
        '/task --every "0 9 * * 1-5" --zone UTC --catch-up skip --overlap Look bash ls',
        Run(
            TaskRequest("Look", "bash", ("ls",)),
            Asked(every="0 9 * * 1-5", zone="UTC", catch_up=CatchUp.SKIP, overlap=True),
        ),
    ),
    ("/rerun 3", Rerun((3,))),
    ("/rerun #3 last", Rerun((3, None))),
    ("exit", Exit()),
    (" quit ", Exit()),
    (":q", Exit()),
    (":wq", Exit()),
    ("exit the building", Say("exit the building")),
    ("/etc/hosts is wrong", Say("/etc/hosts is wrong")),
    ("/etc/passwd", Say("/etc/passwd")),
    ("/tasks/3", Say("/tasks/3")),
    ("/no/such/file", Say("/no/such/file")),
    ("/etc is full", Say("/etc is full")),
    ("/kill 3", Cancel((3,), now=True)),
    ("/kill --all", CancelEverything(now=True)),
    ("/stop 3 4", Cancel((3, 4))),
    ("/list", ShowTasks(TaskFilter.NOT_CANCELED)),
    ("/status --failed", ShowTasks(TaskFilter.FAILED)),
    ("/ps", ShowTasks(TaskFilter.NOT_CANCELED)),
    ("/jobs", ShowTasks(TaskFilter.NOT_CANCELED)),
    ("/log 3", ShowOutput(3)),
    ("/follow last", ShowOutput(None)),
    ("/run make test", RunTemplate("make test")),
    ("/run --timeout 5m test -k 'a b'", RunTemplate("--timeout 5m test -k 'a b'")),
    ("/run", RunTemplate("")),
    ("/export --force 'a b.md'", Export("a b.md", replaces=True)),
    ("/find no such", Find(Wanted("no such", any_case=True))),
    ("/find 'No such '", Find(Wanted("No such"))),
    ("/grep --regex a.*B", Find(Wanted("a.*B", is_pattern=True))),
    ("/trust", TrustFile("")),
    ("/trust 0123456789ab", TrustFile("0123456789ab")),
    ("/add make test", _bash("make test", "make test")),
    ("/rm 3", Cancel((3,))),
    ("/restart 3", Rerun((3,))),
    ("/clean", Clear()),
    ("/exit", Quit()),
    ("/end", Quit(end=True)),
    ("/templates", RunTemplate("")),
    ("/q", Quit()),
    ("/help kill", Help("/cancel")),
    ("/?", Help()),
    ("/quit", Quit()),
    ("hello, world", Say("hello, world")),
    ("  2 + 2 = 4 \r\n", Say("2 + 2 = 4")),
    ('"quoted', Say('"quoted')),
    ("//etc/passwd is a file", Say("/etc/passwd is a file")),
    ("//", Say("/")),
    ("#3", Say("#3")),
]


@pytest.mark.parametrize(("line", "command"), COMMANDS)
def test_a_line_becomes_a_command(line: str, command: Command) -> None:
    assert parse(line) == command


def test_every_command_has_a_test_case() -> None:
    lines = [line.lstrip() for line, _ in COMMANDS]
    for spec in REGISTRY:
        assert any(
            line.split()[0] == spec.name or spec.name == "!" == line[0]
            for line in lines
        ), spec.name


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("/task", "missing description and command; try: /task "),
        ('/task ""', "missing description; try: /task "),
        ('/task " " bash ls', "missing description; try: /task "),
        ('/task "Run tests"', "missing kind and command; the form is: /task "),
        ("/task Tests", "missing kind and command; the form is: /task "),
        ('/task "Run tests"bash ls', "put a space after the description's closing"),
        ('/task "Run tests bash ls', 'no closing " after: "Run tests bash ls; add it'),
        ("/task 'Run", "no closing ' after: 'Run; add it"),
        ('/task "Run" bash "make', 'no closing " after: "make; add it'),
        ("/task --soon Run bash ls", "unknown option --soon; /help /task lists the op"),
        ('/task --label Run "Run" bash ls', "use --label or a description before"),
        ("/task --label ' ' bash ls", "--label: a description can't be empty"),
        ("/task --label Run", "missing kind and command; the form is: /task "),
        ("/task --timeout", "--timeout takes a value, such as: --timeout 10m"),
        ("/task --timeout soon Run bash ls", "--timeout: bad duration 'soon'; write"),
        ("/task --priority high Run bash ls", "high is not a whole number, such as 5"),
        (
            f"/task --retry {10**18} Run bash ls",
            f"--retry: {10**18} is not a number from 0 to 1000000",
        ),
        (
            "/task --priority -1000001 Run bash ls",
            "--priority: -1000001 is not a number from -1000000 to 1000000",
        ),
        ("/task --timeout 0 Run bash ls", "--timeout: must be more than 0 seconds"),
        ("/task --delay 1000000d Run bash ls", "--delay: must be at most 1000000000 s"),
        ("/task --retry-delay 1000000d Run bash ls", "--retry-delay: must be at most"),
        ("/task --after 1, Run bash ls", "an id is missing in '1,'; write it like 3,5"),
        (
            "/task --every 1000000d Run bash ls",
            "an interval is at least 1 second and at most 1000000000, not 1000000d",
        ),
        ("/parallel 1000001", "1000001 is not a number of tasks from 1 to 1000000"),
        ("/task --after 3,x Run bash ls", "--after: x is not a task id; use a number"),
        ("/task --stash=yes Run bash ls", "--stash takes no value"),
        ("/task --stash", "missing description and command; try: /task "),
        ("/pause -g x", "/pause takes nothing, ids, a group or a schedule: /pause 3"),
        ("/drain 3", "/drain takes nothing or a group: /drain --group NAME; /pause 3"),
        ("/resume x", "x is not a task id; use a number such as 3, or last"),
        ("/pause --schedule x", "x is not the id of a schedule; /schedules lists"),
        ("/schedules 3", "/schedules takes no arguments"),
        ("/edit", "edit which task? Give its id: /edit 3"),
        ("/edit x", "x is not a task id; use a number such as 3, or last"),
        ("/edit 3 Tests", "missing kind and command; the form is: /edit 3 "),
        ('/edit 3 "" bash make', "missing description; the form is: /edit 3 "),
        ('/edit 3 "A"bash make', "the description's closing quote: /edit 3 "),
        ("/rename 3", '/rename takes a task and a description: /rename 3 "Tests"'),
        ("/tasks --group", "--group takes a value, such as: /tasks --group builds"),
        ("/task --each 1..3 Part bash make", "the command needs a {} in place of the"),
        (
            "/task --each 1,,3 Part bash make {}",
            "--each: 1,,3 is not a range or a list",
        ),
        ("/task --each 1..9999 Part bash {}", "--each: a batch has at most 1000 tasks"),
        ("/task --each 1..12345678901 P bash {}", "a batch has at most 1000 tasks"),
        ("/task --max-fails 2 Part bash ls", "--max-fails is for several tasks; give "),
        ("/task --each a --max-fails 0 P bash {}", "--max-fails: 0 is not a number fr"),
        ("/task --each a --batch b P bash {}", "give --each or --batch, not both"),
        (
            "/task --every 1h --each a P bash {}",
            "--every can't be combined with --each",
        ),
        ("/unschedule", "remove which schedule? Give its id: /unschedule 1"),
        ("/unschedule #x", "#x is not the id of a schedule; /schedules lists them"),
        ("/task --every often Run bash ls", "--every: 'often' is not a schedule; wri"),
        ("/task --every '9 9 9 9 9x' Run bash ls", "--every: '9 9 9 9 9x' is not a cr"),
        ("/task --every 1h --zone Mars Run bash ls", "--zone: there is no time zone"),
        (
            "/task --every 1h --catch-up no Run bash ls",
            "--catch-up: no is not one of: o",
        ),
        ("/task --catch-up all Run bash ls", "--catch-up needs --every"),
        ("/resume --group a/b", "a/b is not a group; use a short name"),
        ("/group builds", "/group takes a name and what to set: /group builds --paral"),
        (
            "/group builds --parallel 1000001",
            "--parallel: 1000001 is not a number of tasks from 0 to 1000000",
        ),
        ("/task --at noon Run bash ls", "--at: noon is not a time; write 18:30, tom"),
        ("/move 3", "/move takes a task and a place, such as: /move 3 before 5"),
        ("/move 3 up", "/move takes a task and a place, such as"),
        ("/move 3 before last", "/move takes a task and a place, such as"),
        ("/stash", "/stash takes the ids of queued tasks, such as: /stash 3"),
        ("/enqueue x", "x is not a task id; use a number such as 3, or last"),
        ("!", "missing command; try: !make test"),
        ("!  ", "missing command; try: !make test"),
        ('!""', "missing command; try: !make test"),
        ('!"ls', 'no closing " after: "ls; add it'),
        ("/tasks --done", "unknown filter --done; use one of: --all --queued"),
        ("/tasks all", "unknown filter all; use one of: --all --queued"),
        ("/tasks --failed --all", "/tasks takes one filter, such as: /tasks --failed"),
        ("/cancel all", "all is not a task id; use a number such as 3, or last"),
        ("/cancel 1,2", "or last; several with spaces, or --all"),
        ("/cancel", "cancel which task? Give its id: /cancel 3, or /cancel --all"),
        ("/deny", "/deny takes the id of a task that waits for permission, such as: /"),
        ("/deny --all", "--all is not a task id; use a number such as 3, or last"),
        ("/cancel --now", "cancel which task? Give its id"),
        ("/cancel three", "three is not a task id; use a number such as 3, or last"),
        ("/cancel 3 --al", "--al is not a task id"),
        ("/cancel -1", "-1 is not a task id"),
        ("/cancel 3.5", "3.5 is not a task id"),
        ("/cancel ##3", "##3 is not a task id"),
        ("/cancel #", "# is not a task id"),
        ("/cancel ٣", "٣ is not a task id"),
        ("/cancel ²", "² is not a task id"),
        ("/show", "/show takes one task id, such as: /show 3"),
        ("/show 1 2", "/show takes one task id, such as: /show 3"),
        ("/show x", "x is not a task id"),
        (
            "/send 3",
            (
                "/send takes a task id and a text, such as: /send 3 yes;"
                " /send 3 --enter sends an empty line"
            ),
        ),
        (
            "/task --pty --stdin x bash y",
            "--stdin: a task with --pty reads from its terminal; omit --stdin",
        ),
        ("/output", "/output takes one task id, such as: /output 3"),
        ("/wait 1 2", "/wait takes one task id, such as: /wait 3"),
        ("/clear 3", "/clear takes no arguments"),
        ("/chat --new", "/chat takes one short name"),
        ("/chat --close --new", "/chat takes one short name"),
        ("/chat my notes", "/chat takes one short name"),
        (f"/chat {'x' * 33}", "/chat takes one short name"),
        ("/chat a\x1b[2Jb", "/chat takes one short name"),
        ("/chats all", "/chats takes no arguments"),
        ("/quit now", "/quit takes nothing, or --end to end the session too"),
        ("/help frobnicate", "unknown command /frobnicate; /help lists the commands"),
        ("/help cancle", "unknown command /cancle; did you mean /cancel?"),
        ("/taks", "unknown command /taks; did you mean /tasks?"),
        ("/taks failed", "unknown command /taks; did you mean /tasks?"),
        ('/taks "Run" bash "x"', "unknown command /taks; did you mean /task?"),
        ("/taks --nonsense", "unknown command /taks; did you mean /tasks?"),
        ('/tsk "Run', "unknown command /tsk; did you mean /task?"),
        ("/TASKS", "unknown command /TASKS; did you mean /tasks?"),
        ("/Quit", "unknown command /Quit; did you mean /quit?"),
        ("/cancel3", "unknown command /cancel3; did you mean /cancel?"),
        ("/", "unknown command /; /help lists the commands"),
        ("/ task", "unknown command /; /help lists the commands"),
        ("/rerun", "run which task again? Give its id: /rerun 3, or /rerun last"),
        ("/rerun x", "x is not a task id"),
        ("/status 3", "/tasks takes a filter; for one task: /show 3"),
        ("!!", "!! repeats nothing; try: /rerun last"),
        ("/lst", "unknown command /lst; did you mean /list?"),
        (
            "/host",
            "/host is not a command of the chat; in a shell, use `backburner host`",
        ),
        ("/cancl 3", "unknown command /cancl; did you mean /cancel?"),
    ],
)
def test_an_invalid_line_is_answered_with_advice(line: str, error: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(line)
    assert error in str(raised.value)


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("/task a bash ls\n  /tasks\n\n/cancel 3\n", 3),
        ("!make\r\n!make test", 2),
        ("/tasks", 1),
        ("!make\necho done", 1),
        ("/task a bash if\n! make; then\n/tasks\nfi", 1),
        ("!if\n! make", 1),
        ("/tasks\n/etc/passwd", 1),
        ('!echo "x\n!y"', 1),
        ("!echo \\\n!b", 1),
        ("!cat <<!E\n!E", 1),
        ("two\nlines", 1),
        ("/task a bash printf 'x\x85/tasks'", 1),
        ("", 1),
    ],
)
def test_an_input_of_only_commands_is_split_into_them(text: str, commands: int) -> None:
    found = commands_of(block_lines(text))
    split = found if isinstance(found, tuple) and found else (text,)
    assert len(split) == commands
    assert "".join("".join(split).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("!cat <<EOF", "the line EOF"),
        ("!cat <<EOF\n\ntext", "the line EOF"),
        ('!echo "open', 'a closing "'),
        ("!for i in 1 2", "the rest of it"),
        ("!make &&", "the rest of it"),
        ("!make \\", "the line after the backslash"),
        ("/task Build bash if make; then", "the rest of it"),
        ("!make\n!cat <<EOF", "the line EOF"),
        ("!make\nfor i in 1 2", "the rest of it"),
        ("!make test", None),
        ('!echo "$HOME"', None),
        ("/tasks --all", None),
        ('note "open', None),
    ],
)
def test_the_missing_part_of_an_unfinished_command_is_known(
    text: str, missing: str | None
) -> None:
    found = commands_of(block_lines(text))
    assert (found.text if isinstance(found, Missing) else None) == missing


def test_a_command_of_several_lines_is_not_split() -> None:
    blocks = (
        "!cat <<EOF\n\n/tasks\nEOF",
        "!for i in 1 2; do\n  echo $i\ndone",
        '/task Quoted bash "echo\n\n!x"',
        "!make \\\n  test",
        "/tasks",
    )
    assert commands_of(block_lines("\n\n".join(blocks))) == blocks


@pytest.mark.parametrize(
    "line",
    ["/{}", "/tasks {}", "/cancel {}", "/show {}", '!"{}', "/help {}", '/task "{}'],
)
def test_an_error_quotes_only_the_beginning_of_a_long_text(line: str) -> None:
    with pytest.raises(UsageError) as raised:
        parse(line.format("9" * 10_000))
    assert len(str(raised.value)) <= LONGEST_ERROR


def _problem(line: str) -> str | None:
    try:
        parse(line)
    except UsageError as error:
        return str(error)
    return None


_names = st.sampled_from(["", "/", "!", *(spec.name for spec in REGISTRY)])


@given(_names, st.text())
def test_any_line_is_a_command_or_a_usage_error(name: str, rest: str) -> None:
    for line in (f"{name}{rest}", f"{name} {rest}"):
        problem = _problem(line)
        assert problem is None or 0 < len(problem) <= LONGEST_ERROR


_rests = st.text() | st.text("ab \t|&;$\"'\\#\n")


@given(_rests.map(lambda text: text.lstrip().rstrip("\r\n")))
def test_text_after_the_kind_is_taken_unchanged(rest: str) -> None:
    if rest and rest[0] not in "\"'":
        assert parse(f'/task "x" bash  {rest}') == _bash("x", rest)
        if rest.strip() != "!":  # `!!` is refused: it repeats nothing
            assert parse(f"! {rest}\r\n") == _bash(rest.strip(), rest)


@given(_rests.filter(bool))
def test_any_text_can_be_quoted(text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    assert parse(f'/task "x" bash {quoted}') == _bash("x", text)
    if text.strip():
        assert parse(f"/task {quoted} bash ls") == _bash(text, "ls")


@given(st.integers(0, 10**18 - 1))
def test_any_id_is_accepted(task_id: int) -> None:
    assert parse(f"/show {task_id}") == ShowTask(task_id)
    assert parse(f"/show #{task_id}") == ShowTask(task_id)


_KINDS = [KindWords("bash", "COMMAND", "run a command line with bash")]


def test_help_lists_every_command_and_kind() -> None:
    text = "\n".join(REGISTRY.help_lines(None, _KINDS))
    for spec in REGISTRY:
        assert spec.heading in text
        assert spec.summary in text
    assert "KIND bash COMMAND: run a command line with bash" in text
    assert "//" in text


@pytest.mark.parametrize("spec", list(REGISTRY), ids=lambda spec: spec.name)
def test_help_explains_every_command(spec: CommandSpec) -> None:
    assert parse(f"/help {spec.name}") == Help(spec.name)
    first, *details = REGISTRY.help_lines(spec.name, _KINDS)
    assert first == f"{spec.heading}  {spec.summary}"
    assert tuple(details[: len(spec.details)]) == spec.details
    for synonym in spec.synonyms:
        assert parse(f"/help {synonym.name}") == Help(spec.name)
        assert synonym.name in details[-1]


def test_no_two_commands_share_a_name() -> None:
    spec = REGISTRY.find("/tasks")
    with pytest.raises(ValueError, match="two commands are called /list"):
        Registry(spec, replace(spec, name="/other"))


def test_help_names_every_filter() -> None:
    lines = REGISTRY.help_lines("/tasks", _KINDS)
    filters = [word for word in " ".join(lines).split() if word.startswith("--")]
    found = {parse(f"/tasks {word}") for word in filters}
    assert found == {ShowTasks(selection) for selection in TaskFilter} - {
        parse("/tasks")
    }


@pytest.mark.parametrize(
    "example",
    [
        line.strip()
        for spec in REGISTRY
        for line in spec.details
        if line.startswith("  ")
    ],
)
def test_the_examples_in_help_are_valid(example: str) -> None:
    assert isinstance(parse(example), Run | RunTemplate)


@pytest.mark.timeout(60)  # a quadratic search takes minutes
def test_a_very_long_word_is_checked_quickly() -> None:
    word = "x" * 120_000
    assert missing(f"for i in 1 2; do{word}") is None
    assert missing(f"for i in 1; do echo {word}") is not None
