"""What `pip install .` gives is whole: it runs far from the source, with only what it says it needs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow  # fetches every dependency anew


def run(*command: str | Path, cwd: Path) -> str:
    """What the command prints, run without sight of the source; where it fails, the test does."""
    strangers = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    environment = {name: value for name, value in os.environ.items() if name not in strangers}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", timeout=600
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def bin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a new virtual environment: the package and nothing it did not ask for."""
    place = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", place / "venv", cwd=place)
    run(place / "venv/bin/python", "-m", "pip", "install", "--quiet", ROOT, cwd=place)
    return place / "venv/bin"


@pytest.fixture(scope="module")
def site(bin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the installed package was put into."""
    where = "import engine, pathlib; print(pathlib.Path(engine.__file__).parent.parent)"
    return Path(run(bin / "python", "-c", where, cwd=tmp_path_factory.mktemp("elsewhere")).strip())


def test_every_rule_file_travels(site: Path) -> None:
    def rule_files(top: Path) -> dict[str, bytes]:
        return {
            path.relative_to(top).as_posix(): path.read_bytes() for path in (top / "rules").rglob("*.yaml")
        }

    assert not site.is_relative_to(ROOT)
    assert rule_files(ROOT), "no rule files: this test would hold nothing"
    assert rule_files(site) == rule_files(ROOT)
    assert (site / "engine/_shipped/policies.yaml").read_bytes() == (ROOT / "policies.yaml").read_bytes()


def test_the_command_says_its_version(bin: Path, tmp_path: Path) -> None:
    from engine import __version__

    assert __version__ in run(bin / "jiuzhu", "--version", cwd=tmp_path)


def test_the_shipped_rules_are_checked(bin: Path, tmp_path: Path) -> None:
    run(bin / "jiuzhu", "check", cwd=tmp_path)


RUN_WHEN_READ = ("engine.__main__", "engine.watch.child", "engine._shipped.verify_proof")


def test_every_module_can_be_imported(bin: Path, site: Path, tmp_path: Path) -> None:
    """A dependency that pyproject.toml forgets is found here; only what an extra brings may be absent."""
    files = [path.relative_to(site) for top in ("engine", "api") for path in sorted((site / top).rglob("*.py"))]
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files]
    wanted = [name for name in names if name not in RUN_WHEN_READ]
    assert "engine.language" in wanted and "engine.sweep.run" in wanted
    code = f"""
import importlib
from engine.cli import EXTRAS
for name in {wanted!r}:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name.partition(".")[0] not in EXTRAS:
            raise
"""
    run(bin / "python", "-c", code, cwd=tmp_path)
