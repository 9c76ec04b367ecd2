"""The editor: a changed or new rule is checked as one types, its examples run, and a family decided before and after.

Nothing is written: not to the rules on disk, not to the rulebook in force. What comes out is a file or a patch.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Response
from markupsafe import Markup

from api.active import Rules
from api.problems import Fault, Problem
from api.web.shown import Shown
from api.web.visit import Visit, page
from api.web.workbench_compare import marked, patch
from engine.decide import Decision, decide
from engine.decide.edited import LARGEST, MOST_EXAMPLES, Edited, TooLong, Tried, affected, edited, too_heavy, tried
from engine.decide.examples import example_household
from engine.decide.explain import Explainer
from engine.decide.pages.examples import expected
from engine.decide.pages.reader import Reader
from engine.language.difference import KINDS, differences
from engine.language.household import HouseholdError, read_household
from engine.language.model import Rulebook
from engine.language.problems import Problem as RuleProblem

blueprint = Blueprint("workbench-edit", __name__)

PATH = re.compile(r"(?:policies\.yaml|rules/(?:[^/\x00-\x1f\\]+/)*[^/\x00-\x1f\\]+\.yaml)\Z")
LIMIT = 4 * LARGEST  # a form's letters may be sent as three bytes each, `%E4`
SECONDS = 8.0
"""How long examples may run for one answer."""
WAIT = 8.0
"""How long one waits for others who are checking, in seconds."""
MOST_PROBLEMS = 60
_KEPT = 6

_checking = threading.Lock()
_kept: OrderedDict[tuple[str, str, str], Edited] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Moved:
    """An answer that is another after the change."""

    title: str
    member: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Family:
    """An example household decided before and after: who it is, what moved, the totals."""

    name: str
    on: date
    moved: tuple[Moved, ...]
    totals: tuple[tuple[str, str, str], ...]
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """The examples a change calls for, and a family; `late`: there was no time for all of them."""

    file: str
    results: tuple[tuple[Tried, str, str], ...] = ()  # with what was expected and what came out, in words
    problems: tuple[RuleProblem, ...] = ()
    late: bool = False
    family: Family | None = None


@page(blueprint, "GET", "/workbench/edit", scope="rules:check", zh="编辑规则", en="Edit a rule")
def edit(visit: Visit) -> Response:
    book = visit.service.active.current().program.rulebook
    file, like = visit.query.get("file", ""), visit.query.get("like", "")
    for name in (file, like):
        if name and name not in book.files:
            raise Problem("not-found")
    text = book.files.get(file or like, "")
    if len(text.encode()) > LARGEST:
        raise Problem("body-too-large", limit=LARGEST)
    return visit.page("workbench/edit.html", **_form(visit, book, file, text), found=None)


@page(blueprint, "POST", "/workbench/edit", scope="rules:check", zh="编辑规则", en="Edit a rule", limit=LIMIT)
def check_all(visit: Visit) -> Response:
    """Check and run, all in one answer: what a browser without JavaScript asks for."""
    rules, file, text = _sent(visit)
    with _alone():
        found = _found(visit, rules, file, text)
        run = _run(visit, rules, found["change"])
    values = _form(visit, rules.program.rulebook, file, text)
    return visit.page("workbench/edit.html", **values, found=found, run=run, later=False)


@page(blueprint, "POST", "/workbench/check", scope="rules:check", zh="编辑规则", en="Edit a rule", limit=LIMIT)
def check(visit: Visit) -> Response:
    """The problems of a text, quickly; the page asks for the rest once it has them."""
    rules, file, text = _sent(visit)
    with _alone():
        found = _found(visit, rules, file, text)
    return visit.page("workbench/found.html", found=found, run=None, later=True)


@page(blueprint, "POST", "/workbench/try", scope="rules:check", zh="编辑规则", en="Edit a rule", limit=LIMIT)
def try_it(visit: Visit) -> Response:
    """The examples of a text, and a family before and after."""
    rules, file, text = _sent(visit)
    with _alone():
        run = _run(visit, rules, _change(rules, file, text))
    return visit.page("workbench/run.html", run=run)


@page(blueprint, "POST", "/workbench/download", scope="rules:check", zh="编辑规则", en="Edit a rule", limit=LIMIT)
def download(visit: Visit) -> Response:
    """The changed file, or a patch from the rules in force."""
    rules, file, text = _sent(visit)
    name = re.sub(r"[^A-Za-z0-9@._-]", "_", file.rsplit("/", 1)[-1])
    if visit.form.get("as") == "patch":
        name, text = f"{name}.patch", difference(rules.program.rulebook, file, text)
    found = Response(text, content_type="text/plain; charset=utf-8")
    found.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    found.headers["Cache-Control"] = "no-store"
    return found


def difference(book: Rulebook, file: str, text: str) -> str:
    """The patch from a rulebook's file to `text`, as `git apply` takes it; "" where nothing changed."""
    before = book.files.get(file)
    found = patch(file, before or "", file, text)
    return found if before is not None else found.replace(f"--- a/{file}", "--- /dev/null", 1)


