"""`autograder new`: the scaffold is a working exercise, and nothing existing is overwritten."""

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

MODULE = "module7"  # any assignment will do
FILES = ["test_{}.py", "wheats.py", "chaffs.py"]


@pytest.fixture(scope="module")
def scaffolded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A released course with nothing but two new exercises."""
    root = tmp_path_factory.mktemp("scaffolded")
    for folder in ("source", "tests"):
        (root / folder / MODULE).mkdir(parents=True)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    scaffold_exercise(root, MODULE, "twice", "part9", 3)
    scaffold_exercise(root, MODULE, "again", "part9", 0.5)
    make_release(root, MODULE)
    return root


def released(scaffolded: Path) -> dict[str, str]:
    """The sources of the released cells by cell id, in order."""
    content = load(scaffolded / "release" / MODULE / "part9.ipynb")
    return {cell["id"]: joined(cell["source"]) for cell in content["cells"]}


def test_the_release_has_a_stub_and_solutions_has_the_solution(scaffolded: Path) -> None:
    stub = released(scaffolded)["twice_solution"]
    assert 'raise NotImplementedError("twice is not written yet")' in stub
    assert "2 * x" not in stub
    assert "return 2 * x" in (scaffolded / "solutions" / MODULE / "part9.py").read_text()
    wanted = [f"{name}{part}" for name in ("twice", "again") for part in ("-text", "_solution", "")]
    assert list(released(scaffolded)) == ["part9-imports", *wanted]


def test_the_exercises_have_their_points(scaffolded: Path) -> None:
    found = {
        name: (x.points, x.notebook, x.written) for name, x in Course(scaffolded, MODULE).exercises.items()
    }
    assert found == {"twice": (3.0, "part9", False), "again": (0.5, "part9", False)}
    assert released(scaffolded)["again-text"].startswith("## Exercise `again` (0.5 points)\n")


def test_the_visible_example_agrees_with_the_solution(
    scaffolded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {}
    exec((scaffolded / "solutions" / MODULE / "part9.py").read_text(), names)  # the scaffold's own text
    example = released(scaffolded)["twice"]
    exec(example, names)
    assert capsys.readouterr().out == "twice: the visible examples pass\n"
    names["twice"] = lambda x: 7
    with pytest.raises(AssertionError, match="twice 3 is 6, not 7"):
        exec(example, names)


def test_the_scaffold_passes_autograder_check(
    scaffolded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With real workers: no points for the stub, full marks for the correct sample; the buggy one is diagnosed."""
    file = tmp_path / "check.json"
    assert check_graders(scaffolded, [], CheckOptions(seeds=2, jobs=1, json=file), MODULE) == 0
    assert "false accepts: 0  false rejects: 0" in capsys.readouterr().out
    for entry, points in zip(json.loads(file.read_text())["exercises"], (3.0, 0.5), strict=True):
        assert entry["stub"] == {"score": 0.0}
        assert entry["reference"] == {"score": points, "max_score": points}
        assert entry["wheats"] == [{"name": "adds_it_up", "score": points, "max_score": points}]
        (buggy,) = entry["chaffs"]
        assert buggy["name"] == "squares"
        assert buggy["failed_checks"] == ["test_large_numbers", "test_values"]
        assert buggy["diagnosed"]


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


def test_an_exercise_is_appended_to_an_existing_notebook(tmp_path: Path) -> None:
    root = write_course(tmp_path)
    before, course = load(root / NOTEBOOK), snapshot(root)
    scaffold_exercise(root, ASSIGNMENT, "twice", "lines", 2.5)
    after = load(root / NOTEBOOK)
    old, new = after["cells"][:-3], after["cells"][-3:]
    assert [{**cell, "source": joined(cell["source"])} for cell in old] == before["cells"]
    assert [cell["id"] for cell in new] == ["twice-text", "twice_solution", "twice"]
    assert new[2]["metadata"]["nbgrader"]["points"] == 2.5
    assert after["metadata"] == before["metadata"]
    existing = {name: content for name, content in snapshot(root).items() if name in course}
    assert {name for name in existing if existing[name] != course[name]} == {str(NOTEBOOK)}


