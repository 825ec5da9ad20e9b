"""The name of this machine's time zone."""

from __future__ import annotations

import warnings

from ..rules.rhythm import Rhythm


def local_zone() -> str:
    """Return the name of the time zone of this process, such as `Europe/Berlin`.

    It comes from `TZ` or from the settings of the machine. Reads a few small files.

    Raises:
        ValueError: If the zone has no name, as with `TZ=CET-1CEST`.
    """
    import tzlocal  # noqa: PLC0415 - most sessions have no schedule

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about contradictory settings
            name = tzlocal.get_localzone_name()
    except (LookupError, ValueError, OSError):
        name = None
    if not name:
        raise ValueError(
            "can't find out the local time zone; give one, such as Europe/Berlin"
        )
    return name


def zone_for(every: str, given: str = "") -> str:
    """Return the time zone of a schedule; `UTC` for an interval.

    Raises:
        ValueError: If `every` is invalid, or the local zone has no name.
    """
    if given:
        return given
    return "UTC" if Rhythm(every, "UTC").interval is not None else local_zone()