def _form(visit: Visit, book: Rulebook, file: str, text: str) -> dict[str, Any]:
    """What the form itself needs."""
    asked = visit.form.get("family", "")
    own = [each for policy in book.policies if policy.at.file == file for each in policy.examples]
    families = [(name, name) for name in book.households]
    families += [(f"{n}", f"{n}. {each.says[visit.lang]}") for n, each in enumerate(own, 1)]
    return {
        "file": file, "text": text, "new": file not in book.files, "families": families, "family": asked,
        "on": visit.form.get("on") or visit.service.today().isoformat(), "largest": LARGEST,
        "files": [name for name in book.files if len(book.files[name]) <= LARGEST],
    }  # fmt: skip


def _sent(visit: Visit) -> tuple[Rules, str, str]:
    """The rules in force, and the file and text that were sent. Raises Problem."""
    file = visit.form.get("file", "").strip()
    text = visit.form.get("text", "").replace("\r\n", "\n").replace("\r", "\n")
    if len(file) > 200 or not PATH.match(file) or ".." in file:
        raise Problem("invalid", [Fault.of("wrong-form", "/file", form="rules/<group>/<name>.yaml")])
    if len(text.encode("utf-8", "surrogatepass")) > LARGEST:
        raise Problem("body-too-large", limit=LARGEST)
    return visit.service.active.current(), file, text


@contextmanager
def _alone() -> Iterator[None]:
    """One check at a time in a process, so that deciding goes on beside it."""
    if not _checking.acquire(timeout=WAIT):
        raise Problem("busy", headers={"Retry-After": "5"})
    try:
        yield
    finally:
        _checking.release()


def _change(rules: Rules, file: str, text: str) -> Edited:
    """The rulebook with the change; the last few are kept, for the requests that follow one another."""
    key = rules.digest, file, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    if key in _kept:
        _kept.move_to_end(key)
        return _kept[key]
    found = _kept[key] = edited(rules.program.rulebook, file, text)
    while len(_kept) > _KEPT:
        _kept.popitem(last=False)
    return found


def _found(visit: Visit, rules: Rules, file: str, text: str) -> dict[str, Any]:
    change = _change(rules, file, text)
    own = [each for each in change.problems if each.place.file == file]
    others = [each for each in change.problems if each.place.file != file]
    changed, program = difference(rules.program.rulebook, file, text), change.program
    return {
        "change": change, "own": own[:MOST_PROBLEMS], "others": others[:MOST_PROBLEMS], "count": len(change.problems),
        "more": max(0, len(own) - MOST_PROBLEMS) + max(0, len(others) - MOST_PROBLEMS),
        "changed": marked(changed) if changed else Markup(""), "file": file, "kinds": KINDS,
        "words": differences(rules.program.rulebook, program.rulebook) if program and changed else (),
    }  # fmt: skip


