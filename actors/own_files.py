"""Files and directories that only this user can change.

Opening a session runs its queue, so write access to its directory allows running
commands as this user. All its files are therefore opened by these rules: the owner is
this user, no other user may write, links are not followed, and only regular files are
opened, since opening a FIFO or a device could block.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

TYPE_CHECKING = False  # `typing` would delay verbs that only start a host
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from pathlib import Path
    from typing import Final

_FLAGS: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_ROOT: Final = 0
_TRIES: Final = 100  # to open a file that is created and deleted concurrently
_LONGEST_CHAIN: Final = 40  # links; the limit of Linux

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
    """A file or a directory can't be trusted.

    The `strerror` is the reason and the remedy, such as `it is a FIFO, not a file;
    remove it`; the `filename` is the whole path.
    """

    def __init__(self, why: str, path: Path | str, number: int = errno.EPERM) -> None:
        super().__init__(number, why, str(path))


def check_file(found: os.stat_result, path: Path | str) -> None:
    """Check that only this user can change a file.

    Args:
        found: The result of `lstat` or `fstat`.
        path: The path, for the error.

    Raises:
        NotOwnError: If it is not a regular file, or other users own or may change it.
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
    """Check that only this user can change a directory; see `check_file`.

    Raises:
        NotOwnError: If it is not a directory, or other users own or may change it.
    """
    if stat.S_ISLNK(found.st_mode):
        raise NotOwnError(
            "it is a symbolic link; name the directory it leads to, or remove it", path
        )
    if not stat.S_ISDIR(found.st_mode):
        why = f"it is {kind_of(found)}, not a directory; remove it"
        raise NotOwnError(why, path, errno.ENOTDIR)
    _check_owner(found, path, "use one that you own")


def check_trusted(found: os.stat_result, path: Path | str) -> None:
    """Check that only this user and root can change a file.

    For a file that the user names and may keep anywhere, also behind a link, such as a
    configuration. Anything but a regular file is accepted, having no content.

    Raises:
        NotOwnError: If other users own or may change it.
    """
    if not stat.S_ISREG(found.st_mode):
        return
    if found.st_uid not in {_ROOT, os.geteuid()}:
        raise NotOwnError(
            f"it belongs to {_user(found.st_uid)}, not to you; use one that you own",
            path,
        )
    if found.st_mode & _OTHERS_WRITE and not _is_private(found):
        raise NotOwnError(f"others may write to it; {_chmod(path)}", path)


def open_own(path: Path | str, flags: int) -> int:
    """Open a file of this user; see `open_below`. Its directory must not be a link."""
    folder = os.open(_above(path), os.O_RDONLY | os.O_DIRECTORY | _FLAGS)
    try:
        return open_below(folder, path, flags)
    finally:
        os.close(folder)


def open_below(folder: int, path: Path | str, flags: int) -> int:
    """Open a file of this user. Never blocks, even on a FIFO.

    Args:
        folder: A descriptor of the directory that contains the file.
        path: The whole path; its last part is the name in that directory.
        flags: Flags for `os.open`, without `O_TRUNC`. `O_CREAT` creates a missing file
            with mode 0600; with `O_EXCL` an existing one is an error.

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
                # Creating comes first; `O_EXCL` doesn't follow links either.
                fd = os.open(name, flags | os.O_EXCL, _FILE_MODE, dir_fd=folder)
                with _closed_on_error(fd):
                    if os.fstat(fd).st_mode & _FILE_MODE != _FILE_MODE:
                        os.fchmod(fd, _FILE_MODE)  # the umask has removed rights
                return fd
        except FileExistsError:
            if flags & os.O_EXCL:
                raise
        try:
            # Checked before opening, since opening some devices has side effects.
            found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            check_file(found, path)
            fd = os.open(name, flags & ~os.O_CREAT, dir_fd=folder)
        except FileNotFoundError:
            if made:
                continue  # just deleted
            raise
        with _closed_on_error(fd):
            check_file(os.fstat(fd), path)
        return fd
    raise NotOwnError(
        "it is replaced again and again; find the program that does this", path
    )


def look_below(folder: int, path: Path | str) -> os.stat_result | None:
    """Return the status of a file of this user; None if it doesn't exist.

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
    """Open a directory of this user; create it with mode 0700 if it is missing.

    Without `parent`, missing parent directories are created as well.

    Args:
        path: The directory.
        parent: A descriptor of its parent directory.

    Raises:
        NotOwnError: If it can't be trusted; without `parent` also if other users could
            replace it.
        OSError: If it can't be created or opened.
    """
    name = path if parent is None else os.path.basename(path)
    if parent is None:
        if not os.path.lexists(path):
            # First, so that nothing is created behind another user's link.
            _check_existing_way(path)
        _make_folders(path)
    else:
        with contextlib.suppress(FileExistsError):
            _make_folder(name, parent)
    found = os.stat(name, dir_fd=parent, follow_symlinks=False)
    check_folder(found, path)
    if parent is None:
        _check_way(path)
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _FLAGS, dir_fd=parent)
    with _closed_on_error(fd):
        check_folder(os.fstat(fd), path)
    return fd


