"""What a measurement tells: figures, goals and tables of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence


class Figure(msgspec.Struct, frozen=True):
    """One thing that was measured, and the goal it has.

    Attributes:
        what: What was measured, under which conditions.
        goal: What it must reach, for people.
        measured: What came out, for people.
        reached: Whether that reaches the goal; none if it has no goal.
    """

    what: str
    goal: str
    measured: str
    reached: bool | None = None


class Race(msgspec.Struct, frozen=True):
    """Several ways to do the same, measured in turns.

    Attributes:
        what: What all of them did.
        seconds: Of each by name, one for every round; the one that the others are
            compared with comes first.
        missing: Those that are not installed here.
    """

    what: str
    seconds: dict[str, list[float]]
    missing: tuple[str, ...] = ()


class Curves(msgspec.Struct, frozen=True):
    """What some steps cost at several sizes.

    Attributes:
        what: What was measured, and the unit.
        sizes: The sizes, for people.
        costs: Of each step by name, one for every size.
    """

    what: str
    sizes: tuple[str, ...]
    costs: dict[str, list[float]]


class Report(msgspec.Struct, frozen=True):
    """What one section of the measurements found."""

    figures: tuple[Figure, ...] = ()
    races: tuple[Race, ...] = ()
    curves: tuple[Curves, ...] = ()


def median(values: Sequence[float]) -> float:
    """Return the value in the middle, the lower one of two."""
    return percentile(values, 50)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that at least so many percent do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-len(ordered) * percent // 100) - 1)]


def figures_table(figures: Sequence[Figure]) -> str:
    """Return a table in Markdown."""
    marks = {True: "yes", False: "**no**", None: ""}
    lines = ["| what | must reach | measured | reached |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {it.what} | {it.goal} | {it.measured} | {marks[it.reached]} |"
        for it in figures
    ]
    return "\n".join(lines) + "\n"


def race_table(race: Race) -> str:
    """Return a table in Markdown, the fastest first."""
    medians = {name: median(seconds) for name, seconds in race.seconds.items()}
    first, limit = next(iter(medians.items()))
    lines = [
        f"| {race.what} | median | to the {first} | all rounds |",
        "| --- | --: | --: | --- |",
    ]
    for name, value in sorted(medians.items(), key=lambda pair: pair[1]):
        rounds = ", ".join(f"{seconds:.2f}" for seconds in race.seconds[name])
        lines.append(f"| {name} | {value:.2f} s | {value / limit:.2f} x | {rounds} |")
    text = "\n".join(lines) + "\n"
    if race.missing:
        text += f"\nNot installed here: {', '.join(race.missing)}.\n"
    return text


def curves_table(curves: Curves) -> str:
    """Return a table in Markdown: a row for each step."""
    lines = [
        f"| {curves.what} | {' | '.join(curves.sizes)} |",
        f"| --- |{' --: |' * len(curves.sizes)}",
    ]
    for step, costs in curves.costs.items():
        lines.append(f"| {step} | {' | '.join(f'{it:.1f}' for it in costs)} |")
    return "\n".join(lines) + "\n"
