"""The members of households and all that is known of them, drawn in the order in which one thing hangs on another."""

from __future__ import annotations

from typing import Any

from engine.population.draws import WHOLE, Draws, part
from engine.population.households import money
from engine.population.marginals import Marginals
from engine.population.steps import Steps

# place in the household -> role, for every kind of household
ROLES = {
    "couple_old": ["spouse"],
    "couple": ["spouse"],
    "couple_child": ["spouse", "child"],
    "couple_children": ["spouse", "child", "child"],
    "single_parent": ["child"],
    "three_generations": ["spouse", "child", "elder", "elder"],
    "adult_with_parents": ["elder", "elder"],
    "grandparents": ["grandchild", "spouse"],
    "flatmates": ["other", "other"],
}


def members(before: str) -> str:
    """One row for each member of each household, with a key of its own."""
    return f"SELECT *, key + k::UBIGINT AS own FROM (SELECT *, unnest(range(1, size + 1)) AS k FROM ({before}))"


def persons(marginals: Marginals, seed: int, before: str) -> Steps:
    """Every member with every fact a register may hold. `before`: the relation `households.first` made."""
    m, draws = marginals, Draws(seed)
    steps = Steps(f"SELECT * REPLACE (own AS key) FROM ({members(before)})", draws)
    rare = m["rare"]
    of_place = " ".join(
        f"WHEN '{kind}' THEN (['self', {', '.join(repr(role) for role in roles)}])[k]" for kind, roles in ROLES.items()
    )
    steps.add(
        role=f"(CASE kind {of_place} ELSE 'self' END)",
        mate_age=draws.band("flatmate age", m["adults.bands"]),
        u_sex=draws.roll("sex"),
        days=draws.between("birthday", 0, 363),
    )
    steps.step()
    # ---- age ----
    steps.add(
        self_age=(
            "(CASE kind WHEN 'single_old' THEN elder_age WHEN 'couple_old' THEN elder_age "
            "WHEN 'adult_with_parents' THEN greatest(18, elder_age - elder_gap) WHEN 'grandparents' THEN least(child_age, 17) + gap + elder_gap "
            "WHEN 'single_adult' THEN adult_age WHEN 'couple' THEN greatest(21, adult_age) WHEN 'flatmates' THEN mate_age ELSE child_age + gap END)"
        )
    )
    steps.step()
    steps.add(
        age=(
            "(CASE role WHEN 'self' THEN self_age "
            "WHEN 'spouse' THEN greatest(CASE WHEN kind = 'couple_old' THEN 60 ELSE 20 END, self_age + spouse_gap) "
            "WHEN 'child' THEN CASE WHEN k = 4 THEN greatest(0, child_age - sibling_gap) ELSE child_age END "
            "WHEN 'grandchild' THEN least(child_age, 17) "
            "WHEN 'elder' THEN CASE WHEN kind = 'three_generations' THEN self_age + elder_gap ELSE elder_age END + CASE WHEN k IN (3, 5) THEN spouse_gap ELSE 0 END "
            "ELSE mate_age END)"
        ),
        married_in=draws.chance("of the spouse", "0.4"),
    )
    steps.step()
    # ---- who ----
    female = m["sexes.female"]
    woman = f"u_sex < CASE WHEN kind = 'single_old' THEN {part(female['lone_old'])} WHEN role = 'self' THEN {part(female['head'])} ELSE {part(female['other'])} END"
    # a couple's second takes the draw of its first, turned round
    head_woman = f"{draws.roll('sex', 'key - k::UBIGINT + 1::UBIGINT')} < {part(female['head'])}"
    rate = m["disability.shares"]
    disabled = f"CASE WHEN age < 15 THEN {part(rate['under_15'])} WHEN age < 60 THEN {part(rate['under_60'])} ELSE {part(rate['older'])} END"
    away = m["away.shares"]
    steps.add(
        sex=f"(CASE WHEN role = 'spouse' THEN CASE WHEN {head_woman} THEN 'male' ELSE 'female' END WHEN {woman} THEN 'female' ELSE 'male' END)",
        hukou=(
            "(CASE household_hukou WHEN 'shanghai' THEN 'shanghai' WHEN 'elsewhere' THEN 'elsewhere' "
            f"ELSE CASE WHEN role = 'spouse' OR (k > 1 AND role IN ('other', 'elder') AND {draws.chance('mixed hukou', '0.5')}) THEN 'elsewhere' ELSE 'shanghai' END END)"
        ),
        birth_date=f"(DATE '{m['reference']}' - (age * 1461 // 4 + days + 1)::INTEGER)",
        living_arrangement=f"(CASE WHEN k = 1 THEN 'together' WHEN age < 16 THEN 'together' ELSE {draws.pick('away', {**away, 'together': 0})} END)",
        u_disabled=draws.roll("disabled"),
        disabled_at=f"({disabled})::BIGINT",
        u_school=draws.roll("schooling"),
        u_work=draws.roll("work"),
        u_sick=draws.roll("inpatient"),
        u_care=draws.roll("care assessed"),
        u_own=draws.roll("own means"),
        follows=draws.chance("follows the household", m["means.follows_household"]),
        deceased=f"(k > 1 AND {draws.roll('deceased')} < CASE WHEN age < 60 THEN {part(m['deceased.under_60'])} ELSE {part(m['deceased.over_60'])} END)",
        childless_drawn=draws.roll("childless"),
        grade=draws.pick("grade", m["disability.grades"]),
        one_kind=draws.pick("kind of disability", m["disability.kinds"]),
        other_kind=draws.pick("second kind", {"physical": "0.5", "intellectual": "0.5"}),
        second=draws.chance("has a second kind", m["disability.second_kind"]),
        level=draws.pick("care level", m["care.levels"]),
    )
    steps.step()
    school, work = m["schooling"], m["work"]
    elsewhere = int(m["disability.elsewhere"] * 100)
    steps.add(
        disability_grade=f"(CASE WHEN u_disabled < disabled_at * CASE WHEN hukou = 'shanghai' THEN 100 ELSE {elsewhere} END // 100 THEN grade ELSE 'none' END)",
        spouse_or_child_of_resident="(household_hukou = 'mixed' AND hukou = 'elsewhere' AND role IN ('spouse', 'child'))",
        relation="(CASE role WHEN 'elder' THEN CASE WHEN kind = 'three_generations' AND married_in THEN 'parent_in_law' ELSE 'parent' END ELSE role END)",
        means="(CASE WHEN follows THEN wealth ELSE u_own END)",
        schooling=(
            f"(CASE WHEN age < 3 THEN 'none' WHEN age < 6 THEN CASE WHEN u_school < {part(school['preschool'])} THEN 'preschool' ELSE 'none' END "
            f"WHEN age < 15 THEN 'compulsory' WHEN age < 18 THEN CASE WHEN u_school < {part(school['senior_secondary'])} THEN 'senior_secondary' ELSE 'none' END "
            f"WHEN age < 22 THEN CASE WHEN u_school < {part(school['university'])} THEN 'university' ELSE 'none' END "
            f"WHEN age < 25 THEN CASE WHEN u_school < {part(school['postgraduate'])} THEN 'postgraduate' ELSE 'none' END ELSE 'none' END)"
        ),
        retires=f"(age >= CASE WHEN sex = 'female' THEN {work['retire_female']} ELSE {work['retire_male']} END)",
    )
    steps.step()
    assessed = m["care.assessed"]
    steps.add(
        severe="(disability_grade IN ('grade_1', 'grade_2'))",
        disability_kinds="(CASE WHEN disability_grade = 'none' THEN [] WHEN second AND one_kind <> other_kind THEN [one_kind, other_kind] ELSE [one_kind] END)",
        employment=(
            "(CASE WHEN age < 16 THEN 'below_working_age' WHEN schooling <> 'none' THEN 'student' "
            f"WHEN retires OR age >= 60 THEN CASE WHEN u_work < {part(work['employed_older'])} THEN 'employed' ELSE 'retired' END "
            f"WHEN u_work < CASE WHEN disability_grade IN ('grade_1', 'grade_2') THEN {part(work['employed_severe'])} "
            f"WHEN disability_grade <> 'none' THEN {part(work['employed_disabled'])} ELSE {part(work['employed'])} END THEN 'employed' ELSE 'unemployed' END)"
        ),
        care_level=(
            f"(CASE WHEN age < 60 THEN 'none' WHEN u_care < CASE WHEN age < 70 THEN {part(assessed['under_70'])} WHEN age < 80 THEN {part(assessed['under_80'])} ELSE {part(assessed['older'])} END THEN level ELSE 'none' END)"
        ),
        childless=(
            f"(age >= 60 AND childless_drawn < CASE WHEN kind = 'single_old' THEN {part(m['old_alone.childless'])} "
            f"WHEN kind = 'couple_old' THEN {part(m['old_alone.childless_other'])} ELSE 0 END)"
        ),
        inpatient=f"(u_sick < CASE WHEN age < 60 THEN {part(m['illness.inpatient.under_60'])} ELSE {part(m['illness.inpatient.older'])} END)",
        u_pension=draws.roll("pension kind"),
        wage=draws.quantile("wage", m["wages.quantiles"], "means"),
        pension=draws.quantile("pension", m["employee_pension.quantiles"], "means"),
        small_pension=draws.quantile("resident pension", m["resident_pension.quantiles"]),
        other=draws.quantile("other income", m["other_income.quantiles"]),
        has_other=draws.chance("has other income", m["other_income.share"]),
        saved=draws.quantile("savings", m["savings.quantiles"], "means"),
        bill=draws.quantile("inpatient bill", m["inpatient_costs.quantiles"]),
        outpatient=draws.quantile("outpatient bill", m["outpatient_costs.quantiles"]),
        basic=draws.between("basic paid", **m["illness.basic_paid"]),
        supplementary=f"(CASE WHEN {draws.chance('supplementary', m['illness.supplementary'])} THEN {draws.between('supplementary paid', **m['illness.supplementary_paid'])} ELSE 0 END)",
        commercial=f"(CASE WHEN {draws.chance('commercial', m['illness.commercial'])} THEN {draws.between('commercial paid', **m['illness.commercial_paid'])} ELSE 0 END)",
        nursing_bill=draws.between("nursing bill", 200, 9000),
        care_bill=draws.between("care bill", 800, 6000),
        meals=draws.between("meal days", 1, 31),
        months=draws.between("months", 0, 48),
        u_flag=draws.roll("one of many flags"),
        u_flag2=draws.roll("another flag"),
    )
    steps.step()
    insured = m["resident_pension.share"]
    employee = m["employee_pension.share"]
    steps.add(
        labour_fen="(CASE WHEN employment = 'employed' THEN CASE WHEN severe THEN wage // 2 ELSE wage END ELSE 0 END)",
        other_fen=(
            f"(CASE WHEN age < 16 OR employment = 'student' THEN 0 WHEN retires OR age >= 60 THEN CASE WHEN u_pension < {part(employee)} THEN pension "
            f"WHEN u_pension < {part(employee + (1 - employee) * insured)} THEN small_pension ELSE 0 END "
            "WHEN employment = 'unemployed' AND has_other THEN other ELSE 0 END)"
        ),
        savings_fen="(CASE WHEN age < 18 THEN 0 WHEN employment = 'student' THEN saved // 20 ELSE saved END)",
        inpatient_fen="(CASE WHEN inpatient THEN bill ELSE 0 END)",
        schooling_fen="(CASE schooling WHEN 'none' THEN 0 WHEN 'preschool' THEN 900000 WHEN 'compulsory' THEN 100000 WHEN 'senior_secondary' THEN 400000 ELSE 900000 END)",
        alone_old="(kind = 'single_old' AND childless)",
    )
    steps.step()
    paid = "inpatient_fen * basic // 100"
    steps.add(
        inpatient_basic=f"({paid})",
        inpatient_more=f"((inpatient_fen - {paid}) * supplementary // 100)",
        outpatient_basic="(outpatient * basic // 100)",
    )
    steps.step()
    steps.add(
        inpatient_private="((inpatient_fen - inpatient_basic - inpatient_more) * commercial // 100)",
    )
    steps.step()
    needs = " ".join(f"WHEN '{grade}' THEN {part(share)}" for grade, share in m["disability.care_need"].items())
    ill = m["illness"]
    child = "age < 18"
    steps.add(
        id="('p' || k::VARCHAR)",
        self_paid_fen="(inpatient_fen - inpatient_basic - inpatient_more - inpatient_private + outpatient - outpatient_basic)",
        residence_permit=f"(hukou = 'elsewhere' AND {draws.chance('permit', '0.75')})",
        labour_income=money("labour_fen"),
        other_income=money("other_fen"),
        savings=money("savings_fen"),
        long_term_care_need=f"(CASE WHEN disability_grade = 'none' THEN FALSE ELSE {draws.roll('care need')} < CASE disability_grade {needs} END END)",
        work_injury_care=f"(severe AND {draws.chance('work injury', m['disability.work_injury_care'])})",
        self_care=(
            "(CASE WHEN disability_grade = 'grade_1' OR care_level IN ('level_5', 'level_6') THEN 'unable' "
            "WHEN disability_grade = 'grade_2' OR care_level IN ('level_2', 'level_3', 'level_4') THEN 'partly' ELSE 'able' END)"
        ),
        supporter_able=f"(NOT childless AND NOT ({child} AND kind = 'grandparents' AND u_flag < {WHOLE // 10}))",
        child_welfare=f"(CASE WHEN {child} AND role IN ('child', 'grandchild') THEN {draws.pick('child welfare', m['child_welfare.shares'])} ELSE 'none' END)",
        device_listed=f"(age >= 60 AND {draws.chance('device', rare['device_listed'])})",
        inpatient_costs=money("inpatient_fen"),
        inpatient_basic_paid=money("inpatient_basic"),
        inpatient_supplementary_paid=money("inpatient_more"),
        inpatient_commercial_paid=money("inpatient_private"),
        outpatient_costs=money("outpatient"),
        outpatient_basic_paid=money("outpatient_basic"),
        outpatient_supplementary_paid="0.00::DECIMAL(11, 2)",
        outpatient_commercial_paid="0.00::DECIMAL(11, 2)",
        family_doctor_signed=f"({draws.roll('doctor')} < CASE WHEN age < 60 THEN {part(ill['family_doctor']['under_60'])} ELSE {part(ill['family_doctor']['older'])} END)",
        referred=draws.chance("referred", ill["referred"]),
        disability_care_form=f"(CASE WHEN severe AND age >= 16 AND age < 60 THEN {draws.pick('care form', m['disability.care_form'])} ELSE 'none' END)",
        sunshine_card=f"({child} AND disability_grade <> 'none' AND {draws.chance('card', m['disability.sunshine_card'])})",
        autism_diagnosis=f"(age < 16 AND {draws.chance('autism', rare['autism'])})",
        parents_permit_months=f"(CASE WHEN {child} AND hukou = 'elsewhere' THEN months ELSE 0 END)::SMALLINT",
        rehab_aid_at_home=f"({child} AND hukou = 'elsewhere' AND {draws.chance('aid at home', rare['rehab_aid_at_home'])})",
        needs_assistive_device=f"(disability_grade <> 'none' AND {draws.chance('needs device', m['disability.needs_device'])})",
        medical_insurance=(
            f"(CASE WHEN {draws.chance('uninsured', m['insurance.none'])} THEN 'none' WHEN employment = 'employed' OR (employment = 'retired' AND u_pension < {part(employee)}) THEN 'employee' ELSE 'resident' END)"
        ),
        resident_pension=f"(disability_grade <> 'none' AND age >= 16 AND age < 60 AND employment = 'unemployed' AND {draws.chance('pays pension', rare['resident_pension'])})",
        self_employed=f"(employment = 'employed' AND u_flag < {part(rare['self_employed'])})",
        vocational_training=f"(age >= 16 AND age < 60 AND employment <> 'student' AND {draws.chance('training', rare['vocational_training'])})",
        adult_education=f"(age >= 18 AND age < 60 AND employment <> 'student' AND {draws.chance('adult education', rare['adult_education'])})",
        cannot_attend_school=f"(age >= 6 AND age < 16 AND disability_grade <> 'none' AND {draws.chance('at home', rare['cannot_attend_school'])})",
        only_child_lost=f"(age >= 49 AND age <= 90 AND k = 1 AND kind IN ('single_old', 'couple_old', 'couple', 'single_adult') AND {draws.chance('lost', m['only_child_lost.share'])})",
        cared_by_family=f"(care_level <> 'none' AND kind <> 'single_old' AND u_flag2 < {part(m['care.family'])})",
        in_institution=f"(care_level <> 'none' AND {draws.chance('institution', m['care.in_institution'])})",
        prefers_care_cash=draws.chance("cash", rare["prefers_care_cash"]),
        meal_days=f"(CASE WHEN age >= 60 AND {draws.chance('meals', rare['meals'])} THEN meals ELSE 0 END)::SMALLINT",
        meal_delivered=draws.chance("delivered", rare["meal_delivered"]),
        guardianship=f"(CASE WHEN {child} THEN {draws.pick('guardianship', m['guardianship.shares'])} ELSE 'ordinary' END)",
        raised_as_orphan=f"(age >= 18 AND age < 30 AND {draws.chance('orphan', m['raised_as_orphan.share'])})",
        homeless=draws.chance("homeless", rare["homeless"]),
        acute_illness=draws.chance("acute", rare["acute_illness"]),
        no_fare_home=draws.chance("fare", rare["no_fare_home"]),
        disregarded_support=f"(CASE WHEN other_fen > 0 AND {draws.chance('support', rare['disregarded_support'])} THEN 100.00 ELSE 0.00 END)::DECIMAL(11, 2)",
        able_to_work=(
            f"(age >= 16 AND age < 60 AND NOT severe AND (employment <> 'unemployed' OR {draws.roll('unable')} >= {part(work['unable_to_work'])}))"
        ),
        work_start=f"(employment = 'employed' AND {draws.chance('work start', rare['work_start'])})",
        registered_unemployed=f"(employment = 'unemployed' AND {draws.chance('registered', work['registered_unemployed'])})",
        hired_with_insurance=f"(employment = 'employed' AND {draws.chance('hired', rare['hired_with_insurance'])})",
        flexible_work=f"(employment = 'employed' AND {draws.chance('flexible', rare['flexible_work'])})",
        months_to_retirement="(CASE WHEN retires OR age >= 60 THEN 0 ELSE least(600, (CASE WHEN sex = 'female' THEN 55 ELSE 60 END - age) * 12) END)::SMALLINT",
        graduating=f"(schooling = 'university' AND age >= 21 AND {draws.chance('graduating', '0.8')})",
        extended_unemployment_benefit=f"(employment = 'unemployed' AND {draws.chance('extended', rare['extended_unemployment_benefit'])})",
        private_nursery=f"(schooling = 'preschool' AND {draws.chance('private nursery', school['private_nursery'])})",
        vocational_school=f"(schooling = 'senior_secondary' AND {draws.chance('vocational', school['vocational'])})",
        final_year="(schooling = 'senior_secondary' AND age = 17)",
        martyr_child=draws.chance("martyr", rare["martyr_child"]),
        seriously_ill=f"({draws.roll('serious')} < CASE WHEN age < 60 THEN {part(ill['seriously_ill']['under_60'])} ELSE {part(ill['seriously_ill']['older'])} END)",
        emergency_patient=draws.chance("emergency", rare["emergency_patient"]),
        u_receives=draws.roll("receives"),
        u_receives2=draws.roll("receives more"),
    )
    steps.step()
    told = m["receiving"]
    steps.add(
        temporary_care=f"(CASE WHEN {child} AND guardianship IN ('lacking', 'nobody') THEN {draws.pick('temporary care', {'none': '0.4', 'kin_or_foster': '0.5', 'care_centre': '0.1'})} ELSE 'none' END)",
        child_in_danger=f"({child} AND guardianship <> 'ordinary' AND {draws.chance('danger', '0.05')})",
        out_of_contact=draws.chance("out of contact", rare["out_of_contact"]),
        self_paid_this_year=money("self_paid_fen * 7 // 12"),
        self_paid_twelve_months=money("self_paid_fen"),
        device_rent="(CASE WHEN device_listed THEN 1200.00 ELSE 0.00 END)::DECIMAL(11, 2)",
        home_care_bill=money(
            "CASE WHEN care_level NOT IN ('none', 'level_1') AND NOT in_institution THEN care_bill * 100 // 3 ELSE 0 END"
        ),
        institution_care_bill=money("CASE WHEN in_institution THEN care_bill * 100 ELSE 0 END"),
        home_care_months="(CASE WHEN care_level NOT IN ('none', 'level_1') AND NOT in_institution THEN months ELSE 0 END)::SMALLINT",
        work_start_reported=f"(work_start AND {draws.chance('reported', rare['work_start_reported'])})",
        months_since_work_start="(CASE WHEN work_start THEN months ELSE 0 END)::SMALLINT",
        job_subsidy_months_drawn="(CASE WHEN hired_with_insurance OR flexible_work THEN months ELSE 0 END)::SMALLINT",
        nursery_fee="(CASE WHEN schooling = 'preschool' THEN CASE WHEN private_nursery THEN 2600.00 ELSE 225.00 END ELSE 0.00 END)::DECIMAL(11, 2)",
        resident_premium="(CASE WHEN medical_insurance = 'resident' THEN CASE WHEN age < 19 THEN 235.00 WHEN age < 60 THEN 925.00 ELSE 555.00 END ELSE 0.00 END)::DECIMAL(11, 2)",
        needs_inpatient=f"(inpatient AND {draws.chance('needs bed', '0.15')})",
        inpatient_nursing_costs=money("CASE WHEN inpatient AND self_care <> 'able' THEN nursing_bill * 100 ELSE 0 END"),
        identity_unknown=f"(emergency_patient AND {draws.chance('unknown', rare['identity_unknown'])})",
        cannot_pay_emergency=f"(emergency_patient AND {draws.chance('cannot pay', rare['cannot_pay_emergency'])})",
        central_support=f"(alone_old AND {draws.chance('central', rare['central_support'])})",
        receiving=(
            "(list_concat(list_concat("
            + drawn("hukou = 'shanghai' AND age >= 66", "u_receives", told["old_age"])
            + ", "
            + drawn(
                "hukou = 'shanghai' AND long_term_care_need AND (severe OR disability_grade = 'grade_3' "
                "AND list_has_any(disability_kinds, ['intellectual', 'mental']))",
                "u_receives2",
                told["nursing"],
            )
            + "), "
            + drawn(
                "care_level NOT IN ('none', 'level_1') AND medical_insurance <> 'none'",
                "u_receives",
                told["care_insurance"],
            )
            + "))"
        ),
    )
    steps.step()
    return steps


