"""`autograder new`: what it lays works as it stands, and it stands on nothing that was there."""

from __future__ import annotations

import json
import math
import shutil
import socket
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.authoring.check.command import CheckOptions, check_graders
from autograder.authoring.new_exercise import RESERVED, scaffold_exercise
from autograder.authoring.release import make_release
from autograder.core.cells import joined
from autograder.core.errors import CourseError
from autograder.course.course import Course
from autograder.course.samples import read_samples
from autograder.process.remote_proxy import RemoteProxy
from autograder.protocol.channel import Channel
from tests.engine.support.small_course import ASSIGNMENT, NOTEBOOK, ROOT, load, snapshot, write_course

MODULE = "module6"  # the one that `autograder check` looks at
FILES = ["test_{}.py", "wheats.py", "chaffs.py"]


@pytest.fixture(scope="module")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course of nothing but two new exercises, released."""
    root = tmp_path_factory.mktemp("laid")
    for folder in ("source", "tests"):
        (root / folder / MODULE).mkdir(parents=True)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    scaffold_exercise(root, MODULE, "twice", "part9", 3)
    scaffold_exercise(root, MODULE, "again", "part9", 0.5)
    make_release(root, MODULE)
    return root


def released(laid: Path) -> dict[str, str]:
    """The released cells' sources by their ids, in their order."""
    content = load(laid / "release" / MODULE / "part9.ipynb")
    return {cell["id"]: joined(cell["source"]) for cell in content["cells"]}


def test_the_release_shows_a_stub_and_keeps_the_solution(laid: Path) -> None:
    stub = released(laid)["twice_solution"]
    assert 'raise NotImplementedError("twice is not written yet")' in stub
    assert "2 * x" not in stub
    assert "return 2 * x" in (laid / "solutions" / MODULE / "part9.py").read_text()
    wanted = [f"{name}{part}" for name in ("twice", "again") for part in ("-text", "_solution", "")]
    assert list(released(laid)) == ["part9-imports", *wanted]


def test_the_exercises_have_their_points(laid: Path) -> None:
    found = {name: (x.points, x.notebook, x.written) for name, x in Course(laid).exercises.items()}
    assert found == {"twice": (3.0, "part9", False), "again": (0.5, "part9", False)}
    assert released(laid)["again-text"].startswith("## Exercise `again` (0.5 points)\n")


