"""What `autograder grade` keeps and what it sees when it runs again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nbgrader.api import Gradebook

from autograder.core.errors import CourseError
from autograder.course.course import Course
from autograder.nbgrader_glue.config import database_url
from tests.engine.pipeline.submitting import OTHER, PART, Graded, submit
from tests.engine.support.gradebook_rows import gradebook_file, gradebook_rows
from tests.engine.support.scratch_course import solved
from tests.engine.support.small_class import scores

Grade = Callable[..., Graded]
ANSWER = "Because the sum of affine maps is affine."
REFLECTION = ("ada", PART, "reflection_1")
COUNT = ("ada", PART, "count_params")
HALF_A_POINT_PER_HOUR = """
from nbgrader.plugins import LateSubmissionPlugin

class HalfAPointPerHour(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return total_seconds_late / 7200

c.AssignLatePenalties.plugin_class = HalfAPointPerHour
"""


def answered(course: Course, answer: str = ANSWER, *exercises: str) -> dict[str, Any]:
    content = solved(course, PART, *(exercises or ("count_params",)))
    for cell in content["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade_id") == "reflection_1":
            cell["source"] = answer
    return content


@contextmanager
def gradebook(course: Course) -> Iterator[Any]:
    with Gradebook(database_url(course.root), "nnf") as book:
        yield book
        book.db.commit()


def grade_by_hand(course: Course) -> None:
    """What formgrader records when somebody grades the answer, overrides a score and comments."""
    with gradebook(course) as book:
        for name, score in (("reflection_1", 3.5), ("count_params", 1.0)):
            given = book.find_grade(name, PART, "module6", "ada")
            given.manual_score, given.extra_credit, given.needs_manual_grade = score, 0.5, False
        book.find_comment("reflection_1", PART, "module6", "ada").manual_comment = "Good."
        book.find_submission("module6", "ada").extension = timedelta(days=2)


def test_a_broken_file_beside_it_flags_nothing(course: Course, grade: Grade) -> None:
    submit(course, "ada", answered(course))
    submit(course, "ada", "{", f"{OTHER}.ipynb")
    grade()
    grade_by_hand(course)
    before = gradebook_rows(course.root)
    for force in (False, True, False):
        assert grade(force=force)[0] == 1
        assert gradebook_rows(course.root) == before
    assert scores(course.root)[REFLECTION] == (None, 3.5, False)
    files = [gradebook_file(course.root), course.root / f"autograded/ada/module6/{PART}.ipynb"]
    saved = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    assert "1 notebook unchanged" in grade()[2]
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == saved, "not even saved again"


def test_a_broken_resubmission_flags_nothing(course: Course, grade: Grade) -> None:
    submit(course, "ada", answered(course))
    grade()
    grade_by_hand(course)
    before = gradebook_rows(course.root)
    submit(course, "ada", "{")
    assert grade(force=True)[0] == 1
    assert gradebook_rows(course.root) == before
    submit(course, "ada", answered(course))
    assert grade(force=True)[0] == 0
    assert gradebook_rows(course.root) == before


def test_only_a_changed_answer_is_flagged(course: Course, grade: Grade) -> None:
    submit(course, "ada", answered(course))
    grade()
    grade_by_hand(course)
    before = gradebook_rows(course.root)
    submit(course, "ada", answered(course, f"{ANSWER}\r\n"))  # saved on Windows
    grade()
    assert gradebook_rows(course.root) == before
    submit(course, "ada", answered(course, f"{ANSWER} Always."))
    grade()
    assert scores(course.root)[REFLECTION] == (None, 3.5, True)
    assert scores(course.root)[COUNT] == (3.0, 1.0, False)
    grade(force=True)
    assert scores(course.root)[REFLECTION] == (None, 3.5, True), "nobody has looked at it yet"


def test_another_picture_in_an_answer_is_flagged(course: Course, grade: Grade) -> None:
    def with_picture(data: str) -> dict[str, Any]:
        content = answered(course, "![](attachment:image.png)")
        for cell in content["cells"]:
            if cell["source"] == "![](attachment:image.png)":
                cell["attachments"] = {"image.png": {"image/png": data}}
        return content

    submit(course, "ada", with_picture("aGk="))
    grade()
    grade_by_hand(course)
    before = gradebook_rows(course.root)
    grade(force=True)
    assert gradebook_rows(course.root) == before
    submit(course, "ada", with_picture("aGkh"))
    grade()
    assert scores(course.root)[REFLECTION] == (None, 3.5, True)


def test_a_flag_outlasts_a_missing_file(course: Course, grade: Grade) -> None:
    path = submit(course, "ada", answered(course))
    submit(course, "ada", solved(course, OTHER), f"{OTHER}.ipynb")
    grade()
    grade_by_hand(course)
    submit(course, "ada", answered(course, f"{ANSWER} Always."))
    grade()
    path.unlink()
    grade()
    assert scores(course.root)[COUNT] == (0.0, 1.0, False), "a file less is seen, too"
    submit(course, "ada", answered(course, f"{ANSWER} Always."))
    grade()
    assert scores(course.root)[REFLECTION] == (None, 3.5, True)


def test_an_overridden_score_is_flagged_if_the_automatic_one_changes(course: Course, grade: Grade) -> None:
    submit(course, "ada", answered(course))
    grade()
    grade_by_hand(course)
    submit(course, "ada", answered(course, ANSWER, "gradient_flow"))
    grade()
    assert scores(course.root)[COUNT] == (0.0, 1.0, True)
    assert scores(course.root)[REFLECTION] == (None, 3.5, False)


def test_a_notebook_that_was_missing_and_is_broken_has_no_score(course: Course, grade: Grade) -> None:
    submit(course, "ada", answered(course))
    grade()
    assert scores(course.root)["ada", OTHER, "mlp"] == (0.0, None, False)
    submit(course, "ada", "{", f"{OTHER}.ipynb")
    grade()
    assert scores(course.root)["ada", OTHER, "mlp"] == (None, None, True)


def test_a_lost_gradebook_is_said_aloud(course: Course, grade: Grade) -> None:
    """The manual grades are gone with it, and the next run would not know."""
    submit(course, "ada", answered(course))
    submit(course, "bob", answered(course))
    assert "WARNING" not in grade()[3]
    gradebook_file(course.root).unlink()
    warnings = [line for line in grade("ada")[3].splitlines() if "WARNING" in line]
    assert len(warnings) == 2, "before grading and at the end"
    assert "the gradebook does not contain ada, bob, whose graded notebooks are in autograded/" in warnings[0]
    assert "by hand were lost with it: restore it from your backup" in warnings[0]
    assert "does not contain bob, whose" in grade()[3]
    assert "WARNING" not in grade()[3]


def test_an_older_gradebook_gets_the_scores_of_today(course: Course, grade: Grade) -> None:
    submit(course, "ada", answered(course, ANSWER, "relu"))
    grade()
    backup = gradebook_file(course.root).read_bytes()
    submit(course, "ada", answered(course))
    grade()
    after = gradebook_rows(course.root)
    gradebook_file(course.root).write_bytes(backup)
    grade()
    assert gradebook_rows(course.root) == after


def late(course: Course, due: datetime = datetime(2026, 1, 2, 1, 4, 5)) -> None:  # `submit` comes 2 h later
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write(HALF_A_POINT_PER_HOUR)
    with gradebook(course) as book:
        book.find_assignment("module6").duedate = due


def penalties(course: Course) -> dict[str, float | None]:
    with gradebook(course) as book:
        parts = book.find_submission("module6", "ada").notebooks
        return {part.name: part.late_submission_penalty for part in parts}


def write_time(course: Course, text: str) -> None:
    (course.root / "submitted/ada/module6/timestamp.txt").write_text(text)


def test_a_new_time_alone_is_seen(course: Course, grade: Grade) -> None:
    late(course)
    submit(course, "ada", solved(course, PART, "count_params"))
    grade()
    assert penalties(course)[PART] == 1.0
    assert penalties(course)[OTHER] is None
    write_time(course, "2026-01-02 05:04:05 +0400")
    assert "unchanged" in grade()[2]
    assert set(penalties(course).values()) == {None}
    copy = course.root / "autograded/ada/module6/timestamp.txt"
    assert copy.read_text() == "2026-01-02 05:04:05 +0400"
    write_time(course, "2026-01-04")
    grade()
    assert penalties(course)[PART] == 3.0, "no more than the score"
    with gradebook(course) as book:
        assert book.find_submission("module6", "ada").timestamp == datetime(2026, 1, 4)
        book.find_submission("module6", "ada").extension = timedelta(days=3)
    grade()
    assert penalties(course)[PART] is None


def test_a_grade_given_by_hand_changes_the_penalty(course: Course, grade: Grade) -> None:
    late(course, datetime(2025, 1, 1))
    submit(course, "ada", answered(course))
    grade()
    assert penalties(course)[PART] == 3.0
    grade_by_hand(course)
    with gradebook(course) as book:
        book.find_submission("module6", "ada").extension = None
    grade()
    assert penalties(course)[PART] == 5.5


def test_a_refused_time_leaves_everything_as_it_was(course: Course, grade: Grade) -> None:
    late(course)
    submit(course, "ada", solved(course, PART, "count_params"))
    grade()
    before = gradebook_rows(course.root)
    write_time(course, "2026-01-02 03:04:05 CEST")
    code, _, _, err = grade()
    assert code == 1
    assert "autograder: ada: timestamp.txt has the time zone 'CEST'" in err
    assert gradebook_rows(course.root) == before
    copy = course.root / "autograded/ada/module6/timestamp.txt"
    assert copy.read_text() == "2026-01-02 03:04:05 UTC"


@pytest.mark.parametrize(
    ("plugin", "sentence"),
    [
        ("'nowhere.Plugin'", "the late-penalty plugin of nbgrader_config.py cannot be used"),
        ("int", "the late-penalty plugin of nbgrader_config.py cannot be used"),
        ("Broken", r"the late-penalty plugin Broken failed for ada \(ZeroDivisionError: division by zero\)"),
    ],
)
def test_a_broken_plugin_is_one_sentence(course: Course, grade: Grade, plugin: str, sentence: str) -> None:
    late(course)
    with (course.root / "nbgrader_config.py").open("a") as file:
        file.write(
            "class Broken(LateSubmissionPlugin):\n    def late_submission_penalty(self, *_):\n        1 / 0\n"
        )
        file.write(f"c.AssignLatePenalties.plugin_class = {plugin}\n")
    submit(course, "ada", solved(course, PART, "count_params"))
    with pytest.raises(CourseError, match=sentence):
        grade()
    assert scores(course.root) == {}


def test_nothing_is_written_if_nothing_changed(course: Course, grade: Grade) -> None:
    late(course)
    submit(course, "ada", answered(course))
    grade()
    grade_by_hand(course)
    grade()
    book: Path = gradebook_file(course.root)
    content, modified = book.read_bytes(), book.stat().st_mtime_ns
    grade()
    assert (book.read_bytes(), book.stat().st_mtime_ns) == (content, modified)
