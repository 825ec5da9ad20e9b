"""Files and folders that belong to this user alone.

Opening a session runs its queue, so what lies in its folder is as good as a command of
this user. Everything in it is therefore opened by the rules here: it belongs to this
user, nobody else may write to it, no link is followed, and nothing but a regular file
is opened, so that no FIFO and no device holds anybody up.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

TYPE_CHECKING = False  # those who start a host first of all load this, and no `typing`
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path
    from typing import Final

_FLAGS: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_ROOT: Final = 0
_TRIES: Final = 100  # of opening what others make and delete at the same time
_LONGEST_CHAIN: Final = 40  # links; as long as Linux follows

_NAMES: Final = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a directory",
    stat.S_IFREG: "a file",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class NotOwnError(OSError):
    """A file or a folder can't be trusted.

    The `strerror` says why and what to do, as in `it is a FIFO, not a file; remove it`;
    the `filename` is the whole path.
    """

    def __init__(self, why: str, path: Path | str, number: int = errno.EPERM) -> None:
        super().__init__(number, why, str(path))


def check_file(found: os.stat_result, path: Path | str) -> None:
    """Refuse what is not a file of this user alone.

    Args:
        found: What `lstat` or `fstat` say of it.
        path: Where it is.

    Raises:
        NotOwnError: If it is something else, somebody else's, or open to others.
    """
    if stat.S_ISDIR(found.st_mode):
        raise NotOwnError("Is a directory, not a file; move it away", path)
    if not stat.S_ISREG(found.st_mode):
        raise NotOwnError(f"it is {kind_of(found)}, not a file; remove it", path)
    _check_owner(found, path, "remove it")
    if found.st_nlink > 1:
        raise NotOwnError(
            "the same file has another name (a hard link); put a copy in its place",
            path,
        )


def check_folder(found: os.stat_result, path: Path | str) -> None:
    """Refuse what is not a folder of this user alone; see `check_file`.

    Raises:
        NotOwnError: If it is something else, somebody else's, or open to others.
    """
    if stat.S_ISLNK(found.st_mode):
        raise NotOwnError(
            "it is a symbolic link; name the directory it leads to, or remove it", path
        )
    if not stat.S_ISDIR(found.st_mode):
        why = f"it is {kind_of(found)}, not a directory; remove it"
        raise NotOwnError(why, path, errno.ENOTDIR)
    _check_owner(found, path, "use one of your own")


def check_trusted(found: os.stat_result, path: Path | str) -> None:
    """Refuse a file that others than this user and root can have written.

    For what this user names and may keep anywhere, behind a link too, as a
    configuration. What is not a regular file has no content to speak of.

    Raises:
        NotOwnError: If it is somebody else's, or open to others.
    """
    if not stat.S_ISREG(found.st_mode):
        return
    if found.st_uid not in {_ROOT, os.geteuid()}:
        raise NotOwnError(
            f"it belongs to {_user(found.st_uid)}, not to you; use one of your own",
            path,
        )
    if found.st_mode & _OTHERS_WRITE and not _is_private(found):
        raise NotOwnError(f"others may write to it; {_chmod(path)}", path)


def open_own(path: Path | str, flags: int) -> int:
    """Open a file of this user; see `open_below`.

    Its folder may not be a link either.
    """
    folder = os.open(_above(path), os.O_RDONLY | os.O_DIRECTORY | _FLAGS)
    try:
        return open_below(folder, path, flags)
    finally:
        os.close(folder)


def open_below(folder: int, path: Path | str, flags: int) -> int:
    """Open a file of this user; never blocks for what was put in its place.

    Args:
        folder: The open folder that it is in.
        path: The whole path; its last part is the name in that folder.
        flags: Those of `os.open`; with `O_CREAT` it is made if it is missing, with
            mode 0600, and with `O_EXCL` only then. Without `O_TRUNC`.

    Returns:
        The file descriptor, not inherited by other programs.

    Raises:
        NotOwnError: If it can't be trusted.
        OSError: If it can't be opened.
    """
    name, made = os.path.basename(path), flags & os.O_CREAT
    flags |= _FLAGS
    for _ in range(_TRIES):
        try:
            if made:
                # A new one before anything else: this follows no link either.
                return os.open(name, flags | os.O_EXCL, _FILE_MODE, dir_fd=folder)
        except FileExistsError:
            if flags & os.O_EXCL:
                raise
        try:
            # Looked at first: opening some devices does something to them.
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            check_file(found, path)
            fd = os.open(name, flags & ~os.O_CREAT, dir_fd=folder)
        except FileNotFoundError:
            if made:
                continue  # deleted in this moment
            raise
        with _closed_on_error(fd):
            check_file(os.fstat(fd), path)
        return fd
    raise NotOwnError("somebody keeps replacing it; find out what does", path)


def look_below(folder: int, path: Path | str) -> os.stat_result | None:
    """Look at a file of this user without opening it; None if there is none.

    Raises:
        NotOwnError: If it can't be trusted.
        OSError: If it can't be reached.
    """
    try:
        found = os.stat(os.path.basename(path), dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    check_file(found, path)
    return found


def open_folder(path: Path | str, parent: int | None = None) -> int:
    """Open a folder of this user; it is made with mode 0700 if it is missing.

    Without `parent` the folders above it are made as well.

    Args:
        path: The folder.
        parent: The open folder that it is in.

    Raises:
        NotOwnError: If it can't be trusted; without `parent` also if others could put
            another in its place.
        OSError: If it can't be made or opened.
    """
    name = path if parent is None else os.path.basename(path)
    if parent is None:
        if not os.path.lexists(path):
            # First of all: nothing is made where a link of others leads.
            _check_existing_way(path)
        _make_folders(path)
    else:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, _FOLDER_MODE, dir_fd=parent)
    found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    check_folder(found, path)
    if parent is None:
        _check_way(path)
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _FLAGS, dir_fd=parent)
    with _closed_on_error(fd):
        check_folder(os.fstat(fd), path)
    return fd


def broken_way(path: Path | str) -> str | None:
    """Say which link on the way to a folder leads nowhere; None if none does.

    For people, when a folder can't be made: the system's own message names no link.
    """
    with contextlib.suppress(OSError):
        for place, found in _way_to(path):
            if stat.S_ISLNK(found.st_mode) and (why := _why_broken(place)) is not None:
                target = os.readlink(place)
                return f"{place} is a symbolic link to {target}, which {why}"
    return None


def _why_broken(link: str) -> str | None:
    try:
        os.stat(link)
    except FileNotFoundError:
        return "does not exist"
    except OSError as error:
        return "leads back to it" if error.errno == errno.ELOOP else None
    return None


@contextlib.contextmanager
def _closed_on_error(fd: int) -> Generator[None]:
    try:
        yield
    except BaseException:
        os.close(fd)
        raise


def _make_folders(path: Path | str) -> None:
    # As the XDG base directory specification has it: those above are private as well.
    try:
        os.mkdir(path, _FOLDER_MODE)
    except FileExistsError:
        return
    except FileNotFoundError:
        above = _above(path)
        if above == os.fspath(path):
            raise
        _make_folders(above)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, _FOLDER_MODE)


def _above(path: Path | str) -> str:
    """Return the folder that a path is in."""
    return os.path.dirname(path) or "."


def _check_owner(found: os.stat_result, path: Path | str, remedy: str) -> None:
    if found.st_uid != os.geteuid():
        raise NotOwnError(
            f"it belongs to {_user(found.st_uid)}, not to you; {remedy}", path
        )
    if found.st_mode & _OTHERS_WRITE:
        raise NotOwnError(f"others may write to it; {_chmod(path)}", path)


def _check_existing_way(path: Path | str) -> None:
    """Refuse the folder of what is about to be made; see `_check_way`."""
    above = _above(path)
    while not os.path.lexists(above):
        above = _above(above)
    with contextlib.suppress(FileNotFoundError):  # a dangling link, below which is none
        _check_places(_way_to(above), path)


def _check_way(path: Path | str) -> None:
    """Refuse a folder if others could put another in its place.

    Another user who may write to a folder above it could rename it, unless that one is
    sticky, as `/tmp` is; so could the owner of that one. Folders above the user's home
    are the administrator's: if they are not safe, nothing there is.
    """
    # The last is the folder itself, which has been looked at.
    _check_places([*_way_to(path)][:-1], path)


def _check_places(
    places: Iterable[tuple[str, os.stat_result]], path: Path | str
) -> None:
    for place, found in places:
        owned = found.st_uid in {_ROOT, os.geteuid()}
        closed = stat.S_ISLNK(found.st_mode) or not found.st_mode & _OTHERS_WRITE
        if owned and (closed or found.st_mode & stat.S_ISVTX or _is_private(found)):
            continue
        if _is_above_home(place, path):
            continue
        if owned:
            raise NotOwnError(
                f"others may write to {place}, and so replace it; {_chmod(place)}", path
            )
        raise NotOwnError(
            f"{place} belongs to {_user(found.st_uid)}, who could replace it;"
            " use a directory of your own",
            path,
        )


def _way_to(path: Path | str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every folder and every link on the way to a path, and what is there.

    Raises:
        OSError: If one of them can't be reached, or links lead in a circle.
    """
    at, links = "/", 0
    yield at, os.lstat(at)
    parts = [*reversed(os.path.join(os.getcwd(), path).split("/"))]
    while parts:
        part = parts.pop()
        if part == "..":
            at = os.path.dirname(at)
        if part in {"", ".", ".."}:
            continue
        place = f"{at.rstrip('/')}/{part}"
        found = os.lstat(place)
        yield place, found
        if not stat.S_ISLNK(found.st_mode):
            at = place
            continue
        links += 1
        if links > _LONGEST_CHAIN:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), place)
        target = os.readlink(place)
        if target.startswith("/"):
            at = "/"
        parts += reversed(target.split("/"))


