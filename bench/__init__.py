"""Measuring: how fast a household is decided, beside what a user would otherwise pick. `python -m bench`."""
