"""A rulebook with one file changed says and decides what the whole rulebook, read anew, would."""

from __future__ import annotations

import gc
import linecache

import pytest

from engine.decide.edited import MOST_EXAMPLES, TooLong, affected, edited, tried
from engine.decide.examples import check_examples
from engine.decide.program import compile_rulebook
from engine.language.model import Rulebook
from engine.language.rulebook import load_texts, read_texts
from tests.test_bad_files import FOLDER, GOOD, HEAD, laid_over

GRANT, ALLOWANCE = "rules/reliefs/grant.yaml", "rules/reliefs/allowance.yaml"
# Bad files that change one file alone, and are text.
CASES = [
    path.stem
    for path in sorted(FOLDER.glob("*.yaml"))
    if len(HEAD.findall(path.read_bytes())) == 1 and path.stem not in ("not-readable", "file-too-large")
]


@pytest.fixture(scope="module")
def good() -> Rulebook:
    return load_texts({name: content.decode() for name, content in GOOD.items()})


@pytest.mark.parametrize("code", CASES)
def test_an_edited_file_has_the_problems_of_the_whole(good: Rulebook, code: str) -> None:
    files = {name: content.decode() for name, content in laid_over((FOLDER / f"{code}.yaml").read_bytes()).items()}
    (path,) = [name for name, text in files.items() if good.files.get(name) != text]
    found = edited(good, path, files[path])
    whole, problems = read_texts(files)
    if path in (GRANT, ALLOWANCE) and problems and found.rulebook is None:  # a file that is no YAML is alone to blame
        assert set(found.problems) <= set(problems) and found.problems
        return
    assert found.problems == problems
    if whole is not None and not problems:
        only = found.policies[0].id if found.policies else "?"
        assert tried(found)[1] == check_examples(compile_rulebook(whole), only=only)
        assert found.rulebook is not None and found.rulebook.digest == whole.digest


def test_an_edited_policy_is_the_policy_read_anew(good: Rulebook) -> None:
    text = good.files[GRANT].replace("kind: benefit", "kind: service")
    found, whole = edited(good, GRANT, text), load_texts({**good.files, GRANT: text})
    assert text != good.files[GRANT] and found.problems == ()
    assert found.rulebook == whole
    assert [policy.kind for policy in found.policies] == ["service"]


def test_examples_say_what_came_out_and_what_was_expected(good: Rulebook) -> None:
    text = good.files[GRANT].replace("status: eligible", "status: ineligible", 1)
    results, problems = tried(edited(good, GRANT, text))
    wrong = [each for each in results if each.problems]
    assert len(wrong) == 1 and wrong[0].problems[0].code == "example-fails" and wrong[0].problems[0] in problems
    assert wrong[0].answers and all(each.decision is not None for each in results)


def test_a_new_file_is_read_with_all_others(good: Rulebook) -> None:
    text = good.files[GRANT].replace("policy: grant", "policy: second_grant")
    found = edited(good, "rules/reliefs/second.yaml", text)
    assert found.problems == () and [policy.id for policy in found.policies] == ["second_grant"]


def test_a_renamed_policy_is_read_with_all_others(good: Rulebook) -> None:
    found = edited(good, GRANT, good.files[GRANT].replace("policy: grant", "policy: renamed"))
    assert found.rulebook is not None and "renamed" in found.rulebook.ids()


def test_too_many_examples_are_not_begun(good: Rulebook) -> None:
    head, _, examples = good.files[GRANT].partition("examples:\n")
    first = "  - says" + examples.split("  - says")[1]
    found = edited(good, GRANT, head + "examples:\n" + first * (MOST_EXAMPLES + 1))
    assert found.problems == ()
    with pytest.raises(TooLong):
        tried(found)


def test_time_is_kept(good: Rulebook) -> None:
    with pytest.raises(TooLong):
        tried(edited(good, GRANT, good.files[GRANT]), seconds=-1)


def test_what_was_compiled_is_forgotten(good: Rulebook) -> None:
    """Its lines, kept for tracebacks, go with the functions: a service that reads new rules every day does not grow."""
    found = edited(good, GRANT, good.files[GRANT] + "# another remark\n")
    assert found.rulebook is not None and found.program is not None
    mark = found.rulebook.digest[:12]
    assert any(mark in name for name in linecache.cache)
    del found
    gc.collect()
    assert not any(mark in name for name in linecache.cache)


FIGURES = "rules/parameters/figures.yaml"


def test_a_changed_figure_calls_for_the_examples_of_those_who_read_it(good: Rulebook) -> None:
    text = good.files[FIGURES].replace("value: 1000.00", "value: 1001.00")
    assert text != good.files[FIGURES]
    change = edited(good, FIGURES, text)
    assert change.problems == () and change.policies == ()
    assert [policy.id for policy in affected(good, change)] == ["allowance"]
    assert any(problem.code == "example-fails" for problem in tried(change, policies=affected(good, change))[1])
    assert affected(good, edited(good, FIGURES, good.files[FIGURES] + "# a remark\n")) == ()


@pytest.mark.parametrize(("depth", "heavy"), [(1, False), (2, True)])
def test_loops_inside_loops_are_not_begun(good: Rulebook, depth: int, heavy: bool) -> None:
    text = good.files[GRANT].replace("    - age >= grown_up", f"    - {'any_member(' * depth}age >= grown_up{')' * depth}", 1)
    many = "[" + ", ".join(f"{{id: m{n}}}" for n in range(50)) + "]"
    text = text.replace("household: {members: [{id: a", f"household: {{members: {many[:-1]}, {{id: a", 1)
    change = edited(good, GRANT, text)
    assert text != good.files[GRANT] and change.problems == ()
    if heavy:
        with pytest.raises(TooLong):
            tried(change)
    else:
        assert tried(change)[0]


def test_a_group_of_very_many_conditions_runs(good: Rulebook) -> None:
    """Python takes at most 200 brackets inside one another."""
    text = good.files[GRANT].replace("    - age >= grown_up\n", "    - age >= grown_up\n" * 500, 1)
    text = text.replace("    - holds(allowance)\n", "    - holds(allowance)\n    - any:\n" + '        - hukou == "local"\n        - hukou == "elsewhere"\n' * 250, 1)
    change = edited(good, GRANT, text)
    assert change.problems == ()
    results, _ = tried(change)
    assert results and not any(problem.code == "example-fails" for each in results for problem in each.problems)
