"""The examples run, and print what they did when they were written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from running import ROOT, python_environment

PYBIND = ROOT / "pybind"


@pytest.mark.parametrize("name", ["sync_demo", "async_demo"])
@pytest.mark.parametrize("where", ["private", "server"])
def test_example(name: str, where: str, tcp: str) -> None:
    arguments = [tcp] if where == "server" else []
    assert run([str(PYBIND / "examples" / f"{name}.py"), *arguments]) == (
        Path(__file__).parent / "expected" / f"{name}.txt"
    ).read_text(encoding="utf-8")


def test_the_readme_does_what_it_says(tmp_path: Path) -> None:
    """Runs the Python blocks of the README one after the other, as one program; what follows "# ->" is what the line
    before prints."""
    readme = (PYBIND / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    assert len(blocks) >= 5
    code = "\n".join(blocks)
    expected = re.findall(r"# -> (.*)", code)
    assert expected
    (tmp_path / "readme.py").write_text(code, encoding="utf-8")
    assert run(["readme.py"], tmp_path).splitlines() == expected


def run(arguments: List[str], cwd: Path = PYBIND) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        env=python_environment(),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout
