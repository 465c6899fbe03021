"""Notebooks are known by their cells, with the real notebooks of module 6."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from autograder.core.errors import Unreadable
from autograder.course.course import Course
from autograder.course.reference_solutions import without_markers
from autograder.intake.notebook_file import tidy
from autograder.intake.recognition import Recognized, Unrecognized, named_like, recognize, refuse_unrelated
from tests.engine.support.small_course import ROOT, cell, load

Notebook = dict[str, Any]
PARTS = ["part1_neurons", "part2_losses", "part3_training", "part4_generalization"]


@pytest.fixture(scope="module")
def course() -> Course:
    return Course(ROOT)


def solved(course: Course, name: str) -> Notebook:
    """The released notebook with every exercise solved."""
    content = load(course.release / f"{name}.ipynb")
    for each in content["cells"]:
        tag = each["metadata"].get("nbgrader", {})
        if tag.get("solution") and not tag.get("grade"):
            each["source"] = without_markers(course.cell(tag["grade_id"]))
    return content


def recognized(course: Course, content: Notebook, file: str = "Untitled.ipynb") -> Recognized:
    return recognize(course, tidy(content, file), file)


def code(*sources: str) -> Notebook:
    return {"cells": [cell(f"new-{n}", source) for n, source in enumerate(sources)]}


def as_it_is(content: Notebook) -> Notebook:
    return content


def copied(content: Notebook) -> Notebook:
    """All cells copied into a new notebook."""
    return code(*("".join(x["source"]) for x in content["cells"] if x["cell_type"] == "code"))


def only_solutions(content: Notebook) -> Notebook:
    return code(*("".join(x["source"]) for x in content["cells"] if x["id"].endswith("_solution")))


def one_cell(content: Notebook) -> Notebook:
    return code("\n\n\n".join(x["source"] for x in only_solutions(content)["cells"]))


def broken_code(content: Notebook) -> Notebook:
    return code(one_cell(content)["cells"][0]["source"] + "\n%time print('unfinished'\n")


def no_metadata(content: Notebook) -> Notebook:
    return {"cells": [x | {"metadata": {}} for x in content["cells"]]}


def no_ids(content: Notebook) -> Notebook:
    """As Colab saves it: nbgrader's metadata stays, the ids are its own."""
    cells = [x | {"id": f"colab{n}"} for n, x in enumerate(content["cells"])]
    return {"cells": cells}


CHANGES = [as_it_is, copied, only_solutions, one_cell, broken_code, no_metadata, no_ids]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", PARTS)
def test_notebook_is_known_whatever_its_file_is_called(
    course: Course, name: str, change: Callable[[Notebook], Notebook]
) -> None:
    content = change(solved(course, name))
    for file in ("Untitled.ipynb", *(f"{part}.ipynb" for part in PARTS)):
        assert recognized(course, content, file) == Recognized(name)


@pytest.mark.parametrize("name", PARTS)
def test_untouched_notebook_is_known(course: Course, name: str) -> None:
    content = load(course.release / f"{name}.ipynb")
    for change in (as_it_is, copied, no_metadata, no_ids):
        assert recognized(course, change(content)) == Recognized(name)


@pytest.mark.parametrize("exercise", ["count_params", "cross_entropy", "mlp", "dropout"])
def test_one_exercise_in_a_new_notebook_is_enough(course: Course, exercise: str) -> None:
    content = code("import torch", course.cell(f"{exercise}_solution").source)
    assert recognized(course, content).name == course.exercises[exercise].notebook


def test_helpers_from_another_part_change_nothing(course: Course) -> None:
    helpers = [course.cell(f"{name}_solution").source for name in ("activations", "count_params")]
    for change in (as_it_is, only_solutions):
        content = change(solved(course, "part2_losses"))
        content["cells"] += code(*helpers)["cells"]
        assert recognized(course, content) == Recognized("part2_losses")


