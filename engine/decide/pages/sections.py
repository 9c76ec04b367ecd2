"""The parts of a policy's page. Every sentence comes from labels and the operator table, as everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from engine.decide.pages.markdown import bullet, escaped, link, table
from engine.language.checks import expressions_of, fact_expressions, parameters_read
from engine.language.model import DatedValue, Fact, Item, Key, Parameter, Policy, Rulebook
from engine.language.tree import Citation, Condition, Expr, Words
from engine.language.types import decimal_text
from engine.language.words import PERIODS, STATUS, Wording, money_text, number_text, text_in

KINDS = {
    "category": Words("资格认定（可据以享受其他救助）", "category: it opens other help"),
    "benefit": Words("待遇（发放资金）", "benefit: money"),
    "service": Words("服务（实物或服务）", "service: help in kind"),
    "referral": Words("转介", "referral"),
}
SUBJECTS = {
    "household": Words("家庭", "the household"),
    "member": Words("个人（逐一认定每名成员）", "each member, one by one"),
}
ROUNDING = {
    "half_up": Words("四舍五入到 {0} 元", "rounded to {0} yuan, halves up"),
    "up": Words("进位到 {0} 元", "rounded up to {0} yuan"),
    "down": Words("舍去 {0} 元以下部分", "rounded down to {0} yuan"),
}
ASKS = {
    "holds": Words("符合或正在享受", "qualifies for it or draws it already"),
    "qualifies": Words("符合", "qualifies for it"),
    "receives": Words("正在享受", "draws it already"),
}


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom a page is written: in which language, and with the names of which day (None: today's)."""

    rulebook: Rulebook
    lang: str
    on: date | None = None

    @property
    def wording(self) -> Wording:
        return Wording(self.rulebook, self.lang, self.on)

    def say(self, zh: str, en: str) -> str:
        return text_in(self.lang, zh, en)

    def page(self, policy: str) -> str:
        """A link to another policy's page."""
        return link(self.wording.policy(policy), f"{policy}.{self.lang}.md")

    def unsure(self, verified: bool) -> str:
        return "" if verified else self.say("（未核实）", " (not verified)")


# ----------------------------------------------------------------------------------------------------------- law


def cited(reader: Reader, cites: tuple[Citation, ...]) -> str:
    """Where it is written, in brackets; nothing where it does not say."""
    found = [cite.words(reader.lang) for cite in cites if cite.words(reader.lang)]
    if not found:
        return ""
    text = reader.say("；", "; ").join(map(escaped, found))
    return reader.say(f"（{text}）", f" ({text})") + reader.unsure(all(cite.verified for cite in cites))


def citations(reader: Reader, policy: Policy) -> list[str]:
    """Every citation of the policy as a line, with its note; what the policy as a whole rests on comes first."""
    cites = [*policy.cite, *(cite for tree in policy.conditions() for node in tree.walk() for cite in node.cite)]
    cites += [cite for item in policy.gives for cite in item.cite]
    cites += [cite for note in policy.notes for cite in note.cite]
    found = []
    for cite in dict.fromkeys(cites):
        if not cite.words(reader.lang):
            continue
        words = escaped(cite.words(reader.lang))
        text = f"[{words}]({cite.url})" if cite.url else words
        if cite.note and cite.note != cite.words(reader.lang):
            text += reader.say(f"：{escaped(cite.note)}", f": {escaped(cite.note)}")
        found.append(bullet(0, text + reader.unsure(cite.verified)))
    return list(dict.fromkeys(found))


# ---------------------------------------------------------------------------------------------------- conditions


def conditions(reader: Reader, node: Condition, policy: Policy | None, depth: int = 0) -> list[str]:
    """A condition tree as a nested list."""
    text = escaped(reader.wording.condition(node, policy))
    parts = node.parts if node.kind in ("all", "any", "none") else ()
    if node.kind == "not" and node.parts[0].kind in ("all", "any", "none"):
        text, parts = reader.say("下列情形不成立", "not this"), node.parts
    if node.kind in ("all", "any", "none") and not parts:
        return []
    if parts:
        text = f"**{text}**{reader.say('：', ':')}"
    gloss = reader.say(f"〔{escaped(node.says.zh)}〕", f" [{escaped(node.says.en)}]") if node.says.zh else ""
    sure = node.verified or any(not cite.verified for cite in node.cite)  # said once
    found = [bullet(depth, text + gloss + cited(reader, node.cite) + reader.unsure(sure))]
    for part in parts:
        found += conditions(reader, part, policy, depth + 1)
    return found


