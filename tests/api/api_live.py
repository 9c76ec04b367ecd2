"""A running service to test against: its own process, its own data folder, a port of its own on loopback."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine.ledger.keys import Keys

ROOT = Path(__file__).parent.parent.parent
SMALL = Path(__file__).parent / "small"
SERVE = "from engine.commands.serve import serve; serve()"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Live:
    """`jiuzhu serve` in a process of its own."""

    def __init__(self, folder: Path, rules: Path = ROOT, *options: str, workers: int = 2) -> None:
        self.folder, self.rules, self.options, self.workers = folder, rules, options, workers
        self.data = folder / "data"
        self.tokens: dict[str, str] = {}
        self.log = folder / "log.jsonl"
        self.port = 0
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        """Start it, on the same data and port as before, and wait until it answers."""
        self.out = self.folder / "out.txt"
        command = [sys.executable, "-c", SERVE, "--data", str(self.data), "--rules", str(self.rules)]
        command += ["--port", str(self.port), "--workers", str(self.workers), "--threads", "8", *self.options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "JIUZHU_LANG": "en"}
        with self.out.open("wb") as out, self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=out, stderr=log, env=environment, cwd=ROOT)
        try:
            self._wait()
        except BaseException:
            self.process.terminate()  # or it would go on for ever beside the tests that follow
            raise
        for role, token in re.findall(r"(caseworker|auditor) +(jz_\S+)", self.out.read_text()):
            self.tokens[role] = token
        for role in ("policy", "admin"):
            if role not in self.tokens:
                self.tokens[role] = self.new_key(role)

    def _wait(self) -> None:
        deadline = time.monotonic() + 90
        while not self._is_up():
            assert self.process.poll() is None, self.log.read_text() + self.out.read_text()
            assert time.monotonic() < deadline, "the service did not come up: " + self.log.read_text()[-2000:]
            time.sleep(0.05)

    def new_key(self, role: str, *scopes: str) -> str:
        return Keys(self.data / "keys.db").create(role, "2026-01-01T00:00:00Z", scopes=scopes)[1]

    def _is_up(self) -> bool:
        if not self.port:
            found = re.search(r"http://127\.0\.0\.1:(\d+)/", self.out.read_text())
            if not found:
                return False
            self.port = int(found[1])
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def call(
        self,
        method: str,
        path: str,
        role: str = "",
        sent: Any = None,
        *,
        token: str = "",
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One request. `role`: whose key; `sent`: a JSON body; `raw`: a body as it is."""
        whole = dict(headers or {})
        if role or token:
            whole.setdefault("Authorization", f"Bearer {token or self.tokens[role]}")
        body = raw
        if sent is not None:
            body = json.dumps(sent, ensure_ascii=False).encode()
        if body is not None:
            whole.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, whole)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, path: str, role: str = "", **more: Any) -> Answer:
        return self.call("GET", path, role, **more)

    def post(self, path: str, role: str, sent: Any = None, **more: Any) -> Answer:
        return self.call("POST", path, role, sent, **more)

    def kill(self) -> None:
        """SIGKILL to the master and its workers, as when the power of a container is pulled."""
        workers = self._workers()
        for pid in (self.process.pid, *workers):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        for pid in workers:
            while Path(f"/proc/{pid}").exists() and not _is_zombie(pid):
                time.sleep(0.01)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.returncode

    def _workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()] if children.exists() else []

    def logged(self) -> str:
        return self.log.read_text()


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def path_of(url: str) -> str:
    """The path and query of an address."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def as_json(value: Any) -> Any:
    """Plain YAML values as JSON has them: decimals and dates as text."""
    if isinstance(value, dict):
        return {name: as_json(each) for name, each in value.items()}
    if isinstance(value, list):
        return [as_json(each) for each in value]
    return value if value is None or isinstance(value, bool | int | str) else str(value)
