"""The twenty-five rules as one hand-written Python function: exact integers, nothing unknown, no reasons kept.

This is what is left when the rules are programmed instead of written down: a floor for what Python can do. Money is in
fen, dates are yyyymmdd, shares are parts of ten thousand.
"""

from __future__ import annotations

from typing import Any

from bench.peers import Answers, Facts, Peer

ON = 2025_08_01
STANDARD, LOW_LINE, RENT_LINE = 150_000, 240_000, 360_000
CHILD, OLD, ELDER = 18, 60, 65
RENT_CAPS = {1: 120_000, 2: 180_000, 3: 240_000}
CARE_RATES = {"none": 0, "light": 0, "medium": 96_000, "heavy": 154_000}
DESTITUTE_RATES = {"none": 210_000, "light": 250_000, "medium": 310_000, "heavy": 390_000}
LIVING_RATES = {"none": 0, "grade_1": 45_000, "grade_2": 45_000, "grade_3": 32_000, "grade_4": 32_000}
NURSING_RATES = {"none": 0, "grade_1": 30_000, "grade_2": 15_000, "grade_3": 15_000, "grade_4": 0}
SCHOOL_RATES = {"none": 0, "compulsory": 100_000, "secondary": 250_000, "university": 400_000}


def decide(household: Facts) -> list[tuple[str, str, bool, int]]:
    """Every policy for its household or each member: (policy, member, eligible, fen)."""
    # -- the household as it counts --
    size = income = savings = children = helpers = 0
    local = jobless = child_here = destitute_here = False
    all_old = True
    people = []
    for m in household["members"]:
        born = m["birth_date"]
        age = (ON - born) // 10_000 if born <= ON else 0
        grade, care = m["disability_grade"], m["care_level"]
        severe = grade in ("grade_1", "grade_2")
        here = m["hukou"] == "here"
        counted = not m["lives_apart"]
        destitute = (
            here and (age >= OLD or age < CHILD or severe) and not m["supporter_able"] and m["income"] < STANDARD
        )
        destitute_here = destitute_here or destitute
        if counted:
            size += 1
            income += m["income"]
            savings += m["savings"]
            local = local or here
            all_old = all_old and (age >= OLD or severe)
            if age < CHILD:
                children += 1
                child_here = True
            else:
                helpers += care == "none"
                jobless = jobless or (m["employment"] == "unemployed" and age < OLD)
        people.append((m, age, grade, care, severe, here, counted, destitute))
    medical, rent, car = household["yearly_medical_costs"], household["rent"], household["owns_car"]
    left = max(0, 12 * income - medical - household["yearly_education_costs"])
    limit = (4_500_000 if size < 3 else 3_800_000) * size
    saved = savings < limit
    hard_up = left < STANDARD * 12 * size
    receiving = household["receiving"]

    # -- household policies --
    living = local and income < STANDARD * size and saved and not car and household["homes"] <= 1
    low = local and not living and income < LOW_LINE * size and saved and not car
    hardship = local and not living and not low and hard_up and saved
    relief = household["homes"] <= 1 and (hard_up or medical * 10_000 > 6_000 * 12 * income)
    rents = household["housing"] == "rented" and income <= RENT_LINE * size and savings <= limit
    cap = RENT_CAPS[size] if size <= 3 else 240_000 + 25_000 * (size - 3)
    heating = living or low or "minimum_living" in receiving or "low_income" in receiving
    utility = living or low or destitute_here
    many = children >= 3 and income < LOW_LINE * size
    homeless = household["homes"] == 0 and household["housing"] != "owned" and income <= RENT_LINE * size and child_here
    found = [
        ("minimum_living", "", living, STANDARD * size - income if living else 0),
        ("low_income", "", low, 0),
        ("expenditure_hardship", "", hardship, 0),
        ("temporary_relief", "", relief, STANDARD * 3 * min(size, 4) if relief else 0),
        (
            "rent_subsidy",
            "",
            rents,
            (2 * min(rent, cap) * (8_500 if living else 4_500) + 10_000) // 20_000 if rents else 0,
        ),
        ("heating_grant", "", heating, (60_000 if size < 3 else 90_000 + 12_050 * (size - 3)) if heating else 0),
        ("utility_rebate", "", utility, 3_550 * min(size, 5) if utility else 0),
        ("large_family_grant", "", many, 30_000 * (children - 2) if many else 0),
        ("older_household_service", "", all_old and not car, 0),
        ("housing_referral", "", homeless, 0),
        ("work_service", "", jobless and (heating or hardship), 0),
    ]

    # -- member policies --
    poor = living or low or hardship
    care_share = 10_000 if living else 8_000 if low else 3_500
    medical_share = 9_000 if living else 8_000 if low else 5_500
    premium = 10_000 if living else 6_500 if low else 3_330 if hardship else 0
    for m, age, grade, care, severe, here, counted, destitute in people:
        name, stage = m["id"], m["schooling"]
        borne = max(0, m["medical_costs"] - m["insurance_paid"])
        elder = here and age >= ELDER
        cared = age >= OLD and care in ("medium", "heavy")
        disabled = grade != "none" and counted and heating and not destitute
        kinds = m["disability_kinds"]
        nursed = (severe or (("mental" in kinds or "intellectual" in kinds) and grade == "grade_3")) and not destitute
        idle = severe and m["employment"] == "unemployed" and CHILD <= age < OLD and here and m["income"] < STANDARD
        child = age < CHILD and counted and (heating or destitute)
        pupil = stage != "none" and (heating or income < LOW_LINE * size)
        student = stage == "university" and age <= 26 and (heating or hardship)
        treated = borne > 0 and (destitute or heating or hardship)
        share = 10_000 if destitute else medical_share
        serious = counted and borne > 2_000_000 and income <= RENT_LINE * size
        above = max(0, borne - 2_000_000)
        sliced = (
            min(above, 3_000_000) * 5_000
            + max(0, min(above, 8_000_000) - 3_000_000) * 6_000
            + max(0, above - 8_000_000) * 7_500
        )
        veteran = m["veteran"] and age >= OLD and here
        insured = counted and poor
        found += [
            ("destitute_support", name, destitute, DESTITUTE_RATES[care] if destitute else 0),
            ("elder_allowance", name, elder, _elder_rate(age) if elder else 0),
            ("elder_care_subsidy", name, cared, (2 * CARE_RATES[care] * care_share + 10_000) // 20_000 if cared else 0),
            ("disability_living", name, disabled, LIVING_RATES[grade] if disabled else 0),
            ("disability_nursing", name, nursed, NURSING_RATES[grade] if nursed else 0),
            ("jobless_severe", name, idle, 195_000 if idle else 0),
            ("child_support", name, child, 190_000 + (26_000 if grade != "none" else 0) if child else 0),
            ("school_aid", name, pupil, SCHOOL_RATES[stage] if pupil else 0),
            ("university_grant", name, student, 600_000 if student else 0),
            (
                "medical_aid",
                name,
                treated,
                (2 * min(130_000_000_000, max(0, borne - 150_000) * share) + 10_000) // 20_000 if treated else 0,
            ),
            ("serious_illness_relief", name, serious, sliced // 1_000_000 * 100 if serious else 0),
            ("veteran_grant", name, veteran, 144_000 if veteran else 0),
            ("premium_aid", name, insured, -(-75_500 * premium // 100_000) * 10 if insured else 0),
            ("respite_care", name, care == "heavy" and helpers <= 1, 0),
        ]
    return found


def _elder_rate(age: int) -> int:
    if age < 70:
        return 7_500
    return 15_000 if age < 80 else 18_000 if age < 90 else 35_000 if age < 100 else 60_000


class Flat(Peer):
    name = "flat Python"
    how = "one hand-written function on plain dicts; nothing unknown, no reasons"

    def prepare(self, facts: Facts) -> Facts:
        return facts

    def decide(self, prepared: Facts) -> list[tuple[str, str, bool, int]]:
        return decide(prepared)

    def answers(self, decided: Any, facts: Facts) -> Answers:
        return {(policy, member): (eligible, fen) for policy, member, eligible, fen in decided}
