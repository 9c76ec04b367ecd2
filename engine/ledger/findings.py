"""What `verify` can find, and the words for it."""

from dataclasses import dataclass

__all__ = ["CODES", "Finding", "finding"]

CODES: dict[str, tuple[str, str]] = {
    "file-damaged": ("数据库文件已损坏：{detail}", "the database file is damaged: {detail}"),
    "schema-changed": ("表结构或触发器被改动：{detail}", "tables or triggers were changed: {detail}"),
    "ledger-changed": ("台账标识或建立时间被改动", "the ledger's id or creation time was changed"),
    "unreadable": ("第 {place} 号记录无法读出", "entry {place} cannot be read"),
    "missing": ("第 {place}{detail} 号记录缺失", "entry {place}{detail} is missing"),
    "extra": ("第 {place} 号起的记录在日志末尾之外", "entries from {place} on lie beyond the end of the log"),
    "moved": ("第 {place} 号位置上是原第 {detail} 号记录", "number {place} holds what was entry {detail}"),
    "replaced": (
        "第 {place} 号记录被整条换掉，与后一条不衔接",
        "entry {place} was replaced whole: the next one holds another hash",
    ),
    "header-changed": (
        "第 {place} 号记录的头部被改动（编号、种类、时间、指向、家庭、身份、请求之一）",
        "the header of entry {place} was changed (number, kind, time, reference, household, identity or request)",
    ),
    "previous-changed": (
        "第 {place} 号记录的前一哈希被改动",
        "the previous hash in entry {place} was changed",
    ),
    "hash-changed": ("第 {place} 号记录的哈希被改动", "the hash of entry {place} was changed"),
    "digest-changed": (
        "第 {place} 号记录的 {detail} 摘要被改动",
        "the digest of the {detail} of entry {place} was changed",
    ),
    "body-changed": ("第 {place} 号记录的内容被改动", "the body of entry {place} was changed"),
    "index-changed": ("第 {place} 号记录的检索项被改动", "the index of entry {place} was changed"),
    "head-changed": (
        "{place} 的头记录与末条记录 {detail} 不符，二者之一被改动",
        "the head of {place} does not fit its last entry, {detail}: one of the two was changed",
    ),
    "node-changed": ("默克尔树节点 {place} 被改动或遗失", "Merkle node {place} was changed or lost"),
    "checkpoint-changed": ("第 {place} 号检查点被改动或遗失", "checkpoint {place} was changed or lost"),
    "checkpoint-signature": ("检查点 {place} 的签名不符", "the signature of checkpoint {place} does not fit"),
    "checkpoint-mismatch": (
        "台账与检查点 {place} 不符：{detail} 日志的前段被改写",
        "the ledger does not fit checkpoint {place}: {detail} was rewritten",
    ),
    "checkpoint-beyond": (
        "台账比检查点 {place} 短：{detail} 日志末尾的记录被删去",
        "the ledger is shorter than checkpoint {place}: the newest entries of {detail} were cut off",
    ),
    "other-ledger": ("检查点 {place} 属于另一份台账", "checkpoint {place} is of another ledger"),
    "identity-changed": ("身份信息 {place} 被改动", "identity {place} was changed"),
    "identity-missing": ("第 {place} 号记录的身份信息缺失", "the identity of entry {place} is missing"),
    "identity-extra": ("身份信息 {place} 没有任何记录引用", "identity {place} belongs to no entry"),
    "identity-key": (
        "家庭 {place} 的数据密钥被改动、遗失或多余",
        "the data key of household {place} was changed, is missing or should not be there",
    ),
    "rulebook-changed": (
        "规则集 {place} 的登记被改动或遗失",
        "the record of rulebook {place} was changed or lost",
    ),
    "rule-file-changed": ("规则文件 {place} 被改动或遗失", "the rule file {place} was changed or lost"),
    "rule-file-extra": ("规则文件 {place} 不属于任何规则集", "the rule file {place} belongs to no rulebook"),
    "search-differs": (
        "检索索引与台账不符：{place}（可重建）",
        "the search index differs from the ledger: {place} (it can be rebuilt)",
    ),
}
"""Code -> (Chinese, English). `{place}` names the record, `{detail}` says more."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was written.

    code: one of CODES. log: "decisions", "access", or "" for what is in neither. place: an entry's number,
    or the key of another record. zh, en: the sentence.
    """

    code: str
    log: str
    place: str
    zh: str
    en: str

    @property
    def entry(self) -> int | None:
        """The number of the entry it names, if it names one."""
        return int(self.place) if self.log and self.place.isdigit() else None


def finding(code: str, place: object = "", *, log: str = "", detail: object = "") -> Finding:
    """A finding with its words."""
    zh, en = (text.format(place=place, detail=detail) for text in CODES[code])
    if log == "access":
        zh, en = f"查阅日志：{zh}", f"access log: {en}"
    return Finding(code, log, str(place), zh, en)
