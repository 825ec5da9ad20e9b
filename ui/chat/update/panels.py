"""The panels of the chat."""

from __future__ import annotations

from typing import Final

from .found_list import FOUND_PANEL
from .task_list import TASK_PANEL

PANELS: Final = (TASK_PANEL, FOUND_PANEL)
"""The panels between the transcript and the input, from top to bottom."""
