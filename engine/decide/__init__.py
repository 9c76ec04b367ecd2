"""A household, a rulebook and a date give a trace, and from it a decision and its explanation."""
