"""Household + rulebook + day → decision. Pure: no clock, no files, no HTTP."""

from engine.decide.decision import Answer, Decision, decide
from engine.decide.program import Program, compile_rulebook

__all__ = ["Answer", "Decision", "Program", "compile_rulebook", "decide"]
