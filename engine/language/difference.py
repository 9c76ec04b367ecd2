"""What differs between two rulebooks, in words: policies, conditions, amounts, figures row by row, facts, labels.

Meaning is compared, not text: a remark, another order of files or other line breaks are no change. Conditions are
compared as the tree that was read, and told in the words an explanation would use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from fractions import Fraction
from typing import Any

from engine.language.model import Alert, DatedValue, Fact, Item, Label, Parameter, Policy, Rulebook
from engine.language.places import NOWHERE, Place
from engine.language.tree import NO_WORDS, Condition, Expr, Words
from engine.language.types import decimal_text
from engine.language.words import Wording, number_text

KINDS: dict[str, Words] = {
    "policy": Words("政策", "policy"),
    "version": Words("政策版本", "version of a policy"),
    "condition": Words("条件", "condition"),
    "let": Words("中间结果", "intermediate result"),
    "item": Words("待遇", "what it gives"),
    "exclusion": Words("不能同时享受", "may not be drawn together"),
    "text": Words("文字和程序", "texts and procedure"),
    "figure": Words("数值", "figure"),
    "fact": Words("事实", "fact"),
    "choice": Words("选项", "choice"),
    "label": Words("标签", "label"),
    "alert": Words("预警规则", "alert rule"),
}


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `old` and `new` are in words, empty where it was added or removed.

    kind    a key of KINDS
    name    the policy, parameter, fact or label it is in
    title   what that is called
    where   which part of it, in words ("" for the whole)
    on      the day from which the changed figure or version counts, where there is one
    place   where it stands in the new rulebook, or stood in the old
    """

    kind: str
    name: str
    title: Words
    where: Words = NO_WORDS
    old: Words = NO_WORDS
    new: Words = NO_WORDS
    on: date | None = None
    place: Place = NOWHERE

    @property
    def how(self) -> str:
        """added, removed or changed."""
        return "added" if not self.old.zh else "removed" if not self.new.zh else "changed"

    def data(self) -> dict[str, Any]:
        """As JSON values."""

        def words(each: Words) -> dict[str, str] | None:
            return {"zh": each.zh, "en": each.en} if each.zh else None

        return {
            "kind": self.kind,
            "how": self.how,
            "name": self.name,
            "title": words(self.title),
            "where": words(self.where),
            "old": words(self.old),
            "new": words(self.new),
            "from": self.on.isoformat() if self.on else None,
            "place": str(self.place) if self.place.file else None,
        }


def differences(old: Rulebook, new: Rulebook) -> tuple[Change, ...]:
    """Every change of meaning from `old` to `new`: policies first, then figures, facts, labels and alert rules."""
    return tuple(_Two(old, new).all())


@dataclass(frozen=True, slots=True)
class _Side:
    """One rulebook with its words."""

    rulebook: Rulebook
    zh: Wording
    en: Wording

    @staticmethod
    def of(rulebook: Rulebook) -> _Side:
        return _Side(rulebook, Wording(rulebook, "zh"), Wording(rulebook, "en"))

    def words(self, say: Callable[[Wording], str]) -> Words:
        return Words(say(self.zh), say(self.en))

    def expression(self, expr: Expr, policy: Policy | None) -> Words:
        return self.words(lambda wording: wording.expression(expr, policy))

    def condition(self, node: Condition, policy: Policy | None) -> Words:
        return self.words(lambda wording: wording.condition(node, policy))


