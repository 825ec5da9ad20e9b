"""What a task may use at most: memory, processors, processes; how that is written."""

from __future__ import annotations

import math
import re
from typing import Final

from .safe_text import brief, size_text

LEAST_MEMORY: Final = 1 << 20
"""Bytes; with less no program can be started."""

MOST_MEMORY: Final = 1 << 50
"""Bytes."""

LEAST_CPUS: Final = 0.01
"""The smallest share of a processor that the kernel can give."""

MOST_CPUS: Final = 10_000.0
MOST_PIDS: Final = 4_194_304
"""The most processes that Linux can have."""

_UNITS: Final = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
# Not compiled before they are needed: a start has no time for that.
_MEMORY: Final = r"(?ai)(\d{1,15}(?:\.\d{1,6})?)\s?([KMGT]?)(?:i?B)?"
_CPUS: Final = r"(?a)\d{1,9}(?:\.\d{1,6})?|\.\d{1,6}"


def parse_memory(text: str) -> int:
    """Return the bytes that a text such as `512M`, `2G` or `1.5GiB` names.

    K, M, G and T are 1024 bytes, 1024 times that, and so on.

    Raises:
        ValueError: If it names none; its text says so in one line.
    """
    match = re.fullmatch(_MEMORY, text.strip())
    if match is None:
        raise ValueError(f"{brief(text)!r} is not an amount of memory; use 512M or 2G")
    size = int(float(match[1]) * (1 << _UNITS[match[2].upper()]))
    if (problem := memory_problem(size)) is not None:
        raise ValueError(problem)
    return size


def parse_cpus(text: str) -> float:
    """Return the processors that a text such as `1`, `0.5` or `1.5` names.

    Raises:
        ValueError: If it names none; its text says so in one line.
    """
    if re.fullmatch(_CPUS, text.strip()) is None:
        raise ValueError(
            f"{brief(text)!r} is not a number of processors; use 0.5, 1 or 1.5"
        )
    cpus = float(text)
    if (problem := cpus_problem(cpus)) is not None:
        raise ValueError(problem)
    return cpus


def parse_pids(text: str) -> int:
    """Return the processes that a text such as `100` names.

    Raises:
        ValueError: If it names none; its text says so in one line.
    """
    text = text.strip()
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{brief(text)!r} is not a number of processes; use 100")
    pids = int(text[:18])
    if (problem := pids_problem(pids)) is not None:
        raise ValueError(problem)
    return pids


def memory_problem(size: int) -> str | None:
    """Return why no task can be limited to so many bytes; None if one can."""
    if LEAST_MEMORY <= size <= MOST_MEMORY:
        return None
    least, most = size_text(LEAST_MEMORY), size_text(MOST_MEMORY)
    return f"memory must be from {least} to {most}"


def cpus_problem(cpus: float) -> str | None:
    """Return why no task can be limited to so many processors; None if one can."""
    if math.isfinite(cpus) and LEAST_CPUS <= cpus <= MOST_CPUS:
        return None
    return f"cpus must be from {LEAST_CPUS:g} to {MOST_CPUS:g}"


def pids_problem(pids: int) -> str | None:
    """Return why no task can be limited to so many processes; None if one can."""
    if 1 <= pids <= MOST_PIDS:
        return None
    return f"pids must be from 1 to {MOST_PIDS}"


def cpus_text(cpus: float) -> str:
    """Write a number of processors for people: `1 CPU`, `1.5 CPUs`."""
    return f"{cpus:g} CPU" + "s" * (cpus != 1)


def pids_text(pids: int) -> str:
    """Write a number of processes for people: `1 process`, `100 processes`."""
    return f"{pids} process" + "es" * (pids != 1)
