"""Two texts side by side: which lines went and which came, as a patch shows them."""

from __future__ import annotations

import difflib
from dataclasses import replace

from flask import Blueprint, Response
from markupsafe import Markup, escape

from api.problems import Problem
from api.web.visit import Visit, page
from engine.language.difference import KINDS, differences
from engine.language.model import Policy, Rulebook

__all__ = ["marked", "patch"]

blueprint = Blueprint("workbench-compare", __name__)


@page(blueprint, "GET", "/workbench/compare/<name:id>", scope="catalogue", zh="两份文本的差别", en="Two texts compared")
def compare(visit: Visit, id: str) -> Response:
    """Two texts of one policy: by the first days of both."""
    book = visit.service.active.current().program.rulebook
    texts = {each.from_date.isoformat(): each for each in book.versions(id)}
    then, now = texts.get(visit.query.get("then", "")), texts.get(visit.query.get("now", ""))
    if then is None or now is None:
        raise Problem("not-found")
    lines = patch(then.at.file, book.files[then.at.file], now.at.file, book.files[now.at.file])
    found = differences(_with(book, replace(then, from_date=now.from_date, to_date=now.to_date)), _with(book, now))
    return visit.page("workbench/compare.html", then=then, now=now, lines=marked(lines), found=found, kinds=KINDS)


def _with(book: Rulebook, text: Policy) -> Rulebook:
    """The rulebook with this text alone of its policy."""
    return replace(book, policies=(*(each for each in book.policies if each.id != text.id), text))


def patch(then: str, before: str, now: str, after: str) -> str:
    """The difference as a unified diff, as `git apply` and `patch` take it; "" where there is none."""
    found = difflib.unified_diff(
        before.splitlines(keepends=True), after.splitlines(keepends=True), f"a/{then}", f"b/{now}"
    )
    lines = [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in found]
    return "".join(lines)


def marked(text: str) -> Markup:
    """A patch with its lines marked; the sign at their beginning says the same without colour."""
    names = {"+": "add", "-": "cut", "@": "at"}
    return Markup(
        "".join(f'<span class="{names.get(line[:1], "")}">{escape(line)}\n</span>' for line in text.splitlines())
    )
