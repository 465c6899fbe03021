"""A class with every kind of submission, graded by `nbgrader autograde` and by `autograder grade`."""

from __future__ import annotations

import io
import json
import logging
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from nbgrader.apps import AutogradeApp, NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from autograder.core import file_wording
from autograder.nbgrader_glue.config import course_config
from autograder.pipeline import grade_class
from tests.engine.support.small_class import (
    OTHER,
    PART,
    Notebook,
    hand_in,
    released,
    scores,
    solved,
    write_class,
    wrong,
)
from tests.engine.support.small_course import cell_of

FULL_MARKS = {"claims": 1.0, "count_params": 3.0}
WARNINGS = """
import sys, warnings
warnings.warn("at the top")
print("to stderr", file=sys.stderr)
_quiet = count_params
def count_params(*args, **more):
    warnings.warn("in the call")
    return _quiet(*args, **more)
"""
FILE = f"{PART}.ipynb"
BROKEN = {
    "linked": file_wording.link(FILE),
    "badjson": file_wording.not_a_notebook(FILE, file_wording.invalid_json(1)),
    "empty": file_wording.empty_file(FILE),
    "misnamed": file_wording.refused_name("part1_neurons (1).ipynb", PART),
    "renamed": file_wording.refused_name("part1_neurons (1).ipynb", PART),
    "swapped": file_wording.refused_name(f"{OTHER}.ipynb", PART),
    "unknown": file_wording.refused_unknown_name("homework.ipynb", "module6", OTHER),
    "stamp": "timestamp.txt does not contain a valid time",
    "stranger": "part1_neurons.ipynb contains none of this part's exercises",
}
"""Students whose submission cannot be graded, with part of the error."""


def rearranged(content: Notebook) -> Notebook:
    """Tests first, one solution duplicated, a graded cell and a written answer deleted."""
    content = deepcopy(content)
    cells = {cell["id"]: cell for cell in content["cells"]}
    copied = cells["count_params_solution"] | {"id": "copied"}
    names = ["count_params", "imports", "claims_solution", "count_params_solution"]
    content["cells"] = [cells[name] for name in names] + [copied]
    return content


def without_metadata(content: Notebook) -> Notebook:
    cells = [cell | {"metadata": {}} for cell in content["cells"]]
    return {**content, "metadata": {}, "cells": cells}


def other_kernel(content: Notebook) -> Notebook:
    kernel = {"name": "julia-1.9", "display_name": "Julia", "language": "julia"}
    return content | {"metadata": {"kernelspec": kernel, "language_info": {"name": "julia"}}}


def forged(content: Notebook) -> Notebook:
    """Nothing solved, tests deleted, more points in the metadata, and outputs that look like full marks."""
    content = deepcopy(content)
    for name in FULL_MARKS:
        cell = cell_of(content, name)
        cell["metadata"]["nbgrader"] |= {"points": 100, "grade": True}
        cell["source"] = "3"
        data = {"text/plain": "3"}
        cell["outputs"] = [
            {"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1}
        ]
    return content


def hand_in_everything(root: Path) -> None:
    hand_in_gradable(root)
    hand_in_broken(root)


def hand_in_gradable(root: Path) -> None:
    right, stub = solved(root), released(root)
    noisy = deepcopy(right)
    cell = cell_of(noisy, "count_params_solution")
    cell["source"] = "".join(cell["source"]) + WARNINGS
    crlf = deepcopy(right)
    for cell in crlf["cells"]:
        cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")
    answered = deepcopy(right)
    cell_of(answered, "reflection_1")["source"] = "Since one line is not enough."
    submissions = {
        "answered": answered, "crlf": crlf, "kernel": other_kernel(right), "liar": forged(stub),
        "moved": rearranged(right), "naked": without_metadata(right), "noisy": noisy, "ref": right,
        "stub": stub, "wrong": wrong(root),
    }  # fmt: skip
    for student, content in submissions.items():
        path = hand_in(root, student, content)
        path.with_name("timestamp.txt").write_text("2026-01-05 10:00:00 UTC")
    hand_in(root, "ref", solved(root, OTHER), OTHER)
    crlf_file = root / "submitted" / "crlf" / "module6" / FILE
    crlf_file.write_bytes(json.dumps(crlf, indent=1).replace("\n", "\r\n").encode())


def hand_in_broken(root: Path) -> None:
    right = solved(root)
    hand_in(root, "badjson", "{nope")
    hand_in(root, "empty", "")
    hand_in(root, "misnamed", right, f"{PART} (1)")
    hand_in(root, "renamed", right, f"{PART} (1)")
    hand_in(root, "renamed", solved(root, OTHER), OTHER)
    hand_in(root, "swapped", right, OTHER)
    hand_in(root, "unknown", right)
    hand_in(root, "unknown", "{", "homework")
    hand_in(root, "stamp", right).with_name("timestamp.txt").write_text("yesterday or so")
    linked = root / "submitted/linked/module6" / FILE
    linked.parent.mkdir(parents=True)
    linked.symlink_to(f"../../ref/module6/{FILE}")
    nothing: Notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}
    hand_in(root, "stranger", nothing)


def run_nbgrader(root: Path, app_class: Any, *arguments: str) -> tuple[Any, str]:
    """Run `nbgrader <command> <arguments>` in this process. Returns its exit code and its log."""
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    code: Any = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        app = app_class()
        app.initialize(list(arguments))
        app.log.addHandler(handler)
        try:
            app.start()
        except SystemExit as error:
            code = error.code
        finally:
            app.log.removeHandler(handler)
    return code, log.getvalue()


class GradedClass:
    """The class, graded by nbgrader in `root` and by `autograder grade` in a copy.

    `exit_code` and `output` are those of `nbgrader autograde`. `scores` is what it recorded, `expected_scores`
    what `autograder grade` did.
    """

    def __init__(self, folder: Path) -> None:
        self.root = write_class(folder / "nbgrader")
        hand_in_everything(self.root)
        copy = shutil.copytree(self.root, folder / "autograder")
        grade_class(copy, "module6", [], 1, "cpu", False, None)
        self.exit_code, self.output = self.command(AutogradeApp, "module6")
        self.scores = scores(self.root)
        self.expected_scores = scores(copy)

    def command(self, app_class: Any, *arguments: str) -> tuple[Any, str]:
        return run_nbgrader(self.root, app_class, *arguments)

    def scores_of(self, student: str) -> dict[str, float | None]:
        rows = scores(self.root).items()
        return {name: row[0] for (who, part, name), row in rows if (who, part) == (student, PART)}

    def regrade(self, student: str) -> dict[str, Any]:
        """What formgrader does when its button is pressed."""
        config = course_config(self.root)
        log = logging.Logger("formgrader")  # not part of pytest's log
        folders = CourseDirectory(config=config, log=log)
        result: dict[str, Any] = NbGraderAPI(folders, config=config, log=log).autograde("module6", student)
        return result
