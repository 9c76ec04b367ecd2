"""A program with one rule file changed: only what that file says is read and compiled again.

Reading and compiling a whole rulebook takes some hundred times as long as one policy, and a run of the mutants does it
thousands of times. What is left out here (the checks of the whole book) is done for the mutants that live through it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

from engine.decide.mutation.mutants import Mutant, applied
from engine.decide.program import Edition, InForce, Program, _values, compile_rulebook
from engine.language.expressions import Names
from engine.language.figures import read_parameters
from engine.language.model import Parameter, Policy, Rulebook
from engine.language.policies import read_policy
from engine.language.problems import Problems
from engine.language.rulebook import exclusion_groups
from engine.language.source import Mapping, Node, Scalar, Sequence, read_yaml
from engine.language.vocabulary import Pending, read_derived

Version = tuple[str, date]  # a policy's id and the first day of one text of it


def version_of(policy: Policy) -> Version:
    return policy.id, policy.from_date


@dataclass(frozen=True, slots=True)
class Patched:
    """A program with one file changed.

    versions    the policy versions that are other objects now, by the version they stand in for
    parameters  the parameters that are other objects now
    """

    program: Program
    versions: dict[Version, Policy] = field(default_factory=dict)
    parameters: dict[str, Parameter] = field(default_factory=dict)
    recompiled: bool = False

    def policy(self, version: Policy) -> Policy:
        """The policy version that stands in for this one."""
        return self.versions.get(version_of(version), version)

    def edition(self, edition: Edition) -> Edition:
        """An edition of the unchanged program, with what is changed in it."""
        # a figure that is not known on the day after the change needs the ranged functions, whatever was known before
        dated = [parameter.on(edition.on) for parameter in self.parameters.values()]
        ranged = self.recompiled or any(value is None or not value.published for value in dated)
        order = tuple(self._in_force(each, ranged) for each in edition.order)
        values, figures = list(edition.parameters), dict(edition.figures)
        for name, parameter in self.parameters.items():
            at = self.program.index[name]
            new = _values(parameter, parameter.on(edition.on), self.program.rulebook, 1)
            values[at : at + len(new)] = new
            figures[name] = parameter.on(edition.on)
        return replace(
            edition,
            order=order,
            by_id={each.policy.id: each for each in order},
            parameters=tuple(values),
            figures=figures,
            derive_flat=None if ranged else edition.derive_flat,
        )

    def _in_force(self, each: InForce, ranged: bool) -> InForce:
        """What is changed is run by its ranged function, right for every household: one to compile instead of two."""
        now = self.policy(each.policy)
        if now is each.policy and not ranged:
            return each
        return replace(each, policy=now, ranged=self.program.functions[version_of(now)], flat=None)


class Patcher:
    """Makes patched programs from mutants; keeps the nodes of the files it has changed."""

    def __init__(self, program: Program):
        self.program = program
        self.rulebook = book = program.rulebook
        self.lines = {path: text.splitlines() for path, text in book.files.items()}
        self.names = Names(book.choices, book.facts, book.parameters, {name: book.level(name) for name in book.ids()})
        self.nodes: dict[str, Node] = {}
        self.by_file = {policy.at.file: policy for policy in book.policies}

    def node(self, path: str) -> Node:
        """The nodes of a file, read when they are first needed."""
        if path not in self.nodes:
            found = read_yaml(self.rulebook.files[path].encode(), path, Problems())
            assert found is not None, path  # it was read before
            self.nodes[path] = found
        return self.nodes[path]

    def problems(self) -> Problems:
        """A list for problems that shows the lines of the files as they are."""
        return Problems(lines=self.lines)

    def patch(self, mutant: Mutant) -> Patched | None:
        """The program with the mutant in it; None where the reader does not take the changed file."""
        if mutant.file in self.by_file:
            return self._policy(mutant)
        if mutant.path[0] == "derived":
            return self._derived(mutant)
        return self._parameter(mutant)

    def _policy(self, mutant: Mutant) -> Patched | None:
        old, problems = self.by_file[mutant.file], self.problems()
        root = applied(self.node(mutant.file), mutant)
        assert isinstance(root, Mapping)
        examples = root.entries["examples"]  # unchanged, and most of the file: not read again
        lean = root._replace(entries={**root.entries, "examples": Sequence(examples.place, ())})
        read = read_policy(lean, self.names, problems, old.group, old.jurisdiction, old.order)
        if read is None or len(problems):
            return None
        new = replace(read, examples=old.examples)
        policies = tuple(new if policy is old else policy for policy in self.rulebook.policies)
        groups = exclusion_groups(policies, problems) if mutant.kind == "exclusion" else self.rulebook.exclusions
        book = replace(self.rulebook, policies=policies, exclusions=groups)
        return Patched(_with_policy(self.program, book, new), {version_of(old): new})

    def _parameter(self, mutant: Mutant) -> Patched | None:
        name, problems = str(mutant.path[0]), self.problems()
        root = applied(self.node(mutant.file), mutant)
        assert isinstance(root, Mapping)
        alone = root._replace(entries={name: root.entries[name]})
        read = read_parameters([alone], self.rulebook.choices, {}, problems).get(name)
        if read is None or len(problems):
            return None
        new = replace(read, order=self.rulebook.parameters[name].order)
        book = replace(self.rulebook, parameters={**self.rulebook.parameters, name: new})
        return Patched(replace(self.program, rulebook=book, editions={}), parameters={name: new})

    def _derived(self, mutant: Mutant) -> Patched | None:
        name, problems = str(mutant.path[2]), self.problems()
        assert isinstance(mutant.node, Scalar)
        pending = Pending(name, mutant.node.text, mutant.node.place)
        bare = {**self.rulebook.facts, name: replace(self.rulebook.facts[name], expr=None, condition=None)}
        facts = read_derived(bare, [pending], self.names, problems)
        if len(problems) or not facts[name].derived:
            return None
        book: Rulebook = replace(self.rulebook, facts=facts)
        return Patched(compile_rulebook(book), recompiled=True)


def _with_policy(program: Program, book: Rulebook, policy: Policy) -> Program:
    """The program with one policy's function written anew, to be compiled when it is first asked for.

    `dependents` and `held` stay: a mutant only drops questions to other policies, and both may name too many.
    """
    nodes = {node.id: node for tree in policy.conditions() for node in tree.walk()}
    return replace(
        program,
        rulebook=book,
        functions=program.functions.replaced(book, policy),
        conditions={**program.conditions, version_of(policy): nodes},
        editions={},
    )


__all__ = ["Patched", "Patcher", "Version", "version_of"]
