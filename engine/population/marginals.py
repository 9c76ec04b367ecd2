"""The distributions of `marginals.yaml`, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.language.fields import plain
from engine.language.problems import Problems
from engine.language.source import read_yaml

FILE = Path(__file__).with_name("marginals.yaml")


class BadMarginals(Exception):
    """The file of distributions is not usable; `reasons` are pairs (English, Chinese), all of them."""

    def __init__(self, reasons: tuple[tuple[str, str], ...]):
        self.reasons = reasons
        super().__init__("; ".join(en for en, _ in reasons))


@dataclass(frozen=True, slots=True)
class Marginals:
    """The distributions by name, as plain data."""

    groups: Mapping[str, Any]

    def __getitem__(self, path: str) -> Any:
        """The value at a dotted path, such as `work.employed`."""
        found: Any = self.groups
        for part in path.split("."):
            found = found[part]
        return found


def read(text: bytes | None = None) -> Marginals:
    """The distributions of a file (the one that comes with the engine). Raises BadMarginals with every reason."""
    problems = Problems()
    node = read_yaml(FILE.read_bytes() if text is None else text, FILE.name, problems)
    if node is None or len(problems):
        raise BadMarginals(tuple((p.message("en"), p.message("zh")) for p in problems.sorted()))
    groups = plain(node)
    assert isinstance(groups, dict)
    reasons = tuple(
        reason for name, group in groups.items() if isinstance(group, dict) for reason in _wrong(name, group)
    )
    if reasons:
        raise BadMarginals(reasons)
    return Marginals(groups)


def _wrong(name: str, group: dict[str, Any]) -> list[tuple[str, str]]:
    """What is wrong with one group: no source, shares that do not add up, quantiles that do not rise."""
    found = []
    if not group.get("source") or not isinstance(group.get("verified"), bool):
        found.append((f"{name}: says no source, or not whether it was checked", f"{name}：没有写明来源或者是否核对"))
    for key, listed in group.items():
        shares = _shares(key, listed)
        if any(not 0 <= share <= 1 for share in shares):
            found.append((f"{name}.{key}: a share is from 0 to 1", f"{name}.{key}：占比应在 0 到 1 之间"))
        if shares and name not in WHOLE_APART and sum(shares) != 1:
            found.append(
                (
                    f"{name}.{key}: shares add up to {sum(shares)}, not 1",
                    f"{name}.{key}：占比之和为 {sum(shares)}，不是 1",
                )
            )
        if key == "quantiles":
            points = [(each["at"], each["value"]) for each in listed]
            if points != sorted(points) or points[0][0] != 0 or points[-1][0] != 1:
                found.append((f"{name}: quantiles rise from 0 to 1", f"{name}：分位数须从 0 升到 1"))
    return found


WHOLE_APART = ("household_hukou", "sizes", "away", "disability")  # here a share stands by itself


def _shares(key: str, listed: Any) -> list[Decimal]:
    if key == "bands":
        return [Decimal(each["share"]) for each in listed]
    if key in ("shares", "grades", "kinds", "levels", "care_form", "homes_shanghai", "homes_elsewhere") and all(
        isinstance(share, Decimal | int) for share in listed.values()
    ):
        return [Decimal(share) for share in listed.values()]
    return []
