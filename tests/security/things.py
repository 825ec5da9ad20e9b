"""Objects that an attacker could put in place of a session's file."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OF_EVERY_SESSION: Final = (
    "lock",
    "session.db",
    "session.db-wal",
    "session.db-shm",
    "session.db-journal",
    "output/.probe",
)
"""Files that must belong to this user alone; otherwise the start is refused."""

OF_ADOPTION: Final = ("processes", "exits")
OF_TASKS: Final = ("output/1.log", "output/1.json", "output/1.json.new")
OF_CHATS: Final = ("chat.log", "history.jsonl", "history.jsonl.new")
OF_PARTNERS: Final = ("partner.jsonl", "partner.jsonl.new")
OF_KEEPERS: Final = ("keeper", "exits")
OF_HOSTS: Final = ("host.log", "host.log.old", "host.starting")
SOCKET: Final = "host.sock"

ALL_NAMES: Final = frozenset(
    {
        *OF_EVERY_SESSION,
        *OF_ADOPTION,
        *OF_TASKS,
        *OF_CHATS,
        *OF_PARTNERS,
        *OF_HOSTS,
        *OF_KEEPERS,
        SOCKET,
    }
)
"""Every file that a session creates; the tests put every object in its place.

`test_every_file.py` checks that the list is complete.
"""

PRECIOUS: Final = "precious\n" * 500  # longer than any lock file
_NULL: Final = (1, 3)
_NO_DISK: Final = (7, 250)  # /dev/loop250, which hardly any machine has


def make_victim(folder: Path) -> Path:
    """Make a file that nothing may change."""
    victim = folder / "victim"
    victim.write_text(PRECIOUS)
    victim.chmod(0o640)
    return victim


def is_untouched(victim: Path) -> bool:
    """Return whether the file is unchanged and has no new neighbours."""
    mode = stat.S_IMODE(victim.stat().st_mode)
    missing = victim.with_name("missing")
    return (victim.read_text(), mode) == (PRECIOUS, 0o640) and not missing.exists()


def _link(place: Path, victim: Path) -> None:
    place.symlink_to(victim)


def _dangling_link(place: Path, victim: Path) -> None:
    place.symlink_to(victim.with_name("missing"))


def _hard_link(place: Path, victim: Path) -> None:
    place.hardlink_to(victim)


def _fifo(place: Path, _: Path) -> None:
    os.mkfifo(place)


def _directory(place: Path, _: Path) -> None:
    place.mkdir()


def _socket(place: Path, _: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        before = Path.cwd()
        os.chdir(place.parent)  # socket paths have a short limit
        try:
            server.bind(place.name)
        finally:
            os.chdir(before)


def _character_device(place: Path, _: Path) -> None:
    os.mknod(place, stat.S_IFCHR | 0o600, os.makedev(*_NULL))


def _block_device(place: Path, _: Path) -> None:
    os.mknod(place, stat.S_IFBLK | 0o600, os.makedev(*_NO_DISK))


def _open_to_others(place: Path, _: Path) -> None:
    place.write_bytes(b"")
    place.chmod(0o666)


THINGS: Final[dict[str, tuple[Callable[[Path, Path], None], str]]] = {
    "a link": (_link, "it is a symbolic link"),
    "a dangling link": (_dangling_link, "it is a symbolic link"),
    "a hard link": (_hard_link, "another name (a hard link); put a copy"),
    "a FIFO": (_fifo, "it is a FIFO, not a file; remove it"),
    "a directory": (_directory, "Is a directory, not a file; move it away"),
    "a socket": (_socket, "it is a socket, not a file; remove it"),
    "a character device": (_character_device, "it is a device, not a file; remove it"),
    "a block device": (_block_device, "it is a device, not a file; remove it"),
    "a file that others may write": (_open_to_others, "run: chmod go-w "),
}
"""How each object is made, and the message about it in place of a file."""


def put(thing: str, place: Path, victim: Path) -> bool:
    """Put an object in a place; return whether this user can make it."""
    remove(place)
    try:
        THINGS[thing][0](place, victim)
    except PermissionError:
        return False  # only root can make devices, and not in every container
    return True


def put_each(place: Path, victim: Path) -> Iterator[str]:
    """Put one object after the other in a place; yield the name of each."""
    for thing in THINGS:
        if put(thing, place, victim):
            yield thing
    remove(place)


def remove(place: Path) -> None:
    """Remove the object from a place."""
    if place.is_dir() and not place.is_symlink():
        place.rmdir()
    else:
        place.unlink(missing_ok=True)