def results(reader: Reader, policy: Policy) -> list[str]:
    """The intermediate results, in order, each with how it is worked out."""
    found = []
    for let in policy.lets:
        if let.expr is not None:
            how = escaped(reader.wording.expression(let.expr, policy))
            found.append(bullet(0, f"**{escaped(let.words[reader.lang])}** = {how}"))
        elif let.condition is not None:
            found.append(bullet(0, f"**{escaped(let.words[reader.lang])}**{reader.say('：', ':')}"))
            found += conditions(reader, let.condition, policy, 1)
    return found


def items(reader: Reader, policy: Policy) -> list[str]:
    """What is given: each item with its formula, its own condition and where it is written."""
    found = []
    for item in policy.gives:
        text = f"**{escaped(item.title[reader.lang])}**"
        gloss = reader.say(f"〔{escaped(item.says.zh)}〕", f" [{escaped(item.says.en)}]") if item.says.zh else ""
        found.append(bullet(0, text + gloss + cited(reader, item.cite)))
        if item.amount is not None:
            found.append(bullet(1, _amount(reader, item, policy)))
        else:
            found.append(bullet(1, reader.say("实物、服务或减免，不计金额", "in kind: a service or a waiver, no sum")))
        if item.for_months is not None:
            months = escaped(reader.wording.expression(item.for_months, policy))
            found.append(bullet(1, reader.say(f"发放月数：{months}", f"for this many months: {months}")))
        if item.condition is not None:
            found += _only_where(reader, item.condition, policy, 1)
    return found


def _amount(reader: Reader, item: Item, policy: Policy) -> str:
    assert item.amount is not None
    how = escaped(reader.wording.expression(item.amount, policy))
    per = PERIODS[item.per][reader.lang]
    if item.up_to:
        return reader.say(f"{per}由经办机关核定，最高：{how}", f"set by the office, {per} at most: {how}")
    text = f"{per}{reader.say('：', ': ')}{how}"
    if item.round_to is not None:
        step = ROUNDING[item.round_mode][reader.lang].format(decimal_text(item.round_to))
        text += reader.say(f"（{step}）", f" ({step})")
    return text


# ------------------------------------------------------------------------------------------------------- figures


def figures(reader: Reader, versions: tuple[Policy, ...]) -> list[list[str]]:
    """The history of every figure the policy reads, each a heading and a table."""
    named = parameters_read(reader.rulebook, [expr for policy in versions for expr in expressions_of(policy)])
    found = []
    for parameter in sorted((reader.rulebook.parameters[name] for name in named), key=lambda p: p.order):
        found.append([f"### {escaped(parameter.label[reader.lang])}"])
        found.append(_history(reader, parameter))
        if parameter.note:
            found.append([escaped(parameter.note)])
    return found


def _history(reader: Reader, parameter: Parameter) -> list[str]:
    say = reader.say
    keys = [_key(reader, key) for key in parameter.keys]
    header = [say("自", "from"), *keys, say("数值", "figure"), say("来源", "source"), say("核实", "verified")]
    rows = []
    for value in parameter.values:
        source = (f"[{escaped(value.source)}]({value.url})" if value.url else escaped(value.source)) + (
            say(f"：{escaped(value.note)}", f": {escaped(value.note)}") if value.note else ""
        )
        sure = say("是", "yes") if value.verified else say("**未核实**", "**no**")
        about = [source, sure]
        for n, (cells, figure) in enumerate(_cells(reader, parameter, value)):
            rows.append(
                [value.from_date.isoformat(), *cells, figure, *about] if n == 0 else ["", *cells, figure, "", ""]
            )
    return table(header, rows)


def _key(reader: Reader, key: Key) -> str:
    return reader.say("分段", "band") if key.band else reader.say("类别", "class")


def _cells(reader: Reader, parameter: Parameter, value: DatedValue) -> Iterator[tuple[list[str], str]]:
    if not parameter.keys:
        yield [], escaped(reader.wording.figure(parameter, value.value))
    for row in value.rows:
        keys = [_key_text(reader, key, of) for key, of in zip(row.keys, parameter.keys, strict=True)]
        yield keys, escaped(reader.wording.figure(parameter, row.value))
    if value.each_further is not None:
        blank = [""] * (len(parameter.keys) - 1)
        more = number_text(value.each_further, parameter.type, reader.lang)
        yield [*blank, reader.say("其后每增加一", "each one further")], f"+ {escaped(more)}"


def _key_text(reader: Reader, value: str | Fraction, key: Key) -> str:
    if isinstance(value, str):
        return escaped(reader.wording.choice(key.choices, value))
    number = escaped(number_text(value, key.type, reader.lang))
    return reader.say(f"{number} 起", f"from {number}")


# ------------------------------------------------------------------------------------------ what the words mean


