"""Grade one submission: whatever one exercise does, only that exercise loses points."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from autograder.core.records import ExerciseResult, JobResult
from autograder.workers.worker_process import WorkerProcess
from tests.engine.support.toy_course import job, worker_config, write_toy

RIGHT = "def {name}():\n    return 1"
FAULTS = """
import os, time

def wrong(): return 2
def hang():
    while True: time.sleep(0.1)
def memory(): return len(bytearray(4 * 2**30))
def raised(): return [][1]
def exited(): os._exit(0)
def signalled(): os.kill(os.getpid(), 11)
def fatal(): raise SystemExit("enough")
def stub(): raise NotImplementedError("stub is not written yet")
def right(): return 1
crashing = undecided = half_crashing = right
"""
STATUSES = {
    "right": "passed", "wrong": "wrong", "hang": "timeout", "memory": "memory", "raised": "raised",
    "exited": "raised", "signalled": "raised", "fatal": "raised", "stub": "missing",
    "missing": "missing", "crashing": "internal", "undecided": "internal",
    "half_crashing": "internal",
}  # fmt: skip
COUNTING = """
count = 0
def three(number):
    global count
    count += 1
    return [number, {count}]
"""


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    worker = WorkerProcess(worker_config(write_toy(tmp_path_factory.mktemp("toy"))))
    yield worker
    worker.close()


def grade(
    worker: WorkerProcess, names: list[str], *sources: str
) -> tuple[JobResult, dict[str, ExerciseResult]]:
    start = time.monotonic()
    done = worker.grade(job(names, *sources))
    assert time.monotonic() - start < 60
    results = {result.id: result for result in done.exercises}
    assert list(results) == names
    return done, results


@pytest.fixture(scope="module")
def faults(worker: WorkerProcess) -> tuple[JobResult, dict[str, ExerciseResult]]:
    return grade(worker, list(STATUSES), FAULTS)


def test_every_kind_of_failure_has_its_own_status(
    faults: tuple[JobResult, dict[str, ExerciseResult]],
) -> None:
    _, results = faults
    assert {name: result.status for name, result in results.items()} == STATUSES


FORGING = """
from autograder.protocol import answerer as answers
def right(): return 1
answers.Answerer._answer = lambda self, request: answers.ValueResponse(request.id, 13, [])
"""


def test_a_forged_answer_is_wrong_and_not_an_internal_error(worker: WorkerProcess) -> None:
    done, results = grade(worker, ["probed"], FORGING)
    assert done.internal_errors == []
    assert (results["probed"].status, results["probed"].score) == ("wrong", 0.0)
    (check,) = results["probed"].checks
    assert "Your notebook's response is not the kind of value that was asked for" in check.message


def test_only_correct_answers_earn_points_and_internal_errors_have_no_score(
    faults: tuple[JobResult, dict[str, ExerciseResult]],
) -> None:
    _, results = faults
    scores = {name: result.score for name, result in results.items()}
    expected = {name: 0.0 for name in STATUSES} | {"right": 3.0}
    expected |= dict.fromkeys(("crashing", "undecided", "half_crashing"))  # type: ignore[arg-type]
    assert scores == expected


def test_internal_errors_are_reported_to_staff_and_hidden_from_students(
    faults: tuple[JobResult, dict[str, ExerciseResult]],
) -> None:
    done, results = faults
    assert done.internal_errors == [
        "crashing, test_answer: KeyError: 'a grader bug'",
        "undecided: no check of its hidden grader gave a verdict",
        "half_crashing, test_crash: KeyError: 'x'",
    ]
    (check,) = results["crashing"].checks
    assert check.passed is None
    assert "a grader bug" not in check.message
    assert "not your fault" in check.message


def test_messages_say_what_happened(faults: tuple[JobResult, dict[str, ExerciseResult]]) -> None:
    _, results = faults
    messages = {name: result.checks[0].message for name, result in results.items()}
    assert messages["wrong"] == "wrong answers 1.\nChecked: wrong()\nGot: 2"
    assert "still running after 1.5 s" in messages["hang"]
    assert "MemoryError" in messages["memory"]
    assert "IndexError: list index out of range (In [1], line 7" in messages["raised"]
    assert messages["exited"].endswith("\nYour code ended the Python process")
    assert messages["signalled"].endswith("\nYour code crashed the Python process (SIGSEGV)")
    assert "Your code ran out of memory: MemoryError" in messages["memory"]
    assert messages["stub"].endswith("\nstub is not written yet (In [1], line 11)")
    assert messages["missing"].endswith("\nThe notebook does not define missing")
    assert "does not define missing" in messages["missing"]


def test_each_exercise_has_its_own_copy(worker: WorkerProcess) -> None:
    """Neither the next exercise nor a check after a lost copy sees what an exercise changes."""
    source = (
        "n, items = 0, []\n"
        "def first():\n    global n\n    n += 1\n    items.append(0)\n"
        "    return n + len(items) - 1\n"
        "second = loud = first"
    )
    _, results = grade(worker, ["first", "second", "loud"], source)
    assert [result.status for result in results.values()] == ["passed"] * 3


STATE = """
import math
import numpy as np
import torch
from torch import nn

