"""Notebooks that search everything within their reach find no secret of the grader."""

from __future__ import annotations

import ast
import re

import pytest

from autograder.core.records import JobResult
from autograder.course.course import Course
from tests.engine.hostile import searches
from tests.engine.hostile.attacked_course import AttackedCourse, secret_lines, shown_to_student
from tests.engine.hostile.cheats import BIND, EXERCISES
from tests.engine.support.scratch_course import SECRET

pytestmark = pytest.mark.slow

ANSWER = "def f(*a, **k): return 12345\n"


def search(course: Course, *parts: str) -> str:
    """A cell that looks for distinctive lines of the graders, for the secret seed and for the files' names."""
    lines = secret_lines(course)
    chosen = [line[3:-3] for line in (*lines[-2:], *(x for x in lines if x.startswith("slope")))]
    chosen += [line[3:-3] for line in lines if "def test_" in line][:2]
    values = {
        "needles": [x.encode()[::-1].hex() for x in (*chosen, str(SECRET))],
        "names": [
            "gradebook.db", "nbgrader_config.py", ".autograder", "chaffs.py", "wheats.py",
            "module6", "submitted", "solutions", *(f"test_{x}.py" for x in EXERCISES),
        ],
    }  # fmt: skip
    return searches.SEARCH % values + "".join(parts) + BIND


def read_and_hits(result: JobResult) -> tuple[list[int], list[str]]:
    """How much a search has read, and its hits."""
    text = "".join(x.text for x in result.cells[0].outputs)
    assert "hits:" in text, [*result.cells[0].outputs, result.cells[0].note]
    read, hits = (ast.literal_eval(x) for x in re.findall(r"^(?:read|hits): (.*)$", text, re.M))
    return read, hits


def test_no_file_within_reach_holds_a_secret(attacked: AttackedCourse) -> None:
    course = attacked.course
    release = repr(str(course.release))
    look = f"if os.path.isdir({release}): print('release:', os.listdir({release}))\n"
    result = attacked.grade_hostile(search(course, searches.FILES, look, ANSWER))
    read, hits = read_and_hits(result)
    assert read[0] > 50
    planted = [hit for hit in hits if hit.endswith("/planted holds 0")]
    assert planted
    # The data files that come with the notebook keep their path, but nothing else in their folder is visible.
    assert set(hits) - set(planted) <= {f"{course.release} is there"}
    visible = f"release: {[path.name for path in course.materials]}"
    assert visible in shown_to_student(result) or f"{course.release} is there" not in hits


def test_no_memory_within_reach_holds_a_secret(attacked: AttackedCourse) -> None:
    source = search(attacked.course, searches.MEMORY, ANSWER)
    read, hits = read_and_hits(attacked.grade_hostile(source))
    assert read[0] > 100
    assert read[1] > 100 * 2**20
    assert hits, "the search does not find what was planted"
    assert {re.sub(r"^(\d+|self)", "pid", hit) for hit in hits} == {"pid holds 0"}


def test_no_object_or_frame_holds_a_secret_even_during_a_request(attacked: AttackedCourse) -> None:
    source = search(attacked.course, searches.OBJECTS)
    exercises = ("count_params", "choose_activation")  # a call, and a probe
    result = attacked.grade_hostile(source, exercises=exercises)
    read, hits = read_and_hits(result)
    assert read[0] > 100_000
    assert set(hits) == {"an object holds 0"}
    assert "walked, hits: []" in shown_to_student(result)