class _Two:
    def __init__(self, old: Rulebook, new: Rulebook):
        self.old, self.new = _Side.of(old), _Side.of(new)

    def all(self) -> Iterator[Change]:
        yield from self.policies()
        for parameter_before, parameter_after in _paired(self.old.rulebook.parameters, self.new.rulebook.parameters):
            if parameter_before is not parameter_after:
                yield from self.parameter(parameter_before, parameter_after)
        yield from self.facts()
        yield from self.choices()
        yield from self.tags("label", _by_id(self.old.rulebook.labels), _by_id(self.new.rulebook.labels))
        yield from self.tags("alert", _by_id(self.old.rulebook.alerts), _by_id(self.new.rulebook.alerts))

    # -- policies --

    def policies(self) -> Iterator[Change]:
        before = {(p.id, p.from_date): p for p in self.old.rulebook.policies}
        after = {(p.id, p.from_date): p for p in self.new.rulebook.policies}
        ids = (set(self.old.rulebook.ids()), set(self.new.rulebook.ids()))
        order = [*self.new.rulebook.ids(), *(i for i in self.old.rulebook.ids() if i not in ids[1])]
        for name in order:
            keys = sorted({key for key in (*before, *after) if key[0] == name})
            if name not in ids[0] or name not in ids[1]:
                policy = (after if name in ids[1] else before)[keys[-1]]
                found = self.version_words(policy)
                gone = name not in ids[1]
                yield Change(
                    "policy",
                    name,
                    policy.title,
                    NO_WORDS,
                    found if gone else NO_WORDS,
                    NO_WORDS if gone else found,
                    keys[0][1],
                    policy.at,
                )
                continue
            for key in keys:
                if before.get(key) is not after.get(key):  # an editor changes one and shares the others
                    yield from self.version(before.get(key), after.get(key))

    def version(self, before: Policy | None, after: Policy | None) -> Iterator[Change]:
        if before is None or after is None:
            policy = before or after
            assert policy is not None
            words = self.version_words(policy)
            old, new = (words, NO_WORDS) if after is None else (NO_WORDS, words)
            yield Change("version", policy.id, policy.title, NO_WORDS, old, new, policy.from_date, policy.at)
            return

        def change(kind: str, where: Words, old: Words, new: Words, at: Place) -> Change:
            return Change(kind, after.id, after.title, where, old, new, after.from_date, at)

        for key, called in _HEADING.items():
            a, b = getattr(before, key), getattr(after, key)
            if a != b:
                yield change("version", called, _plain(a), _plain(b), after.at)
        for left, right in self.conditions(before.when, after.when, before, after):
            yield change("condition", NO_WORDS, left[0], right[0], right[1] if right[0].zh else left[1])
        yield from self.lets(before, after, change)
        for item_before, item_after in _paired({i.id: i for i in before.gives}, {i.id: i for i in after.gives}):
            yield from self.item(item_before, item_after, before, after, change)
        excluded = [{e.policy for e in p.excludes} for p in (before, after)]
        for name in sorted(excluded[0] ^ excluded[1]):
            side = self.old if name in excluded[0] else self.new
            words_of = side.words(lambda wording, name=name: wording.policy(name))  # type: ignore[misc]
            old_, new_ = (words_of, NO_WORDS) if name in excluded[0] else (NO_WORDS, words_of)
            yield change("exclusion", NO_WORDS, old_, new_, after.at)
        changed = [words for key, words in _TEXTS.items() if _bare(getattr(before, key)) != _bare(getattr(after, key))]
        if changed:
            where = Words("、".join(w.zh for w in changed), ", ".join(w.en for w in changed))
            yield change("text", where, Words("原文", "as it was"), Words("已修改", "amended"), after.at)

    def version_words(self, policy: Policy) -> Words:
        ends = (f"至 {policy.to_date}", f" to {policy.to_date}") if policy.to_date else ("", "")
        return Words(
            f"{policy.title.zh}（{policy.from_date} 起{ends[0]}）",
            f"{policy.title.en} (from {policy.from_date}{ends[1]})",
        )

    def conditions(
        self, before: Condition, after: Condition, old: Policy | None, new: Policy | None
    ) -> Iterator[tuple[tuple[Words, Place], tuple[Words, Place]]]:
        """The lines of two condition trees that differ, told side by side where one took the place of another."""
        a, b = list(self.lines(before, self.old, old)), list(self.lines(after, self.new, new))
        nothing = (NO_WORDS, NOWHERE)
        match = SequenceMatcher(None, [line[0] for line in a], [line[0] for line in b], autojunk=False)
        for how, i1, i2, j1, j2 in match.get_opcodes():
            if how == "equal":
                continue
            gone, come = [line[1:] for line in a[i1:i2]], [line[1:] for line in b[j1:j2]]
            for place in range(max(len(gone), len(come))):
                yield (
                    gone[place] if place < len(gone) else nothing,
                    come[place] if place < len(come) else nothing,
                )

    def lines(
        self, node: Condition, side: _Side, policy: Policy | None, depth: int = 0, above: Words = NO_WORDS
    ) -> Iterator[tuple[Any, Words, Place]]:
        """A tree as lines (what is compared, words, place): groups are opened, members' conditions are one line."""
        if node.kind in ("all", "any", "none") and node.parts:
            if depth or node.kind != "all":
                yield (depth, node.kind), side.condition(node, policy), node.at
            for part in node.parts:
                yield from self.lines(part, side, policy, depth + 1)
            return
        yield (depth, tree_of(node)), side.condition(node, policy), node.at

    def lets(self, before: Policy, after: Policy, change: Callable[..., Change]) -> Iterator[Change]:
        for a, b in _paired({x.name: x for x in before.lets}, {x.name: x for x in after.lets}):
            if a is not None and b is not None and tree_of(a) == tree_of(b):
                continue
            let = b or a
            assert let is not None
            old = self.let_words(self.old, a, before) if a else NO_WORDS
            new = self.let_words(self.new, b, after) if b else NO_WORDS
            yield change("let", let.words, old, new, let.at)

    def let_words(self, side: _Side, let: Any, policy: Policy) -> Words:
        if let.expr is not None:
            return side.expression(let.expr, policy)
        return side.condition(let.condition, policy)

    def item(
        self, a: Item | None, b: Item | None, before: Policy, after: Policy, change: Callable[..., Change]
    ) -> Iterator[Change]:
        item = b or a
        assert item is not None
        if a is None or b is None:
            words = self.item_words(self.old if a else self.new, item, before if a else after)
            yield change("item", item.title, words if a else NO_WORDS, words if b else NO_WORDS, item.at)
            return
        old, new = self.item_words(self.old, a, before), self.item_words(self.new, b, after)
        if _item(a) != _item(b):
            if old == new:
                old, new = Words(f"{old.zh}（其他写法）", f"{old.en} (written otherwise)"), new
            yield change("item", b.title, old, new, b.at)
        if a.condition is not None and b.condition is not None:
            for left, right in self.conditions(a.condition, b.condition, before, after):
                yield change("condition", b.title, left[0], right[0], right[1] if right[0].zh else left[1])

    def item_words(self, side: _Side, item: Item, policy: Policy) -> Words:
        if item.amount is None:
            return Words("实物或服务", "help in kind")
        amount = side.expression(item.amount, policy)
        per = {"": ("", ""), "once": ("一次性 ", "once: ")}.get(
            item.per, (f"每{_PER[item.per][0]} " if item.per in _PER else "", f"a {item.per}: ")
        )
        most = ("最高 ", "up to ") if item.up_to else ("", "")
        months = side.expression(item.for_months, policy) if item.for_months is not None else NO_WORDS
        shown = (f"，共 {months.zh} 个月", f", for {months.en} months") if months.zh else ("", "")
        only = ("，另有条件", ", under a condition of its own") if item.condition is not None else ("", "")
        rounded = f"{item.round_mode} {decimal_text(item.round_to)}" if item.round_to is not None else ""
        to = (f"，取整 {rounded}", f", rounded {rounded}") if rounded else ("", "")
        return Words(
            f"{per[0]}{most[0]}{amount.zh}{shown[0]}{to[0]}{only[0]}",
            f"{per[1]}{most[1]}{amount.en}{shown[1]}{to[1]}{only[1]}",
        )

    # -- figures --

    def parameter(self, before: Parameter | None, after: Parameter | None) -> Iterator[Change]:
        parameter = after or before
        assert parameter is not None

        def change(where: Words, old: Words, new: Words, on: date | None, at: Place) -> Change:
            return Change("figure", parameter.name, parameter.label, where, old, new, on, at)

        if before is None or after is None:
            value = parameter.values[-1] if parameter.values else None
            words = self.value_words(parameter, value) if value else Words("没有数值", "no value")
            yield change(
                NO_WORDS,
                words if before else NO_WORDS,
                words if after else NO_WORDS,
                value.from_date if value else None,
                parameter.at,
            )
            return
        if (before.type, before.keys, before.cycle) != (after.type, after.keys, after.cycle):
            where = Words("类型、单位或范围", "type, unit or limits")
            yield change(where, _type(before), _type(after), None, after.at)
        for a, b in _paired({v.from_date: v for v in before.values}, {v.from_date: v for v in after.values}):
            yield from self.value(before, after, a, b, change)

    def value(
        self,
        before: Parameter,
        after: Parameter,
        a: DatedValue | None,
        b: DatedValue | None,
        change: Callable[..., Change],
    ) -> Iterator[Change]:
        value = b or a
        assert value is not None
        day = value.from_date
        whole = Words(f"{day} 起", f"from {day}")
        if a is None or b is None:
            earlier = before.on(day) if b else None  # what stood until now on that day
            if b is not None and not b.rows and earlier is not None:
                yield change(whole, self.value_words(before, earlier), self.value_words(after, b), day, value.at)
            elif b is not None and b.rows and earlier is not None:
                yield from self.rows(before, after, earlier, b, whole, change)
            else:
                words = self.value_words(after if b else before, value)
                yield change(whole, words if a else NO_WORDS, words if b else NO_WORDS, day, value.at)
            return
        if a.rows or b.rows:
            yield from self.rows(before, after, a, b, whole, change)
        elif a.value != b.value:
            yield change(whole, self.value_words(before, a), self.value_words(after, b), day, b.at)
        if a.verified != b.verified:
            said = [Words("已核对", "verified") if v.verified else Words("未核对", "not verified") for v in (a, b)]
            yield change(whole, said[0], said[1], day, b.at)
        if a.source != b.source:
            yield change(
                Words(f"{whole.zh}的来源", f"source, {whole.en}"), _plain(a.source), _plain(b.source), day, b.at
            )

    def rows(
        self,
        before: Parameter,
        after: Parameter,
        a: DatedValue,
        b: DatedValue,
        whole: Words,
        change: Callable[..., Change],
    ) -> Iterator[Change]:
        """A table row by row."""
        for x, y in _paired({r.keys: r for r in a.rows}, {r.keys: r for r in b.rows}):
            row = y or x
            assert row is not None
            if x is not None and y is not None and x.value == y.value:
                continue
            side, parameter = (self.new, after) if y else (self.old, before)
            keys = Words(*(self.key_words(side.rulebook, parameter, row.keys, lang) for lang in ("zh", "en")))
            where = Words(f"{whole.zh}，{keys.zh}", f"{whole.en}, {keys.en}")
            yield change(
                where,
                _figure(before, x.value) if x else NO_WORDS,
                _figure(after, y.value) if y else NO_WORDS,
                b.from_date,
                b.at,
            )
        if a.each_further != b.each_further:
            where = Words(f"{whole.zh}，每多一个", f"{whole.en}, each further")
            shown = [
                _figure(p, v.each_further) if v.each_further is not None else NO_WORDS
                for p, v in ((before, a), (after, b))
            ]
            yield change(where, shown[0], shown[1], b.from_date, b.at)

    def key_words(self, rulebook: Rulebook, parameter: Parameter, keys: tuple[str | Fraction, ...], lang: str) -> str:
        shown = []
        for key, value in zip(parameter.keys, keys, strict=True):
            if isinstance(value, Fraction):
                number = number_text(value, key.type, lang)
                shown.append(f"从 {number} 起" if lang == "zh" else f"from {number}")
            elif value in rulebook.choices[key.choices].words:
                shown.append(rulebook.choices[key.choices].words[value][lang])
            else:
                shown.append("其余" if lang == "zh" else "otherwise")
        return ("，" if lang == "zh" else ", ").join(shown)

    def value_words(self, parameter: Parameter, value: DatedValue) -> Words:
        if value.rows:
            return Words(f"{len(value.rows)} 行的表", f"a table of {len(value.rows)} rows")
        return _figure(parameter, value.value)

    # -- facts, labels, alerts --

    def facts(self) -> Iterator[Change]:
        for a, b in _paired(self.old.rulebook.facts, self.new.rulebook.facts):
            fact = b or a
            assert fact is not None
            if a is not None and b is not None and _fact(a) == _fact(b):
                continue
            old = self.fact_words(self.old, a) if a else NO_WORDS
            new = self.fact_words(self.new, b) if b else NO_WORDS
            yield Change("fact", fact.name, fact.label, NO_WORDS, old, new, None, fact.at)

    def fact_words(self, side: _Side, fact: Fact) -> Words:
        kind = Words(fact.type.words("zh"), fact.type.words("en"))
        limits = f" {decimal_text(fact.type.least)} – {decimal_text(fact.type.most)}" if fact.type.numeric else ""
        if fact.expr is not None:
            inner = side.expression(fact.expr, None)
        elif fact.condition is not None:
            inner = Words(
                *("；".join(line[1][lang] for line in self.lines(fact.condition, side, None)) for lang in ("zh", "en"))
            )
        else:
            inner = NO_WORDS
        shown = (f"：{inner.zh}", f": {inner.en}") if inner.zh else ("", "")
        return Words(
            f"{fact.label.zh}（{kind.zh}{limits}）{shown[0]}", f"{fact.label.en} ({kind.en}{limits}){shown[1]}"
        )

    def choices(self) -> Iterator[Change]:
        for a, b in _paired(self.old.rulebook.choices, self.new.rulebook.choices):
            values = [set(each.values) if each else set() for each in (a, b)]
            for value in sorted(values[0] ^ values[1]):
                gone = value in values[0]
                listed = a if gone else b
                assert listed is not None
                words = listed.words[value]
                yield Change(
                    "choice",
                    listed.name,
                    _plain(listed.name),
                    NO_WORDS,
                    words if gone else NO_WORDS,
                    NO_WORDS if gone else words,
                )

    def tags(
        self, kind: str, before: Mapping[str, Label | Alert], after: Mapping[str, Label | Alert]
    ) -> Iterator[Change]:
        for a, b in _paired(before, after):
            tag = b or a
            assert tag is not None
            if a is None or b is None:
                yield Change(
                    kind,
                    tag.id,
                    tag.title,
                    NO_WORDS,
                    tag.title if a else NO_WORDS,
                    tag.title if b else NO_WORDS,
                    None,
                    tag.at,
                )
                continue
            if a.policy is not None and b.policy is not None:
                for old, new in self.conditions(a.policy.when, b.policy.when, a.policy, b.policy):
                    at = new[1] if new[0].zh else old[1]
                    yield Change(kind, tag.id, tag.title, NO_WORDS, old[0], new[0], None, at)


