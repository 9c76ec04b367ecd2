"""Every reason why a row is set aside, and every other sentence of the sweep: code -> (English, Chinese)."""

from __future__ import annotations

from engine.language.household import INPUT_CODES

REASONS: dict[str, tuple[str, str]] = {
    **INPUT_CODES,
    "unreadable-line": ("the line does not fit the table's columns", "该行与表头的列不符"),
    "household-without-id": ("the row has no household_id", "该行没有 household_id"),
    "household-id-twice": ("another household has the same household_id", "另一户的 household_id 相同"),
    "person-without-household": ("there is no household of this household_id", "没有这个 household_id 的家庭"),
    "value-and-range": ("a value and a range are both given", "同时给出了单个值和区间"),
    "wrong-type": ("the value does not have the column's type", "数值类型与该列不符"),
    "with-its-household": (
        "another row of this household was set aside, and nobody is decided on half a household",
        "同户的另一行未通过检查；不对不完整的家庭作认定",
    ),
}


def reason(code: str, lang: str) -> str:
    """The reason without the particulars of one value."""
    text = REASONS[code][lang == "zh"]
    return PLAIN.get(code, (text, text))[lang == "zh"]


# The same for codes whose sentence names particulars that a table of rejects does not repeat.
PLAIN: dict[str, tuple[str, str]] = {
    "wrong-kind": ("the value is not of the kind the fact needs", "数值的形式与该事实不符"),
    "too-precise": ("more decimals than the fact allows", "小数位数超过允许"),
    "outside-limits": ("outside the limits the vocabulary declares", "超出词汇表声明的范围"),
    "not-a-choice": ("not one of the fact's choices", "不是该事实的选项"),
    "too-many-members": ("a household has at most 60 members", "家庭成员最多 60 名"),
    "policy-of-other-level": (
        "the policy is drawn by the other level (household or member)",
        "该政策由另一层级（家庭或成员）享受",
    ),
    "text-too-long": ("text has at most 200 characters", "文本最多 200 个字符"),
    "cannot-be": ("the facts lead to a derived value outside its limits", "所给事实使推算值超出范围"),
}
