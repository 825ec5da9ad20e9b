"""The keeper's files in the session's folder, accessible only to this user."""

import errno
import os
import stat
import time

_LOCK_TRIES = 100
_FILE_FLAGS = os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_own(path: str, flags: int) -> int:
    """Open a file that only this user can access; create it if it is missing.

    Raises OSError for anything else, such as a hard link to another file.
    """
    fd = os.open(path, flags | _FILE_FLAGS, 0o600)
    found = os.fstat(fd)
    if (
        not stat.S_ISREG(found.st_mode)
        or found.st_uid != os.geteuid()
        or found.st_nlink > 1
        or found.st_mode & 0o022
    ):
        os.close(fd)
        raise PermissionError(errno.EPERM, "not a file of this user alone", path)
    return fd


def take_lock(path: str) -> int | None:
    """Take the lock of the keeper; None if another process has it."""
    import fcntl

    try:
        fd = open_own(path, os.O_RDWR)
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.01)  # a check of the lock takes it for a moment
            else:
                return fd
        os.close(fd)
    except OSError:
        pass  # the host reports the problem of the folder
    return None