_PER = {"week": ("周", "week"), "fortnight": ("两周", "fortnight"), "month": ("月", "month"), "year": ("年", "year")}
_HEADING = {
    "title": Words("名称", "title"),
    "kind": Words("性质", "kind"),
    "level": Words("认定对象", "for"),
    "to_date": Words("最后一日", "last day"),
}
_TEXTS = {
    "department": Words("部门", "department"),
    "cite": Words("依据", "citations"),
    "documents": Words("材料", "documents"),
    "where": Words("办理地点", "where to apply"),
    "channel": Words("办理渠道", "channel"),
    "decision_days": Words("办理时限", "time for deciding"),
    "review": Words("复核", "review"),
    "notes": Words("提示", "notes"),
    "called": Words("旧名称", "earlier names"),
}


def tree_of(value: Any) -> Any:
    """Conditions and expressions without places, names of conditions and glosses: what they mean, to be compared."""
    match value:
        case Expr():
            return (value.op, value.name, value.value, value.level, tuple(map(tree_of, value.args)))
        case Condition():
            return (value.kind, tree_of(value.expr), tuple(map(tree_of, value.parts)))
        case None:
            return None
    return (tree_of(value.expr), tree_of(value.condition))  # an intermediate result


def _item(item: Item) -> Any:
    paid = item.per, item.up_to, item.paid_to, item.round_to, item.round_mode, item.condition is None
    return tree_of(item.amount), tree_of(item.for_months), paid


