"""The service described by itself: /openapi.json, and a page that people can read, both made from the
endpoints' declarations and the schemas."""

from __future__ import annotations

import html
import re
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Blueprint, Response, request
from marshmallow import Schema

from api.auth import HELD, SCOPES
from api.endpoint import ENDPOINTS, Call, Endpoint, answer, endpoint
from api.etags import mark, tagged
from api.fields import component, schema_of
from api.household_schema import household_schema
from api.problems import FAULTS, KINDS
from api.service import Service
from api.words import Words, preferred
from engine import __version__

blueprint = Blueprint("reference", __name__)

ALWAYS = ("bad-request", "no-such-method", "internal")
KEYED = ("no-key", "key-refused", "not-allowed", "too-many")

_EXAMPLE: dict[str, Any] = {
    "household": {
        "receiving": [],
        "members": [{"id": "a", "birth_date": "1980-05-01", "receiving": []}],
    },
    "on": "2025-08-01",
}
_HEADERS = {
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": "同一键和同一请求体得到同一答复 / the same key with the same body gets the same answer",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]{1,128}$"},
    },
    "Accept-Language": {
        "name": "Accept-Language",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "enum": ["zh", "en"]},
    },
}


@endpoint(
    blueprint, "GET", "/openapi.json", scope="", zh="本接口的 OpenAPI 3.1 描述", en="This interface in OpenAPI 3.1",
    cached=True,
)  # fmt: skip
def openapi(call: Call) -> Response:
    tag, unchanged = tagged(request, ("openapi", __version__, call.service.active.current().digest))
    if unchanged is not None:
        return mark(unchanged, tag)
    return mark(answer(document(call.service)), tag)


@endpoint(
    blueprint, "GET", "/reference", scope="", zh="接口说明页", en="The reference page", media="text/html", cached=True,
)  # fmt: skip
def reference_page(call: Call) -> Response:
    lang = preferred(request.accept_languages)
    tag, unchanged = tagged(request, ("reference", __version__, lang))
    if unchanged is not None:
        return mark(unchanged, tag)
    found = Response(_page(lang), mimetype="text/html")
    found.headers["Content-Language"] = lang
    found.headers["Content-Security-Policy"] = _PAGE_POLICY
    found.vary.add("Accept-Language")
    return mark(found, tag)


@endpoint(
    blueprint, "GET", "/reference.css", scope="", zh="说明页的样式", en="The style of the reference page",
    media="text/css",
)  # fmt: skip
def reference_style(call: Call) -> Response:
    return Response(_STYLE, mimetype="text/css", headers={"Cache-Control": "public, max-age=3600"})


# -- OpenAPI --


def document(service: Service) -> dict[str, Any]:
    """The OpenAPI document of the service, with the household its rules know."""
    plugin = MarshmallowPlugin(schema_name_resolver=_resolved)
    spec = APISpec(
        title="救助 Jiuzhu",
        version=__version__,
        openapi_version="3.1.0",
        info={
            "description": "社会救助政策：认定、解释、入账、核验。 / Relief policies: decide, explain, record, prove.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        plugins=[plugin],
        servers=[{"url": "/"}],
        security=[{"key": []}],
        tags=[{"name": name} for name in dict.fromkeys(each.tag for each in ENDPOINTS)],
    )
    assert plugin.converter is not None
    plugin.converter.add_attribute_function(_property)
    spec.components.schema("Household", household_schema(service.active.current().program.vocabulary))
    spec.components.schema("Problem", _problem_schema())
    spec.components.security_scheme(
        "key", {"type": "http", "scheme": "bearer", "description": "jz_… ；jiuzhu key create"}
    )
    for schema in _schemas():
        spec.components.schema(component(schema), schema=schema)
    for each in ENDPOINTS:
        spec.path(each.path, operations={each.method.lower(): _operation(each)})
    found: dict[str, Any] = spec.to_dict()
    return found


def _schemas() -> list[Schema]:
    """Every schema used by an endpoint, those inside others too, each once."""
    found: dict[str, Schema] = {}

    def add(schema: Schema | None) -> None:
        if schema is None or component(schema) in found:
            return
        found[component(schema)] = schema
        for field in schema.fields.values():
            while hasattr(field, "inner"):
                field = field.inner
            add(getattr(field, "schema", None))

    for each in ENDPOINTS:
        add(each.body)
        add(each.gives)
    return list(found.values())


def _resolved(schema: Any) -> str:
    return component(schema if isinstance(schema, Schema) else schema())


def _property(converter: Any, field: Any, **_: Any) -> dict[str, Any]:
    return schema_of(field)


def _operation(each: Endpoint) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": each.name,
        "tags": [each.tag],
        "summary": f"{each.summary.zh} / {each.summary.en}",
        "parameters": _parameters(each),
        "responses": _responses(each),
    }
    if each.scope:
        found["description"] = f"scope: `{each.scope}`"
        found["x-scope"] = each.scope
    else:
        found["security"] = []
    if each.body is not None:
        content: dict[str, Any] = {"schema": {"$ref": f"#/components/schemas/{component(each.body)}"}}
        if "household" in each.body.fields:
            content["example"] = _EXAMPLE | ({"reason": "收入申报有误"} if "reason" in each.body.fields else {})
        found["requestBody"] = {"required": not each.empty_ok, "content": {"application/json": content}}
    return found


