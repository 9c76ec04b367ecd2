"""The caseworker's desk: what is asked and why, the answer beside it, saving, finding, settling, printing."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from browser import Browser, House, Node, Page
from werkzeug.datastructures import MultiDict

from api.app import create_app
from api.settings import Settings, instant_of
from api.web.draft import draft_of
from engine.decide import curve, decision
from engine.decide.curve import MOST_RUNS
from engine.decide.run import Run, run
from engine.language.household import Household
from engine.language.shipped import rule_files

FAMILY = "/desk?example=ordinary_family&on=2025-08-01"


def change(who: Browser, page: Page, fields: dict[str, str | None] | None = None, do: str = "") -> Page:
    return who.send(page, page.form("/desk"), fields, ("do", do))


def saved(who: Browser, page: Page, fields: dict[str, str | None] | None = None) -> int:
    pairs = [p for p in page.fields(page.form("/desk")) if p[0] not in (fields or {})]
    pairs += [(name, value) for name, value in (fields or {}).items() if value is not None]
    answer = who.post("/desk/save", pairs)
    assert answer.status == 303, answer.text[:500]
    return int(answer.headers["Location"].rsplit("/", 1)[1])


def row(page: Page, policy: str) -> Node:
    found = [each for each in page.root.all(class_="row") if each.get("id").startswith(f"row-{policy}.")]
    return found[0]


def questions(page: Page) -> list[str]:
    """Those that are open: what was just answered stays above them for a while."""
    asked = page.root.one("section", class_="next").all(class_="ask")
    return [each.text for each in asked if "done" not in each["class"].split()]


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_example_with_its_income_left_out_asks_one_question_and_settles(caseworker: Browser, lang: str) -> None:
    caseworker.lang(lang)
    page = caseworker.get(FAMILY)
    assert ("每月 1,950.00 元" if lang == "zh" else "1,950.00 yuan a month") in row(
        page, "minimum_living_allowance"
    ).text
    open_ = change(caseworker, page, {"m/a/labour_income": ""})
    (asked,) = questions(open_)
    assert ("每月工资" if lang == "zh" else "Monthly wages") in asked
    assert ("关系到" if lang == "zh" else "matters for") in asked
    found = row(open_, "minimum_living_allowance").text
    assert ("每月 0.00 至 3,950.00 元" if lang == "zh" else "between 0.00 and 3,950.00 yuan a month") in found
    assert ("取决于" if lang == "zh" else "depends on") in found and (
        "月劳动收入" if lang == "zh" else "labour income"
    ) in found
    done = change(caseworker, open_, {"m/a/labour_income": "2000"})
    assert not questions(done)
    assert ("每月 1,950.00 元" if lang == "zh" else "1,950.00 yuan a month") in row(
        done, "minimum_living_allowance"
    ).text


def test_not_known_and_about_are_answers_of_their_own(caseworker: Browser) -> None:
    page = caseworker.get(FAMILY)
    unknown = change(caseworker, page, {"m/a/labour_income": "", "m/a/labour_income/how": "unknown", "person": "a"})
    assert not questions(unknown)  # it was asked
    assert "不清楚，影响" in unknown.root.one(id="line-f-m-a-labour_income").text
    about = change(caseworker, unknown, {"m/a/labour_income/how": "about"})
    low, high = (about.root.one("input", name=f"m/a/labour_income{end}") for end in ("", "/high"))
    assert low["value"] == high["value"] == ""
    between = change(caseworker, about, {"m/a/labour_income": "1,000", "m/a/labour_income/high": "1500"})
    assert "每月 2,450.00 至 2,950.00 元" in row(between, "minimum_living_allowance").text


def test_an_outer_limit_is_never_shown_as_a_number(caseworker: Browser) -> None:
    page = caseworker.get("/desk")
    answer = page.root.one(id="answer").text
    for number in re.findall(r"\d[\d,]*\.\d\d", answer):
        assert float(number.replace(",", "")) < 100_000, number
    page = change(caseworker, caseworker.get(FAMILY), {"m/a/labour_income": ""}, "open:minimum_living_allowance.")
    reasons = page.root.one(class_="reasons").text
    assert "上限未知" in reasons and "1,000,000" not in reasons


def test_only_what_some_open_policy_needs_is_asked(caseworker: Browser, house: House) -> None:
    page = caseworker.get("/desk")
    first = questions(page)
    assert len(first) == 5 and "出生日期" in first[0]
    vocabulary = house.service.active.current().program.vocabulary
    asked = {
        each["name"]
        for each in page.root.all("select") + page.root.all("input")
        if each.get("name").startswith(("m/", "h/"))
    }
    assert len(asked) > 20
    settled = caseworker.get(FAMILY)
    assert not questions(settled)
    shown = {each.get("id") for each in settled.root.all(class_="field")}
    assert "line-f-h-owns_car" in shown and "line-f-m-a-savings" not in shown  # one person at a time
    body = draft_of(MultiDict(settled.fields(settled.form("/desk"))), vocabulary).body(vocabulary)
    assert len(body["household"]["members"]) == 3 and body["household"]["members"][1]["savings"]


def test_why_it_asks_is_every_policy_that_waits(caseworker: Browser) -> None:
    page = change(caseworker, caseworker.get(FAMILY), {"m/a/labour_income": ""})
    ask = page.root.one(id="ask-f-m-a-labour_income")
    about = ask.one("details", class_="about").text
    assert "最低生活保障边缘家庭" in about and "人力资源社会保障" in about and "不含个人缴纳" in about


def test_reasons_are_made_for_what_is_opened_alone(caseworker: Browser) -> None:
    page = caseworker.get(FAMILY)
    assert not page.root.all(class_="reasons")
    page = change(caseworker, page, do="open:minimum_living_allowance.")
    reasons = page.root.one(class_="reasons")
    for words in ("《上海市社会救助条例》第十条", "1,650.00 元/月", "2025-07-01 起", "带什么", "身份证、户口簿", "到哪里办",
                  "不能同时享受", "特困人员救助供养", "尚未核实", "minimum_living_allowance@2024-07-01.yaml"):  # fmt: skip
        assert words in reasons.text, words
    button = row(page, "minimum_living_allowance").all("button")[0]
    assert button["aria-expanded"] == "true"
    page = change(caseworker, page, {"m/a/labour_income": "2100"})  # it stays open, with the new values
    assert "1,850.00" in page.root.one(class_="reasons").text
    page = change(caseworker, page, do=button["value"])
    assert not page.root.all(class_="reasons")


def test_what_must_be_granted_first_and_the_order_are_told(caseworker: Browser) -> None:
    page = caseworker.get(FAMILY)
    assert "须先获批：最低生活保障" in row(page, "medical_aid").text
    steps = [each.text for each in page.root.one("ol", class_="steps").all("li")]
    assert steps.index("最低生活保障") < steps.index("医疗救助")


def test_a_fault_stands_beside_its_field_and_is_left_out(caseworker: Browser) -> None:
    page = change(caseworker, caseworker.get(FAMILY), {"m/a/labour_income": "two thousand", "h/living_area": "-3"})
    field = page.root.one("input", id="f-m-a-labour_income")
    assert field["value"] == "two thousand" and field["aria-invalid"] == "true"
    assert "金额" in page.root.one(id=field["aria-describedby"]).text
    assert "2 处填写有误" in page.text
    assert "待定" in row(page, "minimum_living_allowance").text  # decided without the wage
    pairs = page.fields(page.form("/desk"))
    refused = caseworker.post("/desk/save", pairs)
    assert refused.status == 422 and "未保存" in refused.text
    assert refused.root.one("input", id="f-m-a-labour_income")["value"] == "two thousand"


def test_a_wrong_day_and_a_wrong_identity_number_are_told_where_they_stand(caseworker: Browser) -> None:
    page = change(caseworker, caseworker.get(FAMILY), {"on": "2025-13-01", "person": "a"})
    assert page.root.one(id="on-fault").text and "minimum" in page.html
    page = change(caseworker, page, {"on": "2025-08-01", "i/a/id_number": "110105194912310021"})
    assert page.root.one(id="i-a-id_number-fault").text and page.root.one("input", id="i-a-id_number")["value"]


def test_the_identity_number_fills_in_the_date_of_birth(caseworker: Browser) -> None:
    page = change(caseworker, caseworker.get("/desk"), {"person": "a"})
    page = change(caseworker, page, {"i/a/id_number": "11010519491231002X", "i/a/name": "示例"})
    assert "出生日期" not in questions(page)[0] and "示例（本人）" in page.text


def test_members_are_added_and_removed(caseworker: Browser) -> None:
    page = change(caseworker, caseworker.get("/desk"), do="add")
    assert [each["value"] for each in page.root.all("input", name="member")] == ["a", "b"]
    assert page.root.one("button", value="person:b")["aria-pressed"] == "true"
    page = change(caseworker, page, {"m/b/relation": "child"})
    assert "成员 b（子女）" in page.text
    page = change(caseworker, page, do="remove:b")
    assert [each["value"] for each in page.root.all("input", name="member")] == ["a"]


def test_sixty_members_fit_into_a_form_and_are_decided(caseworker: Browser) -> None:
    page = caseworker.get(FAMILY)
    pairs = page.fields(page.form("/desk"))
    own = [(name, value) for name, value in pairs if name.startswith("m/c/")]
    for n in range(57):
        pairs.append(("member", f"x{n}"))
        pairs += [(name.replace("m/c/", f"m/x{n}/"), value) for name, value in own]
    page = caseworker.post("/desk", pairs)
    assert page.status == 200 and len(page.root.all("input", name="member")) == 60
    assert len(caseworker.post("/desk", page.fields(page.form("/desk"))).root.all("input", name="member")) == 60
    assert not [each for each in page.root.all("button", name="do") if each["value"] == "add"]


def test_saving_goes_on_record_once_and_by_the_path_of_the_api(caseworker: Browser, house: House) -> None:
    page = caseworker.get(FAMILY)
    id = saved(caseworker, page, {"i/a/name": "李四", "i/a/phone": "13800000000"})
    assert saved(caseworker, page, {"i/a/name": "李四", "i/a/phone": "13800000000"}) == id  # the form sent twice
    other = saved(caseworker, page, {"m/a/labour_income": "2100"})
    assert other != id  # another household from the same form is another decision
    token = {"Authorization": f"Bearer {house.keys['caseworker']}"}
    answer = caseworker.client.get(f"/v1/decisions/{id}?identity=true", headers=token).get_json()
    assert answer["identity"]["a"] == {"name": "李四", "phone": "13800000000"}
    assert answer["decision"]["on"] == "2025-08-01" and answer["decision"]["totals"]["month"]["least"] == "1950.00"


def test_a_case_shows_its_reasons_and_facts_and_each_reading_is_on_record(caseworker: Browser, house: House) -> None:
    id = saved(caseworker, caseworker.get(FAMILY), {"i/b/name": "王五"})
    page = caseworker.get(f"/cases/{id}")
    assert "王五（配偶）" in page.text and "《上海市社会救助条例》第十条" in page.text
    facts = page.root.one(id="facts-a").text
    assert "月劳动收入 2,000.00 元/月" in facts
    token = {"Authorization": f"Bearer {house.keys['auditor']}"}
    reads = caseworker.client.get(f"/v1/decisions/{id}?reads=true&why=x", headers=token).get_json()["reads"]
    assert [each["kind"] for each in reads][:1] == ["read"] and "identity" in {each["kind"] for each in reads}
    assert len(caseworker.get(f"/cases/{id}?all=1").root.all(class_="reasons")) > 60


def test_someone_elses_case_takes_the_scope_and_a_reason(caseworker: Browser, house: House) -> None:
    id = saved(caseworker, caseworker.get(FAMILY))
    at = instant_of(house.service.now())
    house.keys["neighbour"] = house.service.home.keys.create("caseworker", at)[1]
    scopes = ["decisions:read", "decisions:write", "cases:all", "identity:read", "catalogue"]
    house.keys["supervisor"] = house.service.home.keys.create("caseworker", at, scopes=scopes)[1]
    assert Browser(house).sign_in("neighbour").get(f"/cases/{id}").status == 403
    above = Browser(house).sign_in("supervisor")
    page = above.get(f"/cases/{id}")
    assert "查阅理由" in page.text and "月劳动收入" not in page.text
    page = above.get(f"/cases/{id}?why=%E5%A4%8D%E6%A0%B8")
    assert "月劳动收入" in page.text and not page.root.all("form", action=f"/cases/{id}/confirmation")
    assert above.get("/cases/999999").status == 404


def test_a_decision_is_confirmed_once(caseworker: Browser) -> None:
    id = saved(caseworker, caseworker.get(FAMILY))
    page = caseworker.get(f"/cases/{id}")
    form = page.form(f"/cases/{id}/confirmation")
    assert caseworker.send(page, form, {"note": "情况属实"}).headers["Location"] == f"/cases/{id}"
    assert caseworker.send(page, form, {"note": "情况属实"}).status == 303  # sent twice: recorded once
    after = caseworker.get(f"/cases/{id}")
    assert (
        after.text.count("已确认 ·") == 1
        and "情况属实" in after.text
        and not after.root.all("form", action=f"/cases/{id}/departure")
    )
    again = caseworker.send(page, form, {"note": "另一句", "once": "0123456789ab"})
    assert again.status == 422 and "已有人确认" in again.text


def test_a_decision_is_departed_from_with_a_reason(caseworker: Browser) -> None:
    id = saved(caseworker, caseworker.get(FAMILY))
    page = caseworker.get(f"/cases/{id}")
    form = page.form(f"/cases/{id}/departure")
    bare = caseworker.send(page, form, {"reason": ""})
    assert bare.status == 422 and bare.root.one(id="otherwise").attributes.get("open") is not None
    told = caseworker.send(page, form, {"reason": "见 11010519491231002X"})
    assert told.status == 422 and "不能写身份证号" in told.text
    fields = {
        "reason": "入户核查，收入另有来源",
        "which-0": "minimum_living_allowance|",
        "status-0": "eligible",
        "amount-0": "1,500.00",
    }
    assert caseworker.send(page, form, fields).status == 303
    after = caseworker.get(f"/cases/{id}")
    assert "另作决定 ·" in after.text and "1500.00 元" in after.text
    assert "入户核查" in caseworker.get(f"/cases/{id}/sheet").text


def test_a_decision_is_corrected_and_the_old_one_says_so(caseworker: Browser) -> None:
    id = saved(caseworker, caseworker.get(FAMILY), {"i/a/name": "赵六"})
    page = caseworker.get(f"/desk?corrects={id}")
    assert "赵六" in page.text and f"更正决定 {id}" in page.text
    pairs = page.fields(page.form("/desk"))
    assert caseworker.post("/desk/save", pairs).status == 422  # why?
    newer = saved(caseworker, page, {"m/a/labour_income": "2600", "reason": "补报加班工资"})
    assert f"/cases/{newer}" in caseworker.get(f"/cases/{id}").html
    assert "补报加班工资" in caseworker.get(f"/cases/{newer}").text
    assert "取代" in caseworker.get(f"/cases/{id}/sheet").text


def test_a_household_is_decided_anew_under_its_own_number(caseworker: Browser) -> None:
    id = saved(caseworker, caseworker.get(FAMILY))
    number = re.findall(r"h_[0-9a-f]{24}", caseworker.get(f"/cases/{id}").html)[0]
    page = caseworker.get(f"/desk?like={id}")
    assert page.root.one("input", name="household_id")["value"] == number
    newer = saved(caseworker, page, {"m/a/labour_income": "2500"})
    assert newer != id and number in caseworker.get(f"/cases/{newer}").html


def test_cases_are_found_by_person_words_policy_status_and_day(caseworker: Browser) -> None:
    id = saved(
        caseworker, caseworker.get(FAMILY), {"i/c/name": "欧阳晓明", "i/c/id_number": "", "i/a/phone": "021-55667788"}
    )
    page = caseworker.get("/cases")

    def found(**fields: str) -> set[str]:
        answer = caseworker.send(page, page.form("/cases"), {**fields, "from": fields.pop("from_", "")})
        return {a.text for a in answer.root.all("a") if a.get("href").startswith("/cases/")}

    assert str(id) in found(person="欧阳晓明") and found(person="欧阳晓") == set() == found(person="没有此人")
    assert found(person="02155667788") == {str(id)}
    assert str(id) in found(text="收入", policy="minimum_living_allowance", status="eligible")
    assert str(id) not in found(policy="minimum_living_allowance", status="ineligible")
    assert str(id) not in found(from_="2025-08-02")
    assert "日期应写作" in caseworker.send(page, page.form("/cases"), {"from": "last week"}).text
    assert "没有文字" in caseworker.send(page, page.form("/cases"), {"text": "！！"}).text
    assert caseworker.client.get("/cases?person=x").status_code == 200  # an address is never read for a name


def test_the_list_goes_back_page_by_page(caseworker: Browser) -> None:
    page = caseworker.get(FAMILY)
    for n in range(22):
        saved(caseworker, page, {"m/a/labour_income": str(1000 + n)})
    first = caseworker.get("/cases")
    ids = [int(a.text) for a in first.root.all("a") if re.fullmatch(r"/cases/\d+", a.get("href"))]
    assert len(ids) == 20 and ids == sorted(ids, reverse=True)
    older = first.root.one("button", name="before")
    second = caseworker.send(first, first.form("/cases"), button=("before", older["value"]))
    more = [int(a.text) for a in second.root.all("a") if re.fullmatch(r"/cases/\d+", a.get("href"))]
    assert more and max(more) < min(ids)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_sheet_is_in_plain_words(caseworker: Browser, lang: str) -> None:
    id = saved(caseworker, caseworker.get(FAMILY), {"i/a/name": "李四"})
    text = caseworker.lang(lang).get(f"/cases/{id}/sheet").text
    for words in ("最低生活保障", "每月 1,950.00 元", "请带", "身份证、户口簿", "到哪里办", "李四", "第二十四条", "尚未由工作人员确认") if lang == "zh" else (
        "1,950.00 yuan a month", "Bring:", "Where:", "art. 24", "Not yet confirmed"):  # fmt: skip
        assert words in text, words
    assert ".yaml" not in text and "minimum_living_allowance" not in text


def test_the_language_is_switched_in_the_middle_and_nothing_is_lost(caseworker: Browser) -> None:
    page = change(caseworker, caseworker.get(FAMILY), {"m/a/labour_income": "1,234"})
    switch = page.root.one("button", name="lang")
    assert switch["form"] == "case" and switch["value"] == "en"
    english = caseworker.send(page, page.form("/desk"), button=("lang", "en"))
    assert "The answer" in english.text and "lang=en" in english.headers["Set-Cookie"]
    assert ("m/a/labour_income", "1,234") in english.fields(english.form("/desk"))


def test_htmx_gets_the_part_and_not_the_frame(caseworker: Browser) -> None:
    page = caseworker.get(FAMILY)
    part = caseworker.send(page, page.form("/desk"), {"m/a/labour_income": ""}, HX_Request="true")
    assert not part.root.all("html") and part.root.one("form", id="case") and part.root.one("title")
    pairs = page.fields(page.form("/desk"))
    assert caseworker.post("/desk/save", pairs, HX_Request="true").headers["HX-Redirect"].startswith("/cases/")


def test_one_fact_changed_shows_what_moves(caseworker: Browser) -> None:
    page = caseworker.get("/desk?example=disabled_adult&on=2025-08-01")
    what = caseworker.post("/desk/what-if", page.fields(page.form("/desk")))
    name = what.root.one("select", id="what")
    assert [o["value"] for o in name.all("option") if "selected" in o.attributes] == ["m/a/labour_income"]
    fields = {"what": "m/a/labour_income", "was": "m/a/labour_income", "new/m/a/labour_income": "2000"}
    after = caseworker.send(what, what.form("/desk/what-if"), fields)
    moved = after.root.one(id="moved").text
    assert (
        "每月 2,945.00 元" in moved
        and "每月 2,320.00 元" in moved
        and "最低生活保障 符合 每月 1,650.00 元 不符合" in moved
    )
    assert "老年综合津贴" not in moved  # what stays is not shown
    same = caseworker.send(after, after.form("/desk/what-if"), {"new/m/a/labour_income": "0"})
    assert "没有政策的结果因此改变" in same.text
    wrong = caseworker.send(after, after.form("/desk/what-if"), {"new/m/a/labour_income": "x"})
    assert "金额" in wrong.text and not wrong.root.one(id="moved").all("table")
    back = caseworker.post("/desk", after.fields(after.form("/desk/what-if")))
    assert sorted(back.fields(back.form("/desk"))) == sorted(page.fields(page.form("/desk"))) or "2,945.00" in back.text


def test_the_chart_marks_the_cliffs_and_how_far_the_next_one_is(caseworker: Browser) -> None:
    page = caseworker.get("/desk?example=disabled_adult&on=2025-08-01")
    what = caseworker.post("/desk/what-if", page.fields(page.form("/desk")))
    chart = caseworker.send(what, what.form("/desk/what-if"), {"income": "m/a/labour_income"}, ("chart", "1"))
    text = chart.root.one("section", aria_labelledby="chart-title").text
    assert "这户离下一处断崖还有 1,649.00 元：这项收入超过 1,649.00 元，每月反而少 624.00 元" in text
    assert "4,169.00 元 319.00 元 最低生活保障边缘家庭" in text
    (svg,) = chart.root.all("svg")
    assert svg["role"] == "img" and "断崖 2 处" in svg["aria-label"]
    incomes = [each["value"] for each in chart.root.one("select", id="income").all("option")]
    assert incomes == ["m/a/labour_income", "m/a/other_income"]  # no bills, no standards
    far = caseworker.send(chart, chart.form("/desk/what-if"), {"upto": "1,000", "chart": "1"})
    assert "没有断崖" in far.text


def test_names_of_people_never_stand_in_an_address_or_a_log(caseworker: Browser, capfd: Any) -> None:
    id = saved(caseworker, caseworker.get(FAMILY), {"i/a/name": "司马不留痕", "i/a/phone": "13912345678"})
    page = caseworker.get("/cases")
    caseworker.send(page, page.form("/cases"), {"person": "司马不留痕"})
    caseworker.get(f"/cases/{id}/sheet")
    caseworker.post("/desk", [("member", "a"), ("i/a/name", "司马不留痕")])  # refused: no token
    out = "".join(capfd.readouterr())
    assert "司马不留痕" not in out and "13912345678" not in out


@pytest.mark.parametrize(("address", "times"), [("/desk", 1), (FAMILY, 1), ("/cases", 0)])
def test_a_page_decides_the_household_once(
    caseworker: Browser, monkeypatch: pytest.MonkeyPatch, address: str, times: int
) -> None:
    """What a page costs is what it decides; how long that takes, `python -m bench pages` measures."""
    runs = counted(monkeypatch)
    assert caseworker.get(address).status == 200
    assert len(runs) == times


def test_what_if_decides_no_income_twice(caseworker: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    page = caseworker.get(FAMILY)
    pairs = [*page.fields(page.form("/desk")), ("chart", "1"), ("income", "m/a/labour_income")]
    runs = counted(monkeypatch)
    assert caseworker.post("/desk/what-if", pairs).status == 200
    assert 2 < len(runs) < MOST_RUNS
    assert len(set(map(str, runs))) >= len(runs) - 1  # the family as it is: once for its answers, once for the curve


def counted(monkeypatch: pytest.MonkeyPatch) -> list[Household]:
    """The households that are decided from now on; a wide run, which asks what is an outer limit, is no decision."""
    found: list[Household] = []

    def noted(program: Any, edition: Any, household: Household, wide: bool = False) -> Run:
        if not wide:
            found.append(household)
        return run(program, edition, household, wide)

    for module in (curve, decision):
        monkeypatch.setattr(module, "run", noted)
    return found


def test_the_desk_serves_any_rulebook(tmp_path: Path) -> None:
    """Another vocabulary: nothing of the shipped one is known to the pages."""
    clock = [datetime(2026, 11, 22, 1, 0, tzinfo=UTC)]
    app = create_app(Settings(tmp_path, clock=lambda: clock[0]))
    service = app.extensions["jiuzhu"]
    files = rule_files(str(Path(__file__).parent.parent / "api/small"))
    service.active.activate(files, "start", instant_of(clock[0]), examples=False)
    who = Browser(House(app, clock, {"caseworker": service.home.keys.create("caseworker", instant_of(clock[0]))[1]}))
    who.sign_in("caseworker")
    page = who.get("/desk")
    for address in [a["href"] for a in page.root.all("a") if a["href"].startswith("/desk?example=")]:
        assert who.get(address).status == 200
    page = change(who, page, {"on": "2025-08-01"}, "add")
    assert page.root.one(id="answer").all(class_="row")
    id = saved(who, page)
    assert who.get(f"/cases/{id}").status == who.get(f"/cases/{id}/sheet").status == who.get("/cases").status == 200
    assert who.post("/desk/what-if", [*page.fields(page.form("/desk")), ("chart", "1")]).status == 200
