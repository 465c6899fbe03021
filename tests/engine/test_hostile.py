"""Hostile notebooks between honest ones: no point gained, nothing learnt, nobody else touched."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
import pytest

from autograder.course import Course
from autograder.execution import Cell
from autograder.pool import Worker
from autograder.worker import Done, Job
from tests.engine import hostile_notebooks as hostile
from tests.engine.scratch_course import SECRET, guarded

PART = "part1_neurons"
SECONDS = 100.0


def job(course: Course, names: Sequence[str], *sources: str) -> Job:
    cells = [Cell(number, source) for number, source in enumerate(sources)]
    return Job(cells, [course.exercises[name] for name in names])


def outcome(done: Done) -> dict[str, Any]:
    """All that a student and the gradebook get to see, without the time it took."""
    found: dict[str, Any] = msgspec.to_builtins(done)
    return {name: value for name, value in found.items() if name != "seconds"}


@pytest.fixture(scope="module")
def honest(scratch: Course, scratch_worker: Worker) -> tuple[Job, dict[str, Any]]:
    """An honest submission, right in some and wrong in other exercises, and its outcome."""
    reference = (scratch.solutions / f"{PART}.py").read_text()
    mistake = "def count_params(architecture, bias=True):\n    return sum(architecture)"
    work = job(scratch, hostile.EXERCISES, reference, "print(relu(torch.ones(2)))", mistake)
    done = scratch_worker.do(work)
    statuses = [result.status for result in done.exercises]
    assert set(statuses) == {"passed", "wrong"} or set(statuses) == {"passed", "partial"}
    return work, outcome(done)


def graded_between(
    scratch: Course,
    worker: Worker,
    honest: tuple[Job, dict[str, Any]],
    *sources: str,
    names: Sequence[str] = hostile.EXERCISES,
) -> Done:
    """Grade a hostile notebook, then an honest one; check what holds for every hostile one."""
    work, wanted = honest
    with guarded(worker, SECONDS):
        done = worker.do(job(scratch, names, *sources))
        assert outcome(worker.do(work)) == wanted
    assert "NameError" not in told(done), "the attack itself is broken"
    for result in done.exercises:
        assert not result.score, (result.id, result.score)
        assert result.status != "passed"
    assert [x.id for x in done.exercises] == list(names)
    learnt = msgspec.json.encode(done).decode()
    assert str(SECRET) not in learnt
    shown = told(done)
    assert [line for line in telling_lines(scratch) if line in shown] == []
    return done


def told(done: Done) -> str:
    """Every text that reaches the student, except the checks' own sentences and hints."""
    outputs = [
        text
        for cell in done.cells
        for x in cell.outputs
        for text in (x.text, x.evalue, *x.traceback, *x.data.values())
    ]
    lines = [
        line
        for result in done.exercises
        for check in result.checks
        for line in check.message.splitlines()[1:]
    ]
    return "\n".join([*outputs, *lines])


@cache
def telling_lines(course: Course) -> list[str]:
    """Lines of graders, samples and solutions that no released file holds."""
    released = "".join(path.read_text() for path in course.release.glob("*.ipynb"))
    files = [course.solutions / f"{PART}.py"]
    for name in hostile.EXERCISES:
        files += [course.graders / name / file for file in (f"test_{name}.py", "chaffs.py")]
    lines = {line.strip() for path in files for line in path.read_text().splitlines()}
    return sorted((x for x in lines if len(x) > 34 and x not in released and "import " not in x), key=len)


def search(course: Course, *parts: str) -> str:
    """A cell that looks for the most telling lines, for the secret and for the files' names."""
    lines = telling_lines(course)
    chosen = [line[3:-3] for line in (*lines[-2:], *(x for x in lines if x.startswith("slope")))]
    chosen += [line[3:-3] for line in lines if "def test_" in line][:2]
    values = {
        "needles": [x.encode()[::-1].hex() for x in (*chosen, str(SECRET))],
        "names": [
            "gradebook.db", "nbgrader_config.py", ".autograder", "chaffs.py", "wheats.py",
            "module6", "submitted", "solutions", *(f"test_{x}.py" for x in hostile.EXERCISES),
        ],
    }  # fmt: skip
    return hostile.SEARCH % values + "".join(parts) + hostile.BIND


def found(done: Done) -> tuple[list[int], list[str]]:
    """How much was read, and the hits."""
    text = "".join(x.text for x in done.cells[0].outputs)
    assert "hits:" in text, [*done.cells[0].outputs, done.cells[0].note]
    read, hits = (ast.literal_eval(x) for x in re.findall(r"^(?:read|hits): (.*)$", text, re.M))
    return read, hits


