"""How a policy hangs together with others: whom it asks, who asks it, what may not be drawn with it, its sources."""

from __future__ import annotations

from engine.decide.pages.markdown import bullet, escaped
from engine.decide.pages.reader import Reader
from engine.language.checks import expressions_of
from engine.language.model import Policy, Rulebook
from engine.language.tree import Expr, Words

ASKS = {
    "holds": Words("符合或正在享受", "qualifies for it or draws it already"),
    "qualifies": Words("符合", "qualifies for it"),
    "receives": Words("正在享受", "draws it already"),
}


def links(reader: Reader, versions: tuple[Policy, ...]) -> list[str]:
    """What the policy asks of others, and who asks it."""
    own = versions[0].id
    ids = reader.rulebook.ids()
    asks = _asked([expr for policy in versions for expr in expressions_of(policy)])
    found = []
    for how in sorted({_how(reader, asks[name]) for name in asks}):
        pages = [reader.page(name) for name in ids if name != own and name in asks and _how(reader, asks[name]) == how]
        if pages:
            names = reader.say("、", ", ").join(pages)
            found.append(bullet(0, reader.say(f"先看是否{how}：{names}", f"asks whether one {how}: {names}")))
    asking = [reader.page(name) for name in ids if name != own and own in _asked(_expressions(reader.rulebook, name))]
    if asking:
        names = reader.say("、", ", ").join(asking)
        found.append(bullet(0, reader.say(f"本项的结果用于：{names}", f"its answer is used by: {names}")))
    return found


def _expressions(rulebook: Rulebook, policy: str) -> list[Expr]:
    return [expr for version in rulebook.versions(policy) for expr in expressions_of(version)]


def _asked(exprs: list[Expr]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for expr in exprs:
        for node in expr.walk():
            if node.op in ASKS:
                found.setdefault(node.name, set()).add(node.op)
    return found


def _how(reader: Reader, words: set[str]) -> str:
    if {"qualifies", "receives"} <= words:
        words = {"holds"}
    return reader.say("、", ", or ").join(ASKS[word][reader.lang] for word in ASKS if word in words)


def exclusions(reader: Reader, versions: tuple[Policy, ...]) -> list[str]:
    """What may not be drawn together with it, whichever of the two says so, with how sure that is."""
    own = versions[0].id
    found = []
    for policy in reader.rulebook.policies:
        for each in policy.excludes:
            other = each.policy if policy.id == own else policy.id if each.policy == own else ""
            if other:
                sure = each.verified and all(cite.verified for cite in each.cite)
                notes = [escaped(cite.note) for cite in each.cite if cite.note and cite.words(reader.lang) != cite.note]
                where = reader.say("；", "; ").join([*(escaped(cite.words(reader.lang)) for cite in each.cite), *notes])
                text = reader.page(other) + (reader.say(f"（{where}）", f" ({where})") if where else "")
                found.append(bullet(0, text + reader.unsure(sure)))
    return list(dict.fromkeys(found))


def citations(reader: Reader, policy: Policy) -> list[str]:
    """Every citation of the policy as a line, with its note; what the policy as a whole rests on comes first."""
    cites = [*policy.cite, *(cite for tree in policy.conditions() for node in tree.walk() for cite in node.cite)]
    cites += [cite for item in policy.gives for cite in item.cite]
    cites += [cite for note in policy.notes for cite in note.cite]
    found = []
    for cite in dict.fromkeys(cites):
        if not cite.words(reader.lang):
            continue
        words = escaped(cite.words(reader.lang))
        text = f"[{words}]({cite.url})" if cite.url else words
        if cite.note and cite.note != cite.words(reader.lang):
            text += reader.say(f"：{escaped(cite.note)}", f": {escaped(cite.note)}")
        found.append(bullet(0, text + reader.unsure(cite.verified)))
    return list(dict.fromkeys(found))