def test_few_own_answers_among_copied_ones_are_what_the_file_is_named_after(course: Course) -> None:
    names = ("fit_mnist", "mlp", "train_one_epoch", "evaluate")
    sources = [course.cell(f"{name}_solution").source for name in names if name != "fit_mnist"]
    content = code(*sources, "def fit_mnist():\n    pass")
    assert recognized(course, content, "part4_generalization.ipynb").name == "part4_generalization"


@pytest.mark.parametrize("file", ["all.ipynb", "part3_training.ipynb"])
def test_file_may_hold_several_notebooks(course: Course, file: str) -> None:
    cells = list(itertools.chain(*(solved(course, name)["cells"] for name in PARTS)))
    found = recognized(course, {"cells": cells}, file)
    assert sorted(found.names) == PARTS
    assert found.name == ("part3_training" if "part3" in file else "part1_neurons")
    two = solved(course, PARTS[0])["cells"] + solved(course, PARTS[2])["cells"]
    assert recognized(course, {"cells": two}, file).names in (
        (PARTS[0], PARTS[2]), (PARTS[2], PARTS[0]),
    )  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        code("import torch\nimport torch.nn as nn", "print('week 3')"),
        {"cells": []},
        {"cells": [cell("imports", "import math"), cell("intro", "# Module 5", "markdown")]},
        {"cells": [cell("reflection_1", "Why?", "markdown", grade_id="reflection_1", grade=True, solution=True)]},
        code("import math\n\nimport matplotlib.pyplot as plt\nimport numpy as np\nimport torch"),
    ],
    ids=["code", "empty", "common ids", "a written answer", "imports"],
)  # fmt: skip
def test_notebook_of_another_assignment_is_none(course: Course, content: Notebook) -> None:
    with pytest.raises(Unrecognized, match="has nothing in common with a notebook of module6"):
        recognized(course, content)


def test_named_notebook_with_nothing_of_its_own_is_refused(course: Course) -> None:
    content = {"cells": [cell("imports", "import math"), cell("b", "# count_params", "markdown")]}
    with pytest.raises(Unreadable, match="another assignment"):
        recognized(course, content, "part1_neurons.ipynb")
    with pytest.raises(Unreadable, match="another assignment"):
        refuse_unrelated(course, tidy(content, "p"), "part1_neurons", "p.ipynb")


def test_name_decides_where_the_cells_say_too_little(course: Course) -> None:
    content = code("if True:\n    def count_params(): pass")
    found = recognized(course, content, "Part1 Neurons (2).ipynb")
    assert found == Recognized("part1_neurons", by_cells=False)
    refuse_unrelated(course, tidy(content, "p"), "part1_neurons", "p.ipynb")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("part1_neurons.ipynb", "part1_neurons"),
        ("part1_neurons (1).ipynb", "part1_neurons"),
        ("part1_neurons-Copy1.ipynb", "part1_neurons"),
        ("Part1_Neurons.IPYNB", "part1_neurons"),
        ("Copy of part1-neurons.ipynb", "part1_neurons"),
        ("doejane_LATE_12345_678901_part1_neurons-2.ipynb", "part1_neurons"),
        ("Jane Doe_4711_assignsubmission_file_part2_losses.ipynb", "part2_losses"),
        ("part1_neurons.ipynb.txt", "part1_neurons"),
        ("part1.ipynb", None),
        ("mypart1_neuronss.ipynb", None),
        ("Untitled.ipynb", None),
    ],
)
def test_name_may_be_surrounded(course: Course, file: str, name: str | None) -> None:
    assert named_like(course, file) == name


def test_imports_alone_are_no_notebook_of_the_assignment(course: Course) -> None:
    """Part 4's occur in no other part, but the next module's notebook has them, too."""
    imports = next(x for x in load(course.release / f"{PARTS[3]}.ipynb")["cells"] if x["id"] == "imports")
    other = code("".join(imports["source"]), "def transformer(x):\n    return x")
    for file in ("Untitled.ipynb", f"{PARTS[3]}.ipynb"):
        with pytest.raises(Unrecognized):
            recognized(course, other, file)