def test_no_file_within_reach_holds_a_secret(
    scratch: Course, scratch_worker: Worker, honest: tuple[Job, dict[str, Any]]
) -> None:
    source = search(scratch, hostile.FILES, "def f(*a, **k): return 12345\n")
    done = graded_between(scratch, scratch_worker, honest, source)
    read, hits = found(done)
    assert read[0] > 50
    assert hits == ["/tmp/planted holds 0"]


def test_no_memory_within_reach_holds_a_secret(
    scratch: Course, scratch_worker: Worker, honest: tuple[Job, dict[str, Any]]
) -> None:
    source = search(scratch, hostile.MEMORY, "def f(*a, **k): return 12345\n")
    read, hits = found(graded_between(scratch, scratch_worker, honest, source))
    assert read[0] > 100
    assert read[1] > 100 * 2**20
    assert hits, "the search does not find what was planted"
    assert {re.sub(r"^\d+", "pid", hit) for hit in hits} == {"pid holds 0"}


def test_no_object_or_frame_holds_a_secret_not_even_while_asked(
    scratch: Course, scratch_worker: Worker, honest: tuple[Job, dict[str, Any]]
) -> None:
    source = search(scratch, hostile.OBJECTS)
    names = ("count_params", "choose_activation")  # a call, and a probe
    done = graded_between(scratch, scratch_worker, honest, source, names=names)
    read, hits = found(done)
    assert read[0] > 100_000
    assert set(hits) == {"an object holds 0"}
    assert "walked, hits: []" in told(done)


VALUES = ["Int(-7)", "Float(0.5)", "Str('passed')", "List([1])", "Anything()", "Dict(value=1)"]


@pytest.mark.parametrize("value", [*VALUES, "torch.ones(2).as_subclass(Tensor)"])
def test_objects_equal_to_everything_earn_nothing(
    scratch: Course, scratch_worker: Worker, honest: tuple[Job, dict[str, Any]], value: str
) -> None:
    source = hostile.ALWAYS_EQUAL.replace("{value}", value).replace("{claims}", "'D' in value")
    source = source.replace("'D' in value", str("Dict" in value)).replace("{kind}", "torch.Tensor")
    graded_between(scratch, scratch_worker, honest, source + hostile.BIND)


@pytest.mark.parametrize("name", ["PATCHED", "CHANNEL_PATCHED", "STOLEN_QUESTIONS"])
def test_patched_libraries_earn_nothing(
    scratch: Course, scratch_worker: Worker, honest: tuple[Job, dict[str, Any]], name: str
) -> None:
    source = getattr(hostile, name) + hostile.BIND
    done = graded_between(scratch, scratch_worker, honest, source)
    assert "QUESTION" not in told(done)


@pytest.mark.parametrize("value", hostile.FORGED)
def test_forged_replies_earn_nothing(
    scratch: Course, scratch_worker: Worker, honest: tuple[Job, dict[str, Any]], value: str
) -> None:
    source = hostile.FORGED_WHILE_ASKED.replace("{value}", hostile.FORGED[value])
    done = graded_between(scratch, scratch_worker, honest, source + hostile.BIND)
    if value in hostile.MALFORMED:  # the forger's fault and not ours
        assert done.staff == []
        assert {result.status for result in done.exercises} == {"wrong"}


ATTACKS = ["FORGED_FROM_A_THREAD", "FORGED_BEFORE", "JUNK_EVERYWHERE", "KILLER", "KILL_ALL"]
SLOW_ATTACKS = ["HUGE_LENGTH", "DRIP", "BOMBS", "HOARDER"]


@pytest.mark.parametrize("name", [*ATTACKS, *SLOW_ATTACKS])
def test_attacks_on_processes_and_channels_earn_nothing(
    scratch: Course, scratch_worker: Worker, honest: tuple[Job, dict[str, Any]], name: str
) -> None:
    source = getattr(hostile, name) + hostile.BIND
    before = scratch_worker._process.pid
    names = hostile.EXERCISES if name in ATTACKS else ("count_params",)
    last = "print('the next cell')"
    graded_between(scratch, scratch_worker, honest, source, last, names=names)
    assert scratch_worker._process.poll() is None
    assert scratch_worker._process.pid == before


def test_hooks_of_the_interpreter_earn_nothing(
    scratch: Course, scratch_worker: Worker, honest: tuple[Job, dict[str, Any]]
) -> None:
    *hooks, last = hostile.HOOKS
    graded_between(scratch, scratch_worker, honest, *hooks, last, hostile.BIND)
