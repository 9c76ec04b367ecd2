"""What can be wrong with a request, and how it is said: RFC 9457 `application/problem+json`.

All faults of a request are told at once, each with its place (a JSON pointer into the body, or the name of
a query parameter or header), a code, a sentence and a way out. No value that was sent is ever repeated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Response

from api.words import Words
from engine.language.household import InputProblem
from engine.language.identity_number import IdentityNumberError
from engine.ledger.errors import (
    Busy,
    Damaged,
    Erased,
    KeyMissing,
    LedgerError,
    NotFound,
    Refused,
    RequestConflict,
    StoreFailed,
)

__all__ = ["FAULTS", "KINDS", "Fault", "Kind", "Problem", "fault_of_input", "of_ledger", "response"]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem: its HTTP status, its title, and what a caller can do about it."""

    status: int
    title: Words
    hint: Words


KINDS: dict[str, Kind] = {
    "bad-json": Kind(
        400,
        Words("请求体不是合法的 JSON", "the body is not JSON"),
        Words("请按 RFC 8259、UTF-8 编码发送", "send RFC 8259 JSON in UTF-8"),
    ),
    "bad-query": Kind(
        400, Words("查询参数有误", "the query has faults"), Words("请按 errors 逐条改正", "see `errors`, one by one")
    ),
    "bad-request": Kind(
        400,
        Words("请求有误", "the request cannot be understood"),
        Words("请对照 /openapi.json", "compare it with /openapi.json"),
    ),
    "no-key": Kind(
        401,
        Words("需要密钥", "a key is needed"),
        Words(
            "请发送 Authorization: Bearer jz_…；密钥由管理员用 jiuzhu key create 生成",
            "send Authorization: Bearer jz_…; an administrator makes one with `jiuzhu key create`",
        ),
    ),
    "key-refused": Kind(
        401,
        Words("密钥无效", "the key is refused"),
        Words("密钥有误、过期或已吊销，请联系管理员", "it is wrong, expired or revoked; ask an administrator"),
    ),
    "signed-out": Kind(
        401,
        Words("登录已失效", "you are signed out"),
        Words(
            "请在新窗口重新登录，再回到本页继续；已填内容仍在本页",
            "sign in again in a new window, then go on here: what you filled in is still on this page",
        ),
    ),
    "not-our-form": Kind(
        403,
        Words("表单已失效", "this form is no longer good"),
        Words("请重新打开页面后再提交", "open the page again, then send it"),
    ),
    "not-a-form": Kind(
        415,
        Words("表单无法读取", "the form cannot be read"),
        Words("请用页面上的按钮提交", "send it with the buttons of the page"),
    ),
    "not-allowed": Kind(
        403,
        Words("该密钥无权执行此操作", "this key may not do that"),
        Words("请使用有相应权限的密钥", "use a key that holds the scope named in `scope`"),
    ),
    "not-your-case": Kind(
        403,
        Words("该个案由他人经办", "this case is another caseworker's"),
        Words("查看他人个案需要带 cases:all 的密钥", "reading others' cases takes a key with the scope cases:all"),
    ),
    "not-found": Kind(404, Words("没有这项内容", "there is no such thing"), Words("请核对地址", "check the address")),
    "no-such-method": Kind(
        405,
        Words("此地址不支持该方法", "this address does not take that method"),
        Words("可用的方法见 Allow 头", "the Allow header names those it takes"),
    ),
    "slow-body": Kind(
        408, Words("请求体未按时到达", "the body did not arrive in time"), Words("请重新发送", "send it again")
    ),
    "in-flight": Kind(
        409,
        Words("同一请求正在处理", "the same request is being worked on"),
        Words("请按 Retry-After 稍后再试", "ask again after Retry-After seconds"),
    ),
    "already-settled": Kind(
        409,
        Words("该决定已有人确认或改作他定", "a person has confirmed this decision or departed from it"),
        Words("需要改变时，请作更正", "to change it, make a correction"),
    ),
    "corrected": Kind(
        409,
        Words("该决定已被更正", "this decision was corrected"),
        Words("请对更正后的决定操作", "act on its correction, see `corrected_by`"),
    ),
    "busy": Kind(
        409, Words("同类操作正在进行", "one such operation is running already"), Words("请稍后再试", "try again later")
    ),
    "not-now": Kind(
        409,
        Words("工单现在不能这样办理", "the order cannot take this step now"),
        Words("请先查看工单的状态", "look at the order's state first"),
    ),
    "body-too-large": Kind(
        413,
        Words("请求体过大", "the body is too large"),
        Words("上限见 limit（字节）", "`limit` says how many bytes are taken"),
    ),
    "not-json": Kind(
        415,
        Words("请求体须为 application/json", "the body must be application/json"),
        Words("请加上 Content-Type: application/json，不要压缩", "send Content-Type: application/json, not compressed"),
    ),
    "invalid": Kind(
        422, Words("请求内容有误", "the request has faults"), Words("请按 errors 逐条改正", "see `errors`, one by one")
    ),
    "other-body": Kind(
        422,
        Words("这个 Idempotency-Key 已用于另一份请求", "this Idempotency-Key came with another request"),
        Words("每份请求请用新的 Idempotency-Key", "use a new Idempotency-Key for each request"),
    ),
    "rulebook-has-problems": Kind(
        422,
        Words(
            "规则有问题，未载入，原规则继续有效",
            "the rules have problems and are not loaded; those before stay in force",
        ),
        Words("请按 errors 逐条改正后重试", "see `errors`, one by one, then try again"),
    ),
    "refused": Kind(
        422, Words("台账不接受这条记录", "the ledger refuses this record"), Words("请见 detail", "see `detail`")
    ),
    "too-many": Kind(
        429,
        Words("请求过于频繁", "too many calls with this key"),
        Words("请按 Retry-After 稍后再试", "ask again after Retry-After seconds"),
    ),
    "erased": Kind(
        410,
        Words("该户的身份信息已删除", "the household's identity was erased"),
        Words("决定本身仍可查阅", "the decision itself can still be read"),
    ),
    "internal": Kind(
        500,
        Words("服务出错，请求未完成", "the service failed; the request was not completed"),
        Words("请把 request_id 告诉管理员", "tell an administrator the request_id"),
    ),
    "store-failed": Kind(
        503,
        Words("暂时不能写入台账", "the ledger cannot be written right now"),
        Words("请用同一 Idempotency-Key 稍后再试", "try again later with the same Idempotency-Key"),
    ),
    "too-long": Kind(
        503,
        Words("未能在限定时间内完成", "not done within the time a request may take"),
        Words("请在命令行运行 jiuzhu ledger verify", "run `jiuzhu ledger verify` at a shell"),
    ),
    "not-ready": Kind(503, Words("服务尚未就绪", "the service is not ready"), Words("请稍后再试", "try again later")),
}

