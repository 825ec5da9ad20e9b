"""A kind that hands its commands to another program: nice, env, docker, ssh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from backburner.actors import BashKind, TaskSystem

if TYPE_CHECKING:
    from collections.abc import Sequence


class WrappedKind(BashKind):
    """Runs a bash command inside of something else.

    Args:
        name: What it is called in a request.
        wrapper: The program and its arguments, up to the command.
    """

    def __init__(self, name: str, *wrapper: str) -> None:
        self.name = name
        self.summary = f"run a command line with {wrapper[0]}"
        self._wrapper = wrapper

    def command(self, args: tuple[str, ...]) -> Sequence[str]:
        """Return the wrapper, and behind it what it wraps."""
        return [*self._wrapper, *super().command(args)]


NICE: Final = WrappedKind("nice", "nice", "-n", "10")
CLEAN: Final = WrappedKind("clean", "env", "-u", "HOME", "LANG=C")
# `--init` hands SIGTERM on to the command, and `-e` lets the processes in the container
# carry the task's mark, by which what a SIGKILL leaves there is found and ended too.
DOCKER_RUN: Final = ("docker", "run", "--rm", "--init", "-e", "BACKBURNER_TASK")
DOCKER: Final = WrappedKind("docker", *DOCKER_RUN, "debian:stable")


def main() -> None:
    """Run a command at low priority and one in a clean environment."""
    with TaskSystem(kinds=[NICE, CLEAN, DOCKER]) as tasks:
        low = tasks.add("Low", "nice", "echo niceness $(nice)")
        clean = tasks.add("Clean", "clean", 'echo "HOME is ${HOME:-unset}"')
        for task in tasks.wait(low.id, clean.id, timeout=60):
            print(f"{task.description}: {task.last_line}")


if __name__ == "__main__":
    main()
