"""Limits of a task: memory, processors, processes; parsing and formatting.

Parsers raise a `ValueError` with one line for people if the text is invalid.
"""

from __future__ import annotations

import math
import re
from typing import Final

from .safe_text import brief, size_text

LEAST_MEMORY: Final = 1 << 20
"""Minimum bytes; no program can start with less."""

MOST_MEMORY: Final = 1 << 50
"""Maximum bytes."""

LEAST_CPUS: Final = 0.01
"""The smallest share of a processor that the kernel can assign."""

MOST_CPUS: Final = 10_000.0
MOST_PIDS: Final = 4_194_304
"""The maximum number of processes on Linux."""

_UNITS: Final = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
# Compiled on first use, to keep the start fast.
_MEMORY: Final = r"(?ai)(\d{1,15}(?:\.\d{1,6})?)\s?([KMGT]?)(?:i?B)?"
_CPUS: Final = r"(?a)\d{1,9}(?:\.\d{1,6})?|\.\d{1,6}"


def parse_memory(text: str) -> int:
    """Parse an amount of memory such as `512M`, `2G` or `1.5GiB`; return bytes.

    The suffixes K, M, G and T are powers of 1024.
    """
    match = re.fullmatch(_MEMORY, text.strip())
    if match is None:
        raise ValueError(f"{brief(text)!r} is not an amount of memory; use 512M or 2G")
    size = int(float(match[1]) * (1 << _UNITS[match[2].upper()]))
    if (problem := memory_problem(size)) is not None:
        raise ValueError(problem)
    return size


def parse_cpus(text: str) -> float:
    """Parse a number of processors such as `1`, `0.5` or `1.5`."""
    if re.fullmatch(_CPUS, text.strip()) is None:
        raise ValueError(
            f"{brief(text)!r} is not a number of processors; use 0.5, 1 or 1.5"
        )
    cpus = float(text)
    if (problem := cpus_problem(cpus)) is not None:
        raise ValueError(problem)
    return cpus


def parse_pids(text: str) -> int:
    """Parse a number of processes such as `100`."""
    text = text.strip()
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{brief(text)!r} is not a number of processes; use 100")
    pids = int(text[:18])
    if (problem := pids_problem(pids)) is not None:
        raise ValueError(problem)
    return pids


def memory_problem(size: int) -> str | None:
    """Return why a limit of memory is invalid; None if it is valid."""
    if LEAST_MEMORY <= size <= MOST_MEMORY:
        return None
    least, most = size_text(LEAST_MEMORY), size_text(MOST_MEMORY)
    return f"memory must be from {least} to {most}"


def cpus_problem(cpus: float) -> str | None:
    """Return why a limit of processors is invalid; None if it is valid."""
    if math.isfinite(cpus) and LEAST_CPUS <= cpus <= MOST_CPUS:
        return None
    return f"cpus must be from {LEAST_CPUS:g} to {MOST_CPUS:g}"


def pids_problem(pids: int) -> str | None:
    """Return why a limit of processes is invalid; None if it is valid."""
    if 1 <= pids <= MOST_PIDS:
        return None
    return f"pids must be from 1 to {MOST_PIDS}"


def cpus_text(cpus: float) -> str:
    """Format a number of processors for people: `1 CPU`, `1.5 CPUs`."""
    return f"{cpus:g} CPU" + "s" * (cpus != 1)


def pids_text(pids: int) -> str:
    """Format a number of processes for people: `1 process`, `100 processes`."""
    return f"{pids} process" + "es" * (pids != 1)
