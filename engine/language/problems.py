"""What can be wrong with a rulebook, in words, all of it at once.

A check never raises at the first fault: it adds a `Problem` to a `Problems` list and goes on. Every code is one row of
`CODES`, with its sentence in English and Chinese; `docs/problems.md` is made from the same table.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engine.language.places import Place

# code -> (English sentence, Chinese sentence). `{…}` is filled from the problem's own words.
CODES: dict[str, tuple[str, str]] = {
    # -- the file as YAML --
    "not-readable": ("the file cannot be read: {why}", "文件无法读取：{why}"),
    "file-too-large": ("the file is larger than {limit} bytes", "文件超过 {limit} 字节"),
    "not-yaml": ("this is not YAML: {why}", "不是合法的 YAML：{why}"),
    "too-deep": ("nested more than {limit} levels deep", "嵌套超过 {limit} 层"),
    "too-many-values": ("the file holds more than {limit} values", "文件中的值超过 {limit} 个"),
    "several-documents": (
        "a file holds one YAML document; a second one begins here",
        "一个文件只能有一个 YAML 文档，此处开始了第二个",
    ),
    "duplicate-key": ("the key '{key}' stands twice in this mapping", "键“{key}”在同一映射中出现了两次"),
    "key-not-text": ("a key must be plain text", "键必须是文本"),
    "anchor-or-alias": ("anchors and aliases (& and *) are not allowed", "不允许使用锚点和别名（& 和 *）"),
    "tag": ("tags ({tag}) are not allowed", "不允许使用标签（{tag}）"),
    "surprising-scalar": (
        "'{text}' is read differently by different YAML readers",
        "“{text}”在不同的 YAML 读取器中含义不同",
    ),
    # -- the shape of what was read --
    "wrong-shape": ("{what} must be {wanted}, not {found}", "{what_zh}必须是{wanted_zh}，而不是{found_zh}"),
    "unknown-key": ("the key '{key}' has no meaning here", "此处没有名为“{key}”的键"),
    "missing-key": ("{what} lacks '{key}'", "{what_zh}缺少“{key}”"),
    "missing-label": (
        "{what} needs its words in both languages: '{lang}' is missing",
        "{what_zh}需要中英文名称：缺少“{lang}”",
    ),
    "bad-value": ("'{text}' is not {wanted}", "“{text}”不是{wanted_zh}"),
    "out-of-range": ("{text} lies outside {lowest} to {highest}", "{text} 不在 {lowest} 到 {highest} 之间"),
    "not-one-of": ("'{text}' is not one of: {choices}", "“{text}”不是下列之一：{choices}"),
    "bad-name": (
        "'{name}' cannot be a name: use lower-case letters, digits and _, beginning with a letter",
        "“{name}”不能作名称：请用小写字母、数字和下划线，并以字母开头",
    ),
    "name-taken": ("'{name}' is already declared at {where}", "“{name}”已在 {where} 声明"),
    "no-such-file": ("no file matches '{pattern}'", "没有文件符合“{pattern}”"),
    "not-in-catalogue": ("this rule file is in no group of the catalogue", "此规则文件未列入目录的任何分组"),
    "digits-in-gloss": (
        "'says' holds a digit: figures belong to parameters, with a date and a source",
        "“says”中含有数字：数值应放在参数里，并注明日期和来源",
    ),
    # -- expressions --
    "expression-too-long": (
        "the expression has {length} characters; at most {limit} are allowed",
        "表达式有 {length} 个字符，最多 {limit} 个",
    ),
    "expression-too-deep": ("the expression is nested more than {limit} levels deep", "表达式嵌套超过 {limit} 层"),
    "members-nested": (
        "functions over members stand more than {limit} deep in one another: name the inner one in `let`",
        "对成员的函数嵌套超过 {limit} 层：请在 let 中先为内层命名",
    ),
    "expression-syntax": ("this is not an expression: {why}", "不是合法的表达式：{why}"),
    "not-allowed": ("{what} cannot stand in a rule", "规则中不能使用{what_zh}"),
    "brackets-needed": ("'and' beside 'or' needs brackets to be clear", "“and”与“or”并用时需要加括号"),
    "split-by-flow-style": (
        "an expression with a comma or bracket must be quoted inside [ ] or {{ }}",
        "在 [ ] 或 {{ }} 中，含逗号或括号的表达式必须加引号",
    ),
    "unknown-name": ("no fact, parameter or policy is called '{name}'", "没有名为“{name}”的事实、参数或政策"),
    "unknown-function": ("there is no function called '{name}'", "没有名为“{name}”的函数"),
    "unknown-policy": ("no policy is called '{name}'", "没有名为“{name}”的政策"),
    "wrong-arguments": ("{name} takes {wanted}", "{name} 需要{wanted_zh}"),
    "wrong-level": ("'{name}' belongs to {level}: {way_out}", "“{name}”属于{level_zh}：{way_out_zh}"),
    "wrong-type": ("{what} must be {wanted}, but this is {found}", "{what_zh}应为{wanted_zh}，此处为{found_zh}"),
    "units-differ": ("{left} and {right} are different units", "{left} 与 {right} 单位不同"),
    "unknown-choice": ("'{text}' is not one of the choices of '{name}'", "“{text}”不是“{name}”的可选值"),
    "choice-compared": ("a choice can be compared with == and 'in' only", "选项只能用 == 或 in 比较"),
    "compared-with-true": (
        "write '{better}' instead of comparing with true or false",
        "请直接写“{better}”，不要与 true 或 false 比较",
    ),
    "number-in-rule": (
        "the number {text} is written into a rule: make it a parameter with a date and a source",
        "规则中写入了数值 {text}：请改为带日期和来源的参数",
    ),
    "table-without-key": ("'{name}' is a table: give its key in [ ]", "“{name}”是表：请在 [ ] 中给出键"),
    "not-a-table": ("'{name}' is not a table", "“{name}”不是表"),
    "keys-do-not-fit": ("'{name}' has {wanted} key(s), {found} given", "“{name}”有 {wanted} 个键，给出了 {found} 个"),
    "divisor-may-be-zero": (
        "the divisor may be zero or less: its declared range is {range}",
        "除数可能为零或负：其声明范围是 {range}",
    ),
    "both-factors-cross-zero": (
        "both factors may be above and below zero: {left} and {right}",
        "两个因数都可能跨越零：{left} 与 {right}",
    ),
    "rounds-below-zero": (
        "only what cannot be below zero is rounded: the range is {range}",
        "只能对非负数舍入：范围是 {range}",
    ),
    "overflow": ("the integers behind this may pass 64 bits (up to {size})", "此处的整数可能超出 64 位（可达 {size}）"),
    "never-holds": (
        "this can never hold: {left} lies in {left_range}, {right} in {right_range}",
        "此条件永远不成立：{left} 在 {left_range}，{right} 在 {right_range}",
    ),
    "always-holds": (
        "this always holds: {left} lies in {left_range}, {right} in {right_range}",
        "此条件总是成立：{left} 在 {left_range}，{right} 在 {right_range}",
    ),
    "holds-is-negated": (
        "holds({name}) may stand only where more of it can only help, not in {where}",
        "holds({name}) 只能用于“有则更有利”之处，不能用于{where_zh}",
    ),
    "fact-uses-policy": ("a derived fact cannot ask about a policy", "派生事实不能引用政策"),
    "text-in-rule": ("'{name}' is free text, which no rule may read", "“{name}”是自由文本，规则不能读取"),
    # -- the rulebook as a whole --
    "circle": ("{what} depends on itself: {chain}", "{what_zh}依赖于自身：{chain}"),
    "dates-overlap": ("in force at the same time as {other}", "与 {other} 的生效期间重叠"),
    "dates-out-of-order": ("{later} does not come after {earlier}", "{later} 不在 {earlier} 之后"),
    "dates-leave-gap": (
        "'{name}' has no value before {first}, but '{policy}' is in force from {needed}",
        "“{name}”在 {first} 之前没有值，而“{policy}”自 {needed} 起生效",
    ),
    "row-missing": ("'{name}' has no row for {key}", "“{name}”缺少 {key} 一行"),
    "row-twice": ("'{name}' has two rows for {key}", "“{name}”的 {key} 有两行"),
    "no-source": ("a figure needs its source", "数值必须注明来源"),
    "no-citation": ("the policy '{name}' cites no law or document", "政策“{name}”没有引用法律或文件"),
    "no-examples": ("the policy '{name}' has no examples", "政策“{name}”没有例子"),
    "no-example-with-status": (
        "'{name}' has no example that comes out {status}",
        "“{name}”没有结论为“{status_zh}”的例子",
    ),
    "amount-not-rounded": (
        "'{name}' may come to a part of a fen: say how it is rounded",
        "“{name}”可能出现不足一分的金额：请写明舍入方法",
    ),
    "per-and-unit-differ": (
        "'{name}' is paid per {per}, so its amount must be in {wanted}, not {found}",
        "“{name}”按{per}发放，金额单位应为 {wanted}，而不是 {found}",
    ),
    "too-many-choices": (
        "the exclusions around '{name}' leave {count} ways to choose; at most {limit} are allowed",
        "“{name}”周围的互斥关系有 {count} 种选法，最多 {limit} 种",
    ),
    "called-in-rule-of-other-jurisdiction": (
        "'{name}' belongs to {other}, which is not in force together with {own}",
        "“{name}”属于 {other}，与 {own} 不同时生效",
    ),
    # -- examples and households --
    "unknown-household": (
        "no household of rules/households.yaml is called '{name}'",
        "rules/households.yaml 中没有名为“{name}”的家庭",
    ),
    "bad-household": ("{path}: {why}", "{path}：{why_zh}"),
    "example-fails": (
        "{what} should be {wanted}, but comes out as {found}",
        "{what_zh}应为 {wanted}，结果却是 {found}",
    ),
    "example-not-in-force": ("'{name}' is not in force on {on}", "“{name}”在 {on} 未生效"),
    "boundary-not-shown": (
        "no example brings '{leaf}' to {truth} within one step ({step}) of its limit",
        "没有例子使“{leaf}”在离界限一步（{step}）之内时为“{truth_zh}”",
    ),
    "verified-mix": ("'{name}' is marked verified without a source that says so", "“{name}”标为已核实，但没有相应来源"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault at one place. `words` fill the code's sentence; `hint` is the way out."""

    place: Place
    code: str
    words: tuple[tuple[str, str], ...] = ()
    hint: tuple[str, str] = ("", "")  # English, Chinese
    line: str = ""  # the text of the line, for the caret

    def message(self, lang: str = "en") -> str:
        """The sentence of this problem in `lang` (`zh` or `en`)."""
        return CODES[self.code][lang == "zh"].format_map(dict(self.words))

    def text(self, lang: str = "en") -> str:
        """The three lines a person reads: place, code and message; the line; the caret and the hint."""
        head = f"{self.place}: {self.code}: {self.message(lang)}"
        hint = self.hint[lang == "zh"]
        if not self.line:
            return f"{head}\n   |  {hint}" if hint else head
        shown = self.line.replace("\t", " ")[:200]
        caret = _blank(shown[: self.place.column - 1]) + "^" * max(1, min(self.place.width, 80))
        return f"{head}\n   | {shown}\n   | {caret}" + (f"  {hint}" if hint else "")

    def data(self) -> dict[str, object]:
        """For machines: the same, as JSON values."""
        place = self.place
        return {
            "file": place.file,
            "line": place.line,
            "column": place.column,
            "code": self.code,
            "message": {"zh": self.message("zh"), "en": self.message("en")},
            "hint": {"zh": self.hint[1], "en": self.hint[0]},
        }


