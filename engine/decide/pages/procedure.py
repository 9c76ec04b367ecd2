"""How one applies: papers, where, how long it takes, and the advice that goes with it."""

from __future__ import annotations

from engine.decide.pages.conditions import only_where
from engine.decide.pages.markdown import bullet, escaped
from engine.decide.pages.reader import Reader, cited
from engine.language.model import Policy


def procedure(reader: Reader, policy: Policy) -> list[str]:
    """Papers, where and how to apply, how long it takes, how it is reviewed."""
    say, lang = reader.say, reader.lang
    found = []
    if policy.documents:
        found.append(bullet(0, say("**材料**：", "**Documents**:")))
        for document in policy.documents:
            found.append(bullet(1, escaped(document.words[lang])))
            if document.condition is not None:
                found += only_where(reader, document.condition, policy, 2)
    for words, zh, en in (
        (policy.where, "到哪里办", "Where to apply"),
        (policy.channel, "怎么办", "How"),
        (policy.review, "复核", "Review"),
    ):
        if words.zh:
            found.append(bullet(0, f"**{say(zh, en)}**{say('：', ': ')}{escaped(words[lang])}"))
    days = policy.decision_days
    if days is not None:
        unit = say("个工作日" if days.working else "天", "working days" if days.working else "days")
        sure = days.verified or not all(cite.verified for cite in days.cite)
        text = f"**{say('办理时限', 'Time limit')}**{say('：', ': ')}{days.days} {unit}"
        notes = "".join(say(f"，{escaped(c.note)}", f", {escaped(c.note)}") for c in days.cite if c.note)
        found.append(bullet(0, text + notes + cited(reader, days.cite) + reader.unsure(sure)))
    return found


def notes(reader: Reader, policy: Policy) -> list[str]:
    """Advice, each with the condition under which it is given."""
    found = []
    for note in policy.notes:
        found.append(bullet(0, escaped(note.says[reader.lang]) + cited(reader, note.cite)))
        if note.condition.kind != "all" or note.condition.parts:
            found += only_where(reader, note.condition, policy, 1)
    return found
