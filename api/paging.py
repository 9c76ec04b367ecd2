"""Pages by key: the last number of one page is where the next begins, so nothing is shown twice or skipped
however much is written in between. The next page is a `Link` header (RFC 8288) and `next` in the body."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

__all__ = ["next_page"]


def next_page(path: str, query: Mapping[str, str], before: int | None) -> tuple[str | None, dict[str, str]]:
    """The address of the next page and its header; (None, {}) on the last one."""
    if before is None:
        return None, {}
    address = f"{path}?{urlencode({**query, 'before': str(before)})}"
    return address, {"Link": f'<{address}>; rel="next"'}
