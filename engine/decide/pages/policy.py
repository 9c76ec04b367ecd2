"""The page of one policy in one language: every text of it, newest first."""

from __future__ import annotations

from engine.decide.pages.conditions import conditions, items, results
from engine.decide.pages.examples import examples
from engine.decide.pages.figures import figures, meanings, questions
from engine.decide.pages.links import citations, exclusions, links
from engine.decide.pages.markdown import escaped, joined, link, table
from engine.decide.pages.procedure import notes, procedure
from engine.decide.pages.reader import KINDS, SUBJECTS, Reader
from engine.language.model import Policy, Rulebook

Block = list[str]


def page(rulebook: Rulebook, policy: str, lang: str) -> str:
    """The Markdown page of a policy. Raises IndexError where no policy has that name."""
    versions = rulebook.versions(policy)
    now, reader = versions[-1], Reader(rulebook, lang)
    say = reader.say
    other = link(say("English", "中文"), f"{policy}.{say('en', 'zh')}.md")
    made = say(
        f"由规则生成（`jiuzhu docs`），请修改规则而不是本页。{other}",
        f"Made from the rules by `jiuzhu docs`: change the rules, not this page. {other}",
    )
    blocks: list[Block] = [[f"# {escaped(now.title[lang])}"], [made], _head(reader, versions)]
    blocks += _text_of(reader, now, "##")
    blocks += _titled(say("## 数额沿革", "## Figures and their history"), *figures(reader, versions))
    blocks += _titled(say("## 词语的含义", "## What the words mean"), meanings(reader, versions))
    blocks += _titled(say("## 与其他政策的联系", "## Links to other policies"), links(reader, versions))
    blocks += _titled(say("## 不得同时享受", "## Not together with"), exclusions(reader, versions))
    blocks += _titled(say("## 办理", "## How to apply"), procedure(reader, now))
    blocks += _titled(say("## 提示", "## Advice"), notes(reader, now))
    blocks += _titled(say("## 要了解的情况", "## What must be known"), questions(reader, versions))
    blocks += _titled(say("## 依据", "## Sources of law"), citations(reader, now))
    blocks += _titled(say("## 例子", "## Examples"), examples(reader, versions))
    for earlier in reversed(versions[:-1]):
        blocks += _earlier(rulebook, earlier, lang)
    return joined(blocks)


def _titled(title: str, *blocks: Block) -> list[Block]:
    """The blocks under a title; nothing where they are empty."""
    found = [block for block in blocks if block]
    return [[title], *found] if found else []


def _head(reader: Reader, versions: tuple[Policy, ...]) -> Block:
    now, say, lang = versions[-1], reader.say, reader.lang
    group = reader.rulebook.groups[now.group]
    place = reader.rulebook.jurisdictions[now.jurisdiction]
    off = "" if place.in_force else say("（仅供对照，默认不适用）", " (for comparison; not applied unless asked for)")
    rows = [
        [say("编号", "name"), f"`{now.id}`"],
        [say("分类", "group"), f"{escaped(place.title[lang])}{off} · {escaped(group.title[lang])}"],
        [say("性质", "kind"), KINDS[now.kind][lang]],
        [say("对象", "for"), SUBJECTS[now.level][lang]],
        [say("部门", "department"), escaped(now.department[lang])],
        [say("生效", "in force"), "<br>".join(_days(reader, version) for version in reversed(versions))],
    ]
    called = [
        say(f"{until.isoformat()} 以前：{escaped(words.zh)}", f"until {until.isoformat()}: {escaped(words.en)}")
        for until, words in now.called
    ]
    if called:
        rows.append([say("曾用名", "earlier names"), "<br>".join(called)])
    return table([say("项目", "what"), say("内容", "is")], rows)


def _days(reader: Reader, policy: Policy) -> str:
    start, end = policy.from_date.isoformat(), policy.to_date.isoformat() if policy.to_date else ""
    text = reader.say(f"{start} 至 {end}" if end else f"{start} 起", f"{start} to {end}" if end else f"from {start}")
    if policy.new:
        text += reader.say("（此前没有此项）", " (nothing of the kind before)")
    return f"{text} · [{policy.at.file.rsplit('/', 1)[-1]}](../../{policy.at.file})"


def _text_of(reader: Reader, policy: Policy, level: str) -> list[Block]:
    """What one text of the policy says: conditions, intermediate results, items."""
    say = reader.say
    found = _titled(say(f"{level} 条件", f"{level} Conditions"), conditions(reader, policy.when, policy))
    found += _titled(say(f"{level} 给什么", f"{level} What it gives"), items(reader, policy))
    found += _titled(say(f"{level} 中间结果", f"{level} Intermediate results"), results(reader, policy))
    return found


def _earlier(rulebook: Rulebook, policy: Policy, lang: str) -> list[Block]:
    """An earlier text, with the names of its last day."""
    reader = Reader(rulebook, lang, policy.to_date)
    assert policy.to_date is not None
    start, end = policy.from_date.isoformat(), policy.to_date.isoformat()
    title = reader.say(f"## 以前的规定：{start} 至 {end}", f"## Earlier: {start} to {end}")
    name = escaped(policy.title_on(policy.to_date)[lang])
    blocks = [[f"**{name}**"], *_text_of(reader, policy, "###")]
    blocks += _titled(reader.say("### 依据", "### Sources of law"), citations(reader, policy))
    return _titled(title, *blocks)
