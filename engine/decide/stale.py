"""Figures that are older than their usual cycle: a newer one is likely published and not yet written here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from engine.decide.program import _months_later
from engine.language.checks import expressions_of, parameters_read
from engine.language.model import DatedValue, Parameter, Rulebook


@dataclass(frozen=True, slots=True)
class StaleFigure:
    """A parameter whose value in force is older than its cycle.

    value     the value in force on the day asked about
    due       the first day on which a newer value was to be expected
    read_by   the policies in force on that day whose answers rest on it, in catalogue order
    """

    parameter: Parameter
    value: DatedValue
    due: date
    read_by: tuple[str, ...]


def stale_figures(rulebook: Rulebook, on: date) -> tuple[StaleFigure, ...]:
    """Every stale figure a policy in force reads, the longest overdue first. One without a `cycle` is never stale."""
    read = {
        (name, policy.id): None
        for policy in rulebook.policies
        if policy.in_force(on)
        for name in parameters_read(rulebook, expressions_of(policy))
    }
    found = []
    for parameter in rulebook.parameters.values():
        value, readers = parameter.on(on), tuple(policy for name, policy in read if name == parameter.name)
        if parameter.cycle is None or value is None or not readers:
            continue
        due = _months_later(value.from_date, parameter.cycle)
        if due < on:
            found.append(StaleFigure(parameter, value, due, readers))
    return tuple(sorted(found, key=lambda each: (each.due, each.parameter.order)))