def test_existing_packages_are_left_alone(tmp_path: Path) -> None:
    root = write_course(tmp_path)
    (root / "tests" / "__init__.py").write_text("# mine\n")
    scaffold_exercise(root, ASSIGNMENT, "twice", "lines", 1)
    assert (root / "tests" / "__init__.py").read_text() == "# mine\n"


@pytest.mark.parametrize(
    ("exercise", "notebook", "points", "sentence"),
    [
        ("2x", "lines", 1, "'2x' is not a valid exercise name"),
        ("a-b", "lines", 1, "'a-b' is not a valid exercise name"),
        ("", "lines", 1, "'' is not a valid exercise name"),
        ("class", "lines", 1, "'class' is not a valid exercise name"),
        ("größe", "lines", 1, "'größe' is not a valid exercise name"),
        ("../up", "lines", 1, "is not a valid exercise name"),
        ("twice", "../up", 1, "is not a valid notebook name"),
        ("twice", "two words", 1, "'two words' is not a valid notebook name"),
        ("twice", "", 1, "'' is not a valid notebook name"),
        ("twice", "x" * 65, 1, "is not a valid notebook name"),
        ("twice", "lines.ipynb", 1, "is not a valid notebook name"),
        ("x" * 49, "lines", 1, "it has more than 48 characters"),
        ("changed", "lines", 1, "'changed' is not a valid exercise name"),
        ("requests", "lines", 1, "'requests' is not a valid exercise name"),
        ("deadline", "lines", 1, "'deadline' is not a valid exercise name"),
        ("twice", "lines", 0, "cannot be worth 0 points"),
        ("twice", "lines", -1, "cannot be worth -1 points"),
        ("twice", "lines", math.inf, "cannot be worth inf points"),
        ("twice", "lines", math.nan, "cannot be worth nan points"),
        ("line", "lines", 1, "line is already an exercise of lines.ipynb"),
        ("why", "curves", 1, "why is already an exercise of lines.ipynb"),
        ("taken", "lines", 1, "taken already exists: delete it, or choose another name"),
    ],
)
def test_an_invalid_request_is_refused_and_nothing_is_written(
    tmp_path: Path, exercise: str, notebook: str, points: float, sentence: str
) -> None:
    root = write_course(tmp_path)
    (root / "tests" / ASSIGNMENT / "taken").mkdir()
    before = sorted(root.rglob("*")), snapshot(root)
    with pytest.raises(CourseError) as told:
        scaffold_exercise(root, ASSIGNMENT, exercise, notebook, points)
    assert sentence in str(told.value)
    assert (sorted(root.rglob("*")), snapshot(root)) == before


def test_an_exercise_is_not_scaffolded_twice(tmp_path: Path) -> None:
    root = write_course(tmp_path)
    scaffold_exercise(root, ASSIGNMENT, "twice", "lines", 1)
    before = snapshot(root)
    with pytest.raises(CourseError, match=r"twice is already an exercise of lines\.ipynb"):
        scaffold_exercise(root, ASSIGNMENT, "twice", "curves", 1)
    assert snapshot(root) == before


def test_nothing_is_written_outside_a_course(tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="run this in the course's root folder"):
        scaffold_exercise(tmp_path, ASSIGNMENT, "twice", "lines", 1)
    assert list(tmp_path.iterdir()) == []


def test_the_reserved_names_are_those_of_the_proxy() -> None:
    """`student.run` is a method of the proxy, so an exercise called `run` could never be called."""
    with socket.socket() as unused:
        proxy = RemoteProxy(Channel(unused), 0.0)
    assert {name for name in dir(proxy) if not name.startswith("_")} == RESERVED
