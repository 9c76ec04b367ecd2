"""A browser without a screen: Flask's client that keeps cookies, reads forms and sends them as a person would."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

from flask import Flask

VOID = {"input", "br", "hr", "img", "meta", "link", "path", "rect", "circle", "line"}


@dataclass
class House:
    app: Flask
    clock: list[datetime]
    keys: dict[str, str]

    @property
    def service(self) -> Any:
        return self.app.extensions["jiuzhu"]


class Node:
    """An element: its name, attributes and what stands in it."""

    def __init__(self, name: str, attributes: dict[str, str], above: Node | None):
        self.name, self.attributes, self.above = name, attributes, above
        self.inside: list[Node | str] = []

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def get(self, name: str, otherwise: str = "") -> str:
        return self.attributes.get(name, otherwise)

    @property
    def text(self) -> str:
        parts = (each if isinstance(each, str) else each.text for each in self.inside)
        return " ".join(" ".join(parts).split())

    def all(self, tag: str = "", /, **attributes: str) -> list[Node]:
        """Every element below with this name and these attributes (`class_` holds one of the classes)."""
        found = []
        for each in self.inside:
            if isinstance(each, Node):
                if (not tag or each.name == tag) and all(_has(each, k, v) for k, v in attributes.items()):
                    found.append(each)
                found += each.all(tag, **attributes)
        return found

    def one(self, tag: str = "", /, **attributes: str) -> Node:
        found = self.all(tag, **attributes)
        assert len(found) == 1, (tag, attributes, len(found))
        return found[0]


def _has(node: Node, name: str, value: str) -> bool:
    if name == "class_":
        return value in node.get("class").split()
    return node.attributes.get(name.replace("_", "-") if name != "_token" else name) == value


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = self.here = Node("", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.inside.append(node)
        if tag not in VOID:
            self.here = node

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.here.name == tag, f"<{self.here.name}> is closed by </{tag}>, line {self.getpos()}"
        assert self.here.above is not None
        self.here = self.here.above

    def handle_data(self, data: str) -> None:
        self.here.inside.append(data)


def read(html: str) -> Node:
    """The tree of a page; what is not closed, or closed twice, fails."""
    reader = _Reader()
    reader.feed(html)
    assert reader.here is reader.root, f"<{reader.here.name}> is not closed"
    return reader.root


class Page:
    """An answer: its status, headers and tree."""

    def __init__(self, answer: Any):
        self.status, self.headers, self.html = answer.status_code, answer.headers, answer.get_data(as_text=True)
        self.root = read(self.html)

    @property
    def text(self) -> str:
        return self.root.text

    def form(self, action: str = "", id: str = "") -> Node:
        return next(
            f
            for f in self.root.all("form")
            if (not action or f.get("action") == action) and (not id or f.get("id") == id)
        )

    def fields(self, form: Node) -> list[tuple[str, str]]:
        """What a browser would send of a form as it stands, without a button."""
        found: list[tuple[str, str]] = []
        own = form.attributes.get("id")
        outside = [
            n for n in self.root.all() if own and n.get("form") == own and n.name in ("input", "select", "textarea")
        ]
        for node in [*form.all(), *outside]:
            name = node.get("name")
            if not name or "disabled" in node.attributes:
                continue
            if node.name == "input":
                kind = node.get("type", "text")
                if kind in ("checkbox", "radio"):
                    if "checked" in node.attributes:
                        found.append((name, node.get("value", "on")))
                elif kind not in ("submit", "button"):
                    found.append((name, node.get("value")))
            elif node.name == "textarea":
                found.append((name, "".join(each for each in node.inside if isinstance(each, str)).removeprefix("\n")))
            elif node.name == "select":
                options = node.all("option")
                chosen = [o for o in options if "selected" in o.attributes] or options[:1]
                found += [(name, o.get("value", o.text)) for o in chosen]
        return found


class Browser:
    """Someone at a browser."""

    def __init__(self, house: House):
        self.house = house
        self.client = house.app.test_client()
        self.lang("zh")

    def lang(self, lang: str) -> Browser:
        self.client.set_cookie("lang", lang)
        return self

    def get(self, address: str, **headers: str) -> Page:
        return Page(self.client.get(address, headers={"Accept": "text/html", **_headers(headers)}))

    def follow(self, address: str) -> Page:
        """With redirects."""
        return Page(self.client.get(address, headers={"Accept": "text/html"}, follow_redirects=True))

    def post(self, address: str, pairs: list[tuple[str, str]], **headers: str) -> Page:
        body = urlencode(pairs)
        return Page(
            self.client.post(
                address, data=body, content_type="application/x-www-form-urlencoded",
                headers={"Accept": "text/html", **_headers(headers)},
            )
        )  # fmt: skip

    def send(
        self,
        page: Page,
        form: Node,
        change: dict[str, str | None] | None = None,
        button: tuple[str, str] | None = None,
        **headers: str,
    ) -> Page:
        """Send a form as it stands, some fields changed (None: left out), by one of its buttons."""
        pairs = [(name, value) for name, value in page.fields(form) if name not in (change or {})]
        pairs += [(name, value) for name, value in (change or {}).items() if value is not None]
        pairs += [button] if button else []
        return self.post(form["action"], pairs, **headers)

    def sign_in(self, role: str) -> Browser:
        page = self.get("/sign-in")
        answer = self.send(page, page.form("/sign-in"), {"key": self.house.keys[role]})
        assert answer.status == 303, answer.text
        return self


def _headers(given: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in given.items()}