def test_the_visible_example_agrees_with_the_solution(laid: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec((laid / "solutions" / MODULE / "part9.py").read_text(), names)  # the scaffold's own text
    example = released(laid)["twice"]
    exec(example, names)
    assert capsys.readouterr().out == "twice: the visible examples pass\n"
    names["twice"] = lambda x: 7
    with pytest.raises(AssertionError, match="twice 3 is 6, not 7"):
        exec(example, names)


def test_what_is_laid_passes_the_check(
    laid: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With real workers: the stub earns nothing, the wheat all, and the chaff is caught and named."""
    file = tmp_path / "check.json"
    assert check_graders(laid, [], CheckOptions(seeds=2, jobs=1, json=file)) == 0
    assert "false accepts: 0  false rejects: 0" in capsys.readouterr().out
    for entry, points in zip(json.loads(file.read_text())["exercises"], (3.0, 0.5), strict=True):
        assert entry["stub"] == {"score": 0.0}
        assert entry["reference"] == {"score": points, "max_score": points}
        assert entry["wheats"] == [{"name": "adds_it_up", "score": points, "max_score": points}]
        (chaff,) = entry["chaffs"]
        assert chaff["name"] == "squares"
        assert chaff["failed_checks"] == ["test_large_numbers", "test_values"]
        assert chaff["diagnosed"]


def test_a_new_notebook_begins_with_its_imports(tmp_path: Path) -> None:
    root = write_course(tmp_path)
    written = scaffold_exercise(root, ASSIGNMENT, "twice", "curves", 1)
    folder = root / "tests" / ASSIGNMENT / "twice"
    path = root / "source" / ASSIGNMENT / "curves.ipynb"
    assert written == [path, *(folder / name.format("twice") for name in FILES)]
    content = load(path)
    nbformat.validate(content)
    ids = [cell["id"] for cell in content["cells"]]
    assert ids == ["curves-imports", "twice-text", "twice_solution", "twice"]
    assert "import torch\n" in joined(content["cells"][0]["source"])
    assert [x.kind for x in read_samples(folder)] == ["wheat", "chaff"]
    for package in (folder, folder.parent, folder.parent.parent):
        assert (package / "__init__.py").read_text() == ""


def test_an_exercise_is_added_at_a_notebook_s_end(tmp_path: Path) -> None:
    root = write_course(tmp_path)
    before, course = load(root / NOTEBOOK), snapshot(root)
    scaffold_exercise(root, ASSIGNMENT, "twice", "lines", 2.5)
    after = load(root / NOTEBOOK)
    old, new = after["cells"][:-3], after["cells"][-3:]
    assert [{**cell, "source": joined(cell["source"])} for cell in old] == before["cells"]
    assert [cell["id"] for cell in new] == ["twice-text", "twice_solution", "twice"]
    assert new[2]["metadata"]["nbgrader"]["points"] == 2.5
    assert after["metadata"] == before["metadata"]
    kept = {name: content for name, content in snapshot(root).items() if name in course}
    assert {name for name in kept if kept[name] != course[name]} == {str(NOTEBOOK)}


def test_packages_that_are_there_are_left_as_they_are(tmp_path: Path) -> None:
    root = write_course(tmp_path)
    (root / "tests" / "__init__.py").write_text("# mine\n")
    scaffold_exercise(root, ASSIGNMENT, "twice", "lines", 1)
    assert (root / "tests" / "__init__.py").read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("exercise", "notebook", "points", "sentence"),
    [
        ("2x", "lines", 1, "'2x' cannot name an exercise"),
        ("a-b", "lines", 1, "'a-b' cannot name an exercise"),
        ("", "lines", 1, "'' cannot name an exercise"),
        ("class", "lines", 1, "'class' cannot name an exercise"),
        ("größe", "lines", 1, "'größe' cannot name an exercise"),
        ("../up", "lines", 1, "cannot name an exercise"),
        ("twice", "../up", 1, "cannot name a notebook"),
        ("twice", "two words", 1, "'two words' cannot name a notebook"),
        ("twice", "", 1, "'' cannot name a notebook"),
        ("twice", "x" * 65, 1, "cannot name a notebook"),
        ("twice", "lines.ipynb", 1, "cannot name a notebook"),
        ("changed", "lines", 1, "'changed' cannot name an exercise"),
        ("requests", "lines", 1, "'questions' cannot name an exercise"),
        ("deadline", "lines", 1, "'deadline' cannot name an exercise"),
        ("twice", "lines", 0, "worth 0 points is none"),
        ("twice", "lines", -1, "worth -1 points is none"),
        ("twice", "lines", math.inf, "worth inf points is none"),
        ("twice", "lines", math.nan, "worth nan points is none"),
        ("line", "lines", 1, "line is an exercise of lines.ipynb already"),
        ("why", "curves", 1, "why is an exercise of lines.ipynb already"),
        ("taken", "lines", 1, "taken is there already: delete it, or take another name"),
    ],
)
def test_what_cannot_be_laid_is_refused_and_nothing_is_written(
    tmp_path: Path, exercise: str, notebook: str, points: float, sentence: str
) -> None:
    root = write_course(tmp_path)
    (root / "tests" / ASSIGNMENT / "taken").mkdir()
    before = sorted(root.rglob("*")), snapshot(root)
    with pytest.raises(CourseError) as told:
        scaffold_exercise(root, ASSIGNMENT, exercise, notebook, points)
    assert sentence in str(told.value)
    assert (sorted(root.rglob("*")), snapshot(root)) == before


def test_the_same_exercise_is_not_laid_twice(tmp_path: Path) -> None:
    root = write_course(tmp_path)
    scaffold_exercise(root, ASSIGNMENT, "twice", "lines", 1)
    before = snapshot(root)
    with pytest.raises(CourseError, match=r"twice is an exercise of lines\.ipynb already"):
        scaffold_exercise(root, ASSIGNMENT, "twice", "curves", 1)
    assert snapshot(root) == before


def test_outside_a_course_nothing_is_laid(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="run this in the course's root folder"):
        scaffold_exercise(tmp_path, ASSIGNMENT, "twice", "lines", 1)
    assert list(tmp_path.iterdir()) == []


def test_the_reserved_names_are_those_of_the_proxy() -> None:
    """`student.run` is the proxy's method, so an exercise of that name could never be called."""
    with socket.socket() as unused:
        proxy = RemoteProxy(Channel(unused), 0.0)
    assert {name for name in dir(proxy) if not name.startswith("_")} == RESERVED
