"""The arguments of a keeper, and how a process becomes one."""

import os


def put_on_stdin(settings: bytes) -> None:
    """Make these settings the standard input, for the next program of this process."""
    fd = os.memfd_create("settings")
    os.write(fd, settings)
    os.lseek(fd, 0, os.SEEK_SET)
    os.dup2(fd, 0)
    os.close(fd)


def take_from_stdin() -> bytes:
    """Return the settings on the standard input, and empty it."""
    with open(0, "rb", closefd=False) as file:
        settings = file.read()
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    return settings


def become(python: str, path: str, arguments: list[str], settings: bytes) -> None:
    """Execute a keeper in this process; its children remain its children.

    Raises OSError if that fails.
    """
    put_on_stdin(settings)
    os.execv(python, [python, "-I", "-S", path, *arguments, "--again"])


def held_text(held: dict[int, int]) -> str:
    """Return descriptors in the format of an argument: `3:11,7:12`."""
    return ",".join(f"{task_id}:{fd}" for task_id, fd in held.items())


def read_held(text: str) -> dict[int, int]:
    """Parse the result of `held_text`; closed descriptors are left out."""
    held: dict[int, int] = {}
    for entry in filter(None, text.split(",")):
        task_id, _, fd = entry.partition(":")
        try:
            os.set_inheritable(int(fd), False)
        except OSError:
            continue
        held[int(task_id)] = int(fd)
    return held


def hand_over(held: dict[int, int]) -> str:
    """Return the argument that passes these descriptors to the keeper to execute."""
    for fd in held.values():
        os.set_inheritable(fd, True)
    return f"--held={held_text(held)}"
