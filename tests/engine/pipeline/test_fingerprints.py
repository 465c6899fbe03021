"""What has changed since it was graded is graded again by itself, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest

from autograder.course.course import Course
from tests.engine.pipeline.submitting import OTHER, PART, Graded, submit
from tests.engine.support.scratch_course import solved
from tests.engine.support.small_class import scores
from tests.engine.support.stub_cards import GOOD, MISSING, put_in


@pytest.fixture
def paths(course: Course, grade: Callable[..., Graded]) -> dict[str, Path]:
    """The graded notebooks of a student with two parts."""
    submit(course, "ada", solved(course, PART, "count_params"))
    submit(course, "ada", solved(course, OTHER, "mlp"), f"{OTHER}.ipynb")
    assert grade()[0] == 0
    folder = course.root / "autograded/ada/module6"
    return {name: folder / f"{name}.ipynb" for name in (PART, OTHER)}


def stamps(paths: dict[str, Path]) -> dict[str, int]:
    return {name: path.stat().st_mtime_ns for name, path in paths.items()}


def regraded(paths: dict[str, Path], before: dict[str, int]) -> set[str]:
    after = stamps(paths)
    return {name for name in paths if after[name] != before[name]}


@pytest.mark.parametrize(
    ("file", "text", "what", "which"),
    [
        ("tests/module6/count_params/test_count_params.py", "\n# changed\n", "the hidden graders", {PART}),
        ("tests/module6/mlp/chaffs.py", "\n# changed\n", "the hidden graders", {OTHER}),
        ("tests/module6/conftest.py", "# new\n", "the hidden graders", {PART, OTHER}),
        ("pyproject.toml", "\n[tool.other]\nx = 1\n", None, set()),
        (".autograder/secret", "1", "the secret", {PART, OTHER}),
        ("release/module6/data/more.csv", "1,2\n", "the released data", {PART, OTHER}),
    ],
)
def test_only_what_depends_on_the_change_is_graded_again(
    course: Course,
    grade: Callable[..., Graded],
    paths: dict[str, Path],
    file: str,
    text: str,
    what: str | None,
    which: set[str],
) -> None:
    before, row = stamps(paths), scores(course.root)
    path = course.root / file
    path.write_text((path.read_text().strip() if path.exists() else "") + text)
    code, results, out, _ = grade()
    assert (code, regraded(paths, before)) == (0, which)
    assert {result["status"] for result in results.values()} == {"graded"}
    assert scores(course.root) == row
    again = {
        1: f"1 notebook graded again, since what it depends on has changed: {what}.",
        2: f"2 notebooks graded again, since what they depend on has changed: {what}.",
    }
    unchanged = {1: "1 notebook unchanged since it was", 2: "2 notebooks unchanged since they were"}
    assert again.get(len(which), "") in out
    assert unchanged.get(2 - len(which), "") in out
    assert ("graded again, since" in out, "unchanged" in out) == (bool(which), len(which) < 2)
    before = stamps(paths)
    _, _, out, _ = grade()
    assert "graded again" not in out.replace("grade them again", "")
    assert regraded(paths, before) == set()


def test_another_device_grades_again_and_only_another(
    course: Course,
    grade: Callable[..., Graded],
    paths: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A stub stands for the card; the grades themselves are the CPU's here."""
    put_in(monkeypatch, GOOD)
    row, before = scores(course.root), stamps(paths)
    assert "2 notebooks unchanged" in grade(device=None)[2]
    code, _, out, err = grade(device="cuda")
    assert (code, regraded(paths, before)) == (0, {PART, OTHER})
    assert "2 notebooks graded again, since what they depend on has changed: the device." in out
    assert "device: cuda (Stub 8, " in err
    assert json.loads((course.root / "results.json").read_text())["device"] == "cuda"
    assert scores(course.root) == row
    before = stamps(paths)
    assert "2 notebooks unchanged" in grade(device="auto")[2]
    settings = course.root / "pyproject.toml"
    settings.write_text(
        settings.read_text().replace("[tool.autograder]", '[tool.autograder]\ndevice = "auto"')
    )
    assert "2 notebooks unchanged" in grade(device=None)[2]
    assert regraded(paths, before) == set()
    put_in(monkeypatch, MISSING)
    _, _, out, err = grade(device=None)
    assert regraded(paths, before) == {PART, OTHER}
    assert "has changed: the device." in out
    assert "device: cpu, since there is no NVIDIA driver here\n" in err
    assert json.loads((course.root / "results.json").read_text())["device"] == "cpu"


def test_a_result_of_an_earlier_version_is_graded_again(
    grade: Callable[..., Graded], paths: dict[str, Path]
) -> None:
    notebook = nbformat.read(paths[PART], as_version=4)
    del notebook.metadata["autograder"]["fingerprint"]
    nbformat.write(notebook, paths[PART])
    before = stamps(paths)
    assert "1 notebook graded again" in grade()[2]
    assert regraded(paths, before) == {PART}


def test_what_an_instructor_edits_in_a_graded_notebook_is_kept(
    grade: Callable[..., Graded], paths: dict[str, Path]
) -> None:
    notebook = nbformat.read(paths[PART], as_version=4)
    notebook.cells.append(nbformat.v4.new_markdown_cell("See me."))
    nbformat.write(notebook, paths[PART])
    before = stamps(paths)
    assert "2 notebooks unchanged" in grade()[2]
    assert regraded(paths, before) == set()


def test_a_score_that_was_cleared_is_not_full_marks(
    course: Course, grade: Callable[..., Graded], paths: dict[str, Path]
) -> None:
    """As by "Clear Outputs" in JupyterLab; nbgrader would give such a cell full marks."""
    row = scores(course.root)
    assert row["ada", PART, "gradient_flow"][0] == 0
    notebook = nbformat.read(paths[PART], as_version=4)
    for cell in notebook.cells:
        cell.pop("outputs", None)
        if cell.cell_type == "code":
            cell.outputs = []
    nbformat.write(notebook, paths[PART])
    submit(course, "ada", solved(course, OTHER), f"{OTHER}.ipynb")
    assert "the graded notebook" in grade()[2]
    row["ada", OTHER, "mlp"] = (0.0, None, False)
    assert scores(course.root) == row


def test_a_file_beside_the_notebook_belongs_to_the_submission(
    course: Course, grade: Callable[..., Graded], paths: dict[str, Path]
) -> None:
    before = stamps(paths)
    submit(course, "ada", "x = 1\n", "helper.py")
    assert "graded again" not in grade()[2]
    assert regraded(paths, before) == {PART, OTHER}
    before = stamps(paths)
    assert "2 notebooks unchanged" in grade()[2]
    assert regraded(paths, before) == set()
