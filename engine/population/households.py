"""Who lives where and with whom: the first draws of a household, and its facts once its members are known."""

from __future__ import annotations

from decimal import Decimal

from engine.population.draws import WHOLE, Draws, part
from engine.population.marginals import Marginals
from engine.population.steps import Steps

MOST_MEMBERS = 7  # a person's key is eight times the household's number and the place in the household
SMALLER = {"three_generations": 4, "adult_with_parents": 2, "grandparents": 2, "flatmates": 2}
SIZES = {
    "single_old": 1,
    "single_adult": 1,
    "couple_old": 2,
    "couple": 2,
    "couple_child": 3,
    "couple_children": 4,
    "single_parent": 2,
}


def first(marginals: Marginals, seed: int, low: int, high: int) -> str:
    """The households numbered from low up to high: where, what kind, how many, the ages that hang together."""
    draws = Draws(seed)
    steps = Steps(f"SELECT range AS n, range::UBIGINT * 8 AS key FROM range({low}, {high})", draws)
    steps.add(
        district=draws.pick("district", marginals["districts.shares"]),
        kind=draws.pick("kind", marginals["kinds.shares"]),
        wealth=draws.roll("wealth"),
        child_age=draws.band("child age", marginals["children.bands"]),
        elder_age=draws.band("elder age", marginals["older.bands"]),
        adult_age=draws.band("adult age", marginals["adults.bands"]),
        gap=draws.between("birth age", **marginals["family.birth_age"]),
        elder_gap=draws.between("elder birth age", **marginals["family.elder_birth_age"]),
        spouse_gap=draws.between("spouse gap", **marginals["family.spouse_gap"]),
        sibling_gap=draws.between("sibling gap", 2, 6),
    )
    steps.step()
    smaller = {kind: draws.chance(f"size of {kind}", marginals[f"sizes.shares.{kind}"]) for kind in SMALLER}
    sizes = [f"WHEN '{kind}' THEN {size}" for kind, size in SIZES.items()]
    sizes += [f"WHEN '{kind}' THEN {size + 1} - {smaller[kind]}::INTEGER" for kind, size in SMALLER.items()]
    mixed = {
        kind: draws.of(
            draws.roll("hukou"), [("'shanghai'", each["shanghai"]), ("'mixed'", each["mixed"]), ("'elsewhere'", 0)]
        )
        for kind, each in marginals["household_hukou.shares"].items()
    }
    ways = " ".join(f"WHEN '{kind}' THEN {sql}" for kind, sql in mixed.items())
    outer = ", ".join(f"'{name}'" for name in marginals["rural.districts"])
    place = draws.between("place", 1, marginals["subdistricts.others"])
    steps.add(
        size=f"(CASE kind {' '.join(sizes)} END)",
        household_hukou=f"(CASE kind {ways} END)",
        rural=f"(district IN ({outer}) AND {draws.chance('rural', marginals['rural.share'])})",
        subdistrict=f"(CASE WHEN district = 'changning' THEN {_named(draws, marginals)} ELSE 'synthetic-' || district || '-' || lpad({place}::VARCHAR, 2, '0') END)",
    )
    steps.step()
    return f"SELECT n, key, district, kind, wealth, child_age, elder_age, adult_age, gap, elder_gap, spouse_gap, sibling_gap, size, household_hukou, rural, subdistrict FROM ({steps.sql})"


def _named(draws: Draws, marginals: Marginals) -> str:
    names = marginals["subdistricts.changning"]
    listed = ", ".join(f"'{name}'" for name in names)
    return f"([{listed}])[{draws.between('Changning place', 1, len(names))}]"


# what a household's facts need to know of its members
ABOUT = {
    "members": "count(*)",
    "fen": "sum(labour_fen + other_fen)",
    "labour_fen": "sum(labour_fen)",
    "savings_fen": "sum(savings_fen)",
    "medical_fen": "sum(self_paid_fen)",
    "schooling_fen": "sum(schooling_fen)",
    "old": "bool_or(age >= 60)",
    "hurt": "bool_or(disability_grade <> 'none' AND list_has_any(disability_kinds, ['physical', 'visual']))",
    "local": "bool_or(hukou = 'shanghai')",
    "oldest": "max(age)",
}


