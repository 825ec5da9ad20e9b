"""Runs the measurements, and prints or stores their tables.

python -m bench                    all of them, into docs/performance.md
python -m bench throughput start   only these, printed
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from . import machine
from .figures import Report, curves_table, figures_table, missed_list, race_table

TOPICS: Final = {
    "Short jobs": ("throughput", "script"),
    "Latency": ("latency",),
    "Many tasks": ("adding", "growth", "scheduling"),
    "Output": ("output", "terminals"),
    "Idle systems": ("idle",),
    "Start": ("start",),
    "Host and keeper": ("host", "adopting"),
    "Chat": ("drawing", "keyboard"),
    "Agents and partner": ("partner",),
}
SECTIONS: Final = tuple(name for names in TOPICS.values() for name in names)
DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN: Final = "<!-- Written by `make bench`: -->"
END: Final = "<!-- The end of that. -->"


def main() -> int:
    """Run the named measurements, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], metavar="NAME")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        sys.stdout.write(_measure(options.sections[0]))
        return 0
    text = f"{machine.describe()}\n{_tables(options.sections or SECTIONS)}"
    sys.stdout.write(text)
    if not options.sections:
        _write(text)
    return 0


def _measure(section: str) -> str:
    module = importlib.import_module(f".{section}", __package__)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        report: Report = module.measure(Path(folder))
    return msgspec.json.encode(report).decode()


def _tables(sections: list[str] | tuple[str, ...]) -> str:
    reports: dict[str, Report] = {}
    for section in sections:
        sys.stderr.write(f"measuring: {section}\n")
        os.sync()  # earlier writes must not slow down the measurement
        # Each in a process of its own, so that they don't affect each other.
        argv = [sys.executable, "-m", __package__ or "bench", "--child", section]
        output = subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout
        reports[section] = msgspec.json.decode(output, type=Report)
    figures = [figure for report in reports.values() for figure in report.figures]
    topics = [
        _topic(title, [reports[name] for name in names if name in reports])
        for title, names in TOPICS.items()
        if not reports.keys().isdisjoint(names)
    ]
    return "\n".join([missed_list(figures), *topics])


def _topic(title: str, reports: list[Report]) -> str:
    figures = [figure for report in reports for figure in report.figures]
    races = [race_table(race) for report in reports for race in report.races]
    curves = [curves_table(it) for report in reports for it in report.curves]
    return "\n".join([f"### {title}\n", figures_table(figures), *races, *curves])


def _write(text: str) -> None:
    document = DOCUMENT.read_text("utf-8")
    place = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    if not place.search(document):
        raise ValueError(f"{DOCUMENT} has no place for the tables: {BEGIN} ... {END}")
    written = f"{BEGIN}\n\n{text}\n{END}"
    DOCUMENT.write_text(place.sub(lambda _: written, document), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
