"""The results of measurements: figures, goals and tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence


class Figure(msgspec.Struct, frozen=True):
    """A measured value and its goal.

    Attributes:
        what: The measured quantity, and the conditions.
        goal: The goal, for people.
        measured: The value, for people.
        reached: Whether the value reaches the goal; None without a goal.
    """

    what: str
    goal: str
    measured: str
    reached: bool | None = None


class Race(msgspec.Struct, frozen=True):
    """Several ways to do the same work, measured in turns.

    Attributes:
        what: The work.
        seconds: The times of each way by name, one per round; the first way is the
            baseline.
        missing: Ways whose programs are not installed.
    """

    what: str
    seconds: dict[str, list[float]]
    missing: tuple[str, ...] = ()


class Curves(msgspec.Struct, frozen=True):
    """The costs of some steps at several sizes.

    Attributes:
        what: The measured quantity, and its unit.
        sizes: The sizes, for people.
        costs: The costs of each step by name, one per size.
    """

    what: str
    sizes: tuple[str, ...]
    costs: dict[str, list[float]]


class Report(msgspec.Struct, frozen=True):
    """The results of one section of the measurements."""

    figures: tuple[Figure, ...] = ()
    races: tuple[Race, ...] = ()
    curves: tuple[Curves, ...] = ()


def median(values: Sequence[float]) -> float:
    """Return the median; the lower one of two middle values."""
    return percentile(values, 50)


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value that `percent` % of the values don't exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-len(ordered) * percent // 100) - 1)]


def figures_table(figures: Sequence[Figure]) -> str:
    """Return a table in Markdown."""
    marks = {True: "yes", False: "**no**", None: ""}
    lines = ["| what | goal | measured | met |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {it.what} | {it.goal} | {it.measured} | {marks[it.reached]} |"
        for it in figures
    ]
    return "\n".join(lines) + "\n"


def missed_list(figures: Sequence[Figure]) -> str:
    """Return the goals that are not met as a list in Markdown."""
    goals = [it for it in figures if it.reached is not None]
    missed = [it for it in goals if not it.reached]
    lines = [f"{len(goals) - len(missed)} of {len(goals)} goals are met."]
    if missed:
        lines[0] += " Not met:"
        lines += [
            "",
            *(f"- {it.what}: {it.measured}; goal: {it.goal}" for it in missed),
        ]
    return "\n".join(lines) + "\n"


def race_table(race: Race) -> str:
    """Return a table in Markdown, the fastest first."""
    medians = {name: median(seconds) for name, seconds in race.seconds.items()}
    first, limit = next(iter(medians.items()))
    lines = [
        f"| {race.what} | median | ratio to the {first} | all rounds |",
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
