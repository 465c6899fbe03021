"""A fingerprint changes with everything that a grade depends on, and with nothing else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.course import fingerprint
from autograder.course.course import Course
from autograder.course.fingerprint import Fingerprint, Fingerprints
from tests.engine.support.small_class import OTHER, PART
from tests.engine.support.small_course import cell_of, load, save

ROOT = Path(__file__).resolve().parents[3]
GRADERS = "tests/module6"
Change = Callable[[Path], object]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("source", "release", "solutions", GRADERS):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def made(root: Path, device: str = "cpu", seed: int = 1, unsafe: bool = False) -> dict[str, Fingerprint]:
    found = Fingerprints(Course(root), device, seed, unsafe)
    return {name: found.of(name) for name in (PART, OTHER)}


def differing(before: dict[str, Fingerprint], after: dict[str, Fingerprint]) -> dict[str, set[str]]:
    return {
        name: {part for part in before[name] if before[name][part] != after[name][part]} for name in before
    }


def append(file: str, text: str = "\n# changed\n") -> Change:
    def change(root: Path) -> None:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + text)

    return change


def cell(file: str, cell_id: str, source: str) -> Change:
    def change(root: Path) -> None:
        content = load(root / file)
        cell_of(content, cell_id)["source"] = source
        save(root / file, content)

    return change


def points(root: Path) -> None:
    content = load(root / f"source/module6/{PART}.ipynb")
    cell_of(content, "count_params")["metadata"]["nbgrader"]["points"] = 7
    save(root / f"source/module6/{PART}.ipynb", content)


def repickle(root: Path) -> None:
    """Copy and touch everything."""
    for path in root.rglob("*"):
        os.utime(path, (0, 0))
    (root / GRADERS / "claims/__pycache__").mkdir()
    (root / GRADERS / "claims/__pycache__/test_claims.pyc").touch()


G, S, C, N = "the hidden graders", "the settings", "the notebook's cells", "the reference solutions"
CHANGES: list[tuple[Change, set[str], set[str]]] = [
    (append(f"{GRADERS}/claims/test_claims.py"), {G}, set()),
    (append(f"{GRADERS}/claims/chaffs.py"), {G}, set()),
    (append(f"{GRADERS}/count_params/table.csv", "1,2"), {G}, set()),
    (append(f"{GRADERS}/mlp/test_mlp.py"), set(), {G}),
    (append(f"{GRADERS}/conftest.py"), {G}, {G}),
    (append(f"{GRADERS}/helpers.py"), {G}, {G}),
    (append(f"{GRADERS}/common/helpers.py"), {G}, {G}),
    (append("tests/helpers.py"), {G}, {G}),
    (append(f"solutions/module6/{PART}.py"), {N}, set()),
    (append("pyproject.toml", "[tool.autograder.time]\ncell = 9\n"), {S}, {S}),
    (append("pyproject.toml", "[tool.autograder.memory]\nprocesses = 9\n"), {S}, {S}),
    (append("pyproject.toml", "[tool.autograder]\nnamespaces = false\n"), {S}, {S}),
    (append("release/module6/data/more.csv", "1,2"), {"the released data"}, {"the released data"}),
    (cell(f"source/module6/{PART}.ipynb", "count_params", "assert True"), {C}, set()),
    (cell(f"source/module6/{PART}.ipynb", "count_params_solution", "x = 1"), {C}, set()),
    (cell(f"release/module6/{PART}.ipynb", "imports", "import math"), {C}, set()),
    (points, {C}, set()),
    (cell(f"source/module6/{PART}.ipynb", "intro", "# Corrected"), set(), set()),
    (cell(f"release/module6/{PART}.ipynb", "intro", "# Corrected"), set(), set()),
    (append("pyproject.toml", "[tool.autograder]\njobs = 3\n"), set(), set()),
    (append("pyproject.toml", "[tool.autograder.memory]\nprocesses = 64\n"), set(), set()),  # the default
    (append("pyproject.toml", '[tool.autograder]\ndevice = "auto"\n'), set(), set()),
    (append("pyproject.toml", "[tool.autograder.memory]\ndevice_bytes = 9\n"), set(), set()),
    (append("pyproject.toml", "[tool.other]\nx = 3\n"), set(), set()),
    (repickle, set(), set()),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_a_change_shows_in_the_notebooks_that_depend_on_it(root: Path, number: int) -> None:
    change, mine, others = CHANGES[number]
    before = made(root)
    change(root)
    assert differing(before, made(root)) == {PART: mine, OTHER: others}


def test_what_a_grader_imports_belongs_to_it(root: Path) -> None:
    """train_one_epoch is an exercise of another notebook, until a grader of this one imports it."""
    change = append(f"{GRADERS}/train_one_epoch/probes.py")
    for statement in (
        "from tests.module6.train_one_epoch import probes",
        "from ..train_one_epoch.probes import (\n    one,\n)",
        "from tests.module6 import (\n    claims,\n    train_one_epoch,\n)",
    ):
        append(f"{GRADERS}/count_params/probes.py", f"\n{statement}\n")(root)
        before = made(root)
        change(root)
        assert differing(before, made(root))[PART] == {G}, statement


def test_device_secret_and_unsafe_count(root: Path) -> None:
    before = made(root)
    for after, part in (
        (made(root, device="cuda"), "the device"),
        (made(root, seed=2), "the secret"),
        (made(root, unsafe=True), S),
    ):
        assert differing(before, after) == {PART: {part}, OTHER: {part}}
    assert "1" not in before[PART]["the secret"].split()


def test_the_share_of_the_card_counts_on_a_card(root: Path) -> None:
    before = made(root, device="cuda")
    append("pyproject.toml", "[tool.autograder.memory]\ndevice_bytes = 9\n")(root)
    assert differing(before, made(root, device="cuda")) == {PART: {"the device"}, OTHER: {"the device"}}


def test_the_engine_and_the_libraries_count(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = made(root)
    engine = shutil.copytree(fingerprint.ENGINE, tmp_path / "engine")
    fingerprint._engine.cache_clear()
    monkeypatch.setattr(fingerprint, "ENGINE", engine)
    try:
        assert made(root) == before
        append("feedback/templates/exercise.html.j2")(engine)
        fingerprint._engine.cache_clear()
        assert differing(before, made(root))[PART] == {"the autograder"}
    finally:
        monkeypatch.undo()
        fingerprint._engine.cache_clear()
    monkeypatch.setattr(fingerprint, "_version", lambda name: "9.9" if name == "numpy" else "1")
    assert differing(before, made(root))[PART] == {"Python or its libraries"}
