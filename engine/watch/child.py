"""The process in which durable-rules runs: `python -m engine.watch.child`. It may die at any moment; nobody minds.

One line in, one line out, both JSON. A few fixed contexts, never a household's id (ids are compared by a 32-bit hash);
one fact a message, in a context that is deleted after every look; a sentinel rule that shows the run came to its end;
no host and no threads of durable-rules; the set of fired rules as the only result.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import durable_rules_engine

SLOTS = 4
MOST_STEPS = 1_000  # of one message: a rule that fires for ever is an error, not a wait
SENTINEL = "end"


class Rules:
    """One ruleset, made once and used for every look that names it."""

    def __init__(self, key: str, ruleset: dict[str, Any]):
        self.handle = durable_rules_engine.create_ruleset(f"alerts{key}", json.dumps(ruleset))
        self.next = 0

    def look(self, messages: list[dict[str, int]]) -> list[str]:
        """The rules that fire on these messages. Raises RuntimeError where the run did not come to its end."""
        slot = f"slot{self.next % SLOTS}"
        self.next += 1
        fired: set[str] = set()
        try:
            for number, message in enumerate((*messages, {SENTINEL: 1})):
                fired |= self.fire({**message, "sid": slot, "id": str(number)})
        finally:
            durable_rules_engine.delete_state(self.handle, slot)
        if SENTINEL not in fired:
            raise RuntimeError("the sentinel did not fire")
        return sorted(fired - {SENTINEL})

    def fire(self, message: dict[str, Any]) -> set[str]:
        status, state = durable_rules_engine.assert_fact(self.handle, json.dumps(message))
        if status == 1:  # no rule reads it
            return set()
        if status != 0:
            raise RuntimeError(f"a fact was not taken: {status}")
        fired: set[str] = set()
        started = durable_rules_engine.start_action_for_state(self.handle, state)
        action = started[1] if started else None
        for _ in range(MOST_STEPS):
            if not action:
                return fired
            fired |= set(json.loads(action))
            action = durable_rules_engine.complete_and_start_action(self.handle, state)
        raise RuntimeError("a rule fires for ever")


def main() -> None:
    """Answer until the other side closes the pipe."""
    rules: dict[str, Rules] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        for key, ruleset in asked.get("rules", {}).items():
            rules[key] = Rules(key, ruleset)
        answer = [rules[key].look(messages) for key, messages in asked["looks"]]
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
