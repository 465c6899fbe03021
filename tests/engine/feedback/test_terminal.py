"""Results as tables: what is known about each exercise, and no escape codes from file names."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from autograder.core.records import CheckResult, Diagnosis, ExerciseResult, ExerciseStatus, NotebookResult
from autograder.feedback.terminal import (
    class_row,
    class_table,
    notebook_table,
    plain,
    to_text,
    what_went_wrong,
)

MISTAKE = Diagnosis("no_bias", "The biases are not counted.")
NASTY = "[red]a[/b]\x1b[31m:smile:.ipynb"
SHOWN = "[red]a[/b]?[31m:smile:.ipynb"


def failed(message: str, passed: bool | None = False) -> CheckResult:
    return CheckResult("test_it", passed, 1.0, message)


def exercise(
    name: str, status: ExerciseStatus, score: float | None = 0.0, *checks: CheckResult,
    diagnosis: Diagnosis | None = None,
) -> ExerciseResult:  # fmt: skip
    return ExerciseResult(name, score, 3.0, status, checks, diagnosis)


def notebook(
    *exercises: ExerciseResult, student: str | None = "ada", path: str = "a.ipynb"
) -> NotebookResult:
    score = sum(x.score or 0.0 for x in exercises)
    return NotebookResult(path, student, "a", "graded", None, score, 3.0 * len(exercises), 0.1, exercises)


UNREADABLE = NotebookResult("b.ipynb", "ada", "b", "unreadable", "b.ipynb is empty.", None, 24.0, 0.0)


def rows(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if "│" in line]
    return [[part.strip() for part in line.strip("│").split("│")] for line in lines]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b[2Jb", "a?[2Jb"),
        ("a\nb", "a\nb"),
        ("a\rb\tc\x07", "a?b?c?"),
        ("é 数 ×", "é 数 ×"),
        ("\u202ea", "?a"),
    ],
)
def test_control_characters_are_not_printed(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_misconception_comes_before_a_failed_check() -> None:
    wrong = exercise("a", "wrong", 0.0, failed("First."), diagnosis=MISTAKE)
    assert what_went_wrong(wrong) == "The biases are not counted."


def test_without_a_misconception_the_first_failed_check_is_named() -> None:
    checks = [
        failed("Right.", True),
        failed("Not run.", None),
        failed("Wrong\x1b.\nChecked: f(1)"),
        failed("No."),
    ]
    assert what_went_wrong(exercise("a", "partial", 1.0, *checks)) == "Wrong?."


def test_nothing_went_wrong_in_an_exercise_that_passed_or_is_graded_by_a_person() -> None:
    assert what_went_wrong(exercise("a", "passed", 3.0, failed("Right.", True))) == ""
    assert what_went_wrong(exercise("why", "manual", None)) == ""


def test_notebook_has_one_row_for_each_exercise() -> None:
    result = notebook(
        exercise("a", "passed", 3.0, failed("Right.", True)),
        exercise("b", "partial", 1.25, failed("Wrong.")),
        exercise("why", "manual", None),
    )
    text = to_text(notebook_table(result), 100, color=False)
    assert text.splitlines()[0].rstrip() == "a.ipynb  4.25/9"
    assert rows(text) == [
        ["a", "3/3", "passed", ""],
        ["b", "1.25/3", "partial", "Wrong."],
        ["why", "-/3", "manual", ""],
    ]


def test_names_and_messages_are_shown_literally() -> None:
    """Without markup, emoji or escape codes, whatever they contain."""
    result = notebook(exercise("a", "wrong", 0.0, failed(NASTY)), path=NASTY, student=NASTY)
    for table in (notebook_table(result), class_table([result])):
        text = to_text(table, 200, color=False)
        assert "\x1b" not in text
        assert text.count(SHOWN) == 2


def test_only_a_terminal_gets_escape_codes() -> None:
    table = notebook_table(notebook(exercise("a", "passed", 3.0)))
    assert "\x1b[" in to_text(table, 80, color=True)
    assert "\x1b" not in to_text(table, 80, color=False)


def test_no_line_is_wider_than_requested_and_no_word_is_lost() -> None:
    words = " ".join(f"word{number}" for number in range(60))
    text = to_text(notebook_table(notebook(exercise("a", "wrong", 0.0, failed(words)))), 60, color=False)
    assert max(map(len, text.splitlines())) <= 60
    shown = " ".join(row[3] for row in rows(text))
    assert [word for word in words.split() if word not in shown] == []


def test_class_has_one_row_for_each_student() -> None:
    results = [
        notebook(exercise("a", "passed", 3.0), student="bob"),
        notebook(exercise("a", "passed", 3.0)),
        notebook(exercise("b", "wrong", 0.0, failed("No.")), path="b.ipynb"),
        notebook(exercise("a", "passed", 3.0), student=None, path="c.ipynb"),
    ]
    assert rows(to_text(class_table(results), 110, color=False)) == [
        ["ada", "3/6", "b (wrong)", "b: No."],
        ["bob", "3/3", "-", "-"],
        ["c.ipynb", "3/3", "-", "-"],
    ]


@pytest.mark.parametrize("width", [80, 110])
def test_a_long_name_leaves_room_for_the_rest(width: int) -> None:
    names = ["ada", "x" * 200, "maximiliana.featherstonehaugh-oyelaran@students.example.edu"]
    results = [notebook(exercise("b", "wrong", 0.0, failed("No.")), student=name) for name in names]
    shown = rows(to_text(class_table(results), width, color=False))
    assert [row[1:] for row in shown if row[1]] == [["0/3", "b (wrong)", "b: No."]] * 3
    assert "".join(row[0] for row in shown) == "".join(sorted(names))


def test_ungraded_notebook_has_no_score_and_says_why() -> None:
    score, lost, sentences = class_row([notebook(exercise("a", "passed", 3.0)), UNREADABLE])
    assert (score, lost, sentences) == ("3/3, -/24", "-", "b.ipynb is empty.")
    assert class_row([UNREADABLE])[0] == "-/24"
    assert class_row([replace(UNREADABLE, max_score=0.0)])[0] == "-"
    assert "b.ipynb  -/24" in to_text(notebook_table(UNREADABLE), 80, color=False)


def test_sums_are_rounded() -> None:
    results = [notebook(exercise("a", "passed", points)) for points in (0.1, 20.9, 0.2)]
    assert class_row(results)[0] == "21.2/9"


def test_row_names_six_exercises_and_three_misconceptions() -> None:
    many = [
        exercise(f"e{n}", "wrong", 0.0, failed("No."), diagnosis=MISTAKE if n > 1 else None) for n in range(8)
    ]
    score, lost, sentences = class_row([notebook(*many)])
    assert score == "0/24"
    assert lost == ", ".join(f"e{n} (wrong)" for n in range(6)) + " and 2 more"
    assert sentences.splitlines() == [f"e{n}: {MISTAKE.message}" for n in (2, 3, 4)]


def test_row_without_a_misconception_names_the_first_failed_check() -> None:
    lost = [exercise("a", "wrong", 0.0, failed("One.")), exercise("b", "wrong", 0.0, failed("Two."))]
    assert class_row([notebook(*lost)])[2] == "a: One."


def test_ungraded_written_answer_has_not_lost_points() -> None:
    assert class_row([notebook(exercise("why", "manual", None))])[1:] == ("-", "-")