n, items, table, seen = 0, [], {{}}, set()
weights, array, layer = torch.zeros(2), np.zeros(2), nn.Linear(1, 1)
class Box:
    n = 0
box = Box()
def counter():
    n = 0
    def count(more=0):
        nonlocal n
        n += more
        return n
    return count
count = counter()
def first():
    global n
    {change}
    return 1
def second():
    return 1 if {changed} else 0
"""


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        ("n = 1", "n == 1"),
        ("items.append(0)", "items"),
        ("table[0] = 1", "table"),
        ("seen.add(0)", "seen"),
        ("weights.add_(1)", "weights[0] == 1"),
        ("array[0] = 1", "array[0] == 1"),
        ("nn.init.constant_(layer.bias, 7.0)", "layer.bias.item() == 7"),
        ("layer.eval()", "not layer.training"),
        ("first.n = 1", "hasattr(first, 'n')"),
        ("box.n = 1", "box.n"),
        ("Box.n = 1", "Box.n"),
        ("count(1)", "count()"),
        ("math.calls = 1", "hasattr(math, 'calls')"),
        ("torch.set_grad_enabled(False)", "not torch.is_grad_enabled()"),
        ("torch.set_default_dtype(torch.float64)", "torch.get_default_dtype() == torch.float64"),
    ],
)
def test_no_exercise_helps_another(worker: WorkerProcess, change: str, changed: str) -> None:
    """What one exercise's checks leave in the notebook is gone for the next."""
    _, results = grade(worker, ["first", "second"], STATE.format(change=change, changed=changed))
    assert results["first"].status == "passed"
    assert results["second"].status == "wrong"


def test_no_exercise_spoils_another(worker: WorkerProcess) -> None:
    """Not even by a change that the notebook's names do not show: a failed exercise is graded again on its own."""
    source = STATE.format(change="math.pi = 3", changed="math.pi > 3")
    _, results = grade(worker, ["first", "second", "right"], source, RIGHT.format(name="right"))
    assert [result.status for result in results.values()] == ["passed"] * 3


def test_a_hang_costs_only_its_own_check(worker: WorkerProcess) -> None:
    hanging = COUNTING.format(count="count if number != 2 else hang()")
    hanging += "\ndef hang():\n    while True: pass"
    _, results = grade(worker, ["three", "right"], hanging, RIGHT.format(name="right"))
    one, two, three = results["three"].checks
    assert [one.passed, two.passed, three.passed] == [True, False, True]
    assert (results["three"].status, results["three"].score) == ("partial", 2.0)
    assert results["right"].status == "passed"


def test_many_slow_answers_share_one_limit(worker: WorkerProcess) -> None:
    slow = "import time\ndef slow():\n    time.sleep(1.2)\n    return 1\ndef right(): return 1"
    start = time.monotonic()
    _, results = grade(worker, ["slow", "right"], slow)
    assert results["slow"].status == "timeout"
    assert results["right"].status == "passed"
    assert time.monotonic() - start < 12


