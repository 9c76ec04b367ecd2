"""What one text of a policy says: conditions, intermediate results and what it gives, as nested lists."""

from __future__ import annotations

from engine.decide.pages.markdown import bullet, escaped
from engine.decide.pages.reader import Reader, cited
from engine.language.model import Item, Policy
from engine.language.tree import Condition, Words
from engine.language.types import decimal_text
from engine.language.words import PERIODS

ROUNDING = {
    "half_up": Words("四舍五入到 {0} 元", "rounded to {0} yuan, halves up"),
    "up": Words("进位到 {0} 元", "rounded up to {0} yuan"),
    "down": Words("舍去 {0} 元以下部分", "rounded down to {0} yuan"),
}


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
            found += only_where(reader, item.condition, policy, 1)
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


def only_where(reader: Reader, condition: Condition, policy: Policy, depth: int) -> list[str]:
    """Under which condition, on one line where it is one."""
    below = conditions(reader, condition, policy, depth + 1)
    heading = reader.say("限于：", "only where: ")
    if len(below) == 1:
        return [bullet(depth, heading + below[0].strip().removeprefix("- "))]
    return [bullet(depth, heading.rstrip()), *below]
