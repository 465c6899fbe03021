"""`autograder check` finds and names every way in which a grader can be wrong, and exits with 1."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.engine.authoring.check.checked_course import EXERCISES, Check, GradedSamples
from tests.engine.support.sampled_course import ASSIGNMENT, write_grader


def row(text: str, name: str) -> list[str]:
    """The cells of the last row with this name."""
    lines = [line for line in text.splitlines() if line.startswith(f"│{name} ")]
    return [part.strip() for part in lines[-1].strip("│").split("│")]


def test_good_graders_pass(check: Check) -> None:
    done = check("twice")
    assert (done.code, done.problems()) == (0, [])
    assert row(done.out, "twice") == ["twice", "0", "2/2", "1/1", "2/2", "2/2", "3", "0"]
    assert "false accepts: 0  false rejects: 0\n" in done.out


def test_a_named_exercise_is_shown_with_its_kill_matrix(check: Check) -> None:
    done = check("twice")
    lines = done.out.splitlines()
    assert lines[0].startswith("twice: samples down")
    shown = {
        name: row(done.out.split("false")[0].split("exercise")[0], name)[1:]
        for name in ("reference", "adds", "squares", "one_more", "stub")
    }
    assert shown == {
        "reference": ["", "", ""],
        "adds": ["", "", ""],
        "squares": ["x", "x", ""],
        "one_more": ["x", "", "x"],
        "stub": ["x", "x", "x"],
    }
    assert "   2 test_large" in lines
    assert (
        "  Redundant checks (everything they catch is caught by another): test_small, test_large, test_zero"
        in lines
    )


def test_without_names_every_exercise_has_a_row_and_every_problem_is_named(check: Check) -> None:
    done = check()
    assert done.code == 1
    assert done.problems() == [
        "autograder: false accept: lenient: overflows",
        "autograder: false accept: given: the stub",
        "autograder: false reject: picky: as_float",
        "autograder: false reject: broken: the reference",
        *[
            f"autograder: internal error: broken, {name}: broken, test_it: KeyError: 'a bug in the grader'"
            for name in ("reference", "stub")
        ],
    ]
    assert [row(done.out, name)[1:5] for name in EXERCISES] == [
        ["0", "2/2", "1/1", "2/2"],
        ["0", "2/2", "1/1", "1/2"],
        ["0", "2/2", "0/1", "1/1"],
        ["2", "2/2", "0/0", "0/0"],
        ["0", "0/2", "0/0", "0/0"],
        ["0", "2/2", "0/0", "0/0"],
    ]
    assert "false accepts: 2  false rejects: 2\n" in done.out
    assert "samples down" not in done.out


@pytest.mark.parametrize(
    ("exercise", "problem"),
    [
        ("lenient", "autograder: false accept: lenient: overflows (add a check that catches it)"),
        ("picky", "autograder: false reject: picky: as_float (a check asks for too much, or it is wrong)"),
        ("given", "autograder: false accept: given: the stub (add a check that catches it)"),
    ],
)
def test_one_problem_is_enough_for_exit_code_1(check: Check, exercise: str, problem: str) -> None:
    code, _, err = check("twice", exercise)
    assert code == 1
    assert [line for line in err.splitlines() if line.startswith("autograder")] == [problem]


def test_the_results_file_has_its_public_format(check: Check, tmp_path: Path) -> None:
    assert check("lenient", "--json", tmp_path / "check.json")[0] == 1
    data = json.loads((tmp_path / "check.json").read_text(encoding="utf-8"))
    assert data == {
        "schema": 1,
        "exercises": [
            {
                "id": "lenient",
                "stub": {"score": 0.0},
                "reference": {"score": 2.0, "max_score": 2.0},
                "wheats": [{"name": "adds", "score": 2.0, "max_score": 2.0}],
                "chaffs": [
                    {
                        "name": "squares", "score": 0.0, "max_score": 2.0,
                        "failed_checks": ["test_small"], "diagnosed": True,
                    },
                    {
                        "name": "overflows", "score": 2.0, "max_score": 2.0,
                        "failed_checks": [], "diagnosed": False,
                    },
                ],
            }
        ],
    }  # fmt: skip


def test_the_page_is_written(check: Check, tmp_path: Path) -> None:
    check("twice", "--html", tmp_path / "check.html", "--seeds", 2)
    text = (tmp_path / "check.html").read_text(encoding="utf-8")
    assert "squares" in text
    assert "<b>2</b> seeds" in text


def test_samples_are_graded_with_every_seed_and_mutants_with_the_first(
    check: Check, graded: GradedSamples
) -> None:
    assert check("twice", "--seeds", 3, "--mutants")[0] == 0
    assert [seed for seed, _ in graded] == [0, 1, 2]
    samples = [("reference", "reference"), ("stub", "stub"), ("wheat", "adds")]
    samples += [("chaff", "squares"), ("chaff", "one_more")]
    first, second, third = ([(sample.kind, sample.name) for sample in found] for _, found in graded)
    assert second == third == samples
    assert first[: len(samples)] == samples
    assert {kind for kind, _ in first[len(samples) :]} == {"mutant"}


def test_later_seeds_continue_an_earlier_run(check: Check, graded: GradedSamples) -> None:
    assert check("twice", "--seeds", 2, "--first-seed", 1, "--mutants")[0] == 0
    assert [seed for seed, _ in graded] == [1, 2]
    assert {sample.kind for sample in graded[0][1]} - {sample.kind for sample in graded[1][1]} == {"mutant"}


def test_restyled_samples_get_the_same_diagnosis(check: Check) -> None:
    done = check("twice", "--restyled")
    assert done.code == 0
    assert (
        'restyled buggy samples: 2; diagnosed: 2; misdiagnosed: 0; "looks like": 0 (0 of them correct)\n'
    ) in done.out


@pytest.mark.parametrize(
    ("name", "meant"),
    [("thrice", "did you mean twice?"), ("why", f"there are only {', '.join(EXERCISES)}.")],
)
def test_only_automatic_exercises_can_be_named(check: Check, name: str, meant: str) -> None:
    code, out, err = check(name)
    assert (code, out) == (1, "")
    assert err == f"autograder: module6 has no automatic exercise {name!r}: {meant}\n"


def test_folders_and_exercises_must_match(check: Check, root: Path, tmp_path: Path) -> None:
    """Each one without a counterpart is named, with what to do; nothing is graded."""
    course = tmp_path / "course"
    shutil.copytree(root, course)
    graders = course / "tests" / ASSIGNMENT
    shutil.rmtree(graders / "twice")
    (graders / "picky" / "test_picky.py").unlink()
    write_grader(course, "stray", EXERCISES["twice"])
    write_grader(course, "why", EXERCISES["twice"])
    (graders / "shared").mkdir()
    code, out, err = check("clipped", course=course)
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        f"autograder: the exercise picky has no grader: make {graders}/picky/test_picky.py, or take the cell"
        " out of the notebook;",
        f"autograder: the exercise twice has no grader: make {graders}/twice/test_twice.py, or take the cell"
        " out of the notebook;",
        f"autograder: {graders}/stray grades no exercise: give a test cell the grade_id 'stray', or delete"
        " the folder;",
        f"autograder: {graders}/why grades no exercise: give a test cell the grade_id 'why', or delete"
        " the folder.",
    ]
