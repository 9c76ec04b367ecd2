"""A file of labels with something wrong in it is told so, and ends nothing."""

from __future__ import annotations

from engine.language.rulebook import read_texts
from engine.language.shipped import rule_files
from tests.little import ROOT

LABEL = """
forgotten:
  label: {zh: 忘了条件, en: the condition was forgotten}
  for: household
  department: {zh: 民政, en: Civil affairs}
"""


def test_a_label_without_its_condition_is_a_problem() -> None:
    files = rule_files(str(ROOT))
    files["rules/labels.yaml"] += LABEL
    _, problems = read_texts(files, examples=False)
    assert [(problem.code, dict(problem.words)["key"]) for problem in problems] == [("missing-key", "when")]