def meanings(reader: Reader, versions: tuple[Policy, ...]) -> list[str]:
    """The derived facts the policy reads, with how each is worked out."""
    found = []
    for fact in _facts(reader.rulebook, versions):
        if fact.expr is not None:
            how = escaped(reader.wording.expression(fact.expr))
            found.append(bullet(0, f"**{escaped(fact.label[reader.lang])}** = {how}{cited(reader, fact.cite)}"))
        elif fact.condition is not None:
            label = f"**{escaped(fact.label[reader.lang])}**{cited(reader, fact.cite)}{reader.say('：', ':')}"
            found.append(bullet(0, label))
            found += conditions(reader, fact.condition, None, 1)
    return found


def questions(reader: Reader, versions: tuple[Policy, ...]) -> list[str]:
    """The facts that must be known, with the question and where they can be fetched."""
    say = reader.say
    header = [say("事实", "fact"), say("怎么问", "question"), say("可向何处调取", "kept by")]
    rows = [
        [escaped(text) for text in (fact.label[reader.lang], fact.question[reader.lang], fact.department[reader.lang])]
        for fact in _facts(reader.rulebook, versions)
        if not fact.derived
    ]
    return table(header, rows)


def _facts(rulebook: Rulebook, versions: tuple[Policy, ...]) -> list[Fact]:
    """Every fact read, also through derived ones, in the vocabulary's order."""
    names: set[str] = set()
    todo = [expr for policy in versions for expr in expressions_of(policy)]
    while todo:
        for node in todo.pop().walk():
            if node.op == "fact" and node.name not in names:
                names.add(node.name)
                todo += fact_expressions(rulebook.facts[node.name])
    return sorted((rulebook.facts[name] for name in names), key=lambda fact: fact.order)


# --------------------------------------------------------------------------------------------------------- links


def links(reader: Reader, versions: tuple[Policy, ...]) -> list[str]:
    """What the policy asks of others, and who asks it."""
    own = versions[0].id
    ids = reader.rulebook.ids()
    asks = _asked([expr for policy in versions for expr in expressions_of(policy)])
    found = []
    for how in sorted({_how(reader, asks[name]) for name in asks}):
        pages = [reader.page(name) for name in ids if name != own and name in asks and _how(reader, asks[name]) == how]
        if pages:
            names = reader.say("、", ", ").join(pages)
            found.append(bullet(0, reader.say(f"先看是否{how}：{names}", f"asks whether one {how}: {names}")))
    asking = [reader.page(name) for name in ids if name != own and own in _asked(_expressions(reader.rulebook, name))]
    if asking:
        names = reader.say("、", ", ").join(asking)
        found.append(bullet(0, reader.say(f"本项的结果用于：{names}", f"its answer is used by: {names}")))
    return found


def _expressions(rulebook: Rulebook, policy: str) -> list[Expr]:
    return [expr for version in rulebook.versions(policy) for expr in expressions_of(version)]