def _is_private(found: os.stat_result) -> bool:
    """Tell whether only this user's private group may write, if anybody.

    On many systems each user has a group of the same name, and folders are made with
    mode 0775. The group is private if nobody else is in it.
    """
    if found.st_mode & stat.S_IWOTH:
        return False
    import grp  # noqa: PLC0415 - seldom needed
    import pwd  # noqa: PLC0415 - the same

    try:
        user = pwd.getpwuid(os.geteuid())
        group = grp.getgrgid(found.st_gid)
    except KeyError:
        return False
    if group.gr_gid != user.pw_gid or {*group.gr_mem} - {user.pw_name}:
        return False
    others = (it for it in pwd.getpwall() if it.pw_uid != user.pw_uid)
    return all(it.pw_gid != group.gr_gid for it in others)


def _is_above_home(place: str, path: Path | str) -> bool:
    """Tell whether a place is above the home of this user, and a path in that."""
    import pwd  # noqa: PLC0415 - seldom needed

    try:
        home = os.path.realpath(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:
        return False
    inside = os.path.commonpath([home, os.path.realpath(path)]) == home
    return inside and home != place and home.startswith(f"{place.rstrip('/')}/")


def kind_of(found: os.stat_result) -> str:
    """Say what `stat` has found, as in `a FIFO`."""
    return _NAMES.get(stat.S_IFMT(found.st_mode), "something else")


def _user(uid: int) -> str:
    import pwd  # noqa: PLC0415 - seldom needed

    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"


def _chmod(path: Path | str) -> str:
    # Whoever starts a host first of all has not loaded it; all others have.
    from .rules.safe_text import safe_line  # noqa: PLC0415

    text = str(path)
    if not all(it.isalnum() or it in "@%+=:,./_-" for it in text):
        text = "'" + text.replace("'", "'\"'\"'") + "'"  # as `shlex` does
    return f"run: chmod go-w {safe_line(text)}"
