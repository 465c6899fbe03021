"""The sample class: who is in it, and what each student hands in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from autograder.core.cells import is_written, tag_of
from autograder.course.course import Course
from autograder.course.reference_solutions import without_markers
from autograder.course.samples import read_samples

FUNCTION = re.compile(r"^def (\w+)\(", re.M)
WRITTEN_ANSWER = "No single line has (0, 1) and (1, 0) on one side and (0, 0) and (1, 1) on the other."


@dataclass(frozen=True)
class SampleStudent:
    """A student of the sample class, who submits the reference solutions except where a field says otherwise.

    Most submit only the notebooks of their buggy samples or, if they have none, the first notebook. That
    keeps the demo short.
    """

    name: str
    buggy: Mapping[str, str] = field(default_factory=dict)
    """The name of a buggy sample by exercise."""
    correct_samples: bool = False
    """Whether to submit correct samples."""
    blank: bool = False
    """Whether to submit the released notebooks unchanged."""
    every_notebook: bool = False
    edit_notebook: Callable[[NotebookNode], None] | None = None
    edit_file: Callable[[Path], None] | None = None
    """Applied to the first notebook's file."""
    ungradable: bool = False
    """Whether it is no surprise if this student's file cannot be graded."""


def _warn(notebook: NotebookNode) -> None:
    text = "import sys, warnings\nwarnings.warn('deprecated')\nprint('to stderr', file=sys.stderr)"
    for position in range(len(notebook.cells), 0, -3):
        notebook.cells.insert(position, new_code_cell(text))


def _loop_forever(notebook: NotebookNode) -> None:
    notebook.cells.insert(3, new_code_cell("while True:\n    pass"))
    first = next((name for cell in notebook.cells for name in FUNCTION.findall(cell.source)), "main")
    notebook.cells.append(new_code_cell(f"def {first}(*values, **options):\n    while True: pass"))


def _crash(notebook: NotebookNode) -> None:
    notebook.cells.insert(5, new_code_cell("import os\nos._exit(1)"))


def _rearrange(notebook: NotebookNode) -> None:
    """Delete half of the tests, copy the others, and drop all metadata but that of written answers."""
    tests = [cell for cell in notebook.cells if tag_of(cell).get("locked")]
    copies = [NotebookNode({**cell, "id": f"copy-{number}"}) for number, cell in enumerate(tests[1::2])]
    notebook.cells = [cell for cell in notebook.cells if cell not in tests[::2]] + copies
    for cell in notebook.cells:
        if not is_written(cell):
            cell.metadata.pop("nbgrader", None)
    notebook.cells.append(new_markdown_cell("My notes: finally done."))


def _corrupt(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2000])


def _add_download_number(path: Path) -> None:
    path.rename(path.with_name(f"{path.stem} (1).ipynb"))


def _save_with_windows_editor(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))


CLASS = (
    SampleStudent("ada", every_notebook=True),
    SampleStudent("alan", correct_samples=True),
    SampleStudent("barbara", blank=True),
    SampleStudent("claude", {"count_params": "counts_no_bias", "train_one_epoch": "never_clears_gradients"}),
    SampleStudent("donald", {"activations": "softmax_without_shift", "dloss_dlogit": "by_the_probability"}),
    SampleStudent("edsger", {"mlp": "softmax_in_the_model", "evaluate": "mean_of_batch_losses"}),
    SampleStudent("fei", {"train_one_epoch": "mean_of_batch_means", "backprop": "relu_slope_always_one"}),
    SampleStudent(
        "geoff",
        {"train_perceptron": "bias_never_learns", "gradient_flow": "activation_instead_of_derivative"},
    ),
    SampleStudent("grace", {"early_stop": "counter_never_reset", "dropout": "forgets_to_rescale"}),
    SampleStudent("hedy", {"xor_weights": "computes_or", "choose_activation": "sigmoid_in_hidden_layers"}),
    SampleStudent("john", {"claims": "alexnet_first_with_backprop", "sawtooth": "one_fold_too_few"}),
    SampleStudent("karen", {"train_one_epoch": "moves_inputs_only", "lr_sweep": "loss_after_the_step"}),
    SampleStudent("linus", edit_notebook=_warn),
    SampleStudent("margaret", edit_notebook=_loop_forever),
    SampleStudent("niklaus", edit_notebook=_crash),
    SampleStudent("radia", edit_notebook=_rearrange),
    SampleStudent("seymour", edit_file=_save_with_windows_editor),
    SampleStudent("tim", edit_file=_corrupt, ungradable=True),
    SampleStudent("yann", edit_file=_add_download_number),
)


def sample_class(course: Course) -> list[SampleStudent]:
    """The students, each with buggy samples of this course.

    A buggy sample that the course does not have is left out. Whoever has none left gets the first one of
    another exercise, so that the demo of any assignment shows mistakes.
    """
    chaffs = {
        exercise.id: [x.name for x in read_samples(course.graders / exercise.id) if x.kind == "chaff"]
        for exercise in course.exercises.values()
        if not exercise.written
    }
    spare = iter([(exercise, names[0]) for exercise, names in chaffs.items() if names])
    students = []
    for student in CLASS:
        buggy = {name: chaff for name, chaff in student.buggy.items() if chaff in chaffs.get(name, ())}
        if student.buggy and not buggy:
            buggy = dict([found]) if (found := next(spare, None)) else {}
        students.append(replace(student, buggy=buggy))
    return students


def submit(course: Course, student: SampleStudent) -> None:
    """Put what the student hands in into submitted/."""
    folder = course.root / "submitted" / student.name / course.assignment
    folder.mkdir(parents=True)
    parts = {course.exercises[exercise].notebook for exercise in student.buggy}
    everything = list(course.notebooks)
    names = everything if student.every_notebook else sorted(parts) or everything[:1]
    for number, name in enumerate(names):
        notebook = nbformat.read(course.release / f"{name}.ipynb", as_version=4)
        if not student.blank:
            _solve(course, notebook, student)
        if student.edit_notebook is not None:
            student.edit_notebook(notebook)
        path = folder / f"{name}.ipynb"
        nbformat.write(notebook, path)
        if student.edit_file is not None and number == 0:
            student.edit_file(path)


def _solve(course: Course, notebook: NotebookNode, student: SampleStudent) -> None:
    """Fill every solution cell with the reference, followed by the student's samples, which replace it."""
    for cell in notebook.cells:
        grade_id = str(tag_of(cell).get("grade_id", ""))
        if is_written(cell):
            cell.source = WRITTEN_ANSWER
        elif grade_id.endswith("_solution"):
            exercise = grade_id.removesuffix("_solution")
            cell.source = "\n\n".join(
                [without_markers(course.cell(grade_id)), *_samples(course, exercise, student)]
            )


def _samples(course: Course, exercise: str, student: SampleStudent) -> list[str]:
    samples = read_samples(course.graders / exercise)
    if student.correct_samples:  # one for each name that the exercise defines
        return list({x.target: x.source for x in samples if x.kind == "wheat"}.values())
    if exercise in student.buggy:
        wanted = student.buggy[exercise]
        return [next(x.source for x in samples if x.kind == "chaff" and x.name == wanted)]
    return []
