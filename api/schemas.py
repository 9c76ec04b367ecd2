"""What requests hold. Every schema is made once, here."""

from __future__ import annotations

from api.fields import (
    Anything,
    Day,
    Facts,
    Flag,
    IdentityNumberField,
    Many,
    MappingOf,
    Money,
    Nested,
    OneOf,
    StrictSchema,
    Text,
    Whole,
)
from engine.ledger.entries import STATUSES

NAME = r"[a-z][a-z0-9_]{0,63}"
HOUSEHOLD_ID = r"h_[0-9a-f]{24}"
DIGEST = r"[0-9a-f]{64}"
PERIODS = ("once", "week", "fortnight", "month", "year")

_REASON = "写给以后看的人；不可删改，不能写身份信息 / kept for good: no identity in it"


class PersonIdentity(StrictSchema):
    """Who one person is. All of it is stored encrypted, apart from the decision."""

    name = Text(most=80, metadata={"examples": ["张三"]})
    id_number = IdentityNumberField()
    phone = Text(least=3, most=30, pattern=r"[+0-9][0-9 ()-]{2,29}", form="+86 21 0000 0000")
    address = Text(most=200)


PERSON = PersonIdentity()


class DecisionRequest(StrictSchema):
    """A household to decide and put on record."""

    household = Facts(required=True)
    identity = MappingOf(
        Text(most=32),
        Nested(PERSON),
        most=61,
        metadata={
            "description": "成员 id（或 household）→ 身份信息，加密另存 / member id (or household) → who that is"
        },
    )
    household_id = Text(
        most=26,
        pattern=HOUSEHOLD_ID,
        form="h_ + 24 hex",
        metadata={"description": "同一家庭以前的编号；新的家庭省略 / of an earlier decision; leave out for a new one"},
    )
    on = Day(metadata={"description": "按哪一天的规定；省略为今天 / the day the law is read for; today"})
    jurisdictions = Many(
        Text(most=64), most=40, unique=True, metadata={"description": "省略为现行辖区 / those in force"}
    )
    explain = Flag(metadata={"description": "附上理由 / with the reasons in sentences"})


class CorrectionRequest(DecisionRequest):
    """The same decision made again with other facts; the old one stays and is named."""

    class Meta(StrictSchema.Meta):
        exclude = ("household_id",)

    reason = Text(required=True, most=1000, open_=True, metadata={"description": _REASON})


class EvaluationRequest(StrictSchema):
    """A household to try; nothing is recorded."""

    household = Facts(required=True)
    on = Day()
    jurisdictions = Many(Text(most=64), most=40, unique=True)
    trace = Flag(metadata={"description": "附上每项条件的结果 / with the outcome of every condition"})
    explain = Flag(metadata={"description": "附上理由 / with the reasons in sentences"})


class ConfirmationRequest(StrictSchema):
    """A person adopts what was proposed."""

    note = Text(most=1000, open_=True, metadata={"description": _REASON})


class InsteadOf(StrictSchema):
    """What was decided for one policy instead."""

    policy = Text(required=True, most=64, pattern=NAME, form="minimum_living_allowance")
    member = Text(most=32, allow_none=True)
    status = OneOf("eligible", "ineligible", required=True)
    amount = Money(metadata={"description": "元 / yuan"})
    per = OneOf(*PERIODS)


class DepartureRequest(StrictSchema):
    """A person decides otherwise; the reason is required (个人信息保护法 art. 24)."""

    reason = Text(required=True, most=1000, open_=True, metadata={"description": _REASON})
    instead = Many(Nested(InsteadOf()), most=100)


class ReplayRequest(StrictSchema):
    """Decide again: by the rules of its day, or against others."""

    against = Text(
        most=64,
        pattern=f"current|{DIGEST}",
        form="current, or a rulebook's digest",
        metadata={"description": "省略为当时的规则 / left out: the rules of its day"},
    )
    why = Text(most=200, open_=True, metadata={"description": "查阅理由，写入查阅日志 / for the access log"})


class PersonRequest(StrictSchema):
    """One of three things someone can be found by, whole. It travels in the body, so that no log of
    addresses holds it."""

    name = Text(most=80)
    id_number = Text(most=40)
    phone = Text(most=30)
    why = Text(most=200, open_=True, metadata={"description": "查阅理由，写入查阅日志 / for the access log"})


