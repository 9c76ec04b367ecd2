"""The grammar of the rule files as one table: which keys each mapping may hold, which it must, and what stands there.

The reader takes its keys from here and `json_schema.py` makes the editor's schema of it, so that neither can know a key
which the other does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from engine.language.tree import Words
from engine.language.types import Base

KINDS = ("category", "benefit", "service", "referral")
LEVELS = ("household", "member")
PERIODS = ("once", "week", "fortnight", "month", "year")
PAYEES = ("household", "employer", "institution")
ROUNDING = ("half_up", "up", "down")
YEARS = ("calendar_year", "rolling_year")
EVENT_DOES = ("register", "join", "leave", "grant", "end")
CHANGES_COUNTED = ("gained", "lost")
TYPES = tuple(base.value for base in Base)
BANDS = (Base.MONEY.value, Base.WHOLE.value, Base.NUMBER.value, Base.RATIO.value)


@dataclass(frozen=True, slots=True)
class Kind:
    """What stands at a key.

    name     a scalar (`text`, `flag`, `day`, `whole`, `number`, `name`, `expression`, …), `one_of`, `list`, `map`,
             `freely`, `either`, or `shape` (a mapping of this table)
    of       of a list or a map: what it holds; of `either`: each that may stand
    choices  of `one_of`: the words allowed
    shape    of `shape`: the name of a row of SHAPES
    """

    name: str
    of: tuple[Kind, ...] = ()
    choices: tuple[str, ...] = ()
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a mapping: what stands there, whether it must, and what it means."""

    name: str
    kind: Kind
    says: Words
    required: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A mapping; `one_of`: exactly one of these keys must stand in it."""

    name: str
    says: Words
    keys: tuple[Key, ...]
    one_of: tuple[str, ...] = ()


def one_of(*choices: str) -> Kind:
    return Kind("one_of", choices=choices)


def many(kind: Kind) -> Kind:
    return Kind("list", (kind,))


def named(kind: Kind) -> Kind:
    """A mapping from declared names to `kind`."""
    return Kind("map", (kind,))


def freely(kind: Kind) -> Kind:
    """A mapping whose keys may be called anything: choices, example households."""
    return Kind("freely", (kind,))


def either(*kinds: Kind) -> Kind:
    return Kind("either", kinds)


def a(shape: str) -> Kind:
    return Kind("shape", shape=shape)


TEXT, FLAG, DAY, WHOLE, NUMBER = (Kind(name) for name in ("text", "flag", "day", "whole", "number"))
NAME, EXPRESSION, CONDITION, CITE = (Kind(name) for name in ("name", "expression", "condition", "cite"))
WORDS, GLOSS = Kind("words"), Kind("gloss")
# Names of the rulebook itself, and what its vocabulary says of a household.
FACT_TYPE, CHOICES, POLICY, UNIT, LIMIT = (Kind(name) for name in ("type", "choices", "policy", "unit", "limit"))
HOUSEHOLD, CHANGES, EXPECT, FIGURE, ROWS = (Kind(name) for name in ("household", "changes", "expect", "figure", "rows"))


def _key(name: str, kind: Kind, zh: str, en: str) -> Key:
    return Key(name, kind, Words(zh, en))


def _must(name: str, kind: Kind, zh: str, en: str) -> Key:
    return Key(name, kind, Words(zh, en), True)


_LABEL = (_must("zh", TEXT, "中文", "in Chinese"), _must("en", TEXT, "英文", "in English"))
_VERIFIED = _key(
    "verified", FLAG, "是否已对照原文核实；否则答案带提示", "held against the source; if not, answers carry a caveat"
)
_CITE = _key("cite", CITE, "依据：法规、条、文件", "where it is written: law, article, document")
_NUMBERS = (
    _key("unit", UNIT, "单位，如 CNY/month", "its unit, such as CNY/month"),
    _key("choices", CHOICES, "选项表的名称", "the name of a list of choices"),
    _key("step", NUMBER, "最小刻度：1、0.1、0.01 等", "the smallest step: 1, 0.1, 0.01 …"),
    _key("lowest", LIMIT, "可能的最小值", "the least it can be"),
    _key("highest", LIMIT, "可能的最大值", "the most it can be"),
)
_FACT = (
    _must("label", WORDS, "名称", "what it is called"),
    _must("type", FACT_TYPE, "类型", "its type"),
    *_NUMBERS,
    _key("question", WORDS, "向家庭提问的话", "how it is asked"),
    _key("help", WORDS, "填写说明", "help beside the question"),
    _key("subject", WORDS, "表格中的小标题", "the form's heading"),
    _key("department", WORDS, "数据来源部门", "the department whose register has it"),
    _key("sensitive", FLAG, "是否敏感个人信息", "sensitive personal data"),
    _CITE,
    _key("note", TEXT, "给规则编写者的话", "a remark for whoever writes rules"),
)
_ALL = (
    Shape(
        "catalogue",
        Words("目录：辖区、分组，以及哪些规则文件有效", "The catalogue: places, groups, and the rule files in force"),
        (
            _must("title", WORDS, "目录名称", "what the catalogue is called"),
            _must("vocabulary", TEXT, "词汇表文件", "the file of the vocabulary"),
            _must("jurisdictions", named(a("jurisdiction")), "辖区", "the places whose law this is"),
            _must("groups", named(a("group")), "分组，按目录次序", "the groups, in catalogue order"),
            _key("parameters", many(TEXT), "参数文件（可用通配符）", "the files of figures (patterns allowed)"),
            _key("households", TEXT, "示例家庭文件", "the file of example households"),
            _key("labels", TEXT, "标签文件", "the file of labels"),
            _key("watch", a("watch"), "预警：规则、工作日历、办理期限", "the watch: its rules, calendar and due dates"),
        ),
    ),
    Shape(
        "watch",
        Words("预警的文件", "The files of the watch"),
        (
            _must("alerts", many(TEXT), "预警规则文件（可用通配符）", "the files of alert rules (patterns allowed)"),
            _must("calendar", TEXT, "工作日历文件", "the file of working days"),
            _must("due", NAME, "办理期限（工作日）参数，以紧急程度为键", "the table of working days by urgency"),
        ),
    ),
    Shape(
        "jurisdiction",
        Words("一个辖区", "A place whose law it is"),
        (
            _must("title", WORDS, "辖区名称", "its name"),
            _key("in_force", FLAG, "默认是否适用", "read by default; if not, only when asked for by name"),
        ),
    ),
    Shape(
        "group",
        Words("目录中的一组", "A heading of the catalogue"),
        (
            _must("title", WORDS, "分组名称", "its name"),
            _must("jurisdiction", TEXT, "所属辖区", "the place it belongs to"),
            _must("files", many(TEXT), "规则文件（可用通配符）", "its rule files (patterns allowed)"),
        ),
    ),
    Shape(
        "vocabulary",
        Words("词汇表：选项、事实、推算的事实", "The vocabulary: choices, facts, derived facts"),
        (
            _must("facts", a("levels_of_facts"), "要询问或获取的事实", "what is asked or fetched"),
            _key("choices", named(freely(WORDS)), "选项表：每个值的名称", "closed lists of values, with their words"),
            _key("derived", a("levels_of_derived"), "由其他事实推算的事实", "what is worked out from other facts"),
            _key("events", named(a("event")), "事件类型", "kinds of events"),
        ),
    ),
    Shape(
        "event",
        Words("一种事件：它改变哪些事实", "A kind of event: which facts it changes"),
        (
            _must("label", WORDS, "名称", "what it is called"),
            _must("for", one_of(*LEVELS, "either"), "发生在家庭还是成员身上", "whom it befalls"),
            _must("department", WORDS, "来源部门", "the department it comes from"),
            _key("does", one_of(*EVENT_DOES), "整户登记、成员加入或离开、待遇批准或停止", "what else it does"),
            _key("sets", many(NAME), "可随事件给出的事实", "the facts it may set"),
            _key("always", named(either(FLAG, TEXT)), "事件必然带来的事实", "the facts it always sets"),
            _key("fields", named(a("event_field")), "事件自身的数值", "what the event says of itself"),
            _key("sums", named(a("event_sum")), "由事件累计的事实", "facts that are sums over events"),
            _key("expires", FLAG, "可注明有效期止", "may say until when it holds"),
        ),
    ),
    Shape(
        "event_field",
        Words("事件自身的数值", "What an event says of itself"),
        (_must("label", WORDS, "名称", "what it is called"), _must("type", FACT_TYPE, "类型", "its type"), *_NUMBERS),
    ),
    Shape(
        "event_sum",
        Words("按年累计", "A sum over the events of a year"),
        (
            _must("of", NAME, "累计哪个数值", "the field that is added up"),
            _must("over", one_of(*YEARS), "自然年或滚动一年", "the calendar year or the year up to the day"),
        ),
    ),
    Shape(
        "alert",
        Words("一条预警规则", "An alert rule"),
        (
            _must("alert", NAME, "代号", "its name"),
            _must("title", WORDS, "名称", "what it is called"),
            _must("for", one_of(*LEVELS), "按家庭还是按成员", "for the household or for each member"),
            _must("cause", TEXT, "致困原因类别", "the class of cause"),
            _must("department", WORDS, "牵头部门", "the department that steps in"),
            _must("urgency", TEXT, "紧急程度", "how urgent it is"),
            _must("do", many(WORDS), "要做的事", "what to do"),
            _must("in_force", a("in_force"), "有效期", "when it is in force"),
            _must("cite", CITE, "依据", "where it is written"),
            _key("when", CONDITION, "条件，须确定满足", "the condition; raised only where it is certainly met"),
            _key("possible", CONDITION, "尚不能排除的条件", "what must not be ruled out"),
            _key("year", a("alert_year"), "所称年度的含义", "what a year means in it"),
            _key("compare", a("alert_compare"), "比较两次认定", "two decisions compared"),
            _key("examples", many(a("alert_example")), "例子，由 jiuzhu check 运行", "examples, run by jiuzhu check"),
        ),
        ("when", "compare"),
    ),
    Shape(
        "alert_example",
        Words("例子：与预警规则放在一起的测试", "A test that lives beside the alert rule"),
        (
            _must("says", WORDS, "例子说明什么", "what it shows"),
            _must("on", DAY, "按哪一天", "the day"),
            _must("expect", Kind("raised"), "应得的结果：raised、quiet 或 open", "raised, quiet or open"),
            _key("like", Kind("like"), "示例家庭的名称", "a named example household"),
            _key("without", many(TEXT), "去掉哪些成员", "members left out"),
            _key("household", CHANGES, "与示例家庭不同之处", "what differs"),
        ),
    ),
    Shape(
        "label",
        Words("一个标签", "A label of households or members"),
        (
            _must("label", WORDS, "名称", "what it is called"),
            _must("for", one_of(*LEVELS), "按家庭还是按成员", "for the household or for each member"),
            _must("department", WORDS, "数据来源部门", "whose data it rests on"),
            _must("when", CONDITION, "何时带有此标签", "when it is carried"),
            _key("says", WORDS, "用途", "what it is for"),
            _CITE,
            _key("examples", many(a("label_example")), "例子，由 jiuzhu check 运行", "examples, run by jiuzhu check"),
        ),
    ),
    Shape(
        "label_example",
        Words("例子：与标签放在一起的测试", "A test that lives beside the label"),
        (
            _must("says", WORDS, "例子说明什么", "what it shows"),
            _must("on", DAY, "按哪一天", "the day"),
            _must("expect", Kind("carried"), "应得的结果：has、has_not 或 not_known", "has, has_not or not_known"),
            _key("like", Kind("like"), "示例家庭的名称", "a named example household"),
            _key("without", many(TEXT), "去掉哪些成员", "members left out"),
            _key("household", CHANGES, "与示例家庭不同之处", "what differs"),
        ),
    ),
    Shape(
        "alert_year",
        Words("所称年度的含义", "What a year means in an alert"),
        (
            _must("means", one_of(*YEARS), "自然年或滚动一年", "the calendar year or the year up to the day"),
            _must("cite", CITE, "依据；没有依据的注明 verified: false", "where it says so; else verified: false"),
        ),
    ),
    Shape(
        "alert_compare",
        Words("比较两次认定：到某日，或某个数值变动后", "Two decisions compared: later, or with a figure changed"),
        (
            _key("on", TEXT, "到几天以后，如 +60 days", "so many days on, such as +60 days"),
            _key("parameter", NAME, "变动的参数", "the figure that changes"),
            _key("to", TEXT, "next（下一个数值）或另一参数", "next: its next value; or another parameter"),
            _key("policies", many(POLICY), "只看这些政策", "only these policies"),
            _key("counts", many(one_of(*CHANGES_COUNTED)), "算作预警的变化", "the changes that count"),
        ),
    ),
    Shape(
        "calendar_year",
        Words("一年的放假和调休", "Holidays and shifted working days of a year"),
        (
            _must("source", Kind("source"), "通知的名称和文号", "the notice it comes from"),
            _must("verified", FLAG, "是否已对照来源核实", "held against the source"),
            _must("holidays", many(TEXT), "放假的日子或起止日", "days or spans off, such as 2025-10-01/2025-10-08"),
            _key("workdays", many(TEXT), "调休上班的周末", "weekend days that are worked"),
        ),
    ),
    Shape(
        "levels_of_facts",
        Words("家庭的事实和成员的事实", "Facts of the household and of each member"),
        (
            _key("household", named(a("fact")), "家庭的事实", "facts of the household"),
            _key("member", named(a("fact")), "成员的事实", "facts of each member"),
        ),
    ),
    Shape(
        "levels_of_derived",
        Words("推算的家庭事实和成员事实", "Derived facts of the household and of each member"),
        (
            _key("household", named(a("derived")), "家庭的事实", "facts of the household"),
            _key("member", named(a("derived")), "成员的事实", "facts of each member"),
        ),
    ),
    Shape("fact", Words("一个事实", "A fact that is asked or fetched"), _FACT),
    Shape(
        "derived",
        Words("由表达式推算的事实", "A fact that is worked out, never asked"),
        (*_FACT, _must("is", EXPRESSION, "推算的表达式", "the expression it is")),
    ),
    Shape(
        "parameter",
        Words("法定数值，带日期和来源", "A dated figure of law"),
        (
            _must("label", WORDS, "名称", "what it is called"),
            _must("type", FACT_TYPE, "类型", "its type"),
            _must("values", many(a("dated_value")), "各时期的数值，由早到晚", "its values, oldest first"),
            *_NUMBERS,
            _key(
                "keys",
                many(either(CHOICES, a("band"))),
                "表的键：选项表或分段",
                "the keys of a table: a list of choices or a band",
            ),
            _key("cycle", WHOLE, "几个月后应有新值", "months until a newer value is to be expected"),
            _key("note", TEXT, "说明", "a remark"),
        ),
    ),
    Shape(
        "band",
        Words("分段键", "A band over a number"),
        (
            _must("band", one_of(*BANDS), "分段所依的数的类型", "the type of the number"),
            _key("unit", UNIT, "单位", "its unit"),
        ),
    ),
    Shape(
        "dated_value",
        Words("自某日起的数值", "The value from one day until the next takes over"),
        (
            _must("from", DAY, "自哪一天起", "the first day"),
            _must("source", Kind("source"), "来源文件或页面", "the document or page it stands in"),
            _must("verified", FLAG, "是否已对照来源核实", "held against the source"),
            _key("value", FIGURE, "数值；null 表示未公布", "the figure; null: in force but not published here"),
            _key("rows", ROWS, "表的各行", "the rows of a table"),
            _key(
                "each_further", NUMBER, "超出末段后每多一个的增加额", "added for each whole number past the last band"
            ),
            _key("note", TEXT, "说明", "a remark"),
            _key("url", TEXT, "网址", "its address"),
        ),
    ),
    Shape(
        "policy",
        Words("一项政策的一个版本", "One version of one policy"),
        (
            _must("policy", NAME, "政策代号；各版本相同", "its name, the same in every version"),
            _must("title", WORDS, "政策名称", "what it is called"),
            _must("kind", one_of(*KINDS), "类别、待遇、服务或转介", "category, benefit, service or referral"),
            _must("for", one_of(*LEVELS), "按家庭还是按成员认定", "decided for the household or for each member"),
            _must("department", WORDS, "主管部门", "the department in charge"),
            _must("in_force", a("in_force"), "有效期", "when it is in force"),
            _must("cite", CITE, "依据", "where it is written"),
            _must("when", CONDITION, "条件", "the condition"),
            _must("examples", many(a("example")), "例子，由 jiuzhu check 运行", "examples, run by jiuzhu check"),
            _key("called", many(a("called")), "曾用名", "earlier names of the same thing"),
            _key("let", named(a("let")), "中间结果，依次推算", "intermediate results, in order"),
            _key("gives", many(a("item")), "给付或服务的项目", "what it gives"),
            _key(
                "excludes",
                many(either(POLICY, a("exclusion"))),
                "不得同时享受的政策",
                "policies that may not be drawn with it",
            ),
            _key("documents", many(a("document")), "需提交的材料", "papers to bring"),
            _key("apply", a("apply"), "到哪里、怎么申请", "where and how to apply"),
            _key("decision_days", a("decision_days"), "办理时限", "how long the office may take"),
            _key("review", WORDS, "复核方式", "how it is reviewed"),
            _key("notes", many(a("note")), "提示，不影响认定", "advice, never part of the answer"),
            _key("about", WORDS, "简介", "in a sentence"),
        ),
    ),
    Shape(
        "in_force",
        Words("有效期", "When a version is in force"),
        (
            _must("from", DAY, "自哪一天起", "the first day"),
            _key("to", DAY, "到哪一天止（含当日）", "the last day"),
            _key("new", FLAG, "此前没有同类政策", "before it nothing of the kind existed"),
        ),
    ),
    Shape(
        "called",
        Words("曾用名", "An earlier name"),
        (_must("until", DAY, "用到哪一天", "the last day of the name"), *_LABEL),
    ),
    Shape(
        "let",
        Words("中间结果", "An intermediate result; it appears in the trace"),
        (
            _must("is", EXPRESSION, "表达式", "the expression it is"),
            *_LABEL,
            _key("unit", UNIT, "单位", "its unit"),
            _key("choices", CHOICES, "选项表", "the list of choices it is one of"),
            _CITE,
            _VERIFIED,
        ),
    ),
    Shape(
        "condition",
        Words("条件：一行表达式，或 all / any / none", "A condition: one expression, or all / any / none of a list"),
        (
            _key("if", EXPRESSION, "表达式", "the expression"),
            _key("all", many(CONDITION), "须全部满足", "every one must hold"),
            _key("any", many(CONDITION), "满足其一即可", "one must hold"),
            _key("none", many(CONDITION), "均不得满足", "none may hold"),
            _key("id", NAME, "在认定过程中的名称", "its name in the trace"),
            _CITE,
            _key("says", GLOSS, "给读者的话，不含数字", "a reader's gloss, without digits"),
            _VERIFIED,
        ),
        ("if", "all", "any", "none"),
    ),
    Shape(
        "item",
        Words("给付或服务的一项", "One thing that is given"),
        (
            _must("id", NAME, "代号", "its name"),
            _must("title", WORDS, "名称", "what it is called"),
            _key("amount", EXPRESSION, "金额", "the amount"),
            _key("up_to", EXPRESSION, "由机关核定的金额上限", "the authority sets it, at most this"),
            _key("per", one_of(*PERIODS), "多久一次", "how often"),
            _key("round", a("round"), "取整方式", "how it is rounded"),
            _key("if", CONDITION, "另有的条件", "a condition of its own"),
            _key("for_months", EXPRESSION, "发放几个月", "for how many months"),
            _key("paid_to", one_of(*PAYEES), "付给谁", "who is paid"),
            _CITE,
            _key("says", GLOSS, "给读者的话，不含数字", "a reader's gloss, without digits"),
        ),
    ),
    Shape(
        "round",
        Words("取整", "How an amount is rounded"),
        (
            _must("to", NUMBER, "取整到：0.01、0.1、1、10", "to 0.01, 0.1, 1, 10"),
            _must("mode", one_of(*ROUNDING), "四舍五入、进位或舍去", "half up, up or down"),
        ),
    ),
    Shape(
        "exclusion",
        Words("互斥的政策", "A policy that may not be drawn with it"),
        (_must("policy", POLICY, "政策代号", "its name"), _CITE, _VERIFIED),
    ),
    Shape(
        "document",
        Words("材料", "A paper to bring"),
        (*_LABEL, _key("if", EXPRESSION, "何时需要", "when it is wanted")),
    ),
    Shape(
        "apply",
        Words("申请", "Where and how to apply"),
        (
            _key("where", WORDS, "到哪里", "where"),
            _key("channel", WORDS, "通过什么渠道", "through which channel"),
        ),
    ),
    Shape(
        "decision_days",
        Words("办理时限", "How long the office may take"),
        (
            _must("days", WHOLE, "天数", "how many days"),
            _must("cite", CITE, "依据", "where it is written"),
            _must("verified", FLAG, "是否已核实", "held against the source"),
            _key("working", FLAG, "是否工作日", "working days"),
        ),
    ),
    Shape(
        "note",
        Words("提示", "Advice, never part of the answer"),
        (
            _must("says", WORDS, "提示的话", "what it says"),
            _key("if", EXPRESSION, "何时提示", "when it is said"),
            _CITE,
        ),
    ),
    Shape(
        "example",
        Words("例子：与法条放在一起的测试", "A test that lives beside the law"),
        (
            _must("says", WORDS, "例子说明什么", "what it shows"),
            _must("on", DAY, "按哪一天的规定", "the day the law is read for"),
            _must("expect", EXPECT, "应得的结果", "what must come out"),
            _key("like", Kind("like"), "示例家庭的名称", "a named example household"),
            _key("without", many(TEXT), "去掉哪些成员", "members left out"),
            _key("household", CHANGES, "与示例家庭不同之处", "what differs"),
            _key("also", named(EXPECT), "其他政策应得的结果", "what other policies must come to"),
        ),
    ),
    Shape(
        "citation",
        Words("依据", "Where it is written"),
        (
            _key("law", TEXT, "法规名称", "the law"),
            _key("article", TEXT, "条款", "the article"),
            _key("document", TEXT, "文号", "the document's number"),
            _key("url", TEXT, "网址", "its address"),
            _key("note", TEXT, "说明", "a remark"),
            _VERIFIED,
        ),
    ),
)
SHAPES: dict[str, Shape] = {shape.name: shape for shape in _ALL}


@cache
def keys_of(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys a mapping must hold and those it may, as `Fields` takes them."""
    keys = SHAPES[name].keys
    return tuple(key.name for key in keys if key.required), tuple(key.name for key in keys if not key.required)
