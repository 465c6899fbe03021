"""What one more submission costs, beside stock nbgrader's Execute on the same notebooks, in one run.

    python tests/benchmarks/cost_per_submission.py [--submissions 50] [--stock 50] [--notebook part1_neurons]

Processor seconds of every process involved. `engine` is the whole way from the submitted file to scores
and a filled notebook; `student` the same cells run in the same sandbox with nothing asked afterwards;
their difference is what grading costs (the student's functions, as the graders call them, are in it).
The two are measured in turn, so that a machine that gets slower meets both.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import psutil
import torch

from autograder.course import Course
from autograder.draw import derived_seed
from autograder.execution import run_cells
from autograder.grading import Bench, with_graders
from autograder.nursery import Nursery
from autograder.regions import BEGIN, END
from autograder.submission import finish, open_submission
from autograder.worker import Desk, Start


def processor_seconds() -> float:
    """Of this process, all it ever started and has reaped, and all that still runs below it."""
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
    """Processor and wall seconds of one piece of work."""
    wall, used = time.monotonic(), processor_seconds()
    work()
    return processor_seconds() - used, time.monotonic() - wall


def solved_copies(course: Course, name: str, count: int, folder: Path) -> list[Path]:
    """Solved notebooks, each with a cell of its own so that no two files are the same."""
    paths = []
    for number in range(count):
        notebook = nbformat.read(course.source / f"{name}.ipynb", as_version=4)
        for cell in notebook.cells:
            lines = cell.source.split("\n")
            cell.source = "\n".join(x for x in lines if not BEGIN.match(x) and not END.match(x))
        notebook.cells.append(nbformat.v4.new_code_cell(f"submission = {number}"))
        place = folder / str(number)
        place.mkdir()
        paths.append(place / f"{name}.ipynb")
        nbformat.write(notebook, paths[-1])
    return paths


def measure_engine(course: Course, paths: list[Path]) -> tuple[list[float], list[float], list[float]]:
    """Per submission: processor seconds of the engine and of the cells alone; the engine's wall seconds."""

    def work(bench: Bench) -> tuple[list[float], list[float], list[float]]:
        torch.set_num_threads(1)
        with Nursery(course.settings.memory) as nursery:
            start = Start(str(course.root), course.assignment, 1, "cpu", diagnose=True)
            desk = Desk(course, start, bench, nursery)
            seed = derived_seed(1, "student")

            def grade(path: Path) -> None:
                submission = open_submission(course, path)
                result = finish(submission, desk.do(submission.job()))
                assert result.score == result.max_score, result

            def only_run(path: Path) -> None:
                cells = open_submission(course, path).job().cells
                run_cells(nursery, cells, seed, course.settings.time)
                nursery.sweep()

            grade(paths[0])  # the reference's answers are worked out once for a whole class
            pairs = [(measured(lambda p=p: grade(p)), measured(lambda p=p: only_run(p))) for p in paths]
            return (
                [engine[0] for engine, _ in pairs],
                [student[0] for _, student in pairs],
                [engine[1] for engine, _ in pairs],
            )

    return with_graders(course.graders, work)


def measure_stock(paths: list[Path]) -> tuple[list[float], list[float]]:
    """Processor and wall seconds of nbgrader's Execute, which starts a kernel for each notebook."""
    from nbgrader.preprocessors import Execute

    def execute(path: Path) -> None:
        notebook = nbformat.read(path, as_version=4)
        Execute(timeout=120).preprocess(notebook, {"metadata": {"path": str(path.parent)}})

    pairs = [measured(lambda p=p: execute(p)) for p in paths]
    return [cpu for cpu, _ in pairs], [wall for _, wall in pairs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--submissions", type=int, default=50)
    parser.add_argument("--stock", type=int, default=None, help="as many as --submissions without it")
    parser.add_argument("--notebook", default="part1_neurons")
    parser.add_argument("--course", type=Path, default=Path())
    options = parser.parse_args()
    course = Course(options.course)
    with tempfile.TemporaryDirectory() as folder:
        paths = solved_copies(course, options.notebook, options.submissions, Path(folder))
        engine, student, wall = measure_engine(course, paths)
        stock, stock_wall = measure_stock(
            paths[: options.submissions if options.stock is None else options.stock]
        )
    cost = [a - b for a, b in zip(engine, student, strict=True)]
    rows = [
        ("engine, processor s a submission", engine),
        ("the student's cells alone, processor s", student),
        ("grading = engine - cells, processor s", cost),
        ("engine, wall s", wall),
        ("stock nbgrader Execute, processor s", stock),
        ("stock nbgrader Execute, wall s", stock_wall),
    ]
    for name, values in rows:
        if values:
            low, mid, high = min(values), statistics.median(values), max(values)
            print(f"{name:42} n={len(values):3}  min {low:6.3f}  median {mid:6.3f}  max {high:6.3f}")


if __name__ == "__main__":
    main()
