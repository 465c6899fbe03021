"""What one more submission costs, compared with nbgrader's own Execute on the same notebooks.

    python -m tests.benchmarks.cost_per_submission [--submissions 50] [--stock 50] [--notebook part1_neurons]

Measures the CPU seconds of all processes involved. `total` is everything from the submitted file to scores
and a filled notebook. `cells` is the part of it from forking the notebook's process to the end of its last
cell. `functions` is the time in the student's functions when the checks call them, measured on the reference
in this process. `overhead` is the rest: what the grader itself costs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import psutil
import torch

from autograder.core.records import Exercise, WorkerConfig
from autograder.course.course import Course
from autograder.course.solution_regions import BEGIN, END
from autograder.feedback.results import finish
from autograder.grading import grade_submission
from autograder.grading.context import GradingContext
from autograder.grading.pytest_graders import CollectedGraders, with_graders
from autograder.intake.submission import open_submission
from autograder.process.choose_launcher import launcher_for
from autograder.process.proxy import LocalProxy
from autograder.process.run_cells import CellRunner, Run
from autograder.protocol.answerer import Answerer
from autograder.protocol.messages import Call, RunProbe
from autograder.workers.pool import available_cores
from autograder.workers.worker import WorkerService


def cpu_seconds() -> float:
    """CPU seconds of this process, its running descendants, and those that have ended and been reaped."""
    me = psutil.Process()
    total = 0.0
    for process in [me, *me.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def measured(work: Callable[[], object]) -> tuple[float, float]:
    """CPU and wall-clock seconds of one piece of work."""
    wall, used = time.monotonic(), cpu_seconds()
    work()
    return cpu_seconds() - used, time.monotonic() - wall


def solved_copies(course: Course, name: str, count: int, folder: Path) -> list[Path]:
    """Write solved notebooks, each with one unique cell so that no two files are the same."""
    paths = []
    for number in range(count):
        notebook = nbformat.read(course.source / f"{name}.ipynb", as_version=4)
        for cell in notebook.cells:
            lines = cell.source.split("\n")
            cell.source = "\n".join(x for x in lines if not BEGIN.match(x) and not END.match(x))
        notebook.cells.append(nbformat.v4.new_code_cell(f"submission = {number}"))
        student = folder / str(number)
        student.mkdir()
        paths.append(student / f"{name}.ipynb")
        nbformat.write(notebook, paths[-1])
    return paths


class TimedAnswerer(Answerer):
    """Answers requests, and adds up the CPU time of the functions that it calls."""

    seconds = 0.0

    def _function(self, request: Call | RunProbe) -> tuple[Callable[..., Any], list[Any]]:
        function, lead = super()._function(request)

        def timed(*args: Any, **kwargs: Any) -> Any:
            start = time.process_time()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds += time.process_time() - start

        return timed, lead


def functions_alone(service: WorkerService, graders: CollectedGraders, exercises: list[Exercise]) -> float:
    """CPU seconds of a solved notebook's functions when all checks call them."""
    total = 0.0
    for exercise in exercises:
        reference = service.reference(exercise)
        student = LocalProxy(vars(reference._answerer.names)["_names"])
        student._answerer = timed = TimedAnswerer(vars(student._answerer.names)["_names"])
        for item in graders.checks[exercise.id]:
            graders.run_check(item, GradingContext(student, reference, service.seed))
        total += timed.seconds
    return total


@dataclass
class Measured:
    """Seconds per submission: CPU seconds, except `wall`."""

    total: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    cells: list[float] = field(default_factory=list)
    functions: list[float] = field(default_factory=list)

    def overhead(self) -> list[float]:
        return [a - b - c for a, b, c in zip(self.total, self.cells, self.functions, strict=True)]


def measure_grader(course: Course, paths: list[Path]) -> Measured:
    def work(graders: CollectedGraders) -> Measured:
        torch.set_num_threads(1)
        os.sched_setaffinity(0, {available_cores()[0]})  # as each worker is if there is one per core
        found = Measured()
        with launcher_for(course.settings.memory, materials=course.materials) as launcher:
            config = WorkerConfig(str(course.root), course.assignment, 1, "cpu", diagnose=True)
            service = WorkerService(course, config, graders, launcher)

            class CountedRunner(CellRunner):
                def run(self, until: str = "") -> Run:
                    run: list[Run] = []
                    found.cells.append(measured(lambda: run.append(super(CountedRunner, self).run(until)))[0])
                    return run[0]

            def grade(path: Path) -> None:
                submission = open_submission(course, path)
                result = finish(submission, service.grade(submission.job()))
                assert result.score == result.max_score, result

            functions_alone(service, graders, open_submission(course, paths[0]).job().exercises)
            grade(paths[0])  # the reference's answers are computed once for a whole class
            grade_submission.CellRunner = CountedRunner
            for path in paths:
                used, wall = measured(lambda p=path: grade(p))
                found.total.append(used)
                found.wall.append(wall)
                exercises = open_submission(course, path).job().exercises
                found.functions.append(functions_alone(service, graders, exercises))
        return found

    cores = os.sched_getaffinity(0)
    try:
        return with_graders(course.graders, work)
    finally:
        os.sched_setaffinity(0, cores)


def measure_stock(paths: list[Path]) -> tuple[list[float], list[float]]:
    """CPU and wall-clock seconds of nbgrader's Execute, which starts a kernel for each notebook."""
    from nbgrader.preprocessors import Execute

    def execute(path: Path) -> None:
        notebook = nbformat.read(path, as_version=4)
        Execute(timeout=120).preprocess(notebook, {"metadata": {"path": str(path.parent)}})

    pairs = [measured(lambda p=p: execute(p)) for p in paths]
    return [cpu for cpu, _ in pairs], [wall for _, wall in pairs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--submissions", type=int, default=50)
    parser.add_argument("--stock", type=int, default=None, help="default: as many as --submissions")
    parser.add_argument("--notebook", default="part1_neurons")
    parser.add_argument("--course", type=Path, default=Path())
    options = parser.parse_args()
    course = Course(options.course)
    with tempfile.TemporaryDirectory() as folder:
        paths = solved_copies(course, options.notebook, options.submissions, Path(folder))
        found = measure_grader(course, paths)
        stock, stock_wall = measure_stock(
            paths[: options.submissions if options.stock is None else options.stock]
        )
    rows = [
        ("total, CPU s per submission", found.total),
        ("cells, CPU s", found.cells),
        ("functions, CPU s", found.functions),
        ("overhead = total - cells - functions", found.overhead()),
        ("total, wall s", found.wall),
        ("nbgrader's Execute, CPU s", stock),
        ("nbgrader's Execute, wall s", stock_wall),
    ]
    for name, values in rows:
        if values:
            low, mid, high = min(values), statistics.median(values), max(values)
            print(f"{name:42} n={len(values):3}  min {low:6.3f}  median {mid:6.3f}  max {high:6.3f}")


if __name__ == "__main__":
    main()
