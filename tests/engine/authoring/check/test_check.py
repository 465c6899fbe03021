"""`autograder check`: each way in which graders can be wrong is found, named and in the exit code."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from autograder import cli
from autograder.authoring.check import command as check
from autograder.core.records import GradeJob, JobResult, WorkerConfig
from autograder.workers.worker_process import WorkerProcess
from tests.engine.support.sampled_course import (
    ASSIGNMENT,
    Parts,
    asks,
    worker_of,
    write_grader,
    write_sampled,
)
from tests.engine.support.scratch_course import SharedPool

TWICE = "def {}(x):\n    return 2 * x"
CLIPPED = "def clipped(x):\n    return max(x, 0)"
TYPED = asks("picky", small="3") + "\n    assert type(student.picky(3)) is int\n"
EXERCISES = {
    "twice": Parts(
        TWICE.format("twice"), asks("twice", small="3", large="1e9", zero="0"),
        {"adds": "return x + x"}, {"squares": "return x**2", "one_more": "return 2 * x + 1"},
    ),
    "lenient": Parts(
        TWICE.format("lenient"), asks("lenient", small="3"),
        {"adds": "return x + x"}, {"squares": "return x**2", "overflows": "return 2 * x if x < 9 else 0"},
    ),
    "picky": Parts(TWICE.format("picky"), TYPED, {"as_float": "return 2.0 * x"}, {"squares": "return x**2"}),
    "given": Parts(TWICE.format("given"), 'def test_nothing(student):\n    """Nothing."""\n    student\n'),
    "broken": Parts(TWICE.format("broken"), 'def test_it(student):\n    """It."""\n    {}["of our making"]\n'),
    "clipped": Parts(CLIPPED, asks("clipped", positive="5", zero="0")),
}  # fmt: skip
SWAPPED = "return max(x, 0)  =>  return max(0, x)"
LOWER = "return max(x, 0)  =>  return max(x, -1)"
GONE = "return max(x, 0)  =>  return max(x, 7)"
Told = tuple[int, str, str]
Ask = Callable[..., Told]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sampled(tmp_path_factory.mktemp("sampled"), EXERCISES)


@pytest.fixture(scope="module")
def worker(root: Path) -> Iterator[WorkerProcess]:
    worker = worker_of(root)
    yield worker
    worker.close()


CurrentContext = list[tuple[int, list[check.Sat]]]


@pytest.fixture
def sittings() -> CurrentContext:
    """Who sat with which seed, in the order of the rounds."""
    return []


@pytest.fixture
def ask(
    root: Path,
    worker: WorkerProcess,
    sittings: CurrentContext,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Ask:
    """Run `autograder check` in this process, with the shared worker: exit code, stdout, stderr."""
    shared = worker

    class Shared(SharedPool):
        worker = shared

        def __init__(self, start: WorkerConfig, jobs: int) -> None:
            super().__init__(start, jobs)
            self.seed = start.seed

        def run(self, jobs: Sequence[tuple[Any, GradeJob]]) -> Iterator[tuple[Any, JobResult]]:
            sittings.append((self.seed, [sat for sat, _ in jobs]))
            return super().run(jobs)

    monkeypatch.setattr(check, "Pool", Shared)

    def run(*words: object, course: Path = root) -> Told:
        monkeypatch.setattr(sys, "argv", ["autograder", "check", *map(str, words), "--course", str(course)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err
        assert "\x1b" not in told.out + told.err
        return int(end.value.code or 0), told.out, told.err

    return run


def faults(told: Told) -> list[str]:
    """What stderr names, without the repair."""
    return [line.split(" (")[0] for line in told[2].splitlines() if line.startswith("autograder: ")]


def row(told: Told, name: str) -> list[str]:
    lines = [line for line in told[1].splitlines() if line.startswith(f"│{name} ")]
    return [part.strip() for part in lines[-1].strip("│").split("│")]


def test_good_graders_are_no_fault(ask: Ask) -> None:
    told = ask("twice")
    assert (told[0], faults(told)) == (0, [])
    assert row(told, "twice") == ["twice", "0", "2/2", "1/1", "2/2", "2/2", "3", "0"]
    assert "false accepts: 0  false rejects: 0\n" in told[1]


def test_an_exercise_that_is_named_is_shown_with_its_matrix(ask: Ask) -> None:
    told = ask("twice")
    lines = told[1].splitlines()
    assert lines[0].startswith("twice: samples down")
    shown = {
        name: row((0, told[1].split("false")[0].split("exercise")[0], ""), name)[1:]
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
    assert "  Checks whose catch others catch too: test_small, test_large, test_zero" in lines


def test_all_exercises_are_one_row_each_and_every_fault_is_named(ask: Ask) -> None:
    told = ask()
    assert told[0] == 1
    assert faults(told) == [
        "autograder: false accept: lenient: overflows",
        "autograder: false accept: given: the stub",
        "autograder: false reject: picky: as_float",
        "autograder: false reject: broken: the reference",
        *[
            f"autograder: fault of ours: broken, {who}: broken, test_it: KeyError: 'of our making'"
            for who in ("reference", "stub")
        ],
    ]
    assert [row(told, name)[1:5] for name in EXERCISES] == [
        ["0", "2/2", "1/1", "2/2"],
        ["0", "2/2", "1/1", "1/2"],
        ["0", "2/2", "0/1", "1/1"],
        ["2", "2/2", "0/0", "0/0"],
        ["0", "0/2", "0/0", "0/0"],
        ["0", "2/2", "0/0", "0/0"],
    ]
    assert "false accepts: 2  false rejects: 2\n" in told[1]
    assert "samples down" not in told[1]


@pytest.mark.parametrize(
    ("exercise", "fault"),
    [
        ("lenient", "autograder: false accept: lenient: overflows (add a check that catches it)"),
        ("picky", "autograder: false reject: picky: as_float (a check asks for too much, or it is wrong)"),
        ("given", "autograder: false accept: given: the stub (add a check that catches it)"),
    ],
)
def test_one_fault_is_enough_for_exit_code_1(ask: Ask, exercise: str, fault: str) -> None:
    code, _, err = ask("twice", exercise)
    assert code == 1
    assert [line for line in err.splitlines() if line.startswith("autograder")] == [fault]


def test_the_results_file_is_as_agreed(ask: Ask, tmp_path: Path) -> None:
    assert ask("lenient", "--json", tmp_path / "check.json")[0] == 1
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


def test_the_page_is_written(ask: Ask, tmp_path: Path) -> None:
    ask("twice", "--html", tmp_path / "check.html", "--seeds", 2)
    text = (tmp_path / "check.html").read_text(encoding="utf-8")
    assert "squares" in text
    assert "<b>2</b> seeds" in text


def test_everyone_sits_with_every_seed_and_mutants_with_the_first(ask: Ask, sittings: CurrentContext) -> None:
    assert ask("twice", "--seeds", 3, "--mutants")[0] == 0
    assert [seed for seed, _ in sittings] == [0, 1, 2]
    people = [("reference", "reference"), ("stub", "stub"), ("wheat", "adds")]
    people += [("chaff", "squares"), ("chaff", "one_more")]
    first, second, third = ([(sat.kind, sat.name) for sat in sats] for _, sats in sittings)
    assert second == third == people
    assert first[: len(people)] == people
    assert {kind for kind, _ in first[len(people) :]} == {"mutant"}


def test_surviving_mutants_are_a_fault(ask: Ask) -> None:
    told = ask("clipped", "--mutants")
    assert told[0] == 1
    assert faults(told) == [
        f"autograder: surviving mutant: clipped: {name.split(' (')[0]}" for name in (SWAPPED, LOWER)
    ]
    assert "mutants: 7  killed: 5  equivalent: 0  survivors: 2\n" in told[1]


@pytest.fixture
def recorded(root: Path) -> Iterator[Callable[..., None]]:
    """Record mutants of `clipped` as equivalent, for one test."""
    path = root / "tests" / ASSIGNMENT / "clipped" / "equivalent_mutants.toml"

    def record(*names: str) -> None:
        path.write_text("".join(f'[[equivalent]]\nmutant = "{x}"\nreason = "The same."\n' for x in names))

    yield record
    path.unlink()


def test_recorded_mutants_are_no_fault(ask: Ask, recorded: Callable[..., None]) -> None:
    recorded(SWAPPED, LOWER)
    told = ask("clipped", "--mutants")
    assert (told[0], faults(told)) == (0, [])
    assert "mutants: 7  killed: 5  equivalent: 2  survivors: 0\n" in told[1]


def test_a_recorded_mutant_does_not_excuse_another(ask: Ask, recorded: Callable[..., None]) -> None:
    recorded(SWAPPED)
    code, out, err = ask("clipped", "--mutants")
    assert code == 1
    wanted = f"surviving mutant: clipped: {LOWER} (add a check, or record it in equivalent_mutants.toml)"
    assert err.splitlines()[-1] == f"autograder: {wanted}"
    assert "mutants: 7  killed: 5  equivalent: 1  survivors: 1\n" in out


def test_a_record_of_a_mutant_that_is_made_no_more_is_a_fault(
    ask: Ask, recorded: Callable[..., None]
) -> None:
    recorded(SWAPPED, LOWER, GONE)
    code, out, err = ask("clipped", "--mutants")
    assert code == 1
    assert f"clipped: recorded, but made no more (delete the entry): {GONE}" in err.splitlines()[-1]
    assert "killed: 5  equivalent: 2" in out


def test_a_broken_record_is_one_sentence(ask: Ask, root: Path, recorded: Callable[..., None]) -> None:
    recorded()
    told = ask("clipped", "--mutants")
    assert told[0] == 1
    assert "equivalent_mutants.toml is no list of [[equivalent]] entries" in told[2].splitlines()[-1]


def test_mutants_are_asked_for(ask: Ask) -> None:
    told = ask("clipped")
    assert told[0] == 0
    assert "mutant" not in told[1] + told[2]


def test_chaffs_in_other_words_are_told_the_same(ask: Ask) -> None:
    told = ask("twice", "--restyled")
    assert told[0] == 0
    assert (
        "chaffs in another style: 2; told their misconception: 2; told another: 0;"
        " told what it looks like: 0 (rightly 0)\n"
    ) in told[1]


@pytest.mark.parametrize("name", ["thrice", "why"])
def test_only_automatic_exercises_can_be_named(ask: Ask, name: str) -> None:
    code, out, err = ask(name)
    assert (code, out) == (1, "")
    assert err == f"autograder: there is no automatic exercise {name!r}: {', '.join(EXERCISES)}.\n"


def test_folders_and_exercises_have_to_match(ask: Ask, root: Path, tmp_path: Path) -> None:
    """Each that lacks the other is named, with what to do; nobody sits anything."""
    course = tmp_path / "course"
    shutil.copytree(root, course)
    graders = course / "tests" / ASSIGNMENT
    shutil.rmtree(graders / "twice")
    (graders / "picky" / "test_picky.py").unlink()
    write_grader(course, "stray", EXERCISES["twice"])
    write_grader(course, "why", EXERCISES["twice"])
    (graders / "shared").mkdir()
    code, out, err = ask("clipped", course=course)
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
