"""Every mistake of an author is reported in one sentence, with its place and how to fix it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.authoring.lint import mistakes
from autograder.core.errors import ReleaseError
from autograder.course.source_notebooks import read_sources
from tests.engine.support.small_course import (
    ASSIGNMENT,
    BEGIN,
    END,
    NOTEBOOK,
    cell_of,
    load,
    save,
    write_course,
)

Content = dict[str, Any]


def edit(cell_id: str, **new: Any) -> Callable[[Content], Any]:
    return lambda content: cell_of(content, cell_id).update(new)


def tag(cell_id: str, **new: Any) -> Callable[[Content], Any]:
    return lambda content: cell_of(content, cell_id)["metadata"]["nbgrader"].update(new)


MISTAKES: dict[str, tuple[Callable[[Content], Any], str]] = {
    "prose": (
        edit("intro", source=f"Write between {BEGIN} and the end."),
        "cell intro: the marker in 'Write between",
    ),
    "marker after code": (
        edit("line_solution", source=f"x = 1  {BEGIN}"),
        "cell line_solution: the marker in 'x = 1",
    ),
    "hidden tests in prose": (
        edit("intro", source="BEGIN " + "HIDDEN TESTS"),
        "belongs only in a test cell",
    ),
    "mark scheme in prose": (
        edit("intro", source="END " + "MARK SCHEME"),
        "belongs only in a task cell",
    ),
    "no end": (edit("slope_solution", source=f"{BEGIN}\nx = 1"), "the region that begins here has no end"),
    "no begin": (
        edit("slope_solution", source=f"x = 1\n{END}"),
        "the region that ends here has no beginning",
    ),
    "nested": (
        edit("slope_solution", source=f"{BEGIN}\n{BEGIN}\n{END}"),
        "a region begins inside another region",
    ),
    "not Python": (
        edit("slope_solution", source=f"def slope(:\n{BEGIN}\n{END}"),
        "cell slope_solution: line 1 is not valid Python",
    ),
    "no cell id": (
        lambda content: cell_of(content, "intro").pop("id"),
        "cell number 1 (markdown) has no id",
    ),
    "two cells, one id": (edit("intro", id="imports"), "has the same id as an earlier cell ('imports')"),
    "invalid cell id": (edit("intro", id="an intro"), "has the invalid id 'an intro'"),
    "old format": (lambda content: content.update(nbformat_minor=4), "has no cell ids"),
    "two grade_ids": (tag("why", grade_id="slope"), "repeats the grade_id 'slope'"),
    "no grade_id": (tag("why", grade_id=""), "its grade_id '' is invalid"),
    "no points": (tag("slope", points=0), "cell slope: it is graded but worth 0 points"),
    "odd points": (tag("slope", points="three"), "worth 'three' points"),
    "test alone": (
        tag("slope_solution", grade_id="slopes_solution"),
        "there is no solution cell with the grade_id 'slope_solution'",
    ),
    "no kernel": (lambda content: content.update(metadata={}), "does not name a kernel"),
    "half a written answer": (tag("why", solution=False), "can only be a written answer"),
    "old schema": (tag("why", schema_version=2), "run `nbgrader update source`"),
}


def test_the_small_course_has_no_mistakes(tmp_path: Path) -> None:
    assert mistakes(read_sources(write_course(tmp_path / "course"), ASSIGNMENT)) == []


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_is_reported_in_one_sentence(name: str, tmp_path: Path) -> None:
    make, words = MISTAKES[name]
    root = write_course(tmp_path / "course")
    content = load(root / NOTEBOOK)
    make(content)
    save(root / NOTEBOOK, content)
    (sentence,) = mistakes(read_sources(root, ASSIGNMENT))
    assert words in sentence
    assert sentence.startswith(str(NOTEBOOK))
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_grade_ids_are_unique_across_notebooks(tmp_path: Path) -> None:
    root = write_course(tmp_path / "course")
    save(root / NOTEBOOK.with_name("more.ipynb"), load(root / NOTEBOOK))
    assert len(mistakes(read_sources(root, ASSIGNMENT))) == 7


@pytest.mark.parametrize("text", ["{", "[]", '{"cells": [{"cell_type": "code"}]}', "\xff"])
def test_invalid_json_is_reported(tmp_path: Path, text: str) -> None:
    root = write_course(tmp_path / "course")
    (root / NOTEBOOK).write_bytes(text.encode("latin-1"))
    with pytest.raises(ReleaseError, match=r"lines\.ipynb is not a readable notebook .* restore"):
        read_sources(root, ASSIGNMENT)
