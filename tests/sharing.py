"""Which tests share a worker of pytest-xdist.

Our own scheduler, for that of `--dist loadgroup` puts the group into a test's name, which pytest from version 9 does not
let it do: the groups were without effect, and nothing said so.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

WHOLE = ("tests/web", "tests/api")  # a folder with one service, one browser
# Minutes each, in which the seconds for another browser and service are lost: as one, a worker would wait for it alone.
ALONE = ("tests/web/test_screen_desk.py", "tests/web/test_screen_workbench.py", "tests/web/test_screen_reading.py")
FIRST = ("tests/sweep/test_spark.py", *ALONE, *WHOLE)  # the longest: begun last, one worker would wait for them alone
_PART = re.compile(r"\[part [0-9]+\]$")


def unit(nodeid: str) -> str:
    """What a test is given out with: its folder where that shares a service (but for the longest files of it), alone
    where it is a part of a long loop, else its file, so that what a file makes for its tests is made once."""
    if _PART.search(nodeid):
        return nodeid
    file = nodeid.split("::")[0]
    folder = str(PurePosixPath(file).parent)
    return folder if folder in WHOLE and file not in ALONE else file


def place(nodeid: str) -> int:
    """The longest first, then the parts of long loops, then files."""
    name = unit(nodeid)
    return FIRST.index(name) if name in FIRST else len(FIRST) + (name != nodeid)


def scheduler(config: Any, log: Any) -> Any:
    """Gives out units in the order of the tests."""
    from xdist.scheduler import LoadScopeScheduling

    class Units(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit(nodeid)

    config.option.loadscopereorder = False  # not by the number of tests
    return Units(config, log)
