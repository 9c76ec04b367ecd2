"""A small rulebook in which every operator, every kind of fact and every way to read a table stands at least once."""

from __future__ import annotations

import random
from datetime import date

from engine.language.household import Household
from engine.language.rulebook import load_texts
from tests import worlds

ON = date(2025, 7, 1)

CATALOGUE = """\
title: {zh: 目录, en: catalogue}
vocabulary: rules/facts.yaml
parameters: [rules/figures.yaml]
jurisdictions:
  here: {title: {zh: 此地, en: here}}
groups:
  all: {title: {zh: 组, en: group}, jurisdiction: here, files: [rules/policies/*.yaml]}
"""

FACTS = """\
choices:
  kind:
    red: {zh: 红, en: red}
    green: {zh: 绿, en: green}
    blue: {zh: 蓝, en: blue}
  lone:
    only: {zh: 唯一, en: only}
facts:
  household:
    order: {label: {zh: 次序, en: order}, type: whole_number, lowest: 0, highest: 4, unit: people}
    rent: {label: {zh: 房租, en: rent}, type: money, unit: CNY/month, lowest: 0.00, highest: 6.00}
    debt: {label: {zh: 余额, en: balance}, type: money, unit: CNY, lowest: -4.00, highest: 4.00}
    place: {label: {zh: 地点, en: place}, type: choice, choices: kind}
    moved: {label: {zh: 迁入, en: moved}, type: date}
    owns: {label: {zh: 有, en: owns}, type: yes_no}
    street: {label: {zh: 街, en: street}, type: text}
  member:
    counts: {label: {zh: 计入, en: counts}, type: yes_no}
    born: {label: {zh: 出生, en: born}, type: date}
    wage: {label: {zh: 工资, en: wage}, type: money, unit: CNY/month, lowest: 0.00, highest: 5.00}
    change: {label: {zh: 变动, en: change}, type: money, unit: CNY/month, lowest: -3.00, highest: 3.00}
    share: {label: {zh: 份额, en: share}, type: ratio}
    rooms: {label: {zh: 间数, en: rooms}, type: number, step: 0.1, lowest: 1, highest: 3, unit: m2}
    colour: {label: {zh: 颜色, en: colour}, type: choice, choices: kind}
    single: {label: {zh: 单一, en: single}, type: choice, choices: lone}
    colours: {label: {zh: 多色, en: colours}, type: choices, choices: kind}
    well: {label: {zh: 健康, en: well}, type: yes_no}
derived:
  household:
    size: {label: {zh: 人数, en: size}, type: whole_number, unit: people, is: count_members(counted), lowest: 1, highest: 60}
    income: {label: {zh: 收入, en: income}, type: money, unit: CNY/month, is: "sum_members(wage + change, where=counted) / size", lowest: -180.00}
    narrow: {label: {zh: 窄, en: narrow}, type: whole_number, unit: people, is: "order + size", lowest: 1, highest: 6}
    town: {label: {zh: 城, en: town}, type: choice, choices: kind, is: 'place if owns else "blue"'}
    any_well: {label: {zh: 有人健康, en: somebody well}, type: yes_no, is: "any_member(well, where=counted)"}
  member:
    counted: {label: {zh: 算, en: counted}, type: yes_no, is: counts}
    age: {label: {zh: 年龄, en: age}, type: whole_number, unit: years, is: "years_between(born, on)", lowest: 0, highest: 150}
    months: {label: {zh: 月龄, en: months}, type: whole_number, unit: months, is: "months_between(born, on)", lowest: 0, highest: 3000}
    shade: {label: {zh: 色, en: shade}, type: choice, choices: kind, is: "colour if well else place"}
    since: {label: {zh: 自, en: since}, type: date, is: "born if well else moved"}
"""

