"""Each exercise is graded in the state that its own test cell saw."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autograder.core.records import CodeCell, Exercise, ExerciseResult, GradeJob, JobResult
from autograder.workers.worker_process import WorkerProcess
from tests.engine.support.toy_course import worker_config, write_toy

FIRST = (
    "import torch\n"
    "def helper(): return int((torch.ones(1, requires_grad=True) * 2).requires_grad)\n"
    "def first(): return helper()"
)
SECOND = "def second(): return 1"
EXAMPLE = "assert {name}() == 1"


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    worker = WorkerProcess(worker_config(write_toy(tmp_path_factory.mktemp("toy"))))
    yield worker
    worker.close()


def solution(name: str, source: str) -> CodeCell:
    return CodeCell(0, source, solves=name)


def example(name: str) -> CodeCell:
    return CodeCell(0, EXAMPLE.format(name=name), tests=name)


def grade(worker: WorkerProcess, *cells: CodeCell | str) -> tuple[JobResult, dict[str, ExerciseResult]]:
    """Grade `first` and `second` in a notebook of these cells; a text is a cell of the student's own."""
    numbered = [
        CodeCell(n, x) if isinstance(x, str) else CodeCell(n, x.source, x.solves, x.tests)
        for n, x in enumerate(cells)
    ]
    done = worker.grade(GradeJob(numbered, [Exercise(name, "part", 3.0) for name in ("first", "second")]))
    assert done.internal_errors == []
    return done, {result.id: result for result in done.exercises}


def statuses(worker: WorkerProcess, *cells: CodeCell | str) -> list[str]:
    return [x.status for x in grade(worker, *cells)[1].values()]


LATER = [
    "first = first()",
    "def helper(): return 2",
    "helper = 7",
    "torch = 'hot'",
    "def first(): return 3  # an old attempt",
    "del first, helper",
    "%reset -f",
    "import torch\ntorch.set_grad_enabled(False)",
    "import torch\ntorch.set_default_dtype(torch.float64)",
    "import builtins\nbuiltins.len = None",
    "import os\nos.environ.clear(); os.chdir('/')",
    "import sys\nsys.modules.clear()",
    "first.__code__ = (lambda: 2).__code__",
    "raise SystemExit",
    "import os\nos._exit(1)",
]


@pytest.mark.parametrize("later", LATER)
def test_later_cells_do_not_change_an_earlier_exercise(worker: WorkerProcess, later: str) -> None:
    cells = [solution("second", SECOND), example("second")]
    assert statuses(worker, solution("first", FIRST), example("first"), later, *cells)[0] == "passed"
    cells = [solution("first", FIRST), example("first"), solution("second", SECOND), example("second"), later]
    assert statuses(worker, *cells) == ["passed", "passed"]


def test_a_later_solution_may_reuse_a_name(worker: WorkerProcess) -> None:
    other = solution("second", "from math import exp as helper\ndef second(): return helper(0)")
    cells = [solution("first", FIRST), example("first"), other, example("second")]
    assert statuses(worker, *cells) == ["passed", "passed"]


def test_what_a_test_cell_binds_does_not_count(worker: WorkerProcess) -> None:
    test = CodeCell(0, "def first(): return 1", tests="first")
    done, results = grade(worker, solution("first", "def first(): return 2"), test, SECOND)
    assert results["first"].status == "wrong"
    assert done.cells[1].outputs == []


@pytest.mark.parametrize("moved", ["first", "second"])
def test_a_test_cell_above_its_solution_is_asked_after_the_last_cell(
    worker: WorkerProcess, moved: str
) -> None:
    sources = {"first": FIRST, "second": SECOND}
    cells: list[CodeCell] = [example(moved)]
    for name, source in sources.items():
        cells += [solution(name, source)] + ([] if name == moved else [example(name)])
    assert statuses(worker, *cells) == ["passed", "passed"]


def test_the_better_of_two_answers_counts_if_the_visible_example_failed(worker: WorkerProcess) -> None:
    wrong = solution("first", "def first(): return 2")
    assert statuses(worker, wrong, example("first"), FIRST, SECOND)[0] == "passed"
    passes = CodeCell(0, "print('passes')", tests="first")
    assert statuses(worker, wrong, passes, FIRST, SECOND)[0] == "wrong"


def test_a_check_that_loses_its_copy_gets_another_in_the_same_state(worker: WorkerProcess) -> None:
    source = (
        "import os, pathlib\n"
        "def first():\n    os._exit(0)\n"
        "def second():\n    return 1 if 'late' not in globals() else 2"
    )
    cells = [solution("first", source), example("second"), example("first"), "late = 1"]
    assert statuses(worker, *cells) == ["raised", "passed"]


def test_threads_do_not_change_the_state_that_is_asked(worker: WorkerProcess) -> None:
    """With a second thread no fork is possible: the notebook runs again up to the test cell."""
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
    cells = [thread, solution("first", FIRST), example("first"), "helper = first = None"]
    done, results = grade(
        worker, *cells, solution("second", SECOND), example("second"), "del second", "print(1)"
    )
    assert [x.status for x in results.values()] == ["passed", "passed"]
    assert [x.text for x in done.cells[-1].outputs] == ["1\n"]


def test_a_thread_does_not_let_one_exercise_help_another(worker: WorkerProcess) -> None:
    thread = "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
    helped = "n = 0\ndef first():\n    global n\n    n = 1\n    return 1\ndef second(): return n"
    tests = [CodeCell(0, "pass", tests=name) for name in ("first", "second")]
    cells = [thread, solution("first", helped), *tests]
    assert statuses(worker, *cells) == ["passed", "wrong"]


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("class Nowhere:\n    import os.nowhere\ndef first(): return 1", "No module named 'os.nowhere'"),
        ("def first(: return 1", "SyntaxError"),
        ("1 / 0\ndef first(): return 1", "ZeroDivisionError: division by zero"),
        ("import os; os._exit(1)\ndef first(): return 1", "left out: it ended the Python process"),
    ],
)
def test_a_missing_name_names_what_stopped_its_solution_cell(
    worker: WorkerProcess, source: str, cause: str
) -> None:
    _, results = grade(worker, solution("first", source), example("first"), SECOND)
    (check,) = results["first"].checks
    assert results["first"].status == "missing"
    assert cause in check.message.splitlines()[-1]


def test_a_cell_that_killed_the_process_is_not_run_again(worker: WorkerProcess) -> None:
    """A rerun for another copy would wait for it once more."""
    cells = ["import os\nos._exit(1)", solution("first", "import os\ndef first(): os._exit(0)")]
    assert statuses(worker, *cells, example("first"), solution("second", SECOND)) == ["raised", "passed"]


def test_questions_are_not_shown_by_later_cells(worker: WorkerProcess) -> None:
    """All cells have run before the first question is asked."""
    spying = "import os\ndef first():\n    open('/tmp/asked', 'w').close()\n    return 1"
    test = CodeCell(0, "pass", tests="first")
    done, _ = grade(worker, solution("first", spying), test, "print(os.path.exists('/tmp/asked'))", SECOND)
    assert [x.text for x in done.cells[2].outputs] == ["False\n"]
