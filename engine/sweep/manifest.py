"""What stands in the folder of a sweep: what was swept, under which rules, and which chunks are done.

A chunk counts as done once the manifest says so, and the manifest says so after every file of the chunk has its name.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.sweep.checked import Counts

NAME = "manifest.json"
FORMAT = 2


@dataclass(slots=True)
class Manifest:
    """The record of one sweep. `same` is all that must be the same for a sweep to be taken up again."""

    same: dict[str, Any]
    about: dict[str, Any] = field(default_factory=dict)
    chunks: int = 0
    done: dict[str, dict[str, Any]] = field(default_factory=dict)  # chunk number -> counts, gaps, plan
    finished: bool = False

    def counts(self) -> Counts:
        total = Counts()
        for each in self.done.values():
            total = total + Counts(**each["counts"])
        return total

    def write(self, folder: Path) -> None:
        replace_text(folder / NAME, json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False, indent=1) + "\n")


def read(folder: Path) -> Manifest | None:
    """The manifest of a folder; None where there is none, or one of another format."""
    try:
        found = json.loads((folder / NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(found, dict) or found.pop("format", None) != FORMAT:
        return None
    return Manifest(**found)


def replace_text(path: Path, text: str) -> None:
    """Write a whole file or nothing. Several may write the same at once: the last one stays."""
    part = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    with part.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def fingerprint(files: Iterable[str]) -> str:
    """Which files these are: names, sizes, times of change."""
    whole = hashlib.sha256()
    for file in files:
        stat = Path(file).stat()
        whole.update(f"{os.path.abspath(file)}\n{stat.st_size}\n{stat.st_mtime_ns}\n".encode())
    return whole.hexdigest()
