"""Starts processes with the C library's `posix_spawn`, called through `ctypes`.

`subprocess` and `os.posix_spawn` hold the GIL until the new process has loaded its
program. On a busy machine that takes milliseconds, during which no actor of this
process can run. This function releases the GIL, and blocks only the caller.
"""

from __future__ import annotations

import ctypes
import errno
import os
from typing import TYPE_CHECKING, Any, Final

from ..rules.shortage import WAITS_FOR
from .spawn_protocol import (
    NOTHING,
    OUTPUT_FLAGS,
    OUTPUT_MODE,
    Ends,
    encoded,
    locate,
    remove_output,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .environment import Environment

_SETSIGDEF: Final = 0x04  # of spawn.h, in glibc
_SETSIGMASK: Final = 0x08
_SETSID: Final = 0x80
_ROOM: Final = 1024  # bytes; more than any structure of the C library needs
_POINTER: Final = ctypes.sizeof(ctypes.c_char_p)
_NULL: Final = "embedded null byte"

_Memory = ctypes.Array[ctypes.c_char]
_Strings = ctypes.Array[ctypes.c_char_p]


class PosixSpawn:
    """Starts processes with the C library's `posix_spawn`; see `Spawn`.

    Raises:
        AttributeError: If the C library lacks a function.
    """

    makes_output = True

    def __init__(self) -> None:
        # CDLL releases the GIL during a call, PyDLL keeps it.
        free, quick = ctypes.CDLL(None), ctypes.PyDLL(None)
        self._spawn = _declared(free.posix_spawn, 6)
        self._init = _declared(quick.posix_spawn_file_actions_init, 1)
        self._destroy = _declared(quick.posix_spawn_file_actions_destroy, 1)
        self._add_open = _declared(quick.posix_spawn_file_actions_addopen, 5)
        self._add_dup2 = _declared(quick.posix_spawn_file_actions_adddup2, 3)
        self._add_chdir = _declared(quick.posix_spawn_file_actions_addchdir_np, 2)
        self._close_from = _declared(quick.posix_spawn_file_actions_addclosefrom_np, 2)
        self._attributes = _attributes(quick)
        self._known = _SharedEntries(())

    def __call__(
        self,
        argv: Sequence[str],
        environment: Environment,
        output: int | str,
        directory: str | os.PathLike[str] | None,
        ends: Ends = NOTHING,
    ) -> int:
        """Start a process; see `Spawn`."""
        arguments = _strings(encoded(argv))
        variables = self._variables(environment)
        places = environment.get("PATH", os.defpath)
        program = locate(argv[0], places)
        actions = ctypes.create_string_buffer(_ROOM)
        _check(self._init(actions))
        try:
            if ends.terminal:
                # A session leader without a terminal gets the one that it opens.
                path = os.fsencode(ends.terminal)
                _check(self._add_open(actions, 0, path, os.O_RDWR, 0))
                _check(self._add_dup2(actions, 0, 1))
                _check(self._add_dup2(actions, 0, 2))
            else:
                if isinstance(output, int):
                    _check(self._add_dup2(actions, output, 1))
                else:
                    made = os.fsencode(output)
                    flags, mode = OUTPUT_FLAGS, OUTPUT_MODE
                    _check(self._add_open(actions, 1, made, flags, mode))
                _check(self._add_dup2(actions, 1, 2))
                # Last: in a host without standard streams, the output may have
                # descriptor 0.
                if ends.stdin < 0:
                    _check(self._add_open(actions, 0, b"/dev/null", os.O_RDONLY, 0))
                else:
                    _check(self._add_dup2(actions, ends.stdin, 0))
            if directory is not None:
                _check(self._add_chdir(actions, os.fsencode(directory)))
            _check(self._close_from(actions, 3))
            number, pid = self._start(program, actions, arguments, variables)
            if number in {errno.ENOENT, errno.EACCES}:
                # The program may have moved since it was located.
                locate.cache_clear()
                if not isinstance(output, int):
                    remove_output(output)
                program = locate(argv[0], places)
                number, pid = self._start(program, actions, arguments, variables)
        finally:
            self._destroy(actions)
        if number:
            if isinstance(output, str):
                _blame_output(number, output)
            _blame(number, argv[0], directory)
        return pid

    def _start(
        self, program: bytes, actions: _Memory, arguments: _Strings, variables: _Strings
    ) -> tuple[int, int]:
        """Return an error number, or 0 and the id of the new process."""
        pid = ctypes.c_int()
        number: int = self._spawn(
            ctypes.byref(pid), program, actions, self._attributes, arguments, variables
        )
        return number, pid.value

    def _variables(self, environment: Environment) -> _Strings:
        # The environments of jobs differ in one variable of dozens.
        known = self._known
        if known.entries is not environment.shared_entries:
            known = self._known = _SharedEntries(environment.shared_entries)
        return known.plus(environment.own_entries())


class _SharedEntries:
    """Environment variables as a C array, to which others can be added."""

    def __init__(self, entries: tuple[bytes, ...]) -> None:
        self.entries = entries
        self._strings = _strings(entries)

    def plus(self, more: list[bytes]) -> _Strings:
        """Return the array with more variables; valid only as long as this object."""
        if b"\0" in b"".join(more):
            raise ValueError(_NULL)
        count = len(self.entries)
        strings = (ctypes.c_char_p * (count + len(more) + 1))()
        ctypes.memmove(strings, self._strings, count * _POINTER)
        strings[count : count + len(more)] = more
        return strings


def _declared(function: Any, arguments: int) -> Any:  # noqa: ANN401 - ctypes' own
    # Without a declaration, a pointer would be passed as an int of half its size.
    function.argtypes = (ctypes.c_void_p,) * arguments
    return function


def _attributes(library: ctypes.PyDLL) -> ctypes.Array[ctypes.c_char]:
    attributes = ctypes.create_string_buffer(_ROOM)
    every, none = ctypes.create_string_buffer(_ROOM), ctypes.create_string_buffer(_ROOM)
    _check(library.posix_spawnattr_init(attributes))
    _check(library.sigfillset(every))
    _check(library.posix_spawnattr_setsigdefault(attributes, every))
    _check(library.sigemptyset(none))
    _check(library.posix_spawnattr_setsigmask(attributes, none))
    flags = ctypes.c_short(_SETSIGDEF | _SETSIGMASK | _SETSID)
    _check(library.posix_spawnattr_setflags(attributes, flags))
    return attributes


def _strings(texts: Sequence[bytes]) -> _Strings:
    if b"\0" in b"".join(texts):
        raise ValueError(_NULL)
    return (ctypes.c_char_p * (len(texts) + 1))(*texts)


def _check(number: int) -> None:
    if number:
        raise OSError(number, os.strerror(number))


def _blame_output(number: int, output: str) -> None:
    """Raise if a start failed because its output file could not be created.

    The new process creates it before all else, and it did not exist.
    """
    if number == errno.EEXIST:
        raise FileExistsError(number, os.strerror(number), output)
    if not os.path.lexists(output) and number not in WAITS_FOR:
        raise OSError(number, os.strerror(number), output)
    remove_output(output)


def _blame(number: int, program: str, directory: str | os.PathLike[str] | None) -> None:
    """Raise the error of a failed start; the C library doesn't tell its cause."""
    if number in WAITS_FOR:
        raise OSError(number, os.strerror(number))
    if directory is not None:
        os.close(os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    raise OSError(number, os.strerror(number), program)