FIGURES = """\
line: {label: {zh: 线, en: line}, type: money, unit: CNY/month, lowest: 0.00, highest: 4.00, values: [{from: 2020-01-01, value: 2.00, source: 文, verified: true}]}
hidden: {label: {zh: 未公布, en: not published}, type: money, unit: CNY/month, lowest: 1.00, highest: 3.00, values: [{from: 2020-01-01, value: null, source: 文, verified: true}]}
most_people: {label: {zh: 最多, en: most people}, type: whole_number, unit: people, lowest: 1, highest: 9, values: [{from: 2020-01-01, value: 5, source: 文, verified: true}]}
old: {label: {zh: 年限, en: old}, type: whole_number, unit: years, lowest: 0, highest: 20, values: [{from: 2020-01-01, value: 9, source: 文, verified: true}]}
by_kind:
  label: {zh: 按色, en: by colour}
  type: money
  unit: CNY/month
  keys: [kind]
  lowest: 0.00
  highest: 9.00
  values:
    - {from: 2020-01-01, source: 文, verified: true, rows: {red: 1.00, green: 3.50, otherwise: null}}
by_size:
  label: {zh: 按人数, en: by size}
  type: money
  unit: CNY/month
  keys: [{band: whole_number, unit: people}]
  lowest: 0.00
  highest: 99.00
  values:
    - from: 2020-01-01
      source: 文
      verified: true
      rows: [{from: -30, value: 1.00}, {from: 0, value: 2.00}, {from: 2, value: 3.00}, {from: 3, value: 2.50}]
      each_further: 0.50
by_both:
  label: {zh: 双键, en: by both}
  type: ratio
  keys: [kind, {band: number, unit: m2}]
  values:
    - from: 2020-01-01
      source: 文
      verified: true
      rows:
        red: [{from: 1, value: 0.10}, {from: 2, value: 0.40}]
        green: [{from: 1, value: 0.30}]
        blue: [{from: 1, value: 0.20}, {from: 2, value: 0.05}]
slices:
  label: {zh: 分段, en: slices}
  type: ratio
  keys: [{band: money, unit: CNY/month}]
  values:
    - {from: 2020-01-01, source: 文, verified: true, rows: [{from: 0, value: 0.10}, {from: 1, value: 0.50}, {from: 3, value: 0.25}]}
"""

HEAD = """\
policy: {name}
title: {{zh: 政策, en: policy}}
kind: benefit
for: {level}
department: {{zh: 民政, en: Civil affairs}}
in_force: {{from: 2021-01-01}}
cite: {{law: 某法, article: 第一条}}
"""
TAIL = """\
examples:
  - {says: {zh: 例, en: an example}, on: 2025-07-01, expect: {status: eligible}}
"""