def drawn(who: str, roll: str, told: dict[str, Any]) -> str:
    """The list that holds a policy for those who draw it already: its share of those it is roughly for."""
    return f"CASE WHEN {who} AND {roll} < {part(told['share'])} THEN ['{told['policy']}'] ELSE [] END"


FACTS = [
    "relation",
    "birth_date",
    "hukou",
    "spouse_or_child_of_resident",
    "residence_permit",
    "living_arrangement",
    "labour_income",
    "other_income",
    "savings",
    "employment",
    "schooling",
    "disability_grade",
    "disability_kinds",
    "long_term_care_need",
    "work_injury_care",
    "self_care",
    "supporter_able",
    "child_welfare",
    "device_listed",
    "device_rent",
    "inpatient_costs",
    "inpatient_basic_paid",
    "inpatient_supplementary_paid",
    "inpatient_commercial_paid",
    "outpatient_costs",
    "outpatient_basic_paid",
    "outpatient_supplementary_paid",
    "outpatient_commercial_paid",
    "family_doctor_signed",
    "referred",
    "disability_care_form",
    "sunshine_card",
    "autism_diagnosis",
    "parents_permit_months",
    "rehab_aid_at_home",
    "needs_assistive_device",
    "medical_insurance",
    "resident_pension",
    "self_employed",
    "vocational_training",
    "adult_education",
    "cannot_attend_school",
    "care_level",
    "childless",
    "only_child_lost",
    "cared_by_family",
    "home_care_bill",
    "institution_care_bill",
    "home_care_months",
    "prefers_care_cash",
    "meal_days",
    "meal_delivered",
    "guardianship",
    "child_in_danger",
    "temporary_care",
    "raised_as_orphan",
    "sex",
    "homeless",
    "acute_illness",
    "no_fare_home",
    "disregarded_support",
    "able_to_work",
    "work_start_reported",
    "months_since_work_start",
    "registered_unemployed",
    "hired_with_insurance",
    "flexible_work",
    "job_subsidy_months_drawn",
    "months_to_retirement",
    "graduating",
    "extended_unemployment_benefit",
    "private_nursery",
    "nursery_fee",
    "vocational_school",
    "final_year",
    "martyr_child",
    "seriously_ill",
    "resident_premium",
    "needs_inpatient",
    "inpatient_nursing_costs",
    "emergency_patient",
    "identity_unknown",
    "cannot_pay_emergency",
    "central_support",
    "deceased",
    "out_of_contact",
    "self_paid_this_year",
    "self_paid_twelve_months",
]
BESIDE = "labour_fen other_fen savings_fen self_paid_fen schooling_fen age".split()  # noqa: SIM905  # read by the household's facts
