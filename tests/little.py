"""A little rulebook for tests: one vocabulary, one figure or two, one policy whose `when` and `gives` a test writes."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from engine.decide import Decision, Program, compile_rulebook, decide
from engine.language.household import read_household
from engine.language.problems import Problem
from engine.language.rulebook import load_texts, read_texts

ROOT = Path(__file__).resolve().parent.parent

CATALOGUE = """\
title: {zh: 小目录, en: a little catalogue}
vocabulary: rules/facts.yaml
households: rules/households.yaml
parameters: [rules/parameters.yaml]
jurisdictions:
  here: {title: {zh: 本地, en: here}}
groups:
  main: {title: {zh: 主要, en: main}, jurisdiction: here, files: [rules/main/*.yaml]}
"""

FACTS = """\
choices:
  colour: {red: {zh: 红, en: red}, green: {zh: 绿, en: green}, blue: {zh: 蓝, en: blue}}
facts:
  household:
    car: {label: {zh: 有车, en: owns a car}, type: yes_no}
    rent: {label: {zh: 房租, en: rent}, type: money, unit: CNY/month, highest: 100000.00}
    area: {label: {zh: 面积, en: area}, type: number, unit: m2, highest: 1000}
    balance: {label: {zh: 结余, en: balance}, type: money, unit: CNY/month, lowest: -50000.00, highest: 50000.00}
  member:
    born: {label: {zh: 出生日期, en: date of birth}, type: date}
    income: {label: {zh: 收入, en: income}, type: money, unit: CNY/month, highest: 100000.00}
    away: {label: {zh: 不在家, en: away}, type: yes_no}
    badge: {label: {zh: 颜色, en: colour}, type: choice, choices: colour}
    badges: {label: {zh: 各种颜色, en: colours}, type: choices, choices: colour}
derived:
  household:
    size: {label: {zh: 人数, en: size}, type: whole_number, unit: people, is: count_members(counted), lowest: 1, highest: 60}
    per_head: {label: {zh: 人均, en: income per head}, type: money, unit: CNY/month, is: "sum_members(income, where=counted) / size"}
  member:
    counted: {label: {zh: 计入, en: counts}, type: yes_no, is: not away}
    age: {label: {zh: 年龄, en: age}, type: whole_number, unit: years, is: "years_between(born, on)", highest: 150}
"""

PARAMETERS = """\
standard:
  label: {zh: 标准, en: standard}
  type: money
  unit: CNY/month
  highest: 10000.00
  values:
    - {from: 2020-01-01, value: 1000.00, source: a notice, verified: true}
    - {from: 2021-01-01, value: 1100.00, source: another notice, verified: false}
grown:
  label: {zh: 成年年龄, en: age of majority}
  type: whole_number
  unit: years
  values: [{from: 2000-01-01, value: 18, source: a law, verified: true}]
rate:
  label: {zh: 比例, en: rate}
  type: ratio
  keys: [colour]
  values:
    - from: 2020-01-01
      source: a notice
      verified: true
      rows: {red: 0.9, green: 0.5, otherwise: null}
by_size:
  label: {zh: 按人数, en: by size}
  type: money
  unit: CNY/month
  highest: 100000.00
  keys: [{band: whole_number, unit: people}]
  values:
    - {from: 2020-01-01, source: a notice, verified: true, rows: [{from: 1, value: 100.00}, {from: 3, value: 250.00}], each_further: 40.00}
slices:
  label: {zh: 分段比例, en: slices}
  type: ratio
  keys: [{band: money, unit: CNY/month}]
  values:
    - {from: 2020-01-01, source: a notice, verified: true, rows: [{from: 0, value: 0.5}, {from: 300.00, value: 0.6}]}
hidden:
  label: {zh: 未公布的数, en: an unpublished figure}
  type: money
  unit: CNY/month
  lowest: 200.00
  highest: 500.00
  values: [{from: 2020-01-01, value: null, source: not published here, verified: false}]
"""

HOUSEHOLDS = """\
pair:
  car: false
  rent: 0.00
  area: 50
  balance: 0.00
  receiving: []
  members:
    - {id: a, born: 1990-05-01, income: 1500.00, away: false, badge: red, badges: [], receiving: []}
    - {id: b, born: 2015-02-28, income: 0.00, away: false, badge: green, badges: [blue], receiving: []}
"""


def policy(
    name: str = "help", when: str = "- car", gives: str = "", level: str = "household", more: str = "", let: str = ""
) -> str:
    """The text of a policy file. `when` is a list of conditions, all of which must hold."""
    parts = [
        f"policy: {name}",
        f"title: {{zh: {name}, en: {name}}}",
        "kind: benefit",
        f"for: {level}",
        "department: {zh: 民政, en: Civil affairs}",
        "in_force: {from: 2020-01-01}" if "in_force:" not in more else "",
        "cite: {law: 某条例, article: 第一条}",
        "let:\n" + indent(dedent(let).strip(), "  ") if let else "",
        "when:\n  all:\n" + indent(dedent(when).strip(), "    "),
        "gives:\n" + indent(dedent(gives).strip(), "  ") if gives else "",
        dedent(more).strip(),
        "examples:\n  - {says: {zh: 例, en: example}, on: 2020-06-01, like: pair, expect: {}}",
    ]
    return "\n".join(part for part in parts if part) + "\n"


def texts(*policies: str, **changed: str) -> dict[str, str]:
    """The files of a rulebook with these policies; `facts`, `parameters`, `households`, `catalogue` may be changed."""
    return {
        "policies.yaml": changed.get("catalogue", CATALOGUE),
        "rules/facts.yaml": changed.get("facts", FACTS),
        "rules/parameters.yaml": changed.get("parameters", PARAMETERS),
        "rules/households.yaml": changed.get("households", HOUSEHOLDS),
        **{f"rules/main/policy_{n}.yaml": text for n, text in enumerate(policies)},
    }


def problems_of(*policies: str, **changed: str) -> tuple[Problem, ...]:
    """The problems of a rulebook, as the checker reports them."""
    return read_texts(texts(*policies, **changed))[1]


def program_of(*policies: str, **changed: str) -> Program:
    return compile_rulebook(load_texts(texts(*policies, **changed)))


def decided(program: Program, household: dict[str, Any], on: date = date(2020, 6, 1)) -> Decision:
    return decide(program, read_household(household, program.vocabulary), on)


def family(*members: dict[str, Any], **facts: Any) -> dict[str, Any]:
    """A household whose members are called a, b, c … in order."""
    named = [{"id": "abcdefghij"[n], **member} for n, member in enumerate(members or ({},))]
    return {**facts, "members": named}
