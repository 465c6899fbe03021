"""Hostile notebooks between honest ones: no point gained, nothing learnt, nobody else touched."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from autograder import pipeline as commands
from autograder.core.records import CodeCell, GradeJob, JobResult, NotebookResult
from autograder.course.course import Course
from autograder.feedback.results import finish
from autograder.intake.submission import Submission, from_notebook
from autograder.sandbox.kill_tree import descendants
from autograder.workers.worker_process import WorkerProcess
from tests.engine.hostile import notebooks as hostile
from tests.engine.hostile import table
from tests.engine.hostile.forgeries import FORGERIES, MARK, Notebook
from tests.engine.support.scratch_course import (
    SECRET,
    WITHOUT_NAMESPACES,
    SharedPool,
    copy_course,
    edited,
    guarded,
    solved,
    start_of,
)

PART = "part1_neurons"
SECONDS = 100.0
TOKEN = "token-8315520974"  # in the environment of the grader alone
BROKEN = ("NameError", "SyntaxError", "IndentationError", "ImportError", "ModuleNotFoundError",
          "AttributeError", "UnboundLocalError", "TypeError")  # fmt: skip
QUICK = """
[tool.autograder.time]
cell = 5.0
grace = 1.0
notebook = 30.0
question = 2.0
exercise = 2.5
submission = 60.0

