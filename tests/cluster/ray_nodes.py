"""A Ray cluster of two nodes on this machine."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, Self

import psutil

HEAD: Final = "127.0.0.2"
OTHER: Final = "127.0.0.3"
CPUS: Final = 2
GPUS: Final = 2
_STORE: Final = 80_000_000  # bytes
_START_TIMEOUT: Final = 120.0


class RayNodes:
    """Starts the nodes, and kills all of their processes."""

    def __init__(self, port: int = 6479) -> None:
        self.address = f"{HEAD}:{port}"
        self._port = port
        # Socket names have a short limit.
        self._folder = Path(tempfile.mkdtemp(prefix="bb", dir="/tmp"))
        self._mark = f"BACKBURNER_RAY_TEST={self._folder}"

    def __enter__(self) -> Self:
        try:
            self.start(HEAD)
            self.start(OTHER)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, address: str) -> None:
        """Start the node at an address; the first one is the head."""
        if address == HEAD:
            role = ["--head", f"--port={self._port}", "--include-dashboard=false"]
            role += [f"--temp-dir={self._folder}"]
        else:
            role = [f"--address={self.address}"]
        name, _, value = self._mark.partition("=")
        environment = {k: v for k, v in os.environ.items() if k != "TMPDIR"}
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("ray")),
                "start",
                *role,
                f"--node-ip-address={address}",
                f"--num-cpus={CPUS}",
                # Ray trusts these numbers; the machine has no such device.
                f"--num-gpus={GPUS if address == OTHER else 0}",
                f"--object-store-memory={_STORE}",
                "--disable-usage-stats",
                "--resources={}",
            ],
            env={
                **environment,
                name: value,
                "RAY_DISABLE_MEMORY_MONITOR": "1",
                # Without this the head requires a token if this user has one.
                "RAY_AUTH_MODE": "disabled",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_START_TIMEOUT,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"ray start failed: {done.stdout}")

    def processes(self) -> list[psutil.Process]:
        """Return all processes of the cluster."""
        name, _, value = self._mark.partition("=")
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get(name) == value:
                    found.append(process)
        return found

    def raylet(self, address: str) -> psutil.Process:
        """Return the raylet of the node at an address."""
        (found,) = (
            it
            for it in self.processes()
            if Path(it.cmdline()[0]).name == "raylet"
            and f"--node_ip_address={address}" in it.cmdline()
        )
        return found

    def named(self, text: str) -> list[psutil.Process]:
        """Return the processes with this text in their command lines."""
        found: list[psutil.Process] = []
        for it in self.processes():
            with contextlib.suppress(psutil.Error):
                if text in " ".join(it.cmdline()):
                    found.append(it)
        return found

    def close(self) -> None:
        """Kill all processes and delete their files."""
        deadline = time.monotonic() + _START_TIMEOUT
        while (left := self.processes()) and time.monotonic() < deadline:
            for process in left:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(signal.SIGKILL)
            psutil.wait_procs(left, timeout=1.0)
        shutil.rmtree(self._folder, ignore_errors=True)


def _end(number: int, _: object) -> None:
    sys.exit(128 + number)


def main() -> int:
    """Run a command with the cluster's address in its environment."""
    # `timeout` sends SIGTERM; the nodes must end then too.
    signal.signal(signal.SIGTERM, _end)
    with RayNodes() as nodes:
        environment = {**os.environ, "BACKBURNER_TEST_RAY": nodes.address}
        return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
