"""`autograder demo`: a sample class, graded end to end in a scratch copy of the course."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograder.core.cells import is_written, tag_of
from autograder.core.errors import CourseError
from autograder.course.course import Course
from autograder.course.reference_solutions import without_markers
from autograder.course.samples import Sample, read_samples

COPIED = ("source", "release", "solutions", "tests", "nbgrader_config.py", "gradebook.db")
SETTINGS = """# The demo's class holds an endless loop: waiting less for it keeps the demo short.
[tool.autograder.time]
cell = 6.0
question = 4.0
exercise = 6.0
"""
ANSWER = "No single line has (0, 1) and (1, 0) on one side and (0, 0) and (1, 1) on the other."


@dataclass(frozen=True)
class SampleStudent:
    """A student of the sample class: chaffs by exercise, and what is done to the notebooks' cells or file.

    Most hand in only the parts that their chaffs are about, or else the first: that keeps the demo short.
    """

    name: str
    chaffs: Mapping[str, str] = field(default_factory=dict)
    wheats: bool = False
    blank: bool = False
    everything: bool = False
    cells: Callable[[NotebookNode], None] | None = None
    file: Callable[[Path], None] | None = None


def _warn(notebook: NotebookNode) -> None:
    text = "import sys, warnings\nwarnings.warn('deprecated, they say')\nprint('to stderr', file=sys.stderr)"
    for place in range(len(notebook.cells), 0, -3):
        notebook.cells.insert(place, new_code_cell(text))


def _loop_for_ever(notebook: NotebookNode) -> None:
    notebook.cells.insert(3, new_code_cell("while True:\n    pass"))
    notebook.cells.append(new_code_cell("def count_params(architecture, bias=True):\n    while True: pass"))


def _crash(notebook: NotebookNode) -> None:
    notebook.cells.insert(5, new_code_cell("import os\nos._exit(1)"))


def _shuffle_prose_and_copies(notebook: NotebookNode) -> None:
    """Copied cells, prose moved to the end, deleted tests, no metadata left."""
    tests = [cell for cell in notebook.cells if tag_of(cell).get("locked")]
    copies = [NotebookNode({**cell, "id": f"copy-{number}"}) for number, cell in enumerate(tests[1::2])]
    notebook.cells = [cell for cell in notebook.cells if cell not in tests[::2]] + copies
    for cell in notebook.cells:
        if not is_written(cell):
            cell.metadata.pop("nbgrader", None)
    notebook.cells.append(new_markdown_cell("My notes: done at last."))


def _corrupt(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2000])


def _rename(path: Path) -> None:
    path.rename(path.with_name(f"{path.stem} (1).ipynb"))


def _windows(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))


CLASS = (
    SampleStudent("ada", everything=True),
    SampleStudent("alan", wheats=True),
    SampleStudent("barbara", blank=True),
    SampleStudent("claude", {"count_params": "counts_no_bias", "train_one_epoch": "never_clears_gradients"}),
    SampleStudent("donald", {"activations": "softmax_without_shift", "dloss_dlogit": "by_the_probability"}),
    SampleStudent("edsger", {"mlp": "softmax_in_the_model", "evaluate": "mean_of_batch_losses"}),
    SampleStudent("fei", {"train_one_epoch": "mean_of_batch_means", "backprop": "relu_slope_always_one"}),
    SampleStudent(
        "geoff",
        {
            "train_perceptron": "bias_never_learns",
            "gradient_flow": "activation_instead_of_derivative",
        },
    ),
    SampleStudent("grace", {"early_stop": "counter_never_reset", "dropout": "forgets_to_rescale"}),
    SampleStudent("hedy", {"xor_weights": "computes_or", "choose_activation": "sigmoid_in_hidden_layers"}),
    SampleStudent("john", {"claims": "alexnet_first_with_backprop", "sawtooth": "one_fold_too_few"}),
    SampleStudent("karen", {"train_one_epoch": "moves_inputs_only", "lr_sweep": "loss_after_the_step"}),
    SampleStudent("linus", cells=_warn),
    SampleStudent("margaret", cells=_loop_for_ever),
    SampleStudent("niklaus", cells=_crash),
    SampleStudent("radia", cells=_shuffle_prose_and_copies),
    SampleStudent("seymour", file=_windows),
    SampleStudent("tim", file=_corrupt),
    SampleStudent("yann", file=_rename),
)


def run_demo(root: Path, folder: Path) -> int:
    """Make the class in `folder`, grade it, write feedback, and say where everything lies."""
    from autograder.feedback.pages import write_feedback
    from autograder.pipeline import grade_class

    start = time.monotonic()
    course = _scratch_copy(Course(root), folder)
    for student in CLASS:
        _hand_in(course, student)
    files = len(list((course.root / "submitted").rglob("*.ipynb")))
    print(f"{len(CLASS)} students have handed in {files} notebooks.\n", file=sys.stderr)
    grade_class(course.root, course.assignment, [], 0, "cpu", True, course.root / "results.json", unsafe=True)
    pages = write_feedback(course.root, course.assignment, [])
    print(f"""