def broken_way(path: Path | str) -> str | None:
    """Describe a broken link on the path to a directory; None if there is none.

    For the error when a directory can't be created: that of the system names no link.
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
    # The XDG base directory specification requires mode 0700 for new parents, too.
    try:
        _make_folder(path)
    except FileExistsError:
        return
    except FileNotFoundError:
        above = _above(path)
        if above == os.fspath(path):
            raise
        _make_folders(above)
        with contextlib.suppress(FileExistsError):
            _make_folder(path)


def _make_folder(path: Path | str, parent: int | None = None) -> None:
    os.mkdir(path, _FOLDER_MODE, dir_fd=parent)
    # The umask may have removed rights. Nobody else can have replaced it.
    made = os.stat(path, dir_fd=parent, follow_symlinks=False)
    if made.st_mode & _FOLDER_MODE != _FOLDER_MODE:
        os.chmod(path, _FOLDER_MODE, dir_fd=parent)


def _above(path: Path | str) -> str:
    """Return the parent directory of a path."""
    return os.path.dirname(path) or "."


def _check_owner(found: os.stat_result, path: Path | str, remedy: str) -> None:
    if found.st_uid != os.geteuid():
        raise NotOwnError(
            f"it belongs to {_user(found.st_uid)}, not to you; {remedy}", path
        )
    if found.st_mode & _OTHERS_WRITE:
        raise NotOwnError(f"others may write to it; {_chmod(path)}", path)


def _check_existing_way(path: Path | str) -> None:
    """Check the existing ancestors of a directory to create; see `_check_way`."""
    above = _above(path)
    while not os.path.lexists(above):
        above = _above(above)
    with contextlib.suppress(FileNotFoundError):  # a dangling link
        _check_places(_way_to(above), path)


def _check_way(path: Path | str) -> None:
    """Check that other users can't replace a directory.

    A user who owns an ancestor, or may write to it, could rename the directory. A
    sticky ancestor such as `/tmp` allows that only to its owner. The ancestors of the
    user's home are trusted: if they are unsafe, everything in the home is.
    """
    # The last is the directory itself, which has been checked.
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
    """Yield every directory and link on a path, with its status.

    Raises:
        OSError: If one of them can't be reached, or links form a loop.
    """
    at, links = "/", 0
    yield at, os.lstat(at)
    # A working directory that was deleted has no name; few paths need it.
    whole = path if os.path.isabs(path) else os.path.join(os.getcwd(), path)
    parts = [*reversed(os.fspath(whole).split("/"))]
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
    """Return whether no other user may write, except through a private group.

    On many systems each user has a group of the same name, and directories are created
    with mode 0775. The group is private if this user is its only member.
    """
    if found.st_mode & stat.S_IWOTH:
        return False
    import grp  # noqa: PLC0415 - seldom needed
    import pwd  # noqa: PLC0415 - seldom needed

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
    """Return whether a place is an ancestor of the user's home, and a path inside."""
    import pwd  # noqa: PLC0415 - seldom needed

    try:
        home = os.path.realpath(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:
        return False
    inside = os.path.commonpath([home, os.path.realpath(path)]) == home
    return inside and home != place and home.startswith(f"{place.rstrip('/')}/")


def kind_of(found: os.stat_result) -> str:
    """Return the type of a file as text, such as `a FIFO`."""
    return _NAMES.get(stat.S_IFMT(found.st_mode), "something else")


def _user(uid: int) -> str:
    import pwd  # noqa: PLC0415 - seldom needed

    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"


def _chmod(path: Path | str) -> str:
    # Not loaded in verbs that only start a host.
    from .rules.safe_text import safe_line  # noqa: PLC0415

    text = str(path)
    if not all(it.isalnum() or it in "@%+=:,./_-" for it in text):
        text = "'" + text.replace("'", "'\"'\"'") + "'"  # as `shlex` does
    return f"run: chmod go-w {safe_line(text)}"
