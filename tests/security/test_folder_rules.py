"""Which folders above a session are accepted: of groups, homes and those above.

The users and groups are made up: in a mount namespace of its own a process sees other
files in the places of `/etc/passwd` and `/etc/group`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from programs import run_program

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become another user"
)

_ALONE, _JOINED, _TWIN, _OTHER_TWIN, _STRANGER = 4001, 4002, 4003, 4004, 4005
_GROUPS: Final = {_ALONE: 4001, _JOINED: 4002, _TWIN: 4003, _OTHER_TWIN: 4003}
_COMMON_GROUP: Final = 4100

# Everything is loaded first, as another user may not be able to read this Python.
_OPEN_AS: Final = """
import grp, json, os, pathlib, pwd, sys
import backburner.actors.session.folder as folders
for user, group, path in json.loads(sys.argv[1]):
    if os.fork():
        os.wait()
        continue
    os.setgroups([]); os.setgid(group); os.setuid(user)
    try:
        folders.SessionFolder(pathlib.Path(path)).close()
        said = ""
    except folders.FolderError as error:
        said = str(error)
    print(json.dumps(said), flush=True)
    os._exit(0)
"""


@pytest.fixture
def common() -> Iterator[Path]:
    """Return a folder that every user can reach; pytest's own are private."""
    with tempfile.TemporaryDirectory(prefix="backburner-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _open_as(
    common: Path, homes: dict[int, Path], *cases: tuple[int, Path]
) -> list[str]:
    """Open sessions as users with these homes; return the messages."""
    passwd, group = common / "passwd", common / "group"
    users = {0: Path("/root"), **dict.fromkeys(_GROUPS, common / "nowhere"), **homes}
    passwd.write_text(
        "".join(
            f"user{user}:x:{user}:{_GROUPS.get(user, user)}::{home}:/bin/sh\n"
            for user, home in users.items()
        )
    )
    members = {_JOINED: f"user{_STRANGER}"}
    group.write_text(
        "".join(
            f"group{it}:x:{it}:{members.get(it, '')}\n"
            for it in {0, _COMMON_GROUP, *_GROUPS.values()}
        )
    )
    binds = f"mount --bind {passwd} /etc/passwd && mount --bind {group} /etc/group"
    orders = [(user, _GROUPS.get(user, user), str(path)) for user, path in cases]
    python = [sys.executable, "-c", _OPEN_AS, json.dumps(orders)]
    done = run_program(
        "unshare", "--mount", "sh", "-c", f'{binds} && exec "$@"', "sh", *python
    )
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no mounts of one's own here: {done.stderr.strip()}")
    assert done.stderr == ""
    return [json.loads(line) for line in done.stdout.splitlines()]


def _folder(path: Path, user: int, mode: int, group: int | None = None) -> Path:
    path.mkdir()
    os.chown(path, user, _GROUPS.get(user, user) if group is None else group)
    path.chmod(mode)
    return path


def test_a_group_folder_is_accepted_if_the_group_has_no_other_user(
    common: Path,
) -> None:
    cases = {
        "its own, and private": (_ALONE, 0o775, None),
        "private, and open to all": (_ALONE, 0o777, None),
        "with another member": (_JOINED, 0o775, None),
        "the first of two users": (_TWIN, 0o775, None),
        "not the user's own": (_ALONE, 0o775, _COMMON_GROUP),
        "unknown": (_ALONE, 0o775, 4999),
        "a sticky folder's": (_JOINED, 0o1775, None),
    }
    places = [
        (user, _folder(common / str(number), user, mode, group) / "main")
        for number, (user, mode, group) in enumerate(cases.values())
    ]
    errors = dict(zip(cases, _open_as(common, {}, *places), strict=True))
    accepted = {name for name, text in errors.items() if not text}
    assert accepted == {"its own, and private", "a sticky folder's"}, errors
    for name in errors.keys() - accepted:
        assert "others may write to" in errors[name]
        assert "and so replace it; run: chmod go-w " in errors[name]


@pytest.mark.parametrize("name", [".", "output"])
def test_session_folders_belong_to_the_user_and_not_a_group(
    name: str, common: Path
) -> None:
    state = _folder(common / "state", _ALONE, 0o755)
    session = _folder(state / "main", _ALONE, 0o700)
    output = _folder(session / "output", _ALONE, 0o700)
    (session if name == "." else output).chmod(0o770)
    (error,) = _open_as(common, {}, (_ALONE, session))
    assert "others may write to it; run: chmod go-w " in error


def test_writable_folders_above_the_home_are_accepted(common: Path) -> None:
    outer = _folder(common / "outer", _STRANGER, 0o777)
    home = _folder(outer / "home", _ALONE, 0o755)
    open_home = _folder(outer / "open", _TWIN, 0o777)
    foreign_home = _folder(outer / "foreign", _STRANGER, 0o777)
    beside = _folder(outer / "beside", _ALONE, 0o755)
    inside = _folder(home / "inside", _ALONE, 0o755)
    shared = _folder(home / "shared", _ALONE, 0o777)
    (inside / "back").symlink_to("../..")
    homes = {_ALONE: home, _TWIN: open_home, _OTHER_TWIN: foreign_home}
    cases = {
        "in the home": (_ALONE, home / "main"),
        "deep in the home": (_ALONE, inside / "a/b/main"),
        "in the home, in a folder that others may write": (_ALONE, shared / "main"),
        "in a home that others may write": (_TWIN, open_home / "main"),
        "in the home of another user": (_OTHER_TWIN, foreign_home / "main"),
        "beside the home": (_ALONE, beside / "main"),
        "out of the home by dots": (_ALONE, home / "../beside/main"),
        "out of the home by a link": (_ALONE, inside / "back/beside/main"),
    }
    errors = dict(zip(cases, _open_as(common, homes, *cases.values()), strict=True))
    assert {it for it in errors if not errors[it]} == {
        "in the home",
        "deep in the home",
    }
    for text in errors.values():
        assert not text or "could replace it" in text or "so replace it" in text, text
