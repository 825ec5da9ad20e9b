"""The engine process, driven by messages on its socket."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from backburner.actors.cluster.server import Server
from backburner.actors.cluster.wire import (
    LONGEST,
    Ended,
    FromEngine,
    Ready,
    Run,
    StopJob,
    decode_from_engine,
    encode,
)
from backburner.actors.runtime.frames import FrameReader, frame
from patience import PATIENCE

from tests.cluster.fake_cluster import FakeCluster, FakeSettings

if TYPE_CHECKING:
    from pathlib import Path


def test_a_job_stopped_as_soon_as_it_came_ends(tmp_path: Path) -> None:
    run = Run("1", ("true",), {}, str(tmp_path), str(tmp_path / "1.log"), "key:1", {})

    async def serve() -> FromEngine:
        session, engine = socket.socketpair()
        with session:
            session.settimeout(0.0)
            # One write: the process reads both messages before it acts.
            session.sendall(frame(encode(run)) + frame(encode(StopJob("1"))))
            server = Server(
                engine, FakeCluster(FakeSettings(nodes={"one": {"CPU": 1.0}}))
            )
            serving = asyncio.get_running_loop().create_task(server.run())
            frames = FrameReader(LONGEST)
            while True:
                data = await asyncio.get_running_loop().sock_recv(session, 4096)
                for payload in frames.feed(data):
                    if isinstance(decode_from_engine(payload), Ready):
                        continue
                    session.shutdown(socket.SHUT_WR)
                    await serving
                    return decode_from_engine(payload)

    ended = asyncio.run(asyncio.wait_for(serve(), PATIENCE))
    assert isinstance(ended, Ended)
    assert (ended.job, ended.outcome.reason) == ("1", "stopped before it had begun")