def _fact(fact: Fact) -> Any:
    return fact.level, fact.type, tree_of(fact.expr), tree_of(fact.condition), fact.label


def _bare(value: Any) -> Any:
    """A value without the places that stand in it."""
    if isinstance(value, Condition):
        return tree_of(value)
    if isinstance(value, tuple):
        return tuple(map(_bare, value))
    fields = getattr(value, "__dataclass_fields__", None)
    return value if fields is None else tuple(_bare(getattr(value, name)) for name in fields if name != "at")


def _paired(before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """What stands under each key before and after, None where nothing does; in the order after, then what is gone."""
    for key in [*after, *(key for key in before if key not in after)]:
        yield before.get(key), after.get(key)


def _by_id(each: Iterable[Any]) -> dict[str, Any]:
    return {one.id: one for one in each}


def _plain(value: Any) -> Words:
    if isinstance(value, Words):
        return value
    if value is None:
        return Words("不限", "open")
    return Words(str(value), str(value))


def _type(parameter: Parameter) -> Words:
    shown = [
        f"{parameter.type.words(lang)} {decimal_text(parameter.type.least)} – {decimal_text(parameter.type.most)}"
        for lang in ("zh", "en")
    ]
    return Words(*shown)


def _figure(parameter: Parameter, value: Fraction | None) -> Words:
    if value is None:
        return Words("未公布", "not published")
    return Words(number_text(value, parameter.type, "zh"), number_text(value, parameter.type, "en"))
