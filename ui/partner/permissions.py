"""The tools that an agent may use: only ours, which ask the person themselves.

An agent asks for permission to use tools that it does not know to be harmless.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, cast

from ...actors.rules.safe_text import brief, safe_line
from ..agents.tools import TOOLS

if TYPE_CHECKING:
    from .answer import Json

# Names of our tools in agents: opencode, Claude Code, Gemini CLI, Codex.
_NAMES: Final = "|".join(TOOLS)
_OURS: Final = re.compile(
    rf"(mcp__|mcp\.|Tool: )?backburner(__|[_:/.])({_NAMES})"
    rf"|({_NAMES}) \(backburner[\w ]*\)"
)
_MOST_CALLS: Final = 1000  # calls of tools whose titles are kept


class Permissions:
    """Answers requests for permission by an agent."""

    def __init__(self) -> None:
        self._calls: dict[tuple[object, object], str] = {}

    def note_call(self, session: object, update: Json) -> None:
        """Record the title of a call: requests for permission by Codex lack it."""
        number: object = update.get("toolCallId")
        if update.get("sessionUpdate") == "tool_call" and isinstance(number, str):
            self._calls[str(session), number] = str(update.get("title") or "")
            if len(self._calls) > _MOST_CALLS:
                del self._calls[next(iter(self._calls))]

    def judge(self, params: Json) -> tuple[Json, str]:
        """Return the outcome for the agent, and the refused action, for people."""
        found: object = params.get("toolCall")
        call = cast("Json", found) if isinstance(found, dict) else {}
        title = safe_line(str(call.get("title") or "")).strip()
        before = self._calls.get(
            (str(params.get("sessionId")), call.get("toolCallId")), ""
        )
        meta: object = params.get("_meta")
        more = cast("Json", meta) if isinstance(meta, dict) else {}
        is_tool = more.get("is_mcp_tool_approval") is True
        # The title of a command may be the command itself.
        ours = (_OURS.fullmatch(title) or _OURS.fullmatch(before)) and (
            is_tool or call.get("kind", "other") in {None, "other"}
        )
        option = _option(params.get("options"), "allow" if ours else "reject")
        outcome: Json = {"outcome": "cancelled"}
        if option is not None:
            outcome = {"outcome": "selected", "optionId": option}
        return outcome, "" if ours else brief(title, 60) or "something"


def _option(options: object, wanted: str) -> str | None:
    """Return the option to allow, or reject, only this time, if there is one."""
    found = cast("list[object]", options) if isinstance(options, list) else []
    known = [cast("Json", it) for it in found if isinstance(it, dict)]
    for kind in (f"{wanted}_once", f"{wanted}_always"):
        for it in known:
            option: object = it.get("optionId")
            if it.get("kind") == kind and isinstance(option, str):
                return option
    return None