[tool.autograder.memory]
memory_bytes = 268435456
cpu_seconds = 30
processes = 24
open_files = 100
file_bytes = 4194304
tmp_bytes = 16777216
tmp_files = 300
"""


def job(course: Course, names: Sequence[str], *sources: str) -> GradeJob:
    cells = [CodeCell(number, source) for number, source in enumerate(sources)]
    return GradeJob(cells, [course.exercises[name] for name in names])


def outcome(done: JobResult) -> dict[str, Any]:
    """All that a student and the gradebook get to see, without the time it took."""
    found: dict[str, Any] = msgspec.to_builtins(done)
    return {name: value for name, value in found.items() if name != "seconds"}


@pytest.fixture(scope="module")
def honest(scratch: Course, scratch_worker: WorkerProcess) -> tuple[GradeJob, dict[str, Any]]:
    """An honest submission, right in some and wrong in other exercises, and its outcome."""
    reference = (scratch.solutions / f"{PART}.py").read_text()
    mistake = "def count_params(architecture, bias=True):\n    return sum(architecture)"
    work = job(scratch, hostile.EXERCISES, reference, "print(relu(torch.ones(2)))", mistake)
    done = scratch_worker.grade(work)
    statuses = [result.status for result in done.exercises]
    assert set(statuses) == {"passed", "wrong"} or set(statuses) == {"passed", "partial"}
    return work, outcome(done)


def graded_between(
    scratch: Course,
    worker: WorkerProcess,
    honest: tuple[GradeJob, dict[str, Any]],
    *sources: str,
    names: Sequence[str] = hostile.EXERCISES,
) -> JobResult:
    """Grade a hostile notebook, then an honest one; check what holds for every hostile one."""
    work, wanted = honest
    with guarded(worker, SECONDS):
        done = worker.grade(job(scratch, names, *sources))
        assert outcome(worker.grade(work)) == wanted
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


def told(done: JobResult) -> str:
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


def found(done: JobResult) -> tuple[list[int], list[str]]:
    """How much was read, and the hits."""
    text = "".join(x.text for x in done.cells[0].outputs)
    assert "hits:" in text, [*done.cells[0].outputs, done.cells[0].note]
    read, hits = (ast.literal_eval(x) for x in re.findall(r"^(?:read|hits): (.*)$", text, re.M))
    return read, hits


def test_no_file_within_reach_holds_a_secret(
    scratch: Course, scratch_worker: WorkerProcess, honest: tuple[GradeJob, dict[str, Any]]
) -> None:
    place = repr(str(scratch.release))
    look = f"if os.path.isdir({place}): print('beside:', os.listdir({place}))\n"
    source = search(scratch, hostile.FILES, look, "def f(*a, **k): return 12345\n")
    done = graded_between(scratch, scratch_worker, honest, source)
    read, hits = found(done)
    assert read[0] > 50
    # The data that lie beside the notebook are shown where they are, and nothing else of their folder.
    beside = [path.name for path in scratch.materials]
    planted = [hit for hit in hits if hit.endswith("/planted holds 0")]
    assert planted
    assert set(hits) - set(planted) <= {f"{scratch.release} is there"}
    assert f"beside: {beside}" in told(done) or f"{scratch.release} is there" not in hits


def test_no_memory_within_reach_holds_a_secret(
    scratch: Course, scratch_worker: WorkerProcess, honest: tuple[GradeJob, dict[str, Any]]
) -> None:
    source = search(scratch, hostile.MEMORY, "def f(*a, **k): return 12345\n")
    read, hits = found(graded_between(scratch, scratch_worker, honest, source))
    assert read[0] > 100
    assert read[1] > 100 * 2**20
    assert hits, "the search does not find what was planted"
    assert {re.sub(r"^(\d+|self)", "pid", hit) for hit in hits} == {"pid holds 0"}


def test_no_object_or_frame_holds_a_secret_not_even_while_asked(
    scratch: Course, scratch_worker: WorkerProcess, honest: tuple[GradeJob, dict[str, Any]]
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
    scratch: Course, scratch_worker: WorkerProcess, honest: tuple[GradeJob, dict[str, Any]], value: str
) -> None:
    source = hostile.ALWAYS_EQUAL.replace("{value}", value).replace("{claims}", "'D' in value")
    source = source.replace("'D' in value", str("Dict" in value)).replace("{kind}", "torch.Tensor")
    graded_between(scratch, scratch_worker, honest, source + hostile.BIND)


@pytest.mark.parametrize("name", ["PATCHED", "CHANNEL_PATCHED", "STOLEN_QUESTIONS"])
def test_patched_libraries_earn_nothing(
    scratch: Course, scratch_worker: WorkerProcess, honest: tuple[GradeJob, dict[str, Any]], name: str
) -> None:
    source = getattr(hostile, name) + hostile.BIND
    done = graded_between(scratch, scratch_worker, honest, source)
    assert "QUESTION" not in told(done)


@pytest.mark.parametrize("value", hostile.FORGED)
def test_forged_replies_earn_nothing(
    scratch: Course, scratch_worker: WorkerProcess, honest: tuple[GradeJob, dict[str, Any]], value: str
) -> None:
    source = hostile.FORGED_WHILE_ASKED.replace("{value}", hostile.FORGED[value])
    done = graded_between(scratch, scratch_worker, honest, source + hostile.BIND)
    if value in hostile.MALFORMED:  # the forger's fault and not ours
        assert done.internal_errors == []
        assert {result.status for result in done.exercises} == {"wrong"}


ATTACKS = ["FORGED_FROM_A_THREAD", "FORGED_BEFORE", "JUNK_EVERYWHERE", "KILLER", "KILL_ALL"]
SLOW_ATTACKS = ["HUGE_LENGTH", "DRIP", "BOMBS", "HOARDER"]


@pytest.mark.parametrize("name", [*ATTACKS, *SLOW_ATTACKS])
def test_attacks_on_processes_and_channels_earn_nothing(
    scratch: Course, scratch_worker: WorkerProcess, honest: tuple[GradeJob, dict[str, Any]], name: str
) -> None:
    source = getattr(hostile, name) + hostile.BIND
    before = scratch_worker._process.pid
    names = hostile.EXERCISES if name in ATTACKS else ("count_params",)
    last = "print('the next cell')"
    graded_between(scratch, scratch_worker, honest, source, last, names=names)
    assert scratch_worker._process.poll() is None
    assert scratch_worker._process.pid == before


def test_hooks_of_the_interpreter_earn_nothing(
    scratch: Course, scratch_worker: WorkerProcess, honest: tuple[GradeJob, dict[str, Any]]
) -> None:
    *hooks, last = hostile.HOOKS
    graded_between(scratch, scratch_worker, honest, *hooks, last, hostile.BIND)


# -- the table: many small attacks, each between two honest notebooks ---------------------------------


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Course, WorkerProcess]]:
    """A course with very short limits and a worker of its own; all that the spies look for is there."""
    course = copy_course(tmp_path_factory.mktemp("quick"))
    settings = course.root / "pyproject.toml"
    settings.write_text(settings.read_text().split("\n[tool.autograder.time]")[0] + QUICK)
    victim = course.root / "submitted/victim/module6" / f"{PART}.ipynb"
    victim.parent.mkdir(parents=True)
    shutil.copy(course.release / victim.name, victim)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("\0hostile-table")
    listening.listen()
    with pytest.MonkeyPatch.context() as patch, listening:
        patch.setenv("HOSTILE_TOKEN", TOKEN)
        worker = WorkerProcess(start_of(course))
        yield course, worker
        worker.close()


@pytest.fixture(scope="module")
def brief(quick: tuple[Course, WorkerProcess]) -> tuple[GradeJob, dict[str, Any]]:
    """A short honest notebook, right in one and wrong in the other exercise, and its outcome."""
    course, worker = quick
    look = "import os\nimport torch\nprint(sorted(os.listdir()), os.listdir('data'), torch.ones(2).sum())\n7"
    right = course.cell("count_params_solution").source
    mistake = "def collapse_linear(*layers):\n    return torch.zeros(1), torch.zeros(1)"
    work = job(course, ("count_params", "collapse_linear"), look, right, mistake)
    done = worker.grade(work)
    assert [result.status for result in done.exercises] == ["passed", "wrong"]
    assert "tensor(2.)" in told(done)
    return work, outcome(done)


def test_there_are_many_attacks() -> None:
    names = [attack.name for attack in table.ATTACKS]
    assert len(names) == len(set(names)) >= 60
    assert all(attack.tries and attack.comes and attack.shows for attack in table.ATTACKS)


@pytest.mark.parametrize("attack", table.ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_earns_and_harms_nothing(
    quick: tuple[Course, WorkerProcess], brief: tuple[GradeJob, dict[str, Any]], attack: table.Attack
) -> None:
    course, worker = quick
    assert all(
        (course.root / name).exists()
        for name in re.findall(r"COURSE/([\w./]+)\"", attack.cell)
        if name != "x"
    )
    before, pid = len(descendants()), worker._process.pid
    cell = attack.cell.replace("COURSE", str(course.root))
    sources = (table.PRELUDE, cell, table.BIND)
    done = graded_between(course, worker, brief, *sources, names=(attack.exercise,))
    ran_as_meant(attack, done)
    assert TOKEN not in msgspec.json.encode(done).decode()
    assert done.internal_errors == []
    assert (worker._process.poll(), worker._process.pid) == (None, pid)
    assert processes_after(before) <= before


def ran_as_meant(attack: table.Attack, done: JobResult) -> None:
    """The attack is no broken one: it shows what it should, and only the errors that it may."""
    notes = [f"cell {cell.number}: {cell.note}" for cell in done.cells if cell.note]
    shown = "\n".join([told(done), *notes])
    wanted = attack.elsewhere if attack.elsewhere and WITHOUT_NAMESPACES else attack.shows
    assert re.search(wanted, shown), shown[-3000:]
    assert not notes or "left out" in wanted or table.GONE in wanted, notes
    assert done.exercises[0].status in attack.status.split(), (done.exercises[0].status, shown[-3000:])
    ends = {x.ename for cell in done.cells for x in cell.outputs if x.kind == "error"}
    assert ends <= set(attack.errors), shown[-3000:]
    assert [word for word in BROKEN if word in shown and word not in attack.errors] == []


def processes_after(before: int) -> int:
    """How many processes there are below this one, once those that end have ended."""
    for _ in range(40):
        if (found := len(descendants())) <= before:
            return found
        time.sleep(0.05)
    return found


def test_nothing_that_one_leaves_is_found_by_the_next(
    quick: tuple[Course, WorkerProcess], brief: tuple[GradeJob, dict[str, Any]]
) -> None:
    course, worker = quick
    names = ("count_params",)
    sources = (table.PRELUDE, table.PLACES + table.LEAVE + table.FIND, table.BIND)
    done = graded_between(course, worker, brief, *sources, names=names)
    assert table.LEFT in told(done)
    done = graded_between(
        course, worker, brief, table.PRELUDE, table.PLACES + table.FIND, table.BIND, names=names
    )
    assert "ran: end" in told(done)


# -- forged notebooks: what a submission says of itself counts for nothing ---------------------------


def graded(course: Course, worker: WorkerProcess, content: Notebook) -> tuple[NotebookResult, Submission]:
    """A notebook read, marked and finished as in a class, for three of its exercises."""
    found = from_notebook(course, content, PART, "somewhere.ipynb", "mallory")
    found.exercises = [x for x in found.exercises if x.id in ("count_params", "claims", "reflection_1")]
    result = finish(found, worker.grade(found.job()))
    return msgspec.structs.replace(result, seconds=0.0), found


def unsolved(course: Course) -> Notebook:
    return edited(course, PART, lambda _, released: released)


@pytest.fixture(scope="module")
def unforged(quick: tuple[Course, WorkerProcess]) -> NotebookResult:
    result, _ = graded(*quick, unsolved(quick[0]))
    assert result.status == "graded"
    return result


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_notebook_gets_what_it_would_get_without(
    quick: tuple[Course, WorkerProcess],
    brief: tuple[GradeJob, dict[str, Any]],
    unforged: NotebookResult,
    name: str,
) -> None:
    course, worker = quick
    content = unsolved(course)
    before = json.dumps(content)
    FORGERIES[name](content)
    assert json.dumps(content) != before, "the forgery changes nothing"
    result, found = graded(course, worker, content)
    assert result == unforged
    released = json.loads((course.release / f"{PART}.ipynb").read_text())
    tags = {tag["grade_id"]: tag for x in released["cells"] if (tag := x["metadata"].get("nbgrader"))}
    for cell in found.notebook.cells:
        if tag := cell.metadata.get("nbgrader"):
            assert tag == tags[tag["grade_id"]]
        assert MARK not in json.dumps([cell.metadata, cell.get("outputs"), cell.get("attachments")])
    assert MARK not in json.dumps(found.notebook.metadata)
    assert outcome(worker.grade(brief[0])) == brief[1]


# -- names of folders and files in submitted/ ----------------------------------------------------------

NAMES = ["a'b", 'a"b', "new\nline", "'; DROP TABLE grade; --", "$(touch pwned)", "-rf", "{student_id}", "[a-z]*",
         "..x", "a\\b", "%s%n", "<script>evil()", "\u202egnp", "x" * 200, "[red]bold"]  # fmt: skip


def test_names_of_folders_are_only_names(
    quick: tuple[Course, WorkerProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each gets the grade of its notebook, and the honest ones among them theirs."""

    class Shared(SharedPool):
        worker = quick[1]

    monkeypatch.setattr(commands, "Pool", Shared)
    course = Course(shutil.copytree(quick[0].root, tmp_path / "course"))
    shutil.rmtree(course.root / "submitted")
    honest, nothing = solved(course, PART, "count_params"), {"cells": "none"}
    for name in (*NAMES, "ada", "zoe"):
        file = course.root / "submitted" / name / course.assignment / f"{PART}.ipynb"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(honest if name in ("ada", "zoe", NAMES[0], NAMES[3]) else nothing))
        file.with_name("a'; b\n$(touch pwned).ipynb").write_text("{}")
    around = sorted(os.listdir(course.root))
    commands.grade_class(course.root, "module6", [], 0, "cpu", False, tmp_path / "results.json")
    results = json.loads((tmp_path / "results.json").read_text())["results"]
    scores = {x["student"]: x["score"] for x in results if x["notebook"] == PART}
    assert scores == {
        name: 3.0 * (name in ("ada", "zoe", NAMES[0], NAMES[3])) for name in (*NAMES, "ada", "zoe")
    }
    assert sorted(set(os.listdir(course.root)) - {"autograded"}) == sorted(set(around) - {"autograded"})
    assert set(os.listdir(course.root / "autograded")) == {"ada", "zoe", NAMES[0], NAMES[3]}
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("linked", ["notebook", "assignment", "student"])
def test_a_link_to_somebody_elses_work_earns_nothing(
    quick: tuple[Course, WorkerProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: str
) -> None:
    """Who hands in a link to somebody else's notebook gets none of its points."""

    class Shared(SharedPool):
        worker = quick[1]

    monkeypatch.setattr(commands, "Pool", Shared)
    course = Course(shutil.copytree(quick[0].root, tmp_path / "course"))
    shutil.rmtree(course.root / "submitted")
    files = {
        x: course.root / "submitted" / x / course.assignment / f"{PART}.ipynb" for x in ("ada", "mallory")
    }
    files["ada"].parent.mkdir(parents=True)
    files["ada"].write_text(json.dumps(solved(course, PART, "count_params")))
    up = {"notebook": 0, "assignment": 1, "student": 2}[linked]
    mine, hers = ([x, *x.parents][up] for x in (files["mallory"], files["ada"]))
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.symlink_to(hers)
    commands.grade_class(course.root, "module6", [], 0, "cpu", False, tmp_path / "results.json")
    scores = {
        x["student"]: x["score"] for x in json.loads((tmp_path / "results.json").read_text())["results"]
    }
    assert scores == {"ada": 3.0, "mallory": 0.0}