# in catalogue order; name -> (level, text)
POLICIES: dict[str, tuple[str, str]] = {
    "base": (
        "household",
        """\
let:
  gap: {zh: 差, en: gap, is: line - income, unit: CNY/month}
  level_sum: {zh: 合计, en: sum, is: "sum_members(line if well else wage, where=counted)", unit: CNY/month}
when:
  all:
    - id: poor
      if: income < line
    - id: some_debt
      any: ["debt <= 0", "not owns"]
    - id: few
      if: narrow <= most_people
gives:
  - {id: paid, title: {zh: 钱, en: money}, amount: gap * size, per: month, round: {to: 0.01, mode: half_up}}
  - {id: tenths, title: {zh: 角, en: tenths}, amount: level_sum, per: month, round: {to: 0.1, mode: up}}
  - {id: slices, title: {zh: 段, en: slices}, amount: "marginal(max(0, gap), slices)", per: month, round: {to: 0.01, mode: down}}
  - {id: kind_help, title: {zh: 实物, en: in kind}, if: 'town in ["red", "blue"]'}
excludes: [other]
""",
    ),
    "other": (
        "household",
        """\
when:
  any:
    - {id: older, if: "max_members(age, where=counted, otherwise=0) > old"}
    - {id: least_wage, if: "min_members(wage, where=well, otherwise=hidden) >= 1 * line"}
    - {id: coloured, if: 'every_member(colour in ["red", "green"], where=counted)'}
    - {id: at_home, if: 'place == "red" and any_member(colour == place)'}
    - none: [any_well, 'place == town', "every_member(share > 0, where=counted)"]
gives:
  - {id: by_size, title: {zh: 表, en: table}, amount: "by_size[order - size / 2]", per: month}
  - {id: some_months, title: {zh: 数月, en: months}, amount: hidden, per: month, for_months: "max_members(months, where=counted, otherwise=0)"}
  - {id: ceiling, title: {zh: 上限, en: ceiling}, up_to: "max(0, -debt)", per: once}
  - {id: to_others, title: {zh: 付给单位, en: to others}, amount: "max(0, debt)", per: once, paid_to: employer}
""",
    ),
    "granted": (
        "household",
        """\
when:
  all:
    - {id: has_base, if: "holds(base) or any_member(holds(personal))"}
    - {id: not_other, if: not qualifies(other)}
gives:
  - {id: sum, title: {zh: 钱, en: money}, amount: yearly(income), per: year, round: {to: 1, mode: half_up}, if: qualifies(base)}
""",
    ),
    "personal": (
        "member",
        """\
let:
  own: {zh: 自己, en: own, is: "wage * share", unit: CNY/month}
  elder: {zh: 最大, en: eldest, is: "every_member(age <= 1 * old)"}
  picked: {zh: 选, en: picked, is: "shade if elder else colour", choices: kind}
when:
  all:
    - {id: coloured, if: 'shade not in ["green"] or "red" in colours'}
    - {id: same_shade, if: "picked == colour or single == single"}
    - {id: richer, if: "any_member(wage > own, where=counted)"}
    - {id: recent, if: "month_of(since) <= month_of(moved) or since >= moved"}
    - {id: not_two, if: "count_members(colour == picked and (well or not counted)) != 2"}
    - {id: alike, if: "(1 if every_member(well or share > 0, where=any_member(counts and well)) else 0) <= order"}
gives:
  - {id: by_kind, title: {zh: 表, en: table}, amount: "by_kind[shade]", per: month}
  - {id: by_both, title: {zh: 双, en: both}, amount: "by_both[colour, rooms] * max(0, change + own)", per: month, round: {to: 0.01, mode: half_up}}
  - {id: extremes, title: {zh: 极, en: extremes}, amount: "max(0, min(wage, line) - round_to(own, 0.1))", per: month, round: {to: 0.05, mode: half_up}}
""",
    ),
    "linked": (
        "member",
        """\
when:
  any:
    - {id: through_base, if: "counted and holds(base)"}
    - {id: through_granted, if: holds(granted)}
    - {id: had, if: receives(personal)}
gives:
  - {id: sum, title: {zh: 钱, en: money}, amount: "weekly(wage) if well else weekly(rent)", per: week, round: {to: 0.01, mode: half_up}}
  - {id: back, title: {zh: 回, en: back}, amount: monthly(weekly(rent)), per: month, round: {to: 0.01, mode: up}}
excludes: [personal]
""",
    ),
}


def files() -> dict[str, str]:
    found = {"policies.yaml": CATALOGUE, "rules/facts.yaml": FACTS, "rules/figures.yaml": FIGURES}
    for n, (name, (level, text)) in enumerate(POLICIES.items()):
        found[f"rules/policies/{n}_{name}.yaml"] = HEAD.format(name=name, level=level) + text + TAIL
    return found


def world() -> worlds.World:
    """The rulebook as the random generator knows one: figures near its borders are drawn often."""
    from fractions import Fraction

    near = {"wage": (1, 2, 3), "change": (-1, 0, 1), "debt": (0,), "rent": (2,), "order": (2, 3), "rooms": (2,)}
    pools = {fact: tuple(Fraction(v) for v in values) for fact, values in near.items()}
    return worlds.World(files(), load_texts(files()), (ON,), pools)


def households(many: int, unknown: int, seed: int = 0, made: worlds.World | None = None) -> list[Household]:
    """Random households; each fact is unknown in `unknown` of a hundred, or known only in part."""
    chance, made = random.Random(seed), made or world()
    return [worlds.household_of(chance, made, ON, unknown) for _ in range(many)]
