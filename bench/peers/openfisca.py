"""The twenty-five rules as a small OpenFisca country template: persons, households, one variable for each rule.

Formulas are vectors over all persons or households at once, which is what OpenFisca is made for: one household pays for
the whole machinery, ten thousand share it. Money is in fen as whole numbers (`value_type = int`, worked out in 64
bits), because OpenFisca's own floats would lose them. -1 says "not eligible".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from bench.peers import Answers, Facts, NotInstalled, Peer
from bench.peers.figures import figures, further
from engine.decide.program import Program

PERIOD = "2025-08"
MEMBER_FACTS = (
    "birth_date",
    "hukou",
    "lives_apart",
    "income",
    "savings",
    "employment",
    "schooling",
    "disability_grade",
    "care_level",
    "supporter_able",
    "veteran",
    "medical_costs",
    "insurance_paid",
)
HOUSEHOLD_FACTS = ("owns_car", "homes", "housing", "rent", "yearly_medical_costs", "yearly_education_costs")
RECEIVED = ("minimum_living", "low_income")
KINDS = ("mental", "intellectual")  # the kinds the rules ask about: a list of choices is one yes or no each


def country(program: Program) -> tuple[Any, dict[str, Any]]:
    """The tax and benefit system, and its enumerations by fact."""
    import numpy as np
    from openfisca_core import entities, indexed_enums, parameters, periods, taxbenefitsystems, variables

    f, more = figures(program), further(program)
    person_entity = entities.build_entity("person", "persons", "a person", is_person=True)
    household_entity = entities.build_entity(
        "household", "households", "a household", roles=[{"key": "member", "plural": "members"}]
    )
    system = taxbenefitsystems.TaxBenefitSystem([person_entity, household_entity])
    month = periods.DateUnit.MONTH
    enums = {
        fact.name: indexed_enums.Enum(
            fact.name, {value: value for value in program.rulebook.choices[fact.type.choices].values}
        )
        for fact in program.rulebook.facts.values()
        if fact.name in (*MEMBER_FACTS, *HOUSEHOLD_FACTS) and fact.type.choices
    }
    dated = {
        name: {key: _value(amount) for key, amount in value.items()} if isinstance(value, dict) else _value(value)
        for name, value in f.items()
        if not isinstance(value, list)
    }
    system.parameters = parameters.ParameterNode("", data=dated)

    def declare(name: str, entity: Any, kind: Any, formula: Callable[..., Any] | None = None, **more: Any) -> None:
        body = {"value_type": kind, "entity": entity, "definition_period": month, "label": name, **more}
        if formula is not None:
            body["formula"] = formula
        system.add_variable(type(name, (variables.Variable,), body))

    for level, facts in ((person_entity, MEMBER_FACTS), (household_entity, HOUSEHOLD_FACTS)):
        for name in facts:
            if name in enums:
                first = next(iter(enums[name]))
                declare(name, level, indexed_enums.Enum, possible_values=enums[name], default_value=first)
            else:
                kind = bool if program.rulebook.facts[name].type.base == "yes_no" else int
                declare(name, level, kind)
    for name in RECEIVED:
        declare(f"receives_{name}", household_entity, bool)
    for name in KINDS:
        declare(f"disabled_{name}", person_entity, bool)

    def rule(entity: Any, kind: Any = int) -> Callable[[Callable[..., Any]], None]:
        def take(formula: Callable[..., Any]) -> None:
            declare(formula.__name__, entity, kind, formula)

        return take

    def big(array: Any) -> Any:
        return array.astype(np.int64)

    def banded(name: str, key: Any) -> Any:
        starts, values = (np.array(column) for column in zip(*f[name], strict=True))
        at = np.searchsorted(starts, key, side="right") - 1
        found = values[at]
        if name in more:
            found = found + np.where(at == len(starts) - 1, more[name] * (key - starts[-1]), 0)
        return found

    def nearest(n: Any, d: int) -> Any:
        return (2 * n + d) // (2 * d)

    def total(household: Any, name: str, period: Any) -> Any:
        people = household.members
        return big(household.sum(people(name, period) * people("counted", period)))

    # -- derived facts --

    @rule(person_entity)
    def age(person: Any, period: Any) -> Any:
        return np.maximum(0, (2025_08_01 - person("birth_date", period)) // 10_000)

    @rule(person_entity, bool)
    def counted(person: Any, period: Any) -> Any:
        return ~person("lives_apart", period)

    @rule(person_entity, bool)
    def severe(person: Any, period: Any) -> Any:
        grade, grades = person("disability_grade", period), enums["disability_grade"]
        return (grade == grades.grade_1) | (grade == grades.grade_2)

    @rule(person_entity)
    def borne(person: Any, period: Any) -> Any:
        return np.maximum(0, person("medical_costs", period) - person("insurance_paid", period))

    @rule(household_entity)
    def size(household: Any, period: Any) -> Any:
        return household.sum(household.members("counted", period))

    @rule(household_entity)
    def household_income(household: Any, period: Any) -> Any:
        return total(household, "income", period)

    @rule(household_entity)
    def children(household: Any, period: Any, given: Any) -> Any:
        people = household.members
        return household.sum(people("counted", period) & (people("age", period) < given(period).child_age))

    @rule(household_entity)
    def helpers_there(household: Any, period: Any, given: Any) -> Any:
        people = household.members
        adult = people("age", period) >= given(period).child_age
        return household.sum(
            people("counted", period) & adult & (people("care_level", period) == enums["care_level"].none)
        )

    @rule(household_entity, bool)
    def local_household(household: Any, period: Any) -> Any:
        people = household.members
        return household.any(people("counted", period) & (people("hukou", period) == enums["hukou"].here))

    @rule(household_entity, bool)
    def saved(household: Any, period: Any) -> Any:
        heads = big(household("size", period))
        return total(household, "savings", period) < banded("savings_limit", heads) * heads

    @rule(household_entity, bool)
    def hard_up(household: Any, period: Any, given: Any) -> Any:
        costs = big(household("yearly_medical_costs", period)) + household("yearly_education_costs", period)
        left = np.maximum(0, 12 * big(household("household_income", period)) - costs)
        return left < given(period).living_standard * 12 * big(household("size", period))

    def below(household: Any, period: Any, line: int, or_at: bool = False) -> Any:
        income, limit = household("household_income", period), line * big(household("size", period))
        return income <= limit if or_at else income < limit

    def has(population: Any, name: str, period: Any) -> Any:
        return population(name, period) >= 0

    def paid(met: Any, amount: Any) -> Any:
        return np.where(met, amount, -1)

    # -- household policies --

    @rule(household_entity)
    def minimum_living(household: Any, period: Any, given: Any) -> Any:
        standard = given(period).living_standard
        met = household("local_household", period) & below(household, period, standard) & household("saved", period)
        met = met & ~household("owns_car", period) & (household("homes", period) <= 1)
        return paid(met, standard * big(household("size", period)) - household("household_income", period))

    @rule(household_entity)
    def low_income(household: Any, period: Any, given: Any) -> Any:
        met = household("local_household", period) & ~has(household, "minimum_living", period)
        met = met & below(household, period, given(period).low_income_line) & household("saved", period)
        return paid(met & ~household("owns_car", period), 0)

    @rule(household_entity)
    def expenditure_hardship(household: Any, period: Any) -> Any:
        met = household("local_household", period) & household("hard_up", period) & household("saved", period)
        return paid(met & ~has(household, "minimum_living", period) & ~has(household, "low_income", period), 0)

    @rule(household_entity, bool)
    def aided(household: Any, period: Any) -> Any:
        """holds(minimum_living) or holds(low_income)"""
        held = has(household, "minimum_living", period) | has(household, "low_income", period)
        return held | household("receives_minimum_living", period) | household("receives_low_income", period)

    @rule(household_entity)
    def temporary_relief(household: Any, period: Any, given: Any) -> Any:
        g = given(period)
        spent = big(household("yearly_medical_costs", period)) * 10_000
        heavy = spent > g.relief_share * 12 * big(household("household_income", period))
        met = (household("homes", period) <= 1) & (household("hard_up", period) | heavy)
        return paid(met, g.living_standard * g.relief_months * np.minimum(household("size", period), g.relief_heads))

    @rule(household_entity)
    def rent_subsidy(household: Any, period: Any, given: Any) -> Any:
        g, heads = given(period), big(household("size", period))
        within = total(household, "savings", period) <= banded("savings_limit", heads) * heads
        met = (
            (household("housing", period) == enums["housing"].rented)
            & within
            & below(household, period, g.rent_income_limit, True)
        )
        share = np.where(has(household, "minimum_living", period), g.rent_share_full, g.rent_share)
        return paid(met, nearest(np.minimum(household("rent", period), banded("rent_cap", heads)) * share, 10_000))

    @rule(household_entity)
    def heating_grant(household: Any, period: Any) -> Any:
        return paid(household("aided", period), banded("heating_rate", big(household("size", period))))

    @rule(household_entity)
    def utility_rebate(household: Any, period: Any, given: Any) -> Any:
        g = given(period)
        met = has(household, "minimum_living", period) | has(household, "low_income", period)
        met = met | household.any(has(household.members, "destitute_support", period))
        return paid(met, g.utility_rate * np.minimum(household("size", period), g.utility_heads))

    @rule(household_entity)
    def large_family_grant(household: Any, period: Any, given: Any) -> Any:
        g, young = given(period), household("children", period)
        met = (young >= g.large_family) & below(household, period, g.low_income_line)
        return paid(met, g.child_rate * (young - 2))

    @rule(household_entity)
    def older_household_service(household: Any, period: Any, given: Any) -> Any:
        people = household.members
        old = (people("age", period) >= given(period).old_age) | people("severe", period)
        return paid(household.all(~people("counted", period) | old) & ~household("owns_car", period), 0)

    @rule(household_entity)
    def housing_referral(household: Any, period: Any, given: Any) -> Any:
        met = (household("homes", period) == 0) & (household("housing", period) != enums["housing"].owned)
        met = met & below(household, period, given(period).rent_income_limit, True)
        return paid(met & (household("children", period) > 0), 0)

    @rule(household_entity)
    def work_service(household: Any, period: Any, given: Any) -> Any:
        g, people = given(period), household.members
        years = people("age", period)
        idle = people("counted", period) & (people("employment", period) == enums["employment"].unemployed)
        found = household.any(idle & (years >= g.child_age) & (years < g.old_age))
        return paid(found & (household("aided", period) | has(household, "expenditure_hardship", period)), 0)

    # -- member policies --

    def here(person: Any, period: Any) -> Any:
        return person("hukou", period) == enums["hukou"].here

    @rule(person_entity)
    def destitute_support(person: Any, period: Any, given: Any) -> Any:
        g, years = given(period), person("age", period)
        kind = (years >= g.old_age) | (years < g.child_age) | person("severe", period)
        met = (
            here(person, period)
            & kind
            & ~person("supporter_able", period)
            & (person("income", period) < g.living_standard)
        )
        return paid(met, g.destitute_rate[person("care_level", period)])

    @rule(person_entity)
    def elder_allowance(person: Any, period: Any, given: Any) -> Any:
        years = person("age", period)
        return paid(here(person, period) & (years >= given(period).elder_age), banded("elder_rate", years))

    @rule(person_entity)
    def elder_care_subsidy(person: Any, period: Any, given: Any) -> Any:
        g, care, home = given(period), person("care_level", period), person.household
        low = np.where(has(home, "low_income", period), g.care_share_low, g.care_share_basic)
        share = np.where(has(home, "minimum_living", period), g.care_share_full, low)
        met = (person("age", period) >= g.old_age) & (
            (care == enums["care_level"].medium) | (care == enums["care_level"].heavy)
        )
        return paid(met, nearest(big(g.elder_care_rate[care]) * share, 10_000))

    @rule(person_entity)
    def disability_living(person: Any, period: Any, given: Any) -> Any:
        grade = person("disability_grade", period)
        met = (grade != enums["disability_grade"].none) & person("counted", period) & person.household("aided", period)
        return paid(met & ~has(person, "destitute_support", period), given(period).disability_living_rate[grade])

    @rule(person_entity)
    def disability_nursing(person: Any, period: Any, given: Any) -> Any:
        grade = person("disability_grade", period)
        kind = person("disabled_mental", period) | person("disabled_intellectual", period)
        met = person("severe", period) | (kind & (grade == enums["disability_grade"].grade_3))
        return paid(met & ~has(person, "destitute_support", period), given(period).nursing_rate[grade])

    @rule(person_entity)
    def jobless_severe(person: Any, period: Any, given: Any) -> Any:
        g, years = given(period), person("age", period)
        met = (
            person("severe", period)
            & (person("employment", period) == enums["employment"].unemployed)
            & here(person, period)
        )
        met = met & (years >= g.child_age) & (years < g.old_age) & (person("income", period) < g.living_standard)
        return paid(met, nearest(g.living_standard * g.jobless_factor, 10_000) * 100)

    @rule(person_entity)
    def child_support(person: Any, period: Any, given: Any) -> Any:
        g = given(period)
        met = (person("age", period) < g.child_age) & person("counted", period)
        met = met & (person.household("aided", period) | has(person, "destitute_support", period))
        disabled = person("disability_grade", period) != enums["disability_grade"].none
        return paid(met, g.child_support_rate + np.where(disabled, g.disabled_child_extra, 0))

    @rule(person_entity)
    def school_aid(person: Any, period: Any, given: Any) -> Any:
        stage, home = person("schooling", period), person.household
        poor = home("household_income", period) < given(period).low_income_line * big(home("size", period))
        met = (stage != enums["schooling"].none) & (home("aided", period) | poor)
        return paid(met, given(period).school_rate[stage])

    @rule(person_entity)
    def university_grant(person: Any, period: Any, given: Any) -> Any:
        g, home = given(period), person.household
        met = (person("schooling", period) == enums["schooling"].university) & (
            person("age", period) <= g.university_age
        )
        return paid(met & (home("aided", period) | has(home, "expenditure_hardship", period)), g.university_sum)

    @rule(person_entity)
    def medical_aid(person: Any, period: Any, given: Any) -> Any:
        g, home, costs = given(period), person.household, big(person("borne", period))
        destitute = has(person, "destitute_support", period)
        low = np.where(has(home, "low_income", period), g.medical_share_low, g.medical_share_hard)
        living = np.where(has(home, "minimum_living", period), g.medical_share_living, low)
        share = np.where(destitute, g.medical_share_full, living)
        met = (costs > 0) & (destitute | home("aided", period) | has(home, "expenditure_hardship", period))
        return paid(
            met, nearest(np.minimum(g.medical_cap * 10_000, np.maximum(0, costs - g.medical_floor) * share), 10_000)
        )

    @rule(person_entity)
    def serious_illness_relief(person: Any, period: Any, given: Any) -> Any:
        g, home, costs = given(period), person.household, big(person("borne", period))
        poor = home("household_income", period) <= g.rent_income_limit * big(home("size", period))
        above = np.maximum(0, costs - g.serious_floor)
        slices = [*f["serious_share"], (2**60, 0)]
        worked = sum(np.clip(above - start, 0, end - start) * share for (start, share), (end, _) in pairwise(slices))
        return paid(person("counted", period) & (costs > g.serious_floor) & poor, worked // 1_000_000 * 100)

    @rule(person_entity)
    def veteran_grant(person: Any, period: Any, given: Any) -> Any:
        g = given(period)
        met = person("veteran", period) & (person("age", period) >= g.old_age) & here(person, period)
        return paid(met, 12 * g.veteran_rate)

    @rule(person_entity)
    def premium_aid(person: Any, period: Any, given: Any) -> Any:
        g, home = given(period), person.household
        share = np.where(has(home, "expenditure_hardship", period), g.premium_share_hard, 0)
        share = np.where(has(home, "low_income", period), g.premium_share_low, share)
        share = np.where(has(home, "minimum_living", period), g.premium_share_living, share)
        return paid(person("counted", period) & (share > 0), -(-g.premium * share // 100_000) * 10)

    @rule(person_entity)
    def respite_care(person: Any, period: Any, given: Any) -> Any:
        few = person.household("helpers_there", period) <= given(period).helpers
        return paid((person("care_level", period) == enums["care_level"].heavy) & few, 0)

    return system, enums


def _value(amount: int) -> dict[str, Any]:
    return {"values": {"2020-01-01": {"value": amount}}}


class OpenFisca(Peer):
    name = "OpenFisca-Core"
    how = "a simulation built from the documented JSON of one household, every rule calculated"
    packages = ("OpenFisca-Core",)

    def __init__(self, program: Program):
        try:
            from openfisca_core.simulations import SimulationBuilder

            self.system, self.enums = country(program)
        except ImportError as error:
            raise NotInstalled(*self.packages) from error
        self.builder = SimulationBuilder
        self.policies = {name: program.rulebook.level(name) for name in program.rulebook.ids()}

    def prepare(self, facts: Facts) -> Any:
        people = {m["id"]: {k: {PERIOD: v} for k, v in _member_inputs(m).items()} for m in facts["members"]}
        home = {k: {PERIOD: v} for k, v in _household_inputs(facts).items()}
        return {"persons": people, "households": {"home": {"members": list(people), **home}}}

    def decide(self, prepared: Any) -> dict[str, Any]:
        simulation = self.builder().build_from_entities(self.system, prepared)
        return {name: simulation.calculate(name, PERIOD) for name in self.policies}

    def answers(self, decided: Any, facts: Facts) -> Answers:
        ids = [member["id"] for member in facts["members"]]
        return {
            (name, who): _answer(amount)
            for name, level in self.policies.items()
            for who, amount in zip([""] if level == "household" else ids, decided[name], strict=True)
        }


class OpenFiscaBatch(OpenFisca):
    """Many households in one simulation, set as arrays: how OpenFisca is used for a population."""

    name = "OpenFisca-Core, arrays"
    how = "one simulation over arrays, every rule calculated; arrays made beforehand"

    def prepare_many(self, households: Sequence[Facts]) -> Any:
        """The arrays of many households, in order."""
        import numpy as np

        people = [member for facts in households for member in facts["members"]]
        home_of = np.array([n for n, facts in enumerate(households) for _ in facts["members"]])
        arrays: dict[str, Any] = {}
        for rows in ([_member_inputs(m) for m in people], [_household_inputs(h) for h in households]):
            for name in rows[0]:
                values = [row[name] for row in rows]
                if name in self.enums:
                    place = {choice.name: number for number, choice in enumerate(self.enums[name])}
                    arrays[name] = np.array([place[value] for value in values])
                else:
                    arrays[name] = np.array(values)
        return len(households), home_of, arrays

    def prepare(self, facts: Facts) -> Any:
        return self.prepare_many([facts])

    def decide(self, prepared: Any) -> dict[str, Any]:
        count, home_of, arrays = prepared
        builder = self.builder()
        builder.create_entities(self.system)
        builder.declare_person_entity("person", range(len(home_of)))
        homes = builder.declare_entity("household", range(count))
        builder.join_with_persons(homes, home_of, roles=["member"] * len(home_of))
        simulation = builder.build(self.system)
        for name, values in arrays.items():
            simulation.set_input(name, PERIOD, values)
        return {name: simulation.calculate(name, PERIOD) for name in self.policies}

    def answers_of_many(self, decided: Any, households: Sequence[Facts]) -> list[Answers]:
        """The answers of each household of a batch."""
        found: list[Answers] = []
        at = 0
        for number, facts in enumerate(households):
            members = len(facts["members"])
            part = {
                name: decided[name][number : number + 1] if level == "household" else decided[name][at : at + members]
                for name, level in self.policies.items()
            }
            found.append(self.answers(part, facts))
            at += members
        return found


def _member_inputs(member: Facts) -> dict[str, Any]:
    kinds = {f"disabled_{name}": name in member["disability_kinds"] for name in KINDS}
    return {**{name: member[name] for name in MEMBER_FACTS}, **kinds}


def _household_inputs(facts: Facts) -> dict[str, Any]:
    received = {f"receives_{name}": name in facts["receiving"] for name in RECEIVED}
    return {**{name: facts[name] for name in HOUSEHOLD_FACTS}, **received}


def _answer(amount: int) -> tuple[bool, int]:
    return bool(amount >= 0), max(0, int(amount))


def peers(program: Program) -> list[Peer]:
    return [OpenFisca(program), OpenFiscaBatch(program)]