def _run(visit: Visit, rules: Rules, change: Edited) -> Run:
    """The examples and the family; nothing where the text has problems."""
    if change.program is None:
        return Run(change.path)
    late = False
    try:
        results, problems = tried(change, SECONDS, affected(rules.program.rulebook, change))
    except TooLong as stopped:
        results, problems, late = stopped.results, stopped.problems, True
    reader = Reader(change.program.rulebook, visit.lang)
    shown = []
    for each in results:
        wanted = expected(reader, each.policy, each.example.expect, each.example.also)
        came = ""
        if each.problems and each.decision is not None:
            explainer = Explainer(each.decision, visit.lang)
            came = "\n".join(explainer.headline(answer) for answer in each.answers)
        shown.append((each, wanted, came))
    return Run(change.path, tuple(shown), problems, late, _family(visit, rules, change))


def _family(visit: Visit, rules: Rules, change: Edited) -> Family | None:
    """A household under both rulebooks. It is named by the form: an example household, or an example of the file."""
    assert change.program is not None
    before, after = rules.program, change.program
    asked, on = visit.form.get("family", ""), _day(visit)
    examples = [each for policy in after.rulebook.policies if policy.at.file == change.path for each in policy.examples]
    name, places = asked, None
    if asked.isdecimal() and 1 <= int(asked) <= len(examples[:MOST_EXAMPLES]):
        example = examples[int(asked) - 1]
        raw, on, name = example_household(after.rulebook, example), example.on, example.says[visit.lang]
    elif asked in after.rulebook.households:
        raw = after.rulebook.households[asked]
    else:
        return None
    if too_heavy(after, affected(before.rulebook, change), len(raw.get("members") or ())):
        return Family(name, on, (), (), visit.say("运行太久，没有比较", "it would take too long"))
    home = {after.rulebook.jurisdictions[policy.jurisdiction] for policy in change.policies}
    if home and not any(place.in_force for place in home):
        places = frozenset(place.name for place in home)
    try:
        old, new = (decide(each, read_household(raw, each.vocabulary), on, places) for each in (before, after))
    except HouseholdError as error:
        return Family(name, on, (), (), "; ".join(f"{p.path}: {p.message(visit.lang)}" for p in error.problems[:5]))
    return Family(name, on, tuple(_moved(old, new, visit.lang)), tuple(_totals(old, new, visit.lang)))


def _moved(old: Decision, new: Decision, lang: str) -> Iterator[Moved]:
    then, now = ({(a.policy.id, a.member): a for a in each.answers} for each in (old, new))
    was, is_ = Explainer(old, lang), Explainer(new, lang)
    for key in dict.fromkeys((*then, *now)):
        before, after = then.get(key), now.get(key)
        if before is not None and after is not None and _same(before, after):
            continue
        policy = (after or before).policy  # type: ignore[union-attr]  # one of the two is there
        absent = "当日无效" if lang == "zh" else "not in force"
        first, second = was.headline(before) if before else absent, is_.headline(after) if after else absent
        yield Moved(policy.title[lang], key[1], first, second)


def _same(before: Any, after: Any) -> bool:
    def seen(answer: Any) -> tuple[Any, ...]:
        sums = [
            (each.item.id, each.least, each.most, each.given, each.possible, each.months) for each in answer.amounts
        ]
        return answer.status, answer.conditional_on, sums

    return seen(before) == seen(after)


def _totals(old: Decision, new: Decision, lang: str) -> Iterator[tuple[str, str, str]]:
    """(period, before, after) of what may be drawn together, in words."""
    then, now = ({per: text for per, text, _ in Shown(each, lang).totals} for each in (old, new))
    for per in dict.fromkeys((*then, *now)):
        yield per, then.get(per, "–"), now.get(per, "–")


def _day(visit: Visit) -> date:
    try:
        return date.fromisoformat(visit.form.get("on", ""))
    except ValueError:
        return visit.service.today()