def _parameters(each: Endpoint) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name in re.findall(r"\{(\w+)\}", each.path):
        number = "<entry:" in each.rule
        schema = (
            {"type": "integer", "minimum": 1, "maximum": 2**53 - 1}
            if number
            else {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,63}$"}
        )
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    for name, field in each.query.fields.items():
        schema = {key: value for key, value in schema_of(field).items() if key != "description"}
        row = {"name": name, "in": "query", "required": field.required, "schema": schema}
        if "description" in field.metadata:
            row["description"] = field.metadata["description"]
        found.append(row)
    if each.idempotent:
        found.append(_HEADERS["Idempotency-Key"])
    found.append(_HEADERS["Accept-Language"])
    return found


def _responses(each: Endpoint) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    if each.gives is not None:
        schema = {"$ref": f"#/components/schemas/{component(each.gives)}"}
    elif each.media == "application/json":
        schema = {"type": "object"}
    good: dict[str, Any] = {"description": each.summary.en, "content": {each.media: {"schema": schema}}}
    found: dict[str, Any] = {str(each.status): good}
    if each.cached:
        found["304"] = {"description": "not changed since the ETag sent"}
    codes = (*each.problems, *ALWAYS, *(KEYED if each.scope else ()))
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(KINDS[code].status, []).append(code)
    for status, names in sorted(by_status.items()):
        found[str(status)] = {
            "description": "; ".join(f"`{name}`: {KINDS[name].title.en}" for name in dict.fromkeys(names)),
            "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
    return found


def _problem_schema() -> dict[str, Any]:
    text = {"type": "string"}
    fault = {
        "type": "object",
        "properties": {name: text for name in ("pointer", "parameter", "header", "code", "message", "hint")},
        "required": ["code", "message"],
    }
    return {
        "type": "object",
        "description": "RFC 9457",
        "properties": {
            "type": text,
            "title": text,
            "status": {"type": "integer"},
            "detail": text,
            "code": {"type": "string", "enum": list(KINDS)},
            "request_id": text,
            "errors": {"type": "array", "items": fault},
        },
        "required": ["type", "title", "status", "detail", "code", "request_id"],
    }


# -- the page --

_PAGE_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_STYLE = """:root { color-scheme: light dark; font-family: system-ui, "Noto Sans CJK SC", sans-serif; }
body { line-height: 1.55; max-width: 62rem; margin: 0 auto; padding: 1.5rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem; font-size: .95rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid #8886; }
code { font-family: ui-monospace, monospace; font-size: .92em; overflow-wrap: anywhere; }
section { margin-top: 2.5rem; }
:target { outline: 2px solid; outline-offset: .4rem; }
"""


def _page(lang: str) -> str:
    say = (lambda zh, en: zh) if lang == "zh" else (lambda zh, en: en)
    out = [
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{say('接口说明', 'Reference')} · 救助 Jiuzhu</title>",
        '<link rel="stylesheet" href="/reference.css"></head><body><main>',
        f"<h1>{say('接口说明', 'Reference')}</h1>",
        f"<p>{say('机器可读', 'For machines')}: <a href='/openapi.json'>/openapi.json</a>, Jiuzhu {__version__}</p>",
        f"<section><h2>{say('地址', 'Endpoints')}</h2><table><thead><tr>",
        "".join(f"<th scope='col'>{head}</th>" for head in (
            say("方法与地址", "method and address"), say("作用", "what it does"), say("权限", "scope"),
            say("角色", "roles"),
        )),
        "</tr></thead><tbody>",
    ]  # fmt: skip
    for each in ENDPOINTS:
        roles = (
            ", ".join(role for role, held in HELD.items() if each.scope in held) if each.scope else say("公开", "open")
        )
        cells = (
            f"<code>{each.method} {html.escape(each.path)}</code>",
            html.escape(each.summary.in_(lang)),
            f"<code>{each.scope}</code>" if each.scope else "",
            roles,
        )
        out.append(f"<tr id='{each.name}'>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    out.append("</tbody></table></section>")
    out += _rows(say("权限", "Scopes"), {name: ("", words, Words("", "")) for name, words in SCOPES.items()}, lang)
    kinds = {code: (str(kind.status), kind.title, kind.hint) for code, kind in KINDS.items()}
    out += _rows(say("问题（RFC 9457）", "Problems (RFC 9457)"), kinds, lang)
    faults = {f"error-{code}": ("", said, hint) for code, (said, hint) in FAULTS.items()}
    out += _rows(say("逐项错误（errors）", "Faults in `errors`"), faults, lang)
    out.append("</main></body></html>")
    return "\n".join(out)


def _rows(title: str, rows: dict[str, tuple[str, Words, Words]], lang: str) -> list[str]:
    out = [f"<section><h2>{html.escape(title)}</h2><table><tbody>"]
    for name, (status, said, hint) in rows.items():
        code = name.removeprefix("error-")
        out.append(
            f"<tr id='{name}'><th scope='row'><code>{code}</code></th><td>{status}</td>"
            f"<td>{html.escape(said.in_(lang))}</td><td>{html.escape(hint.in_(lang))}</td></tr>"
        )
    return [*out, "</tbody></table></section>"]
