"""gunicorn, set up for this service: threads that share a commit, a reload that keeps the workers, logs
without what anyone sent, and malformed HTTP answered like every other problem."""

from __future__ import annotations

import gc
import logging
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn import util  # type: ignore[import-untyped]
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.glogging import Logger as GunicornLogger  # type: ignore[import-untyped]
from gunicorn.http import errors  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from api import idle
from api.app import create_app, open_service
from api.around import SECURITY, Around
from api.logs import log, set_up
from api.problems import Problem
from api.service import Service
from api.settings import Settings
from api.wire import dumps
from engine.decide import decide
from engine.language.household import read_household
from engine.language.problems import RulebookError
from engine.language.shipped import NoRules, rule_files
from engine.ledger.errors import LedgerError

__all__ = ["apart", "keep_from_collecting", "serve", "warm_up"]

READ_SECONDS = 5  # without a byte from a client in the middle of a request
WRITE_SECONDS = 30
SWITCH_AFTER = 0.001  # seconds: who only reads or answers a request need not wait long for the one that computes
ACCEPT_AFTER = 0.0002  # seconds for each connection a worker has
LONGEST_WAIT = 0.005


def serve(settings: Settings, bind: str, workers: int, threads: int) -> None:
    """Serve until told to stop. SIGHUP loads the rules anew; SIGTERM lets requests under way finish."""
    options = {
        "bind": [bind],
        "workers": workers,
        "threads": threads,
        "worker_class": Worker,
        "logger_class": Logger,
        "keepalive": 15,
        "timeout": 60,
        "graceful_timeout": 20,
        "control_socket_disable": True,
        "worker_tmp_dir": "/dev/shm" if os.path.isdir("/dev/shm") else None,
        "proc_name": "jiuzhu",
    }
    _Server(settings, options).run()


def apart(work: Callable[[], int]) -> int:
    """Do something in a process of its own, and give its exit code: what it opens (SQLite) is not there to
    be carried into the workers."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 70
    try:
        code = work()
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException as error:
        log("failure", logging.ERROR, exc=error)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def reload_rules(settings: Settings, by: str = "sighup") -> int:
    """Read the rules from disk and, if they have no problem, let every worker decide by them. 0: done, 1:
    refused."""
    service = open_service(settings)
    try:
        rules = service.active.activate(rule_files(settings.rules), by, service.at())
    except RulebookError as error:
        service.metrics.count("jiuzhu_rules_refused_total")
        first = [f"{each.place}: {each.code}" for each in error.problems[:20]]
        log("rules-refused", logging.ERROR, problems=len(error.problems), first=first)
        return 1
    except (NoRules, OSError, LedgerError) as error:
        log("rules-refused", logging.ERROR, exc=error)
        return 1
    log("rules-loaded", digest=rules.digest, generation=rules.generation)
    return 0


def warm_up(app: Flask) -> None:
    """Open what a first request would open and run the code it would run; then keep what is loaded out of
    the way of the garbage collector."""
    service: Service = app.extensions["jiuzhu"]
    rules = service.active.current()
    service.home.store.reader()
    service.home.volatile.connection()
    member = {"id": "a"}
    try:
        found = decide(rules.program, read_household({"members": [member]}, rules.program.vocabulary), service.today())
        rules.phrases.of(found)
    except Exception as error:  # a vocabulary in which such a household cannot be; nothing is lost
        log("not-warmed", exc=error)
    keep_from_collecting()
    sys.setswitchinterval(SWITCH_AFTER)


def keep_from_collecting() -> None:
    """Have the garbage collector leave alone what is loaded: it would look through the whole rulebook again and
    again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def keep_index(app: Flask) -> None:
    """Have the search index kept while nobody asks."""
    assert isinstance(app.wsgi_app, Around)
    idle.start(app.wsgi_app, app.extensions["jiuzhu"].home.index)


class _Server(BaseApplication):
    def __init__(self, settings: Settings, options: dict[str, Any]) -> None:
        self.settings, self.options = settings, options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            if value is not None:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        """In each worker, after the fork."""
        app = create_app(self.settings)
        warm_up(app)
        keep_index(app)
        return app

    def run(self) -> None:
        _Arbiter(self).run()


class _Arbiter(Arbiter):
    def reload(self) -> None:
        """SIGHUP. The rules, not the workers: those take the new rules before their next request."""
        settings = self.app.settings
        apart(lambda: reload_rules(settings))


class Worker(ThreadWorker):
    """gunicorn's threaded worker, with a limit on a client that stops in the middle of a request, and manners: the more
    connections it has, the longer it leaves a new one to the others. Else whichever woke first would take all that
    come together, and keep them, while a second core has nothing to do."""

    def accept(self, listener: Any) -> Any:
        time.sleep(min(self.nr_conns * ACCEPT_AFTER, LONGEST_WAIT))
        return super().accept(listener)

    def handle(self, conn: Any) -> Any:
        if not conn.initialized:
            for option, seconds in ((socket.SO_RCVTIMEO, READ_SECONDS), (socket.SO_SNDTIMEO, WRITE_SECONDS)):
                conn.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, 0))
        return super().handle(conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """What is not HTTP gets a problem document, and nothing of it goes into a log."""
        status, reason, code = _kind_of(exc)
        if status == 500:
            log("failure", logging.ERROR, exc=exc)
        else:
            log("bad-http", status=status, error=type(exc).__name__)
        document = Problem(code).document("zh", "-") | {"status": status}
        body = dumps(document)
        lines = [
            f"HTTP/1.1 {status} {reason}",
            "Connection: close",
            "Content-Type: application/problem+json",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in SECURITY.items()),
        ]
        try:
            util.write_nonblock(client, "\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        except OSError:
            log("gone", logging.DEBUG)


def _kind_of(exc: BaseException) -> tuple[int, str, str]:
    if isinstance(exc, errors.LimitRequestLine):
        return 414, "URI Too Long", "bad-request"
    if isinstance(exc, errors.LimitRequestHeaders):
        return 431, "Request Header Fields Too Large", "bad-request"
    if isinstance(exc, errors.ParseException):
        return 400, "Bad Request", "bad-request"
    return 500, "Internal Server Error", "internal"


class Logger(GunicornLogger):
    """gunicorn's messages as JSON. Those of the master hold numbers and signals; those of a worker may hold
    what a client sent, so only their templates are kept, and whole numbers."""

    def setup(self, cfg: Any) -> None:
        self.master = os.getpid()
        self.loglevel = logging.INFO
        set_up(self.loglevel)

    def _say(self, level: int, msg: Any, args: tuple[Any, ...], exc: BaseException | None = None) -> None:
        text = str(msg)
        if args and (os.getpid() == self.master or all(type(each) is int for each in args)):
            text = text % args
        elif text.startswith("Invalid request"):
            text = "Invalid request"
        log("server", level, exc=exc, message=text)

    def critical(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._say(logging.CRITICAL, msg, args)

    def error(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._say(logging.ERROR, msg, args, sys.exc_info()[1])

    def warning(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._say(logging.WARNING, msg, args)

    def info(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._say(logging.INFO, msg, args)

    def debug(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._say(logging.DEBUG, msg, args)

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._say(logging.ERROR, msg, args, sys.exc_info()[1])

    def log(self, lvl: int, msg: Any, *args: Any, **kwargs: Any) -> None:
        self._say(lvl, msg, args)

    def access(self, *_: Any) -> None:
        """The application logs its own requests."""

    def reopen_files(self) -> None:
        pass

    def close_on_exec(self) -> None:
        pass
