"""News of the session's host for the main thread of a face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pykka
from backburner.actors.host.events import SessionEnded
from backburner.ui.dialogue.owner import HostNews, Owner
from backburner.ui.program.wakeup import Wakeup

if TYPE_CHECKING:
    from backburner.ui.dialogue.messages import Notice


class _EndedFace:
    def tell(self, message: Notice, /) -> None:
        raise pykka.ActorDeadError(message.text)


def test_the_end_of_a_session_is_recorded_after_its_face_has_ended() -> None:
    owner = Owner(Wakeup())
    HostNews(_EndedFace(), owner, tells_end=True).tell(SessionEnded("stopped"))
    assert owner.finished
    assert owner.ended == "stopped"
