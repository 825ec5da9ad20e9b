"""The version of this program."""

from __future__ import annotations

import os
import sys
from typing import Final

_PREFIX: Final = "backburner-"
_SUFFIX: Final = ".dist-info"


def program_version() -> str:
    """Return the installed version.

    It is part of the name of the folder that pip creates; loading `importlib.metadata`
    takes as long as all other imports for an answer to an agent.
    """
    for folder in sys.path:
        try:
            names = os.listdir(folder or ".")  # noqa: PTH208 - faster
        except OSError:
            continue
        for name in names:
            if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
                return name[len(_PREFIX) : -len(_SUFFIX)]
    from importlib.metadata import version  # noqa: PLC0415 - see above

    return version("backburner")