# code -> (sentence, way out). `{…}` is filled with what the service knows, never with what was sent.
FAULTS: dict[str, tuple[Words, Words]] = {
    "required": (Words("缺少此项", "this is required"), Words("", "")),
    "no-adviser": (
        Words("没有这位顾问，或者工单已经在其手中", "no such adviser, or the order is there already"),
        Words("请先登记顾问", "enter the adviser first"),
    ),
    "null": (Words("此项不能为 null", "this may not be null"), Words("不需要时请省略", "leave it out instead")),
    "unknown-key": (Words("没有这个名称的项", "there is nothing of this name here"), Words("{near_zh}", "{near_en}")),
    "wrong-kind": (Words("此处应为{wanted_zh}", "this must be {wanted_en}"), Words("", "")),
    "too-short": (Words("至少 {least} 个字符", "at least {least} character(s)"), Words("", "")),
    "too-long": (Words("最多 {most} 个字符", "at most {most} characters"), Words("", "")),
    "too-many": (Words("最多 {most} 项", "at most {most} items"), Words("", "")),
    "twice": (Words("同一项出现两次", "the same thing stands here twice"), Words("", "")),
    "wrong-form": (Words("格式应为 {form}", "the form is {form}"), Words("", "")),
    "not-one-of": (Words("应为下列之一：{choices}", "one of: {choices}"), Words("{near_zh}", "{near_en}")),
    "outside": (Words("须在 {lowest} 与 {highest} 之间", "between {lowest} and {highest}"), Words("", "")),
    "not-text": (Words("含有控制字符或残缺的 Unicode", "control characters or broken Unicode"), Words("", "")),
    "holds-identity": (
        Words("此处不能写身份证号或手机号", "no identity numbers or mobile numbers here"),
        Words(
            "台账不可删改；身份信息请放在 identity 中", "what is written here cannot be erased; put them in `identity`"
        ),
    ),
    "too-deep": (Words("嵌套超过 {most} 层", "nested more than {most} levels deep"), Words("", "")),
    "no-such-member": (
        Words("家庭中没有这个 id 的成员", "the household has no member of this id"),
        Words("请用 household.members 里的 id，或 household", "use an id of household.members, or household"),
    ),
    "member-id-reserved": (Words("成员 id 不能为 household", "a member's id may not be household"), Words("", "")),
    "id-number-twice": (
        Words("与另一成员的身份证号相同", "the same identity number as another member"),
        Words("请与证件核对", "compare with the cards"),
    ),
    "differs-from-id-number": (
        Words("与该成员身份证号所示不一致", "differs from what this member's identity number says"),
        Words(
            "请与证件核对；不确定时省略此项，将按身份证号填写",
            "compare with the card; left out, it is taken from the number",
        ),
    ),
    "born-later": (
        Words("身份证号所示出生日期晚于认定日期", "by the identity number born after the day of the decision"),
        Words("请与证件核对", "compare with the card"),
    ),
    "no-such-place": (
        Words("没有这个辖区", "there is no such jurisdiction"),
        Words("可选：{choices}", "one of: {choices}"),
    ),
    "no-such-household": (
        Words("台账里没有这个家庭", "the ledger knows no such household"),
        Words("新的家庭请省略此项", "leave it out for a new household"),
    ),
    "no-such-rulebook": (
        Words("台账里没有这个规则集", "the ledger has no such rulebook"),
        Words("用 current 表示现行规则", "current means today's rules"),
    ),
    "why-required": (
        Words("查阅他人经办的个案须说明理由", "reading a case that is not yours takes a reason"),
        Words("加上查询参数 why=…，它会写入查阅日志", "add the query parameter why=…; it goes into the access log"),
    ),
    "one-of-these": (Words("须且只须给出其中一项：{choices}", "exactly one of: {choices}"), Words("", "")),
    "key-form": (
        Words(
            "Idempotency-Key 须为 1 至 128 个可见 ASCII 字符", "an Idempotency-Key is 1 to 128 visible ASCII characters"
        ),
        Words("例如一个 UUID", "a UUID, for example"),
    ),
    "not-covered": (Words("日志没有这些记录", "the log does not have these entries"), Words("", "")),
    "bad-checkpoint": (
        Words("这不是检查点文件", "this is not a checkpoint file"),
        Words("请原样发送导出的文件", "send the file just as it was exported"),
    ),
    "no-such-decision-part": (
        Words("该决定没有这项政策或成员", "the decision has no such policy or member"),
        Words("", ""),
    ),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `place` is a JSON pointer when `where` is "pointer", else a name."""

    code: str
    place: str = ""
    where: str = "pointer"  # pointer | parameter | header
    words: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def of(code: str, place: str = "", where: str = "pointer", **words: object) -> Fault:
        return Fault(code, place, where, tuple((key, str(value)) for key, value in words.items()))

    def data(self, lang: str) -> dict[str, Any]:
        said, hint = FAULTS[self.code]
        words = {"near_zh": "", "near_en": "", **dict(self.words)}
        return _shown(self.where, self.place, self.code, said.in_(lang).format(**words), hint.in_(lang).format(**words))


@dataclass(frozen=True, slots=True)
class Known:
    """A fault that the engine worded: a household's, a rulebook's."""

    place: str
    code: str
    message: Words
    hint: Words
    more: Mapping[str, Any] = field(default_factory=dict)

    def data(self, lang: str) -> dict[str, Any]:
        return {**_shown("pointer", self.place, self.code, self.message.in_(lang), self.hint.in_(lang)), **self.more}


def _shown(where: str, place: str, code: str, message: str, hint: str) -> dict[str, Any]:
    found = {where: place, "code": code, "message": message}
    if hint:
        found["hint"] = hint
    return found


class Problem(Exception):
    """A request that is not answered as asked. `more` goes into the document beside the standard members."""

    def __init__(
        self,
        code: str,
        faults: Iterable[Fault | Known] = (),
        *,
        detail: Words | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(code)
        self.code, self.faults, self.detail = code, tuple(faults), detail
        self.headers, self.more = dict(headers or {}), more

    @property
    def status(self) -> int:
        return KINDS[self.code].status

    def document(self, lang: str, request_id: str) -> dict[str, Any]:
        """The problem as RFC 9457 shapes it. `type` leads to its description on the reference page."""
        kind = KINDS[self.code]
        found: dict[str, Any] = {
            "type": f"/reference#{self.code}",
            "title": kind.title.in_(lang),
            "status": kind.status,
            "detail": (self.detail or kind.hint).in_(lang),
            "code": self.code,
            "request_id": request_id,
        }
        if self.faults:
            found["errors"] = [fault.data(lang) for fault in self.faults]
        return found | self.more


def response(problem: Problem, lang: str, request_id: str) -> Response:
    """The problem as an HTTP answer."""
    body = json.dumps(problem.document(lang, request_id), ensure_ascii=False).encode()
    answer = Response(body, problem.status, mimetype="application/problem+json")
    answer.headers["Content-Language"] = lang
    answer.headers["Cache-Control"] = "no-store"
    answer.vary.add("Accept-Language")
    answer.headers.update(problem.headers)
    return answer


_LIKE_A_PERSON = re.compile(r"[0-9]{6}")


def fault_of_input(found: InputProblem, base: str) -> Known:
    """A household's fault, its place made one in the request. A key that looks like a number of a person is
    not
    repeated: the pointer then leads to what holds it."""
    path = f"{base}{found.path}"
    head, _, last = path.rpartition("/")
    if found.code == "unknown-fact" and _LIKE_A_PERSON.search(last):
        path = head
    return Known(path, found.code, Words(found.message("zh"), found.message("en")), Words(found.hint[1], found.hint[0]))


def fault_of_number(error: IdentityNumberError, place: str) -> Known:
    """An identity number's fault."""
    return Known(
        place, error.code, Words(error.message("zh"), error.message("en")), Words(error.hint("zh"), error.hint("en"))
    )


_OF_LEDGER: tuple[tuple[type[LedgerError], str], ...] = (
    (RequestConflict, "other-body"),
    (Busy, "in-flight"),
    (NotFound, "not-found"),
    (Erased, "erased"),
    (Refused, "refused"),
    (StoreFailed, "store-failed"),
    (KeyMissing, "store-failed"),
    (Damaged, "internal"),
)


def of_ledger(error: LedgerError) -> Problem:
    """What the ledger refused, as a problem."""
    code = next((code for kind, code in _OF_LEDGER if isinstance(error, kind)), "internal")
    headers = {"Retry-After": "1"} if code in ("in-flight", "store-failed") else {}
    # only what the ledger refuses is said in its own words: the others may name what was asked for
    detail = Words(error.zh, error.en) if code == "refused" else None
    return Problem(code, detail=detail, headers=headers)
