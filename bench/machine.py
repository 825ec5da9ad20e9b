"""A description of the machine."""

from __future__ import annotations

import datetime as dt
import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path

import psutil


def describe() -> str:
    """Return one paragraph in Markdown."""
    today = dt.datetime.now(dt.UTC).date()
    cores = psutil.cpu_count() or 0
    memory = psutil.virtual_memory().total / (1 << 30)
    load = os.getloadavg()[0]
    return (
        f"Measured on {today}: {cores} cores ({_processor()}), {memory:.0f} GiB,"
        f" {platform.system()} {platform.release().split('-')[0]},"
        f" {platform.libc_ver()[0]} {platform.libc_ver()[1]},"
        f" Python {platform.python_version()}, Pykka {version('pykka')},"
        f" blessed {version('blessed')}, SQLite {sqlite3.sqlite_version}."
        f" The load was {load:.1f} when it began.\n"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