def _blank(text: str) -> str:
    """Spaces as wide as `text` on a terminal: a Chinese character is two columns wide."""
    return "".join("\u3000" if ord(ch) > 0x2E7F else " " for ch in text)


MOST_HINTS = 1_000


@dataclass(slots=True)
class Problems:
    """The list every check adds to."""

    found: list[Problem] = field(default_factory=list)
    lines: dict[str, list[str]] = field(default_factory=dict)

    def add(self, code: str, place: Place, hint: tuple[str, str] | str = "", /, **words: object) -> None:
        """Note a problem. `code` must be a row of CODES; `hint` is (English, Chinese) or one text for both."""
        if "what" in words:
            words.setdefault("what_zh", words["what"])
        both = (hint, hint) if isinstance(hint, str) else hint
        rows = self.lines.get(place.file, [])
        line = rows[place.line - 1] if 0 < place.line <= len(rows) else ""
        filled = tuple(sorted((key, str(value)) for key, value in words.items()))
        self.found.append(Problem(place, code, filled, both, line))

    def near(self, name: str, known: Iterable[str]) -> tuple[str, str]:
        """The hint for a name that is not known. Beyond so many problems there are none: each is looked for among all
        names, and nobody reads them."""
        return did_you_mean(name, known) if len(self.found) < MOST_HINTS else ("", "")

    def sorted(self) -> tuple[Problem, ...]:
        """All problems by place, each once."""
        return tuple(sorted(set(self.found), key=lambda p: (p.place, p.code, p.words)))

    def __len__(self) -> int:
        return len(self.found)


class RulebookError(Exception):
    """A rulebook with problems is not loaded. `problems` holds all of them."""

    def __init__(self, problems: tuple[Problem, ...]):
        self.problems = problems
        super().__init__("\n".join(problem.text() for problem in problems))


def did_you_mean(name: str, known: Iterable[str]) -> tuple[str, str]:
    """The hint that names the nearest known name, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return (f"did you mean '{close[0]}'?", f"是不是“{close[0]}”？") if close else ("", "")


def table() -> Mapping[str, tuple[str, str]]:
    """Every problem code with its sentence, in English and Chinese."""
    return CODES