def test_killing_the_notebook_costs_only_that_exercise(worker: WorkerProcess) -> None:
    killer = (
        "import os\ndef first():\n    os.kill(os.getppid(), 9)\n    return 1\n"
        "def right(): return 1\nsecond = right"
    )
    _, results = grade(worker, ["first", "right", "second"], killer)
    assert [results[name].status for name in ("right", "second")] == ["passed"] * 2


@pytest.mark.parametrize("ending", ["return 1", "import os; os._exit(0)"])
def test_a_notebook_with_a_running_thread_is_run_again_for_each_exercise(
    worker: WorkerProcess, ending: str
) -> None:
    """A fork would keep only one of its two threads."""
    source = (
        "import threading, time\n"
        "ticks, n = [], 0\n"
        "def tick():\n    while True:\n        ticks.append(0)\n        time.sleep(0.01)\n"
        "threading.Thread(target=tick, daemon=True).start()\n"
        "def first():\n    global n\n    n += 1\n    before = len(ticks)\n    time.sleep(0.1)\n"
        "    return n if len(ticks) > before else 'the thread is dead'\n"
        f"second = first\ndef loud():\n    {ending}"
    )
    done, results = grade(worker, ["first", "loud", "second"], source, "print('once')")
    assert [results[name].status for name in ("first", "second")] == ["passed"] * 2
    assert results["loud"].status == ("passed" if ending == "return 1" else "raised")
    assert [x.text for x in done.cells[1].outputs] == ["once\n"]


def test_what_is_printed_during_a_check_is_not_shown(worker: WorkerProcess) -> None:
    source = (
        "import os, sys, subprocess\nprint('before')\n"
        "def loud():\n    print('a secret'); os.write(1, b'a secret')\n"
        "    subprocess.run(['echo', 'a secret']); sys.stderr.write('a secret')\n"
        "    open('/tmp/secret', 'w').write('a secret')\n    return 1\n"
        "def nosy():\n    return 1 if os.path.exists('/tmp/secret') else 0"
    )
    done, results = grade(worker, ["loud", "nosy"], source)
    assert results["loud"].status == "passed"
    assert [x.text for x in done.cells[0].outputs] == ["before\n"]


def test_a_cell_that_is_left_out_costs_only_what_it_defines(worker: WorkerProcess) -> None:
    sources = ["def right(): return 1", "import os; os._exit(1)\ndef first(): return 1"]
    done, results = grade(worker, ["right", "first", "second"], *sources, "def second(): return 1")
    assert [x.status for x in results.values()] == ["passed", "missing", "passed"]
    assert done.cells[1].note == "left out: it ended the Python process"


def test_odd_answers_are_wrong_and_never_internal_errors(worker: WorkerProcess) -> None:
    """An answer that has an odd shape or cannot be transferred does not fail the whole submission."""
    odd = [
        "10**6000", "'\\ud800'", "object()", "lambda: 1", "{1: {2: {}}}", "[[]] * 9",
        "__import__('torch').empty(0, 3)", "__import__('torch').ones(9, device='meta')", "...",
        "__import__('numpy').array(['a', None], object)", "b'\\xff' * 99", "{(1, (2,)): {3, 'x'}}",
        "bytearray(70_000_000)", "type('int', (int,), {'__eq__': lambda *_: True})(2)",
        "type('T', (), {'__eq__': lambda *_: True, '__class__': int})()",
    ]  # fmt: skip
    nested = "def right():\n    x = []\n    for _ in range(500): x = [x]\n    return x"
    sources = [f"def right():\n    return {value}" for value in odd]
    for source in [*sources, nested]:
        done, results = grade(worker, ["right"], source)
        assert (results["right"].status, done.internal_errors) in [("wrong", []), ("raised", [])], source
        assert results["right"].score == 0
