"""What follows from the rules: pure Python that knows nothing of HTTP."""

__version__ = "0.2.0"
