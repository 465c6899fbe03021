"""`nbgrader validate`: hidden graders on an instructor's machine, visible examples anywhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from nbgrader.apps import ValidateApp
from nbgrader.validator import Validator

from autograder.nbgrader_glue.config import course_config
from autograder.workers.shared_worker import close_shared_workers
from tests.engine.nbgrader_plugins.graded_class import run_nbgrader
from tests.engine.support.small_class import NO_BIAS, PART, hand_in, solved, write_class, wrong
from tests.engine.support.small_course import cell_of


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    try:
        yield write_class(tmp_path_factory.mktemp("course"))
    finally:
        close_shared_workers()


def validated(root: Path, path: Path) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = Validator(config=course_config(root)).validate(str(path))
    return found


def test_an_instructor_sees_the_feedback_of_the_hidden_graders(root: Path) -> None:
    path = hand_in(root, "wrong", wrong(root))
    failed = {entry["source"][:19]: entry["raw_error"] for entry in validated(root, path)["failed"]}
    assert len(failed) == 2  # the written answer is still open
    assert "The visible example fails: AssertionError: [2, 3, 1] has 13" in failed["assert count_params"]
    assert "Hint:" in failed["assert count_params"]
    assert max(len(line) for line in failed["assert count_params"].splitlines()) < 87


def test_files_beside_the_notebook_are_there(root: Path) -> None:
    content = solved(root)
    cell_of(content, "count_params_solution")["source"] = "from helper import count_params"
    path = hand_in(root, "helped", content)
    solution = "".join(cell_of(solved(root), "count_params_solution")["source"])
    path.with_name("helper.py").write_text(solution)
    assert not any("count_params" in entry["source"] for entry in validated(root, path)["failed"])
    path.with_name("helper.py").write_text(NO_BIAS)
    assert any("count_params" in entry["source"] for entry in validated(root, path)["failed"])


def test_a_student_sees_the_visible_examples(root: Path, tmp_path: Path) -> None:
    """On a student's machine: the same settings, no hidden graders, an ordinary kernel."""
    content = wrong(root)
    content["cells"] = [cell for cell in content["cells"] if "count_params" in cell["id"]]
    path = tmp_path / f"{PART}.ipynb"
    path.write_text(json.dumps(content))
    config = course_config(root)
    config.CourseDirectory.root = str(tmp_path)
    (entry,) = Validator(config=config).validate(str(path))["failed"]
    assert "AssertionError" in entry["raw_error"]
    assert "[2, 3, 1] has 13 parameters" in entry["raw_error"]
    assert "Hint" not in entry["raw_error"]


def test_a_file_that_does_not_exist_is_not_valid(root: Path) -> None:
    code, log = run_nbgrader(root, ValidateApp, "part1_neurns.ipynb")
    assert code != 0
    assert "There is no file part1_neurns.ipynb: correct its name." in log


def test_a_file_name_is_no_pattern(root: Path) -> None:
    path = hand_in(root, "ab[12]", solved(root))
    code, log = run_nbgrader(root, ValidateApp, str(path))
    assert code == 0
    assert f"Validating '{path}'" in log
