"""A kind that runs its commands through another program: nice, env, docker, ssh."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from backburner.actors import BashKind, TaskSystem

if TYPE_CHECKING:
    from collections.abc import Sequence


class WrappedKind(BashKind):
    """Runs a bash command through another program.

    Args:
        name: Its name in requests.
        wrapper: The other program and its arguments, before the command.
    """

    def __init__(self, name: str, *wrapper: str) -> None:
        self.name = name
        self.summary = f"run a command line with {wrapper[0]}"
        self._wrapper = wrapper

    def command(self, args: tuple[str, ...]) -> Sequence[str]:
        """Return the wrapper, followed by the bash command."""
        return [*self._wrapper, *super().command(args)]


NICE: Final = WrappedKind("nice", "nice", "-n", "10")
CLEAN: Final = WrappedKind("clean", "env", "-u", "HOME", "LANG=C")
# `--init` forwards SIGTERM to the command. `-e` passes the task's mark to the processes
# in the container, so that those that survive a SIGKILL are found and ended too.
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
