"""The workbench as policy staff meet it: the catalogue, a policy in words, its figures and examples, and the editor."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from browser import Browser, House, Node, Page

from engine.decide.edited import LARGEST
from engine.decide.program import compile_rulebook
from engine.language.rulebook import load_texts

FILE = "rules/older_people/elder_allowance.yaml"
PARAMETERS = "rules/parameters/older_people.yaml"
DIBAO = "rules/nine_plus_one/minimum_living_allowance@2024-07-01.yaml"


@pytest.fixture(scope="module")
def files(house: House) -> dict[str, str]:
    return dict(house.service.active.current().program.rulebook.files)


def edit(who: Browser, file: str, text: str | None = None, button: tuple[str, str] | None = None, to: str = "", **more: str) -> Page:
    """Open a file in the editor, put `text` in its place and send it."""
    page = who.get(f"/workbench/edit?file={file}")
    assert page.status == 200, page.text
    form = page.form(id="editor")
    if to:
        form.attributes["action"] = to
    headers = {"HX_Request": "true"} if to in ("/workbench/check", "/workbench/try") else {}
    return who.send(page, form, {"text": text, **more} if text is not None else {**more}, button, **headers)


def problems(page: Page) -> list[Node]:
    return [each for ol in page.root.all("ol", class_="problems") for each in ol.all("li")]


# -- the catalogue --


def test_the_catalogue_lists_every_policy_and_filters(policy: Browser, files: dict[str, str]) -> None:
    book = load_texts(files)
    page = policy.get("/workbench")
    links = {a["href"].split("?")[0] for a in page.root.all("a") if "/workbench/policies/" in a.get("href")}
    assert links == {f"/workbench/policies/{name}" for name in book.ids()}
    kinds = policy.get("/workbench?kind=category").root.all("table", class_="catalogue")
    shown = {code.text for table in kinds for code in table.all("code")}
    assert shown == {p.id for p in book.policies if p.kind == "category"}
    assert {c.text for c in policy.get("/workbench?q=最低生活保障").root.all("code")} >= {"minimum_living_allowance"}
    assert "没有符合条件的政策" in policy.get("/workbench?q=no-such-policy").text


def test_the_catalogue_is_that_of_a_day(policy: Browser) -> None:
    before, after = (policy.get(f"/workbench?on={on}&status=in_force").text for on in ("2015-01-01", "2026-11-22"))
    assert "老年综合津贴" in after and "老年综合津贴" not in before  # in force from May 2016
    assert policy.get("/workbench?on=2015-13-01").status == 400


def test_every_role_reads_policies_and_only_some_edit(house: House) -> None:
    for role in ("caseworker", "policy", "auditor", "admin"):
        who = Browser(house).sign_in(role)
        assert who.get("/workbench").status == 200
        assert who.get("/workbench/edit").status == (200 if role in ("policy", "admin") else 403)
        assert ("/workbench/edit" in who.get("/workbench").html) == (role in ("policy", "admin"))
    assert Browser(house).get("/workbench").headers["Location"].startswith("/sign-in")


# -- one policy --


def test_every_text_of_every_policy_can_be_read(policy: Browser, files: dict[str, str]) -> None:
    book = load_texts(files)
    for number, text in enumerate(book.policies):
        lang = ("zh", "en")[number % 2]
        page = policy.lang(lang).get(f"/workbench/policies/{text.id}?on={text.from_date}")
        assert page.status == 200 and text.title_on(text.from_date)[lang] in page.root.one("h1").text
        ids = [node.get("id") for node in page.root.all() if node.get("id")]
        assert len(ids) == len(set(ids)), (text.id, "an id stands twice")
        assert "**" not in page.root.one("section", id="conditions").text


def test_a_policy_says_its_conditions_figures_and_history(policy: Browser) -> None:
    page = policy.get("/workbench/policies/minimum_living_allowance?on=2025-08-01")
    text = page.text
    assert "1,650.00 元/月" in text and "1,595.00 元/月" in text and "人均" in text
    assert any("最低生活保障标准" in chart["aria-label"] for chart in page.root.all("svg"))
    older = policy.get("/workbench/policies/minimum_living_allowance?on=2016-01-01")
    assert older.root.one("section", id="conditions").text != page.root.one("section", id="conditions").text
    assert policy.get("/workbench/policies/no_such_policy").status == 404


def test_links_lead_to_pages_that_are_there(policy: Browser) -> None:
    page = policy.get("/workbench/policies/minimum_living_allowance?on=2025-08-01")
    own = {a["href"].split("#")[0] for a in page.root.all("a") if a.get("href").startswith("/workbench/")}
    assert len(own) > 10
    for address in sorted(own):
        if not address.startswith("/workbench/edit"):
            assert policy.get(address).status == 200, address
    for a in page.root.all("a"):
        if a.get("href").startswith("http"):
            assert "noreferrer" in a["rel"]


def test_an_example_is_decided_and_explained(policy: Browser, files: dict[str, str]) -> None:
    book = load_texts(files)
    text = book.versions("elder_allowance")[-1]
    for number, example in enumerate(text.examples, 1):
        page = policy.get(f"/workbench/policies/elder_allowance/examples/{number}?text={text.from_date}")
        assert page.status == 200 and example.says.zh in page.text and page.root.all("ul", class_="tree")
    assert policy.get("/workbench/policies/elder_allowance/examples/999").status == 404


def test_a_file_is_shown_line_by_line(policy: Browser, files: dict[str, str]) -> None:
    page = policy.get(f"/workbench/files/{FILE}")
    lines = [span.inside[0] for span in page.root.one("pre").all("span") if isinstance(span.inside[0], str)]
    assert "".join(lines).split("\n")[:-1] == [line or " " for line in files[FILE].splitlines()]
    assert policy.get("/workbench/files/rules/no_such.yaml").status == 404
    assert policy.get("/workbench/files/../pyproject.toml").status == 404
    assert policy.get(f"/workbench/files/{FILE}?rulebook=nonsense").status == 404


def test_two_texts_are_compared_as_a_patch(policy: Browser) -> None:
    page = policy.get("/workbench/compare/minimum_living_allowance?then=2015-04-01&now=2024-07-01")
    assert page.root.all("span", class_="add") and page.root.all("span", class_="cut")
    assert "各成员货币财产标准之和" in page.root.one("table").text  # and in words
    assert policy.get("/workbench/compare/minimum_living_allowance?then=2015-04-01&now=1999-01-01").status == 404


# -- the editor --


def test_the_text_as_it_is_has_no_problem_and_its_examples_hold(policy: Browser, files: dict[str, str]) -> None:
    page = edit(policy, FILE)
    assert page.status == 200 and not problems(page)
    assert "没有问题" in page.text and "都得出所列结果" in page.text and "没有差别" in page.text
    assert page.root.one("textarea").inside[0] == "\n" + files[FILE]  # a browser drops the first line break


def test_a_problem_is_shown_at_its_line_with_a_hint(policy: Browser, files: dict[str, str]) -> None:
    text = files[FILE].replace("elder_allowance_age", "elder_alowance_age", 1)
    for to in ("", "/workbench/check"):
        page = edit(policy, FILE, text, to=to)
        (found,) = problems(page)
        line = next(n for n, each in enumerate(text.splitlines(), 1) if "elder_alowance_age" in each)
        assert found.one("a")["data-line"] == str(line) and "elder_allowance_age" in found.text
        assert "unknown-name" in found.text and "^" in found.one("pre").text


def test_a_part_is_only_a_part_and_asks_for_the_rest(policy: Browser, files: dict[str, str]) -> None:
    text = files[FILE] + "# a remark\n"
    part = edit(policy, FILE, text, to="/workbench/check")
    assert not part.root.all("header") and part.root.one("div", hx_post="/workbench/try")
    rest = edit(policy, FILE, text, to="/workbench/try")
    assert "都得出所列结果" in rest.text and not rest.root.all("header")


def test_an_example_that_fails_is_named_with_what_came_out(policy: Browser, files: dict[str, str]) -> None:
    text = files[FILE].replace("allowance: 75.00", "allowance: 76.00", 1)
    page = edit(policy, FILE, text)
    assert "例子暴露" in page.text and any("example-fails" in each.text for each in problems(page))
    assert len(page.root.all("span", class_="no")) == 1 and "75.00" in page.text


def test_a_family_is_decided_before_and_after(
    policy: Browser, files: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.web.workbench_edit.SECONDS", 60.0)  # a busy machine
    text = files[DIBAO].replace("kind: category", "kind: benefit", 1)
    same = edit(policy, DIBAO, text, family="ordinary_family", on="2025-08-01")
    assert "没有变化" in same.text
    figures = files["rules/parameters/minimum_living.yaml"].replace("value: 1650.00", "value: 1700.00")
    page = edit(policy, "rules/parameters/minimum_living.yaml", figures, family="ordinary_family", on="2025-08-01")
    assert any("example-fails" in each.text for each in problems(page))  # examples of policies that read the figure
    table = page.root.one("table", class_="then-now").text
    assert "最低生活保障" in table and "合计" in table
    book = load_texts({**files, "rules/parameters/minimum_living.yaml": figures})
    assert compile_rulebook(book).rulebook.digest != compile_rulebook(load_texts(files)).rulebook.digest


def test_a_change_is_told_in_words(policy: Browser, files: dict[str, str]) -> None:
    changed = edit(policy, DIBAO, files[DIBAO].replace("not owns_car", "owns_car", 1), to="/workbench/check")
    row = next(tr.text for tr in changed.root.all("tr") if "机动车" in tr.text)
    assert "并非：拥有机动车" in row
    remark = edit(policy, DIBAO, files[DIBAO] + "# a remark\n", to="/workbench/check")
    assert "含义没有变" in remark.text and remark.root.all("span", class_="add")


def test_when_there_is_no_time_it_is_said(policy: Browser, files: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.web.workbench_edit.SECONDS", -1.0)
    page = edit(policy, FILE, files[FILE] + "# slow\n", family="older_person", on="2025-08-01")
    assert "只运行了 0 个" in page.text and "没有变化" in page.text  # the family is decided all the same


def test_a_new_file_is_tried(policy: Browser, files: dict[str, str]) -> None:
    page = policy.get(f"/workbench/edit?like={FILE}")
    assert page.root.one("input", id="file")["value"] == ""
    text = files[FILE].replace("policy: elder_allowance", "policy: second_elder_allowance")
    sent = policy.send(page, page.form(id="editor"), {"file": "rules/older_people/second.yaml", "text": text})
    assert not problems(sent), sent.text
    outside = policy.send(page, page.form(id="editor"), {"file": "rules/nowhere/second.yaml", "text": text})
    assert any("not-in-catalogue" in each.text for each in problems(outside))


@pytest.mark.parametrize("name", ["../../etc/passwd", "rules/../secret.yaml", "rules/a.txt", "", "x" * 300, "rules/\n.yaml"])
def test_a_file_of_another_name_is_refused(policy: Browser, name: str) -> None:
    page = policy.get(f"/workbench/edit?file={FILE}")
    assert policy.send(page, page.form(id="editor"), {"file": name}).status == 422


@pytest.mark.parametrize("text", ["", "a: [", "- 1", "\x00", "a: &b c\nd: *b", "policy: {", "policy: elder_allowance", "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")])
def test_whatever_is_pasted_gets_an_answer(policy: Browser, text: str) -> None:
    page = edit(policy, FILE, text)
    assert page.status == 200 and problems(page)


def test_what_is_pasted_is_shown_as_text(policy: Browser) -> None:
    page = edit(policy, FILE, 'policy: "</textarea><script>alert(1)</script>"\n')
    assert not [each for each in page.root.all("script") if not each.get("src")]
    assert "<script>alert" not in page.html


def test_the_size_of_a_file_is_bounded(policy: Browser) -> None:
    assert edit(policy, FILE, "# " + "x" * LARGEST).status == 413
    assert edit(policy, FILE, "#" * (5 * LARGEST)).status == 413


def test_a_file_and_a_patch_come_back(policy: Browser, files: dict[str, str], tmp_path: Path) -> None:
    text = files[FILE].replace("kind: benefit", "kind: service")
    assert text != files[FILE]
    back = edit(policy, FILE, text.replace("\n", "\r\n"), ("as", "file"), "/workbench/download")
    assert back.html == text and "elder_allowance.yaml" in back.headers["Content-Disposition"]
    diff = edit(policy, FILE, text, ("as", "patch"), "/workbench/download").html
    for name in (FILE, "rules/new.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / FILE).write_text(files[FILE], encoding="utf-8")
    subprocess.run(["git", "apply", "-"], input=diff.encode(), cwd=tmp_path, check=True)
    assert (tmp_path / FILE).read_text(encoding="utf-8") == text


def test_a_patch_of_a_new_file_makes_it(policy: Browser, files: dict[str, str], tmp_path: Path) -> None:
    page = policy.get(f"/workbench/edit?like={FILE}")
    form = page.form(id="editor")
    form.attributes["action"] = "/workbench/download"
    new = files[FILE].rstrip("\n")  # no line break at its end
    diff = policy.send(page, form, {"file": "rules/older_people/second.yaml", "text": new}, ("as", "patch")).html
    subprocess.run(["git", "apply", "-"], input=diff.encode(), cwd=tmp_path, check=True)
    assert (tmp_path / "rules/older_people/second.yaml").read_text(encoding="utf-8") == new


def test_nothing_is_changed(policy: Browser, house: House, files: dict[str, str]) -> None:
    path = Path(__file__).parent.parent.parent / FILE
    before, on_disk = house.service.active.current().digest, path.read_bytes()
    edit(policy, FILE, files[FILE] + "# changed\n")
    assert house.service.active.current().digest == before
    assert path.read_bytes() == on_disk


def test_a_form_that_is_not_ours_is_refused(policy: Browser) -> None:
    page = policy.get(f"/workbench/edit?file={FILE}")
    for action in ("/workbench/edit", "/workbench/check", "/workbench/try", "/workbench/download"):
        form = page.form(id="editor")
        form.attributes["action"] = action
        assert policy.send(page, form, {"_token": "x"}).status == 403
