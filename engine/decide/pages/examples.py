"""The examples that stand beside the law, with what each must come to, as a table."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engine.decide.pages.markdown import escaped, table
from engine.decide.pages.reader import Reader
from engine.language.model import Item, Policy
from engine.language.words import STATUS, money_text


def examples(reader: Reader, versions: tuple[Policy, ...]) -> list[str]:
    """The examples that stand beside the law, with what each must come to."""
    say = reader.say
    rows = [
        [
            escaped(example.says[reader.lang]),
            example.on.isoformat(),
            escaped(expected(reader, policy, example.expect, example.also)),
        ]
        for policy in reversed(versions)
        for example in policy.examples
    ]
    return table([say("情形", "case"), say("日期", "date"), say("结果", "comes to")], rows)


def expected(reader: Reader, policy: Policy, expect: dict[str, Any], also: dict[str, dict[str, Any]]) -> str:
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