feedback   {len(pages)} pages, for example {pages[0]}
results    {course.root / "results.json"}
gradebook  {course.root / "gradebook.db"}
course     {course.root}  (try there: nbgrader export, autograder grade --force, or formgrader in jupyter lab)

{time.monotonic() - start:.0f} s in all. Two students could not be graded, as they should not: see above.""")
    return 0


def _scratch_copy(course: Course, folder: Path) -> Course:
    """A fresh copy of the course, for nobody's real grades are at stake there."""
    if folder.exists() and any(folder.iterdir()) and not (folder / "submitted").exists():
        raise CourseError(f"{folder} exists and is no demo: name another folder with --folder.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    ignore = shutil.ignore_patterns("engine", "__pycache__")
    for name in COPIED:
        origin = course.root / name
        if origin.is_dir():
            shutil.copytree(origin, folder / name, ignore=ignore)
        else:
            shutil.copy2(origin, folder / name)
    (folder / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
    return Course(folder, course.assignment)


def _hand_in(course: Course, student: SampleStudent) -> None:
    folder = course.root / "submitted" / student.name / course.assignment
    folder.mkdir(parents=True)
    parts = {course.exercises[exercise].notebook for exercise in student.chaffs}
    wanted = list(course.notebooks) if student.everything else sorted(parts) or list(course.notebooks)[:1]
    for number, name in enumerate(wanted):
        notebook = nbformat.read(course.release / f"{name}.ipynb", as_version=4)
        if not student.blank:
            _solve(course, notebook, student)
        if student.cells is not None:
            student.cells(notebook)
        path = folder / f"{name}.ipynb"
        nbformat.write(notebook, path)
        if student.file is not None and number == 0:
            student.file(path)


def _solve(course: Course, notebook: NotebookNode, student: SampleStudent) -> None:
    """Put a solution into every cell: the reference, and a sample's on top where the pupil has one."""
    for cell in notebook.cells:
        grade_id = str(tag_of(cell).get("grade_id", ""))
        if is_written(cell):
            cell.source = ANSWER
        elif grade_id.endswith("_solution"):
            exercise = grade_id.removesuffix("_solution")
            cell.source = "\n\n".join(
                [without_markers(course.cell(grade_id)), *_samples(course, exercise, student)]
            )


def _samples(course: Course, exercise: str, student: SampleStudent) -> list[str]:
    samples = read_samples(course.graders / exercise)
    if student.wheats:
        return _one_for_each_name([sample for sample in samples if sample.kind == "wheat"])
    if exercise in student.chaffs:
        wanted = student.chaffs[exercise]
        return [next(x.source for x in samples if x.kind == "chaff" and x.name == wanted)]
    return []


def _one_for_each_name(samples: list[Sample]) -> list[str]:
    return list({sample.target: sample.source for sample in samples}.values())
