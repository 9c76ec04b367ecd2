"""The figures a policy rests on with their history, and the facts it reads."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from engine.decide.pages.conditions import conditions
from engine.decide.pages.markdown import bullet, escaped, table
from engine.decide.pages.reader import Reader, cited
from engine.decide.reads import facts_read
from engine.language.checks import expressions_of, parameters_read
from engine.language.model import DatedValue, Fact, Key, Parameter, Policy, Rulebook
from engine.language.words import number_text


def figures(reader: Reader, versions: tuple[Policy, ...]) -> list[list[str]]:
    """The history of every figure the policy reads, each a heading and a table."""
    named = parameters_read(reader.rulebook, [expr for policy in versions for expr in expressions_of(policy)])
    found = []
    for parameter in sorted((reader.rulebook.parameters[name] for name in named), key=lambda p: p.order):
        found.append([f"### {escaped(parameter.label[reader.lang])}"])
        found.append(history(reader, parameter))
        if parameter.note:
            found.append([escaped(parameter.note)])
    return found


def history(reader: Reader, parameter: Parameter) -> list[str]:
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
    names = facts_read(rulebook, [expr for policy in versions for expr in expressions_of(policy)])
    return sorted((rulebook.facts[name] for name in names), key=lambda fact: fact.order)
