"""The options that set the terms of a new task.

`/task` takes them before the description, `backburner add` and `run` anywhere before
the command. This is the only source of help, completion and docs/scheduling.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, get_args

import msgspec

from ...actors import Terms
from ...actors.rules.amounts import (
    cpus_text,
    parse_cpus,
    parse_memory,
    parse_pids,
    pids_text,
)
from ...actors.rules.durations import parse_duration, short_duration
from ...actors.rules.nodes import is_address
from ...actors.rules.resources import amount_text, is_resource_name, parse_amount
from ...actors.rules.safe_text import brief, size_text
from ...actors.rules.terms import (
    DEFAULT_GROUP,
    MOST,
    Input,
    OnReboot,
    Restart,
    duration_problem,
    is_group_name,
)
from .arguments import UsageError, split_word, task_id
from .new_task import (
    ASK_OPTIONS,
    LABEL,
    NOTHING_ASKED,
    Asked,
    TaskOption,
    setting,
    switch,
)
from .quoting import QUOTES, read_quoted
from .times import parse_time

_Read = Callable[[Terms, str], Terms]

ADDED_LAST: Final = 0
"""The id that means the task added last, in terms that wait for it."""


def waits_for_last(terms: Terms | None) -> bool:
    """Return whether terms contain `ADDED_LAST`."""
    return terms is not None and ADDED_LAST in terms.waits_for


def with_last(terms: Terms, last: int) -> Terms:
    """Return terms with `ADDED_LAST` replaced by the id of that task."""

    def put_in(ids: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(last if it == ADDED_LAST else it for it in ids)

    return msgspec.structs.replace(
        terms,
        after=put_in(terms.after),
        after_failed=put_in(terms.after_failed),
        after_any=put_in(terms.after_any),
    )


def _adding(field: str, parse: Callable[[str], tuple[object, ...]]) -> _Read:
    """Return a function that appends the values of an option to a field."""

    def add(terms: Terms, value: str) -> Terms:
        values = getattr(terms, field) + parse(value)
        return msgspec.structs.replace(terms, **{field: values})

    return add


def _read_priority(value: str) -> int:
    digits = value.removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        raise UsageError(f"{brief(value)} is not a whole number, such as 5 or -5")
    if int(digits[:_DIGITS]) > MOST:
        raise UsageError(f"{brief(value)} is not a number from {-MOST} to {MOST}")
    return int(value)


def _read_count(value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise UsageError(f"{brief(value)} is not a whole number, such as 3")
    if int(value[:_DIGITS]) > MOST:
        raise UsageError(f"{brief(value)} is not a number from 0 to {MOST}")
    return int(value)


def _read_duration(value: str) -> float:
    seconds = parse_duration(value)
    if problem := duration_problem(seconds):
        raise UsageError(problem)
    return seconds


def _read_ids(value: str) -> tuple[int, ...]:
    words = [word.strip() for word in value.split(",")]
    if not all(words):
        raise UsageError(f"an id is missing in {brief(value)!r}; write it like 3,5")
    ids = [task_id(word) for word in words]
    return tuple(ADDED_LAST if it is None else it for it in ids)


def _read_statuses(value: str) -> tuple[int, ...]:
    statuses = tuple(_read_count(word.strip()) for word in value.split(","))
    if wrong := [it for it in statuses if it > _HIGHEST_STATUS]:
        raise UsageError(f"{wrong[0]} is not an exit status; they go from 0 to 255")
    return statuses


def _checked(is_valid: Callable[[str], bool], problem: str) -> Callable[[str], str]:
    """Return a parser that returns a valid value unchanged."""

    def read(value: str) -> str:
        if not is_valid(value):
            raise UsageError(f"{brief(value)} {problem}")
        return value

    return read


def _gpus(terms: Terms, value: str) -> Terms:
    return _need(terms, f"GPU={value}")


def _need(terms: Terms, value: str) -> Terms:
    name, equals, amount = value.partition("=")
    if not is_resource_name(name) or not equals:
        raise UsageError(f"{brief(value)} names no resource; write it like gpu=1")
    needs = {**dict(terms.needs), name: parse_amount(amount)}
    return msgspec.structs.replace(terms, needs=tuple(sorted(needs.items())))


def _input(wanted: Input) -> _Read:
    def read(terms: Terms, value: str) -> Terms:
        del value
        if terms.input not in {None, wanted}:
            text = "a task with --pty reads from its terminal; omit --stdin"
            raise UsageError(text)
        return msgspec.structs.replace(terms, input=wanted)

    return read


def _term(
    name: str, value: str, summary: str, read: _Read, short: str = ""
) -> TaskOption:
    def add(asked: Asked, given: str) -> Asked:
        return msgspec.structs.replace(asked, terms=read(asked.terms, given))

    return TaskOption(name, value, summary, add, short)


_HIGHEST_STATUS: Final = 255
_DIGITS: Final = 18  # enough to see that a number is too large

_timeout = setting("timeout", _read_duration)
_priority = setting("priority", _read_priority)
_held = switch("held")
_immediate = switch("immediate")
_after = _adding("after", _read_ids)
_after_failed = _adding("after_failed", _read_ids)
_after_any = _adding("after_any", _read_ids)
_delay = setting("delay", _read_duration)
_at = setting("at", parse_time)
_retry = setting("retries", _read_count)
_retry_delay = setting("retry_delay", _read_duration)
_retry_on = _adding("retry_on", _read_statuses)
_restart = setting(
    "restart",
    _checked(get_args(Restart).__contains__, "is neither always nor on-failure"),
)
_on_reboot = setting(
    "on_reboot", _checked(get_args(OnReboot).__contains__, "is neither again nor fail")
)
_cpus = setting("cpus", parse_cpus)
_memory = setting("memory", parse_memory)
_pids = setting("pids", parse_pids)
_pty = _input("terminal")
_stdin = _input("pipe")
_engine = setting(
    "engine", _checked(is_group_name, "is not an engine; use a name such as ray")
)
_address = setting(
    "address", _checked(is_address, "is not an address; write auto or HOST:PORT")
)
_ship = switch("ships")
_group = setting("group", _checked(is_group_name, "is not a group; use a short name"))

_TERM_OPTIONS: Final = (
    _term("--timeout", "10m", "fail it if it takes longer than this", _timeout),
    _term(
        "--priority", "N", "start it before tasks with a lower number (0)", _priority
    ),
    _term("--stash", "", "hold it until it is enqueued", _held),
    _term("--immediate", "", "start it now, even if no slot is free", _immediate),
    _term("--after", "3,5", "start it when these tasks are complete", _after, "-a"),
    _term(
        "--after-failed", "3,5", "start it when these tasks have failed", _after_failed
    ),
    _term("--after-any", "3,5", "start it when these tasks have ended", _after_any),
    _term("--delay", "5m", "start it after this delay or later", _delay),
    _term("--at", "18:30", "start it at this time or later", _at),
    _term("--retry", "3", "make up to this many more attempts on failure", _retry),
    _term(
        "--retry-delay", "2s", "wait this long before the second attempt", _retry_delay
    ),
    _term(
        "--retry-on", "1,75", "retry only after these statuses; 124: timeout", _retry_on
    ),
    _term("--restart", "always", "start it again: always, or on-failure", _restart),
    _term("--on-reboot", "again", "after a reboot: again, or fail", _on_reboot),
    _term("--need", "gpu=1", "reserve this amount of a resource", _need),
    _term("--cpus", "1.5", "let it use at most this many processors", _cpus),
    _term("--memory", "2G", "fail it if it uses more memory than this", _memory),
    _term("--pids", "100", "let it have at most this many processes", _pids),
    _term("--pty", "", "give it a terminal of its own", _pty),
    _term("--stdin", "", "give it a pipe as its input", _stdin),
    _term("--engine", "ray", "run it on a cluster", _engine),
    _term("--address", "HOST:PORT", "the head of that cluster", _address),
    _term("--ship", "", "run it in a copy of its directory on the node", _ship),
    _term("--gpus", "1", "reserve this many GPUs of the cluster", _gpus),
    _term("--group", "NAME", "run it in this group", _group, "-g"),
)

OPTIONS: Final = (*_TERM_OPTIONS, *ASK_OPTIONS)
"""All options, in the order of the help."""

TYPED_OPTIONS: Final = (*OPTIONS, LABEL)
"""The options that are typed before a job, in the order of the help."""

_BY_NAME: Final = {it.name: it for it in TYPED_OPTIONS}


def is_option(name: str) -> bool:
    """Return whether this is the name of an option of a new task."""
    return name in _BY_NAME


def read_options(text: str, asked: Asked = NOTHING_ASKED) -> tuple[Asked, str]:
    """Parse the options at the start of a text, and add them to `asked`.

    Returns:
        The options' values, and the rest of the text.

    Raises:
        UsageError: If an option is unknown, or its value is invalid.
    """
    rest = text.lstrip()
    while rest.startswith("--"):
        word, after = split_word(rest)
        if word == "--":
            rest = after.lstrip()
            break
        name, equals, value = word.partition("=")
        option = _BY_NAME.get(name)
        if option is None:
            raise UsageError(f"unknown option {brief(name)}; {_advice(name)}")
        if option.value and not equals:
            value, after = _value(after)
        if option.value and not value:
            raise UsageError(f"{name} takes a value, such as: {name} {option.value}")
        if equals and not option.value:
            raise UsageError(f"{name} takes no value")
        asked = option.add_to(asked, value)
        rest = after.lstrip()
    asked.check()
    return asked, rest


def _advice(name: str) -> str:
    import difflib  # noqa: PLC0415 - only errors need it

    near = difflib.get_close_matches(name, _BY_NAME, n=1, cutoff=0.7)
    return f"did you mean {near[0]}?" if near else "/help /task lists the options"


def _value(text: str) -> tuple[str, str]:
    """Read one word or a quoted string; return it and the rest."""
    text = text.lstrip()
    return read_quoted(text) if text[:1] in QUOTES and text else split_word(text)


def help_lines() -> tuple[str, ...]:
    """Return a line of help for each option."""
    return tuple(
        f"{f'{it.name} {it.value}'.rstrip()}: {it.summary}" for it in TYPED_OPTIONS
    )


def terms_text(terms: Terms) -> str:
    """Return the terms as one line: `timeout 10m, after #3 #5`."""
    parts: list[str] = []
    if terms.timeout is not None:
        parts.append(f"timeout {short_duration(terms.timeout)}")
    if terms.priority:
        parts.append(f"priority {terms.priority}")
    parts += [
        f"{what} {' '.join(f'#{it}' for it in ids)}"
        for what, ids in (
            ("after", terms.after),
            ("after failed", terms.after_failed),
            ("after the end of", terms.after_any),
        )
        if ids
    ]
    if terms.delay is not None:
        parts.append(f"delay {short_duration(terms.delay)}")
    if terms.at is not None:
        parts.append(f"not before {terms.at.astimezone():%Y-%m-%d %H:%M:%S}")
    if terms.retries:
        on = ",".join(map(str, terms.retry_on))
        parts.append(f"retry {terms.retries}" + (f" on {on}" if on else ""))
    if terms.restart is not None:
        parts.append(f"restart {terms.restart}")
    if terms.retry_delay is not None:
        parts.append(f"first pause {short_duration(terms.retry_delay)}")
    if terms.on_reboot is not None:
        parts.append(f"on reboot {terms.on_reboot}")
    parts += [f"{name}={amount_text(amount)}" for name, amount in terms.needs]
    if terms.cpus is not None:
        parts.append(f"at most {cpus_text(terms.cpus)}")
    if terms.memory is not None:
        parts.append(f"at most {size_text(terms.memory)} of memory")
    if terms.pids is not None:
        parts.append(f"at most {pids_text(terms.pids)}")
    if terms.engine:
        at = f" at {terms.address}" if terms.address else ""
        copied = " in a copy of its directory" if terms.ships else ""
        parts.append(f"on {terms.engine}{at}{copied}")
    if terms.group != DEFAULT_GROUP:
        parts.append(f"group {terms.group}")
    if terms.batch:
        parts.append(f"batch {terms.batch}")
    if terms.max_fails is not None:
        parts.append(f"at most {terms.max_fails} failures")
    if terms.schedule is not None:
        parts.append(f"added by schedule {terms.schedule}")
    if terms.input is not None:
        parts.append(f"input from a {terms.input}")
    parts += ["held"] * terms.held + ["immediate"] * terms.immediate
    return ", ".join(parts)
