"""Checking rule files, and loading the rules anew."""

from __future__ import annotations

from flask import Blueprint, Response

from api import answers, schemas
from api.active import check_texts
from api.cases import looked
from api.endpoint import Call, answer, body_as, endpoint
from api.logs import log
from api.problems import Known, Problem
from api.words import Words
from engine.language.problems import Problem as RuleProblem
from engine.language.problems import RulebookError
from engine.language.rulebook import digest_of
from engine.language.shipped import NoRules, rule_files

blueprint = Blueprint("rules", __name__)


@endpoint(
    blueprint, "POST", "/v1/rules/check", scope="rules:check",
    zh="校验规则文件，不改变现行规则", en="Check rule files; the rules in force stay as they are",
    body=schemas.RULES_CHECK, gives=answers.RULES_CHECKED,
    problems=("invalid", "bad-json", "not-json", "body-too-large"),
)  # fmt: skip
def check_rules(call: Call) -> Response:
    body = body_as(call, schemas.RULES_CHECK)
    alone = body.get("base") == "none"
    files = {} if alone else dict(call.service.active.current().program.rulebook.files)
    for path, text in body["files"].items():
        if text is None:
            files.pop(path, None)
        else:
            files[path] = text
    program, problems = check_texts(files, examples=body.get("examples", True))
    return answer(
        {
            "ok": program is not None,
            "digest": None if program is None else digest_of(files),
            "problems": [each.data() for each in problems],
        }
    )


@endpoint(
    blueprint, "POST", "/v1/rules/reload", scope="rules:reload",
    zh="从磁盘重新载入规则", en="Load the rules anew from disk",
    body=schemas.EMPTY, empty_ok=True, gives=answers.RULES_LOADED, problems=("invalid", "rulebook-has-problems"),
)  # fmt: skip
def reload_rules(call: Call) -> Response:
    body_as(call, schemas.EMPTY)
    active = call.service.active
    before = active.current().digest
    try:
        rules = active.activate(rule_files(call.service.settings.rules), call.who.id, call.service.at())
    except (NoRules, OSError):
        call.service.metrics.count("jiuzhu_rules_refused_total")
        detail = Words("规则文件夹无法读取", "the folder of rules cannot be read")
        raise Problem("rulebook-has-problems", detail=detail) from None
    except RulebookError as error:
        call.service.metrics.count("jiuzhu_rules_refused_total")
        log("rules-refused", problems=len(error.problems))
        raise Problem("rulebook-has-problems", [_fault(each) for each in error.problems]) from None
    looked(call, "administer", "重新载入规则", what={"before": before, "now": rules.digest})
    log("rules-loaded", digest=rules.digest, changed=rules.digest != before)
    return answer(
        {
            "digest": rules.digest,
            "before": before,
            "changed": rules.digest != before,
            "since": rules.since,
            "policies": len(rules.program.rulebook.ids()),
        }
    )


def _fault(problem: RuleProblem) -> Known:
    place = problem.place
    message = Words(problem.message("zh"), problem.message("en"))
    more = {"file": place.file, "line": place.line, "column": place.column}
    return Known("", problem.code, message, Words(problem.hint[1], problem.hint[0]), more)