class RulesCheckRequest(StrictSchema):
    """Rule files to check; nothing is changed."""

    files = MappingOf(
        Text(
            most=200, pattern=r"policies\.yaml|rules/(?:[^/\x00-\x1f\\]+/)*[^/\x00-\x1f\\]+\.yaml", form="rules/….yaml"
        ),
        Anything({"type": ["string", "null"]}, allow_none=True),
        most=2000,
        required=True,
        metadata={"description": "路径 → 内容；null 表示删去 / path → text; null removes it"},
    )
    base = OneOf(
        "current", "none", metadata={"description": "在现行规则上修改，或从头开始 / over today's rules, or alone"}
    )
    examples = Flag(metadata={"description": "运行例子，默认 true / run the examples"})


class Empty(StrictSchema):
    """Nothing: an empty object, or no body at all."""


class VerifyRequest(StrictSchema):
    """Checkpoints kept elsewhere, to hold the ledger against."""

    checkpoints = Many(Anything({"type": "object"}), most=100)
    trusted = Many(
        Text(most=64, pattern=DIGEST, form="64 hex"), most=100, metadata={"description": "公钥 / public keys"}
    )
    limit = Whole(lowest=1, highest=1000)


# -- queries --


class NoQuery(StrictSchema):
    """No parameters."""


class OnQuery(StrictSchema):
    on = Day(
        from_text=True, metadata={"description": "按哪一天的规定；省略为今天 / the day the law is read for; today"}
    )
    jurisdiction = Text(most=64, metadata={"description": "省略为现行辖区 / those in force"})


class DecisionQuery(StrictSchema):
    why = Text(most=200, open_=True, metadata={"description": "查阅理由，写入查阅日志 / for the access log"})
    trace = Flag(from_text=True, metadata={"description": "默认 true / default true"})
    explain = Flag(from_text=True, metadata={"description": "附上理由，默认 true / with reasons, default true"})
    identity = Flag(from_text=True, metadata={"description": "附上身份信息 / with who the people are"})
    reads = Flag(from_text=True, metadata={"description": "附上查阅记录 / with who read it"})


class SearchQuery(StrictSchema):
    household = Text(most=26, pattern=HOUSEHOLD_ID, form="h_ + 24 hex")
    policy = Text(most=64, pattern=NAME, form="minimum_living_allowance")
    status = OneOf(*STATUSES)
    on = Day(from_text=True)
    on_from = Day(from_text=True)
    on_to = Day(from_text=True)
    decided_from = Day(
        from_text=True, metadata={"description": "作出决定的日期（中国时间） / day it was made, in China"}
    )
    decided_to = Day(from_text=True)
    rulebook = Text(most=64, pattern=DIGEST, form="64 hex")
    caseworker = Text(most=40, pattern=r"[0-9a-f]{12}", form="a key's id, 12 hex")
    text = Text(most=100, metadata={"description": "在理由中检索，两个字即可 / words of the reasons"})
    kind = OneOf("decision", "correction", "confirmation", "departure", "erasure", "any")
    why = Text(most=200, open_=True)
    before = Whole(lowest=1, from_text=True)
    limit = Whole(lowest=1, highest=200, from_text=True)


class ProofQuery(StrictSchema):
    entry = Whole(lowest=1, from_text=True, metadata={"description": "证明该记录在册 / that this entry is in the log"})
    old = Whole(
        lowest=1, from_text=True, metadata={"description": "证明前 old 条未变 / that the first `old` are unchanged"}
    )
    size = Whole(
        lowest=1, from_text=True, metadata={"description": "日志的前多少条；省略为全部 / of the first so many"}
    )
    log = OneOf("decisions", "access")
    body = Flag(from_text=True, metadata={"description": "附上决定全文 / with the document itself"})
    why = Text(most=200, open_=True)


class AccessQuery(StrictSchema):
    case = Whole(lowest=1, from_text=True)
    who = Text(most=40, pattern=r"[0-9a-f]{12}", form="a key's id, 12 hex")
    before = Whole(lowest=1, from_text=True)
    limit = Whole(lowest=1, highest=200, from_text=True)


DECISION = DecisionRequest()
CORRECTION = CorrectionRequest()
EVALUATION = EvaluationRequest()
CONFIRMATION = ConfirmationRequest()
DEPARTURE = DepartureRequest()
REPLAY = ReplayRequest()
PERSON_SEARCH = PersonRequest()
RULES_CHECK = RulesCheckRequest()
EMPTY = Empty()
VERIFY = VerifyRequest()
NO_QUERY = NoQuery()
ON_QUERY = OnQuery()
DECISION_QUERY = DecisionQuery()
SEARCH_QUERY = SearchQuery()
PROOF_QUERY = ProofQuery()
ACCESS_QUERY = AccessQuery()
