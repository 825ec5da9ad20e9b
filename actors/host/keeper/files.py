"""The files of the keeper in the session's folder, which are this user's alone."""

import errno
import os
import stat
import time

_LOCK_TRIES = 100
_FILE_FLAGS = os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def open_own(path: str, flags: int) -> int:
    """Open a file, made if it is missing, that is this user's alone.

    Raises OSError if there is anything else, such as a hard link to another file.
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
    """Take the lock that says that there is a keeper; None if another has it."""
    import fcntl

    try:
        fd = open_own(path, os.O_RDWR)
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.01)  # a look whether it is taken takes it as well
            else:
                return fd
        os.close(fd)
    except OSError:
        pass  # the host says what is wrong with the folder
    return None
