"""Where the rules are: a folder with `policies.yaml` and `rules/`, or those shipped with the package."""

from __future__ import annotations

import os
from pathlib import Path

from engine.language.rulebook import CATALOGUE

VARIABLE = "JIUZHU_RULES"


class NoRules(Exception):
    """There is no rulebook where one was asked for; the text says where and what to do."""


def rule_files(given: str | None = None) -> dict[str, str]:
    """The texts of a rulebook by path: of the folder `given`, else $JIUZHU_RULES, else this folder, else as shipped.

    Raises NoRules where a folder was named that holds no catalogue.
    """
    named = given or os.environ.get(VARIABLE)
    if named:
        if not (Path(named) / CATALOGUE).is_file():
            raise NoRules(f"{named}: no {CATALOGUE} in this folder / 此文件夹中没有 {CATALOGUE}")
        return _folder(Path(named))
    if Path(CATALOGUE).is_file():
        return _folder(Path())
    return _shipped()


def _folder(root: Path) -> dict[str, str]:
    paths = [root / CATALOGUE, *sorted(root.glob("rules/**/*.yaml"))]
    return {path.relative_to(root).as_posix(): _text(path) for path in paths}


def _shipped() -> dict[str, str]:
    engine = Path(__file__).resolve().parent.parent
    catalogue = next((p for p in (engine / "_shipped" / CATALOGUE, engine.parent / CATALOGUE) if p.is_file()), None)
    if catalogue is None:
        raise NoRules(f"no {CATALOGUE} here and none shipped: name a folder with --rules / 请用 --rules 指明规则文件夹")
    root = engine.parent
    rules = {path.relative_to(root).as_posix(): _text(path) for path in sorted((root / "rules").glob("**/*.yaml"))}
    return {CATALOGUE: _text(catalogue), **rules}


def _text(path: Path) -> str:
    """A file's text; bytes that are not UTF-8 are kept as marks, so that the reader reports them at their place."""
    from engine.language.source import LARGEST_FILE

    with path.open("rb") as file:
        return file.read(LARGEST_FILE + 1).decode("utf-8", errors="surrogateescape")
