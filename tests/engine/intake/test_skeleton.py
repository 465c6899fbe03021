"""Restoring released cells, whatever was moved, copied, deleted or edited."""

from __future__ import annotations

import random
import warnings
from copy import deepcopy
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode

from autograder.core.cells import tag_of
from autograder.intake.notebook_file import tidy
from autograder.intake.skeleton import assemble, code_cells
from tests.engine.support.small_course import cell, cell_of, notebook

GRADED = ["slope", "line", "answers", "why"]


def skeleton() -> NotebookNode:
    made: NotebookNode = nbformat.from_dict(notebook())
    return made


def assembled(content: dict[str, Any]) -> NotebookNode:
    made = assemble(tidy(content, "lines.ipynb"), skeleton())
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nbformat repairs some things and only warns
        nbformat.validate(made)
    return made


def answer(content: dict[str, Any], cell_id: str, source: str) -> dict[str, Any]:
    found = cell_of(content, cell_id)
    found["source"] = source
    return found


def by_grade_id(made: NotebookNode) -> dict[str, NotebookNode]:
    tagged = [x for x in made.cells if tag_of(x)]
    found = {tag_of(x)["grade_id"]: x for x in tagged}
    assert len(found) == len(tagged), "a grade_id occurs twice"
    return found


def as_released(made: NotebookNode) -> bool:
    """Whether each graded cell occurs once with the released metadata, and each test with its released text."""
    released, found = by_grade_id(skeleton()), by_grade_id(made)
    return all(
        name in found
        and tag_of(found[name]) == tag_of(released[name])
        and (name == "why" or found[name].source == released[name].source)
        for name in GRADED
    )


def test_untouched_notebook_comes_back_unchanged() -> None:
    made = assembled(notebook())
    assert [x.source for x in made.cells] == [x.source for x in skeleton().cells]
    assert as_released(made)


def test_moved_cells_are_matched_by_their_grade_id() -> None:
    content = notebook()
    answer(content, "slope_solution", "def slope(*p): return 1")
    content["cells"].reverse()
    made = assembled(content)
    assert as_released(made)
    assert by_grade_id(made)["slope_solution"].source == "def slope(*p): return 1"
    assert [x.source for x in made.cells][-1] == skeleton().cells[0].source


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_last_changed_copy_counts(changed: int) -> None:
    content = notebook()
    original = cell_of(content, "line_solution")
    copies = [deepcopy(original) | {"id": f"copy-{n}"} for n in range(2)]
    content["cells"] += copies
    [original, *copies][changed]["source"] = "class Line: pass"
    made = assembled(content)
    assert by_grade_id(made)["line_solution"].source == "class Line: pass"
    copies[0]["source"], copies[1]["source"] = "first = 1", "second = 2"
    assert by_grade_id(assembled(content))["line_solution"].source == "second = 2"
    assert as_released(made)


def test_copy_that_does_not_count_still_runs() -> None:
    content = notebook()
    content["cells"].append(answer(notebook(), "slope_solution", "later = 1") | {"id": "new"})
    content["cells"].append(answer(notebook(), "slope_solution", "last = 1") | {"id": "newer"})
    assert {"later = 1", "last = 1"} <= {x.source for x in code_cells(assembled(content), skeleton())}


def test_solution_and_test_cells_say_which_exercise_they_belong_to() -> None:
    cells = code_cells(assembled(notebook()), skeleton())
    assert {x.solves for x in cells} == {"", "slope", "line", "answers"}
    assert {x.tests for x in cells} == {"", "slope", "line", "answers"}
    assert not any(x.solves and x.tests for x in cells)


@pytest.mark.parametrize("gone", [{"slope"}, {"why"}, {"slope", "slope_solution"}, set(GRADED)])
def test_deleted_graded_cells_come_back(gone: set[str]) -> None:
    content = notebook()
    content["cells"] = [x for x in content["cells"] if x["id"] not in gone]
    made = assembled(content)
    assert as_released(made)
    assert ("slope_solution" in by_grade_id(made)) == ("slope_solution" not in gone)


def test_deleted_test_comes_back_after_its_solution() -> None:
    content = notebook()
    content["cells"] = [x for x in content["cells"] if x["id"] != "line"]
    order = [tag_of(x).get("grade_id") for x in assembled(content).cells]
    assert order.index("line") == order.index("line_solution") + 1


def test_only_edited_answers_survive() -> None:
    content = notebook()
    answer(content, "slope", "assert True")["metadata"]["nbgrader"].update(points=100, locked=False)
    answer(content, "why", "Because.")["metadata"]["nbgrader"].update(points=100)
    found = by_grade_id(assembled(content))
    assert as_released(assembled(content))
    assert found["why"].source == "Because."
    assert found["slope"].metadata.editable is False


@pytest.mark.parametrize(
    "tag", [None, {}, {"grade_id": "renamed"}, {"grade_id": None}, "x", {"grade_id": [1]}]
)
def test_cell_without_its_tag_is_recognized_by_its_id(tag: Any) -> None:
    content = notebook()
    found = answer(content, "line_solution", "class Line: pass")
    found["metadata"] = {"nbgrader": tag}
    assert by_grade_id(assembled(content))["line_solution"].source == "class Line: pass"


def test_cell_of_another_type_is_not_an_answer() -> None:
    content = notebook()
    found = cell_of(content, "why")
    found.update(cell_type="code", source="print('why')", outputs=[], execution_count=None)
    made = assembled(content)
    assert as_released(made)
    assert by_grade_id(made)["why"].cell_type == "markdown"


def test_blank_lines_around_an_answer_are_not_a_change() -> None:
    content = notebook()
    answer(content, "why", "\nMy own answer.\n\n")
    assert by_grade_id(assembled(content))["why"].source == "My own answer."


def test_ids_stay_unique() -> None:
    content = notebook()
    kept = [x for x in content["cells"] if x["id"] != "slope"]
    taken = [cell(f"again-{n}", "x = 1") for n in range(10, 31)]
    content["cells"] = [*taken, *kept, cell("slope", "# x", "markdown")]  # then slope is put back
    ids = [x["id"] for x in assembled(content).cells]
    assert len(set(ids)) == len(ids)


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_shuffled_copies_and_deletions_leave_each_graded_cell_once(rng: random.Random) -> None:
    content = notebook()
    content["cells"] = [deepcopy(x) for x in rng.choices(content["cells"], k=rng.randint(0, 15))]
    for raw in content["cells"]:
        raw["id"] = rng.choice([raw["id"], "again-1", "a"])
        raw["source"] = rng.choice([raw["source"], "y = 2"])
        if rng.random() < 0.3:
            raw["metadata"] = rng.choice([{}, {"nbgrader": {"grade_id": "line"}}])
    once = assembled(content)
    assert as_released(once)
    assert len({x["id"] for x in once.cells}) == len(once.cells)
    assert as_released(assembled(deepcopy(once)))
