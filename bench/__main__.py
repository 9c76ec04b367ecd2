"""`python -m bench [NAME …]`: run the named measurements, or all of them. `python -m bench NAME --help` says more."""

from __future__ import annotations

import importlib
import sys

BENCHES = ("decide", "http", "ledger", "pages", "sweep", "watch")


def main() -> None:
    given = sys.argv[1:]
    names = [name for name in given if name in BENCHES]
    rest = [word for word in given if word not in BENCHES]
    if rest and not names:
        sys.exit(f"python -m bench [{'|'.join(BENCHES)}] …: what is '{rest[0]}'?")
    for name in names or BENCHES:
        sys.argv = [f"bench {name}", *rest]
        importlib.import_module(f"bench.{name}").main()


if __name__ == "__main__":
    main()