def _asked(exprs: list[Expr]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for expr in exprs:
        for node in expr.walk():
            if node.op in ASKS:
                found.setdefault(node.name, set()).add(node.op)
    return found


def _how(reader: Reader, words: set[str]) -> str:
    if {"qualifies", "receives"} <= words:
        words = {"holds"}
    return reader.say("、", ", or ").join(ASKS[word][reader.lang] for word in ASKS if word in words)


def exclusions(reader: Reader, versions: tuple[Policy, ...]) -> list[str]:
    """What may not be drawn together with it, whichever of the two says so, with how sure that is."""
    own = versions[0].id
    found = []
    for policy in reader.rulebook.policies:
        for each in policy.excludes:
            other = each.policy if policy.id == own else policy.id if each.policy == own else ""
            if other:
                sure = each.verified and all(cite.verified for cite in each.cite)
                notes = [escaped(cite.note) for cite in each.cite if cite.note and cite.words(reader.lang) != cite.note]
                where = reader.say("；", "; ").join([*(escaped(cite.words(reader.lang)) for cite in each.cite), *notes])
                text = reader.page(other) + (reader.say(f"（{where}）", f" ({where})") if where else "")
                found.append(bullet(0, text + reader.unsure(sure)))
    return list(dict.fromkeys(found))


# ---------------------------------------------------------------------------------------------------- procedure


def procedure(reader: Reader, policy: Policy) -> list[str]:
    """Papers, where and how to apply, how long it takes, how it is reviewed."""
    say, lang = reader.say, reader.lang
    found = []
    if policy.documents:
        found.append(bullet(0, say("**材料**：", "**Documents**:")))
        for document in policy.documents:
            found.append(bullet(1, escaped(document.words[lang])))
            if document.condition is not None:
                found += _only_where(reader, document.condition, policy, 2)
    for words, zh, en in (
        (policy.where, "到哪里办", "Where to apply"),
        (policy.channel, "怎么办", "How"),
        (policy.review, "复核", "Review"),
    ):
        if words.zh:
            found.append(bullet(0, f"**{say(zh, en)}**{say('：', ': ')}{escaped(words[lang])}"))
    days = policy.decision_days
    if days is not None:
        unit = say("个工作日" if days.working else "天", "working days" if days.working else "days")
        sure = days.verified or not all(cite.verified for cite in days.cite)
        text = f"**{say('办理时限', 'Time limit')}**{say('：', ': ')}{days.days} {unit}"
        notes = "".join(say(f"，{escaped(c.note)}", f", {escaped(c.note)}") for c in days.cite if c.note)
        found.append(bullet(0, text + notes + cited(reader, days.cite) + reader.unsure(sure)))
    return found


def notes(reader: Reader, policy: Policy) -> list[str]:
    """Advice, each with the condition under which it is given."""
    found = []
    for note in policy.notes:
        found.append(bullet(0, escaped(note.says[reader.lang]) + cited(reader, note.cite)))
        if note.condition.kind != "all" or note.condition.parts:
            found += _only_where(reader, note.condition, policy, 1)
    return found


def _only_where(reader: Reader, condition: Condition, policy: Policy, depth: int) -> list[str]:
    """Under which condition, on one line where it is one."""
    below = conditions(reader, condition, policy, depth + 1)
    heading = reader.say("限于：", "only where: ")
    if len(below) == 1:
        return [bullet(depth, heading + below[0].strip().removeprefix("- "))]
    return [bullet(depth, heading.rstrip()), *below]


# ------------------------------------------------------------------------------------------------------ examples


def examples(reader: Reader, versions: tuple[Policy, ...]) -> list[str]:
    """The examples that stand beside the law, with what each must come to."""
    say = reader.say
    rows = [
        [
            escaped(example.says[reader.lang]),
            example.on.isoformat(),
            escaped(_expected(reader, policy, example.expect, example.also)),
        ]
        for policy in reversed(versions)
        for example in policy.examples
    ]
    return table([say("情形", "case"), say("日期", "date"), say("结果", "comes to")], rows)


def _expected(reader: Reader, policy: Policy, expect: dict[str, Any], also: dict[str, dict[str, Any]]) -> str:
    found = [_of_subjects(reader, policy, expect)] if expect else []
    for name, each in also.items():
        other = reader.rulebook.versions(name)[-1]
        found.append(reader.wording.policy(name) + reader.say("：", ": ") + _of_subjects(reader, other, each))
    return reader.say("；", "; ").join(found)


def _of_subjects(reader: Reader, policy: Policy, expect: dict[str, Any]) -> str:
    if policy.level == "household":
        return _of_one(reader, policy, expect)
    sep = reader.say("：", ": ")
    return reader.say("；", "; ").join(
        f"{member}{sep}{_of_one(reader, policy, each)}" for member, each in expect.items()
    )


def _of_one(reader: Reader, policy: Policy, expect: dict[str, Any]) -> str:
    titles = {item.id: item for item in policy.gives}
    found = []
    for key, wanted in expect.items():
        if key == "status":
            found.append(STATUS[wanted][reader.lang])
        elif key in titles:
            found.append(_item_expected(reader, titles[key], wanted))
        else:
            found.append(_other_expected(reader, key, wanted))
    return reader.say("，", ", ").join(text for text in found if text)


def _item_expected(reader: Reader, item: Item, wanted: Any) -> str:
    title = item.title[reader.lang]
    if isinstance(wanted, bool):
        return title + (reader.say("：有", ": yes") if wanted else reader.say("：无", ": no"))
    if isinstance(wanted, dict):
        low, high = (money_text(_fen(wanted[key]), reader.lang) if key in wanted else "?" for key in ("least", "most"))
        return f"{title} {low}–{high}"
    return f"{title} {money_text(_fen(wanted), reader.lang, item.per)}" if _is_sum(wanted) else f"{title} {wanted}"


def _is_sum(wanted: Any) -> bool:
    return isinstance(wanted, int | Decimal) and not isinstance(wanted, bool)


def _fen(value: Any) -> int:
    return int(Decimal(value) * 100)


def _other_expected(reader: Reader, key: str, wanted: Any) -> str:
    sep = reader.say("、", ", ")
    if key == "conditional_on":
        names = sep.join(reader.wording.policy(name) for name in wanted)
        return reader.say(f"须先获批：{names}", f"once granted: {names}") if names else ""
    if key == "missing":
        own = reader.say("正在享受的待遇", "what is already drawn")
        names = sep.join(own if name == "receiving" else reader.wording.fact(name) for name in wanted)
        return reader.say(f"还要了解：{names}", f"still to be known: {names}")
    return f"{key} {wanted}"
