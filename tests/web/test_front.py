"""Signing in and out, what a cookie is worth, forms that are ours, languages, headers, errors in words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from browser import Browser, House

from api.settings import instant_of
from api.web.session import IDLE, LONGEST


def test_signing_in_leads_to_the_first_room_and_the_key_is_nowhere(browser: Browser, house: House) -> None:
    assert browser.get("/").headers["Location"] == "/sign-in"
    page = browser.get("/sign-in")
    answer = browser.send(page, page.form("/sign-in"), {"key": f" {house.keys['caseworker']} "})
    assert answer.status == 303 and answer.headers["Location"] == "/desk"
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie  # loopback
    assert house.keys["caseworker"].split("_", 2)[2] not in cookie
    away = browser.client.get("/sign-in", base_url="http://jiuzhu.example")
    assert "Secure" in away.headers["Set-Cookie"] and "未加密" in away.get_data(as_text=True)


def test_a_wrong_key_is_refused_in_words(browser: Browser, house: House) -> None:
    page = browser.get("/sign-in")
    for key in ("jz_" + "0" * 12 + "_" + "A" * 43, "", "nonsense"):
        answer = browser.send(page, page.form("/sign-in"), {"key": key})
        assert answer.status == 401 and "密钥无效" in answer.text and "WWW-Authenticate" not in answer.headers


def test_one_comes_back_to_the_page_asked_for_and_never_to_another_host(browser: Browser, house: House) -> None:
    page = browser.follow("/cases?text=%E6%94%B6%E5%85%A5")
    form = page.form("/sign-in")
    answer = browser.send(page, form, {"key": house.keys["caseworker"]})
    assert answer.headers["Location"] == "/cases?text=%E6%94%B6%E5%85%A5"
    for bad in ("//evil.example/", "https://evil.example/", "/\\evil.example", "/a\nb"):
        found = Browser(house)
        page = found.get("/sign-in")
        answer = found.send(page, page.form("/sign-in"), {"key": house.keys["caseworker"], "back": bad})
        assert answer.headers["Location"] == "/desk", bad


def test_a_session_ends_when_idle_when_old_when_signed_out_and_when_the_key_is_revoked(house: House) -> None:
    def in_(who: Browser) -> bool:
        return who.get("/").headers["Location"] == "/desk"

    start = house.clock[0]
    try:
        idle, busy = Browser(house).sign_in("caseworker"), Browser(house).sign_in("caseworker")
        house.clock[0] += timedelta(seconds=IDLE - 100)
        assert in_(busy) and in_(idle)
        house.clock[0] += timedelta(seconds=IDLE - 100)
        assert in_(busy)
        house.clock[0] += timedelta(seconds=200)
        assert in_(busy) and not in_(idle)
        while house.clock[0] < start + timedelta(seconds=LONGEST - 600):
            house.clock[0] += timedelta(seconds=IDLE - 100)
            assert in_(busy) or house.clock[0] > start + timedelta(seconds=LONGEST)
        house.clock[0] = start + timedelta(seconds=LONGEST + 10)
        assert not in_(busy)
    finally:
        house.clock[0] = max(start, house.clock[0])

    out = Browser(house).sign_in("caseworker")
    kept = out.client.get_cookie("jiuzhu")
    assert kept is not None
    page = out.get("/cases")
    assert out.send(page, page.form("/sign-out")).headers["Location"] == "/sign-in"
    assert not in_(out)
    out.client.set_cookie("jiuzhu", kept.value)
    assert not in_(out)  # a copy of the cookie is worth nothing

    key, token = house.service.home.keys.create("caseworker", instant_of(house.service.now()))
    house.keys["other"] = token
    revoked = Browser(house).sign_in("other")
    assert in_(revoked)
    house.service.home.keys.revoke(key.id, instant_of(house.service.now()))
    assert not in_(revoked)


def test_a_cookie_that_was_changed_is_worth_nothing(house: House) -> None:
    who = Browser(house).sign_in("caseworker")
    cookie = who.client.get_cookie("jiuzhu")
    assert cookie is not None
    for place in range(0, len(cookie.value), 7):
        letter = "A" if cookie.value[place] != "A" else "B"
        who.client.set_cookie("jiuzhu", cookie.value[:place] + letter + cookie.value[place + 1 :])
        assert who.get("/").headers["Location"] == "/sign-in", place


def test_a_form_that_is_not_ours_is_refused(house: House) -> None:
    who, other = Browser(house).sign_in("caseworker"), Browser(house).sign_in("auditor")
    page, theirs = who.get("/cases"), other.get("/reference-nothing")
    form = page.form("/sign-out")
    for token in (None, "", "x.y", theirs.form("/sign-out").one("input", name="_token")["value"]):
        answer = who.send(page, form, {"_token": token})
        assert answer.status == 403 and "表单已失效" in answer.text
    assert who.send(page, form, Sec_Fetch_Site="cross-site").status == 403
    assert who.client.post("/sign-out", data="{}", content_type="application/json").status_code == 415
    assert who.send(page, form).status == 303


def test_a_form_survives_a_new_sign_in_of_the_same_key_and_nobody_elses(house: House) -> None:
    who = Browser(house).sign_in("caseworker")
    page = who.get("/cases")
    form = page.form("/sign-out")
    fresh = Browser(house).sign_in("caseworker")
    assert fresh.post("/sign-out", page.fields(form)).status == 303
    stranger = Browser(house).sign_in("auditor")
    assert stranger.post("/sign-out", page.fields(form)).status == 403


def test_a_part_asked_for_after_the_session_ended_says_so_and_loses_nothing(browser: Browser) -> None:
    answer = browser.get("/cases", HX_Request="true")
    assert answer.status == 401 and "登录已失效" in answer.text and not answer.root.all("html")


def test_language_is_the_cookies_then_the_browsers(house: House) -> None:
    client = house.app.test_client()
    assert "登录" in client.get("/sign-in").get_data(as_text=True)
    assert "Sign in" in client.get("/sign-in", headers={"Accept-Language": "en-GB"}).get_data(as_text=True)
    answer = client.get("/language/en?back=/sign-in")
    assert answer.headers["Location"] == "/sign-in"
    page = client.get("/sign-in", headers={"Accept-Language": "zh-CN"})
    assert '<html lang="en"' in page.get_data(as_text=True) and page.headers["Content-Language"] == "en"
    assert client.get("/language/fr").status_code == 404
    assert client.get("/language/zh?back=//evil.example").headers["Location"] == "/"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_errors_are_pages_for_people_and_problems_for_machines(browser: Browser, lang: str) -> None:
    page = browser.lang(lang).get("/no/such/page")
    assert page.status == 404 and ("没有这项内容" if lang == "zh" else "there is no such thing") in page.text
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    machine = browser.client.get("/no/such/page", headers={"Accept": "application/json"})
    assert machine.mimetype == "application/problem+json"
    api = browser.client.get("/v1/nothing", headers={"Accept": "text/html"})
    assert api.mimetype == "application/problem+json"


def test_whoever_may_not_enter_a_room_is_told_so(auditor: Browser) -> None:
    page = auditor.get("/desk")
    assert page.status == 403 and "无权" in page.text
    assert "/desk" not in [a.get("href") for a in page.root.all("a")]


def test_pages_load_nothing_from_elsewhere_and_hold_no_script_or_style(browser: Browser) -> None:
    page = browser.get("/sign-in")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "script-src 'self'" in policy
    assert page.headers["Cache-Control"] == "no-store"
    for node in page.root.all():
        for name in ("src", "href", "action"):
            assert node.get(name, "/").startswith(("/", "#")), node.attributes
        assert "style" not in node.attributes and not any(name.startswith("on") for name in node.attributes)
        assert node.name != "style" and not (node.name == "script" and node.text)
    for node in page.root.all("link") + page.root.all("script"):
        file = browser.client.get(node.get("href") or node.get("src"))
        assert file.status_code == 200 and "immutable" in file.headers["Cache-Control"]
        assert b"http-equiv" not in file.data
    assert browser.client.get("/assets/000000000000/jiuzhu.css").status_code == 404
    assert browser.client.get("/assets//../visit.py").status_code == 404
