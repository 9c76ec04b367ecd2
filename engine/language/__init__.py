"""Reads and checks rules: positions, problems, values, expressions, the model and the checker."""
