"""The twenty-five rules as CEL expressions, one for each rule, for two bindings: cel-python (pure Python) and
common-expression-language (Rust).

CEL evaluates one expression and remembers nothing, so the host walks the rules in order and adds each result to the
context; a member rule maps over all members at once. CEL has no sum: the host adds up `SUMMED` itself. Amounts are fen,
-1 says "not eligible"; CEL's whole numbers are 64 bits and exact.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from bench.peers import Answers, Facts, NotInstalled, Peer
from bench.peers.figures import banded, chosen, figures, further
from engine.decide.program import Program

INPUTS = (
    "owns_car",
    "homes",
    "housing",
    "rent",
    "yearly_medical_costs",
    "yearly_education_costs",
    "receiving",
    "members",
)
SUMMED = ("income", "savings")


def rules(program: Program) -> list[tuple[str, str]]:
    """(name, expression) in the order they are worked out; `people` are the members with what is `derived` of them."""
    f, more = figures(program), further(program)
    standard, low_line, rent_line = f["living_standard"], f["low_income_line"], f["rent_income_limit"]
    child, old = f["child_age"], f["old_age"]
    (_, first), (second_at, second), (third_at, third) = f["serious_share"]

    def each(body: str) -> str:
        return f"people.map(p, {body})"

    nearest = "(2 * {0} + 10000) / 20000".format
    destitute = (
        f'm.hukou == "here" && (age >= {old} || age < {child} || m.disability_grade in ["grade_1", "grade_2"])'
        f" && !m.supporter_able && m.income < {standard}"
    )
    return [
        (
            "derived",
            "members.map(m, [m.birth_date <= 20250801 ? (20250801 - m.birth_date) / 10000 : 0].map(age, "
            '{"age": age, "counted": !m.lives_apart, "severe": m.disability_grade in ["grade_1", "grade_2"], '
            '"borne": m.medical_costs > m.insurance_paid ? m.medical_costs - m.insurance_paid : 0, '
            f'"destitute": {destitute}}})[0])',
        ),
        ("size", "size(people.filter(p, p.counted))"),
        ("income", "people.filter(p, p.counted).map(p, p.income)"),
        ("savings", "people.filter(p, p.counted).map(p, p.savings)"),
        ("children", f"size(people.filter(p, p.counted && p.age < {child}))"),
        ("helpers", f'size(people.filter(p, p.counted && p.care_level == "none" && p.age >= {child}))'),
        ("local", 'people.exists(p, p.counted && p.hukou == "here")'),
        ("spent", "yearly_medical_costs + yearly_education_costs"),
        ("hard_up", f"(12 * income > spent ? 12 * income - spent : 0) < {standard} * 12 * size"),
        ("limit", f"{banded(f['savings_limit'], 'size')} * size"),
        # -- household --
        (
            "minimum_living",
            f"local && income < {standard} * size && savings < limit && !owns_car && homes <= 1"
            f" ? {standard} * size - income : -1",
        ),
        ("living", "minimum_living >= 0"),
        ("low", f"local && !living && income < {low_line} * size && savings < limit && !owns_car"),
        ("low_income", "low ? 0 : -1"),
        ("hardship", "local && !living && !low && hard_up && savings < limit"),
        ("expenditure_hardship", "hardship ? 0 : -1"),
        ("aided", 'living || low || "minimum_living" in receiving || "low_income" in receiving'),
        (
            "temporary_relief",
            f"homes <= 1 && (hard_up || yearly_medical_costs * 10000 > {f['relief_share']} * 12 * income)"
            f" ? {standard} * {f['relief_months']} * (size < {f['relief_heads']} ? size : {f['relief_heads']}) : -1",
        ),
        ("cap", banded(f["rent_cap"], "size", more["rent_cap"])),
        (
            "rent_subsidy",
            f'housing == "rented" && income <= {rent_line} * size && savings <= limit ? '
            + nearest(f"(rent < cap ? rent : cap) * (living ? {f['rent_share_full']} : {f['rent_share']})")
            + " : -1",
        ),
        ("heating_grant", f"aided ? {banded(f['heating_rate'], 'size', more['heating_rate'])} : -1"),
        (
            "utility_rebate",
            "living || low || people.exists(p, p.destitute)"
            f" ? {f['utility_rate']} * (size < {f['utility_heads']} ? size : {f['utility_heads']}) : -1",
        ),
        (
            "large_family_grant",
            f"children >= {f['large_family']} && income < {low_line} * size ? {f['child_rate']} * (children - 2) : -1",
        ),
        ("older_household_service", f"people.all(p, !p.counted || p.age >= {old} || p.severe) && !owns_car ? 0 : -1"),
        (
            "housing_referral",
            f'homes == 0 && housing != "owned" && income <= {rent_line} * size'
            f" && people.exists(p, p.counted && p.age < {child}) ? 0 : -1",
        ),
        (
            "work_service",
            f'people.exists(p, p.counted && p.employment == "unemployed" && p.age >= {child} && p.age < {old})'
            " && (aided || hardship) ? 0 : -1",
        ),
        # -- members --
        ("destitute_support", each(f"p.destitute ? {chosen(f['destitute_rate'], 'p.care_level')} : -1")),
        (
            "elder_allowance",
            each(f'p.hukou == "here" && p.age >= {f["elder_age"]} ? {banded(f["elder_rate"], "p.age")} : -1'),
        ),
        ("care_share", f"living ? {f['care_share_full']} : (low ? {f['care_share_low']} : {f['care_share_basic']})"),
        (
            "elder_care_subsidy",
            each(
                f'p.age >= {old} && p.care_level in ["medium", "heavy"] ? '
                + nearest(f"{chosen(f['elder_care_rate'], 'p.care_level')} * care_share")
                + " : -1"
            ),
        ),
        (
            "disability_living",
            each(
                'p.disability_grade != "none" && p.counted && aided && !p.destitute'
                f" ? {chosen(f['disability_living_rate'], 'p.disability_grade')} : -1"
            ),
        ),
        (
            "disability_nursing",
            each(
                '(p.severe || (("mental" in p.disability_kinds || "intellectual" in p.disability_kinds)'
                ' && p.disability_grade == "grade_3")) && !p.destitute'
                f" ? {chosen(f['nursing_rate'], 'p.disability_grade')} : -1"
            ),
        ),
        (
            "jobless_severe",
            each(
                f'p.severe && p.employment == "unemployed" && p.age >= {child} && p.age < {old} && p.hukou == "here"'
                f" && p.income < {standard} ? ({standard} * {f['jobless_factor']} / 100 + 50) / 100 * 100 : -1"
            ),
        ),
        (
            "child_support",
            each(
                f"p.age < {child} && p.counted && (aided || p.destitute)"
                f' ? {f["child_support_rate"]} + (p.disability_grade != "none" ? {f["disabled_child_extra"]} : 0) : -1'
            ),
        ),
        (
            "school_aid",
            each(
                f'p.schooling != "none" && (aided || income < {low_line} * size)'
                f" ? {chosen(f['school_rate'], 'p.schooling')} : -1"
            ),
        ),
        (
            "university_grant",
            each(
                f'p.schooling == "university" && p.age <= {f["university_age"]} && (aided || hardship)'
                f" ? {f['university_sum']} : -1"
            ),
        ),
        (
            "medical_share",
            f"living ? {f['medical_share_living']} : (low ? {f['medical_share_low']} : {f['medical_share_hard']})",
        ),
        (
            "medical_aid",
            each(
                "p.borne > 0 && (p.destitute || aided || hardship) ? "
                f"[(p.borne > {f['medical_floor']} ? p.borne - {f['medical_floor']} : 0)"
                f" * (p.destitute ? {f['medical_share_full']} : medical_share)].map(x, "
                + nearest(f"(x < {f['medical_cap'] * 10_000} ? x : {f['medical_cap'] * 10_000})")
                + ")[0] : -1"
            ),
        ),
        (
            "serious_illness_relief",
            each(
                f"p.counted && p.borne > {f['serious_floor']} && income <= {rent_line} * size ? "
                f"[p.borne - {f['serious_floor']}].map(x, ((x < {second_at} ? x : {second_at}) * {first}"
                f" + (x > {second_at} ? ((x < {third_at} ? x : {third_at}) - {second_at}) * {second} : 0)"
                f" + (x > {third_at} ? (x - {third_at}) * {third} : 0)) / 1000000 * 100)[0] : -1"
            ),
        ),
        ("veteran_grant", each(f'p.veteran && p.age >= {old} && p.hukou == "here" ? {12 * f["veteran_rate"]} : -1')),
        (
            "premium_share",
            f"living ? {f['premium_share_living']} : (low ? {f['premium_share_low']}"
            f" : (hardship ? {f['premium_share_hard']} : 0))",
        ),
        (
            "premium_aid",
            each(f"p.counted && premium_share > 0 ? ({f['premium']} * premium_share + 99999) / 100000 * 10 : -1"),
        ),
        ("respite_care", each(f'p.care_level == "heavy" && helpers <= {f["helpers"]} ? 0 : -1')),
    ]


class _Cel(Peer):
    """What the two bindings share."""

    def __init__(self, program: Program):
        self.policies = {name: program.rulebook.level(name) for name in program.rulebook.ids()}
        self.steps: list[tuple[str, Any]] = []
        try:
            self.steps = self.compiled(rules(program))
        except ImportError as error:
            raise NotInstalled(*self.packages) from error

    @abstractmethod
    def compiled(self, written: list[tuple[str, str]]) -> list[tuple[str, Any]]:
        """Each rule ready to run."""

    def answers(self, decided: Any, facts: Facts) -> Answers:
        found: Answers = {}
        for name, level in self.policies.items():
            if level == "household":
                found[name, ""] = _answer(decided[name])
            else:
                for member, amount in zip(facts["members"], decided[name], strict=True):
                    found[name, member["id"]] = _answer(amount)
        return found


class CelRust(_Cel):
    name = "CEL (common-expression-language)"
    how = "one compiled CEL program for each rule, run in order by the host; Rust; from a plain dict"
    packages = ("common-expression-language",)

    def compiled(self, written: list[tuple[str, str]]) -> list[tuple[str, Any]]:
        import cel

        self.new_context: Callable[..., Any] = cel.Context
        return [(name, cel.compile(text)) for name, text in written]

    def prepare(self, facts: Facts) -> Facts:
        return {name: facts[name] for name in INPUTS}

    def decide(self, prepared: Facts) -> dict[str, Any]:
        (_, derive), *steps = self.steps
        derived = derive.execute({"members": prepared["members"]})
        people = [{**member, **more} for member, more in zip(prepared["members"], derived, strict=True)]
        context = self.new_context({**prepared, "members": [], "people": people})
        found: dict[str, Any] = {}
        for name, program in steps:
            value = program.execute(context)
            found[name] = value = sum(value) if name in SUMMED else value
            context.add_variable(name, value)
        return found


class CelPython(_Cel):
    name = "CEL (cel-python)"
    how = "one compiled CEL program for each rule, run in order by the host; pure Python; from its own value types"
    packages = ("cel-python",)

    def compiled(self, written: list[tuple[str, str]]) -> list[tuple[str, Any]]:
        import celpy

        types = celpy.celtypes
        self.to_cel, self.whole, self.several, self.mapping = (
            celpy.json_to_cel,
            types.IntType,
            types.ListType,
            types.MapType,
        )
        environment = celpy.Environment(runner_class=celpy.CompiledRunner)
        return [(name, environment.program(environment.compile(text))) for name, text in written]

    def prepare(self, facts: Facts) -> Any:
        return {name: self.to_cel(facts[name]) for name in INPUTS}

    def decide(self, prepared: Any) -> dict[str, Any]:
        (_, derive), *steps = self.steps
        context = dict(prepared)
        derived = derive.evaluate(context)
        context["people"] = self.several(
            [self.mapping({**m, **d}) for m, d in zip(prepared["members"], derived, strict=True)]
        )
        for name, program in steps:
            value = program.evaluate(context)
            context[name] = self.whole(sum(value)) if name in SUMMED else value
        return context


def _answer(amount: int) -> tuple[bool, int]:
    return amount >= 0, max(0, int(amount))


def peers(program: Program) -> list[Peer]:
    return [CelRust(program), CelPython(program)]
