"""Features of the kernel of this machine."""

from __future__ import annotations

import os
import re
from typing import Final

_VERSION: Final = re.match(r"(\d+)\.(\d+)", os.uname().release)

TELLS_EXITS: Final = bool(_VERSION) and (
    (int(_VERSION[1]), int(_VERSION[2])) >= (6, 15)
)
"""Whether every holder of a pidfd can read the exit status."""
