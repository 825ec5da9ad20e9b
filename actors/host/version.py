"""The version of this program."""

from __future__ import annotations

import os
import sys
from typing import Final

_PREFIX: Final = "backburner-"
_SUFFIX: Final = ".dist-info"


def program_version() -> str:
    """Return the version that is installed.

    The name of the folder that pip makes tells it; `importlib.metadata`, which reads
    more, takes as long to load as all that an answer to an agent needs.
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
