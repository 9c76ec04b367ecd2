"""Rules as a page shows them: the Markdown that the engine makes of a rule as HTML, and files with numbered lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markupsafe import Markup, escape

__all__ = ["listing", "prose"]

_POLICY = re.compile(r"([a-z][a-z0-9_]*)\.(?:zh|en)\.md\Z")
_FILE = re.compile(r"(?:\.\./)+(rules/.+\.yaml)\Z")
_SCHEME = re.compile(r"https?://")


class _Renderer(RendererHTML):
    """Links lead to our own pages; whatever leads elsewhere says so, and nothing else is a link."""

    def link_open(self, tokens, idx, options, env):
        to = str(tokens[idx].attrGet("href"))
        if found := _POLICY.match(to):
            to = f"/workbench/policies/{found[1]}"
        elif found := _FILE.match(to):
            to = f"/workbench/files/{found[1]}"
        elif _SCHEME.match(to):
            return f'<a href="{escape(to)}" rel="noopener noreferrer external">'
        else:
            return "<a>"
        return f'<a href="{escape(to)}">'


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")


def prose(blocks: Sequence[Sequence[str]], label: str = "") -> Markup:
    """Blocks of Markdown lines, as `engine.decide.pages` makes them, as HTML. Tables scroll in a frame of their own,
    called `label`."""
    text = "\n\n".join("\n".join(block) for block in blocks if block)
    html = _markdown().render(text).replace("&lt;br&gt;", "<br>")
    frame = f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}"><table>'
    html = html.replace("<table>", frame).replace("</table>", "</table></div>").replace("<th>", '<th scope="col">')
    return Markup(html)


@lru_cache(maxsize=200)
def listing(text: str) -> Markup:
    """A file with numbered lines, each with an id (`L12`); the one an address leads to stands out."""
    lines = [
        f'<span id="L{n}" class="line" data-n="{n}">{escape(line) or " "}\n</span>'
        for n, line in enumerate(text.splitlines(), 1)
    ]
    return Markup("".join(lines))