def last(marginals: Marginals, seed: int, before: str, members: str) -> Steps:
    """The facts of households. `before`: what `first` made, `members`: the persons with what ABOUT reads."""
    about = ", ".join(f"{sql} AS {name}" for name, sql in ABOUT.items())
    draws = Draws(seed)
    steps = Steps(f"SELECT * FROM ({before}) JOIN (SELECT n, {about} FROM ({members}) GROUP BY n) USING (n)", draws)
    rare = marginals["rare"]
    property_, means = marginals["property"], draws.roll

    def homes(whose: str) -> str:
        return draws.pick("homes", property_[f"homes_{whose}"])

    steps.add(
        poor=f"(wealth < {int(WHOLE * 0.15)})",
        homes_owned=f"(CASE WHEN local THEN {homes('shanghai')} ELSE {homes('elsewhere')} END)",
        sudden_event=draws.pick("sudden event", marginals["sudden_event.shares"]),
        disaster_struck=draws.chance("disaster", rare["disaster_struck"]),
        u_car=means("car"),
        u_shop=means("shop"),
        in_difficulty=draws.chance("in difficulty", rare["living_in_difficulty"]),
        adaptation_wanted=f"(old AND {draws.chance('adaptation', rare['adaptation_wanted'])})",
        adaptation_bill=draws.between("adaptation bill", 1500, 16000),
        area_each=draws.between("area", **property_["living_area_per_person"]),
        years=draws.between("hukou years", 1, 60),
        here=draws.between("years here", 1, 60),
        damage=draws.pick("damage", marginals["home_damage.shares"]),
    )
    steps.step()
    car, shop = property_["owns_car"], property_["owns_nonresidential"]
    steps.add(
        owns_car=f"(u_car < CASE WHEN poor THEN {part(car * Decimal('0.25'))} ELSE {part(car * Decimal('1.13'))} END)",
        owns_nonresidential=f"(u_shop < CASE WHEN poor THEN {part(shop * Decimal('0.10'))} ELSE {part(shop * Decimal('1.16'))} END)",
        recent_income=money("fen * 3"),
        recent_medical_costs=money("medical_fen // 4"),
        recent_education_costs=money("schooling_fen // 4"),
        yearly_income=money("fen * 12"),
        yearly_medical_costs=money("medical_fen"),
        living_in_difficulty=f"(sudden_event <> 'none' AND {draws.chance('difficulty', '0.30')} OR in_difficulty)",
        family_support_missing=draws.chance("no support", rare["family_support_missing"]),
        needs_barrier_free=f"(hurt AND {draws.chance('barrier-free', rare['needs_barrier_free'])})",
        adaptation_permitted=draws.chance("permitted", rare["adaptation_permitted"]),
        adaptation_cost=money("CASE WHEN adaptation_wanted THEN adaptation_bill * 100 ELSE 0 END"),
        adaptation_paid=money(
            f"CASE WHEN adaptation_wanted AND {draws.chance('paid before', rare['adaptation_paid'])} THEN 200000 ELSE 0 END"
        ),
        street_confirmed_need=f"(old AND {draws.chance('confirmed', rare['street_confirmed_need'])})",
        still_in_difficulty=draws.chance("still", rare["still_in_difficulty"]),
        disaster_danger_over=f"(NOT disaster_struck OR {draws.chance('over', rare['disaster_danger_over'])})",
        home_damage="(CASE WHEN disaster_struck THEN damage ELSE 'none' END)",
        winter_spring_difficulty=f"(disaster_struck AND {draws.chance('winter', rare['winter_spring_difficulty'])})",
        living_area="(area_each * members)::DECIMAL(8, 2)",
        household_property=money("savings_fen + CASE homes_owned WHEN 'more' THEN 200000000 ELSE 0 END"),
        city_hukou_years="(CASE WHEN local AND NOT rural THEN least(years, oldest) ELSE 0 END)::SMALLINT",
        place_hukou_years="(CASE WHEN local THEN least(here, years, oldest) ELSE 0 END)::SMALLINT",
        home_given_up_recently=draws.chance("given up", rare["home_given_up_recently"]),
        single_status_settled=f"(kind IN ('single_old', 'single_adult', 'single_parent') AND {draws.chance('settled', rare['single_status_settled'])})",
        rural_household="rural",
        homestead_house_dangerous=f"(rural AND local AND {draws.chance('dangerous', rare['homestead_house_dangerous'])})",
        receiving=_receiving(draws, marginals),
    )
    steps.step()
    return steps


def money(fen: str) -> str:
    """A sum in fen as an exact decimal in yuan."""
    return f"(({fen})::DECIMAL(13, 0) * 0.01::DECIMAL(2, 2))::DECIMAL(11, 2)"


def _receiving(draws: Draws, marginals: Marginals) -> str:
    told = marginals["receiving"]
    poor = f"local AND savings_fen < members * {told['savings'] * 100}"
    dibao = f"{poor} AND fen < members * {told['dibao_line'] * 100}"
    low = f"{poor} AND fen < members * {told['low_income_line'] * 100}"
    first, second = told["dibao"], told["low_income"]
    return (
        f"(CASE WHEN {dibao} AND NOT owns_car AND {draws.chance('draws dibao', first['share'])} THEN ['{first['policy']}'] "
        f"WHEN {low} AND NOT ({dibao}) AND {draws.chance('draws low income', second['share'])} THEN ['{second['policy']}'] "
        "ELSE [] END)"
    )


FACTS = [
    "district",
    "subdistrict",
    "owns_car",
    "owns_nonresidential",
    "homes_owned",
    "recent_income",
    "recent_medical_costs",
    "recent_education_costs",
    "yearly_income",
    "yearly_medical_costs",
    "sudden_event",
    "living_in_difficulty",
    "family_support_missing",
    "needs_barrier_free",
    "adaptation_permitted",
    "adaptation_cost",
    "adaptation_paid",
    "street_confirmed_need",
    "still_in_difficulty",
    "disaster_struck",
    "disaster_danger_over",
    "home_damage",
    "winter_spring_difficulty",
    "living_area",
    "household_property",
    "city_hukou_years",
    "place_hukou_years",
    "home_given_up_recently",
    "single_status_settled",
    "rural_household",
    "homestead_house_dangerous",
]
