"""The twenty-five rules as a JDM decision graph for zen-engine (GoRules): four expression nodes, two of them loops.

Numbers are fen and yyyymmdd, as everywhere here; ZEN works in decimals, so that no cent is lost. `$nodes.Household`
is how a loop over the members sees what was worked out for the household.
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from bench.peers import Answers, Facts, NotInstalled, Peer
from bench.peers.figures import banded, chosen, figures, further
from engine.decide.program import Program

HOUSEHOLD = (
    "minimum_living",
    "low_income",
    "expenditure_hardship",
    "temporary_relief",
    "rent_subsidy",
    "heating_grant",
    "large_family_grant",
    "older_household_service",
    "housing_referral",
    "work_service",
)
MEMBER = (
    "elder_allowance",
    "elder_care_subsidy",
    "disability_living",
    "disability_nursing",
    "jobless_severe",
    "child_support",
    "school_aid",
    "university_grant",
    "medical_aid",
    "serious_illness_relief",
    "veteran_grant",
    "premium_aid",
    "respite_care",
)


def _rounded(n: str, d: int) -> str:
    """n / d to the nearest whole, halves up."""
    return f"floor((2 * {n} + {d}) / {2 * d})"


def rules(program: Program) -> tuple[list[tuple[str, str]], ...]:
    """The expressions of the four nodes: (name, expression). An amount of -1 says "not eligible"."""
    f, more = figures(program), further(program)
    standard, low_line, rent_line = f["living_standard"], f["low_income_line"], f["rent_income_limit"]
    child, old = f["child_age"], f["old_age"]
    people = [
        ("age", "birth_date <= 20250801 ? floor((20250801 - birth_date) / 10000) : 0"),
        ("counted", "not lives_apart"),
        ("severe", 'disability_grade in ["grade_1", "grade_2"]'),
        ("borne", "max([0, medical_costs - insurance_paid])"),
        (
            "destitute_support",
            f'hukou == "here" and ($.age >= {old} or $.age < {child} or $.severe)'
            f" and not supporter_able and income < {standard}"
            f" ? {chosen(f['destitute_rate'], 'care_level')} : -1",
        ),
    ]
    household = [
        ("counted", "filter(members, #.counted)"),
        ("size", "len($.counted)"),
        ("income", "sum(map($.counted, #.income))"),
        ("savings", "sum(map($.counted, #.savings))"),
        ("children", f"count($.counted, #.age < {child})"),
        ("helpers", f'count($.counted, #.care_level == "none" and #.age >= {child})'),
        ("local", 'some($.counted, #.hukou == "here")'),
        ("left", "max([0, 12 * $.income - yearly_medical_costs - yearly_education_costs])"),
        ("limit", f"{banded(f['savings_limit'], '$.size')} * $.size"),
        ("hard_up", f"$.left < {standard} * 12 * $.size"),
        (
            "living",
            f"$.local and $.income < {standard} * $.size and $.savings < $.limit and not owns_car and homes <= 1",
        ),
        (
            "low",
            f"$.local and not $.living and $.income < {low_line} * $.size and $.savings < $.limit and not owns_car",
        ),
        ("hardship", "$.local and not $.living and not $.low and $.hard_up and $.savings < $.limit"),
        ("aided", '$.living or $.low or "minimum_living" in receiving or "low_income" in receiving'),
        ("minimum_living", f"$.living ? {standard} * $.size - $.income : -1"),
        ("low_income", "$.low ? 0 : -1"),
        ("expenditure_hardship", "$.hardship ? 0 : -1"),
        (
            "temporary_relief",
            f"homes <= 1 and ($.hard_up or yearly_medical_costs * 10000 > {f['relief_share']} * 12 * $.income)"
            f" ? {standard} * {f['relief_months']} * min([$.size, {f['relief_heads']}]) : -1",
        ),
        ("rent_counted", f"min([rent, {banded(f['rent_cap'], '$.size', more['rent_cap'])}])"),
        (
            "rent_subsidy",
            f'housing == "rented" and $.income <= {rent_line} * $.size and $.savings <= $.limit ? '
            + _rounded(f"$.rent_counted * ($.living ? {f['rent_share_full']} : {f['rent_share']})", 10_000)
            + " : -1",
        ),
        ("heating_grant", f"$.aided ? {banded(f['heating_rate'], '$.size', more['heating_rate'])} : -1"),
        (
            "large_family_grant",
            f"$.children >= {f['large_family']} and $.income < {low_line} * $.size"
            f" ? {f['child_rate']} * ($.children - 2) : -1",
        ),
        ("older_household_service", f"all($.counted, #.age >= {old} or #.severe) and not owns_car ? 0 : -1"),
        (
            "housing_referral",
            f'homes == 0 and housing != "owned" and $.income <= {rent_line} * $.size'
            f" and some($.counted, #.age < {child}) ? 0 : -1",
        ),
        (
            "work_service",
            f'some($.counted, #.employment == "unemployed" and #.age >= {child} and #.age < {old})'
            " and ($.aided or $.hardship) ? 0 : -1",
        ),
        (
            "utility_rebate",
            "$.living or $.low or some(members, #.destitute_support >= 0)"
            f" ? {f['utility_rate']} * min([$.size, {f['utility_heads']}]) : -1",
        ),
        (
            "care_share",
            f"$.living ? {f['care_share_full']} : ($.low ? {f['care_share_low']} : {f['care_share_basic']})",
        ),
        (
            "medical_share",
            f"$.living ? {f['medical_share_living']} : ($.low ? {f['medical_share_low']} : {f['medical_share_hard']})",
        ),
        (
            "premium_share",
            f"$.living ? {f['premium_share_living']} : ($.low ? {f['premium_share_low']}"
            f" : ($.hardship ? {f['premium_share_hard']} : 0))",
        ),
    ]
    h = "$nodes.Household"
    (_, first), (second_at, second), (third_at, third) = f["serious_share"]
    each = [
        ("elder_allowance", f'hukou == "here" and age >= {f["elder_age"]} ? {banded(f["elder_rate"], "age")} : -1'),
        (
            "elder_care_subsidy",
            f'age >= {old} and care_level in ["medium", "heavy"] ? '
            + _rounded(f"{chosen(f['elder_care_rate'], 'care_level')} * {h}.care_share", 10_000)
            + " : -1",
        ),
        (
            "disability_living",
            f'disability_grade != "none" and counted and {h}.aided and destitute_support < 0'
            f" ? {chosen(f['disability_living_rate'], 'disability_grade')} : -1",
        ),
        (
            "disability_nursing",
            '(severe or (("mental" in disability_kinds or "intellectual" in disability_kinds)'
            ' and disability_grade == "grade_3"))'
            f" and destitute_support < 0 ? {chosen(f['nursing_rate'], 'disability_grade')} : -1",
        ),
        (
            "jobless_severe",
            f'severe and employment == "unemployed" and age >= {child} and age < {old} and hukou == "here"'
            f" and income < {standard}"
            f" ? floor(({standard} * {f['jobless_factor']} / 100 + 50) / 100) * 100 : -1",
        ),
        (
            "child_support",
            f"age < {child} and counted and ({h}.aided or destitute_support >= 0)"
            f' ? {f["child_support_rate"]} + (disability_grade != "none" ? {f["disabled_child_extra"]} : 0) : -1',
        ),
        (
            "school_aid",
            f'schooling != "none" and ({h}.aided or {h}.income < {low_line} * {h}.size)'
            f" ? {chosen(f['school_rate'], 'schooling')} : -1",
        ),
        (
            "university_grant",
            f'schooling == "university" and age <= {f["university_age"]} and ({h}.aided or {h}.hardship)'
            f" ? {f['university_sum']} : -1",
        ),
        ("share", f"destitute_support >= 0 ? {f['medical_share_full']} : {h}.medical_share"),
        (
            "medical_aid",
            f"borne > 0 and (destitute_support >= 0 or {h}.aided or {h}.hardship) ? "
            + _rounded(f"min([{f['medical_cap'] * 10_000}, max([0, borne - {f['medical_floor']}]) * $.share])", 10_000)
            + " : -1",
        ),
        ("above", f"max([0, borne - {f['serious_floor']}])"),
        (
            "serious_illness_relief",
            f"counted and borne > {f['serious_floor']} and {h}.income <= {rent_line} * {h}.size ? "
            f"floor((min([$.above, {second_at}]) * {first}"
            f" + max([0, min([$.above, {third_at}]) - {second_at}]) * {second}"
            f" + max([0, $.above - {third_at}]) * {third}) / 1000000) * 100 : -1",
        ),
        ("veteran_grant", f'veteran and age >= {old} and hukou == "here" ? {12 * f["veteran_rate"]} : -1'),
        (
            "premium_aid",
            f"counted and {h}.premium_share > 0 ? ceil({f['premium']} * {h}.premium_share / 100000) * 10 : -1",
        ),
        ("respite_care", f'care_level == "heavy" and {h}.helpers <= {f["helpers"]} ? 0 : -1'),
    ]
    answers = [(name, f"$nodes.Household.{name}") for name in (*HOUSEHOLD, "utility_rebate")]
    return people, household, each, [*answers, ("members", "members")]


def decision_graph(program: Program) -> dict[str, Any]:
    """The rules as a JDM document."""
    people, household, each, answers = rules(program)
    nodes = [
        _node("Request", "inputNode", {}),
        _expressions("People", people, loop=True, keep=True),
        _expressions("Household", household, loop=False, keep=True),
        _expressions("Members", each, loop=True, keep=True),
        _expressions("Answers", answers, loop=False, keep=False),
        _node("Response", "outputNode", {}),
    ]
    ids = [node["id"] for node in nodes]
    edges = [{"id": f"{a}-{b}", "type": "edge", "sourceId": a, "targetId": b} for a, b in pairwise(ids)]
    return {"nodes": nodes, "edges": edges}


def _node(name: str, kind: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"id": name, "type": kind, "name": name, "position": {"x": 0, "y": 0}, "content": content}


def _expressions(name: str, pairs: list[tuple[str, str]], loop: bool, keep: bool) -> dict[str, Any]:
    written = [{"id": f"{name}-{key}", "key": key, "value": value} for key, value in pairs]
    content = {"expressions": written, "passThrough": keep, "executionMode": "loop" if loop else "single"}
    content |= {"inputField": "members", "outputPath": "members"} if loop else {"inputField": None, "outputPath": None}
    return _node(name, "expressionNode", content)


class Zen(Peer):
    name = "zen-engine"
    how = "a JDM decision graph of four expression nodes, loaded once; from a plain dict"
    packages = ("zen-engine",)

    def __init__(self, program: Program):
        try:
            import zen
        except ImportError as error:
            raise NotInstalled(*self.packages) from error
        self.decision = zen.ZenEngine().create_decision(json.dumps(decision_graph(program)))

    def prepare(self, facts: Facts) -> Facts:
        return facts

    def decide(self, prepared: Facts) -> Any:
        return self.decision.evaluate(prepared)

    def answers(self, decided: Any, facts: Facts) -> Answers:
        result = decided["result"]
        found = {(name, ""): _answer(result[name]) for name in (*HOUSEHOLD, "utility_rebate")}
        for given, member in zip(facts["members"], result["members"], strict=True):
            found |= {(name, given["id"]): _answer(member[name]) for name in (*MEMBER, "destitute_support")}
        return found


def _answer(amount: float) -> tuple[bool, int]:
    return amount >= 0, max(0, int(amount))


def peers(program: Program) -> list[Peer]:
    return [Zen(program)]
