"""Rule texts without their examples.

Examples are more than half of the rules' text, and no household is decided by them: `jiuzhu check` reads and runs them,
and a service that takes over new rules does. What only decides need not read them again each time it starts.
"""

from __future__ import annotations

import re

from engine.language.problems import Problems
from engine.language.source import Mapping, Node, Sequence, encoded, read_yaml

NEW_LINE = "\n"

# A key of the outermost mapping, and all that stands indented (or empty, or a remark) below it. In block style nothing
# of another key can stand there; in flow style it could, and then what is left does not parse and is read in full.
_EXAMPLES = re.compile(r"^examples:[ \t]*(?:#.*)?\r?\n(?:(?:[ #\t].*|- .*)?\r?\n|(?:[ #\t]|- ).*\Z)*", re.MULTILINE)


def read_without_examples(text: str, file: str, problems: Problems) -> Node | None:
    """The nodes of a policy's file with its list of examples left empty, every other node where it was; None where that
    cannot be told apart, or where anything is wrong: then the file is read in full, and says so itself."""
    block = _EXAMPLES.search(text)
    if block is None:
        return None
    shorter = f"{text[: block.start()]}examples: []{NEW_LINE * block[0].count(NEW_LINE)}{text[block.end() :]}"
    apart = Problems()
    node = read_yaml(encoded(shorter), file, apart)
    listed = node.entries.get("examples") if isinstance(node, Mapping) else None
    line = text.count(NEW_LINE, 0, block.start()) + 1
    if len(apart) or not isinstance(listed, Sequence) or listed.place.line != line:
        return None
    problems.lines[file] = text.splitlines()
    return node
