"""The command line: each command a thin function over the steps."""

from __future__ import annotations

import errno
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from autograder.core.errors import CourseError, ReleaseError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Release, grade and check an assignment of deep-learning notebooks.",
)

CourseOption = Annotated[Path, typer.Option("--course", help="The course's root folder.")]
Assignment = Annotated[str, typer.Argument(help="The assignment.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the results to this file too.")]
Device = Annotated[Literal["cpu", "cuda"], typer.Option(help="Where the student's code computes.")]
STORAGE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG, errno.EIO}
STORAGE |= {errno.ENOTDIR, errno.EEXIST}  # a file in the place of a folder
Unsafe = Annotated[
    bool, typer.Option("--unsafe", help="Also where submissions can read every file that you can read.")
]
HERE = Path()
DEFAULT = "module6"


@app.command()
def release(
    assignment: Assignment = DEFAULT,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; name what is stale.")] = False,
    course: CourseOption = HERE,
) -> None:
    """Make release/, solutions/ and gradebook.db from source/."""
    from autograder.authoring.release import check_release, make_release

    if check:
        stale = check_release(course, assignment)
        for sentence in stale:
            print(sentence)
        if stale:
            raise typer.Exit(1)
        print("release/, solutions/ and gradebook.db are what source/ gives.")
        return
    for path in make_release(course, assignment, _say):
        print(path)


@app.command()
def run(
    notebooks: Annotated[list[Path], typer.Argument(help="Notebook files, wherever they lie.")],
    json: Json = None,
    device: Device = "cpu",
    seed: Annotated[int | None, typer.Option(help="Draw the inputs from this seed.")] = None,
    notebook: Annotated[str | None, typer.Option(help="Which notebook the files are.")] = None,
    unsafe: Unsafe = False,
    course: CourseOption = HERE,
) -> None:
    """Grade notebook files; no course tree, no gradebook."""
    from autograder.pipeline import run_files

    raise typer.Exit(run_files(course, notebooks, json, device, seed, notebook, unsafe))


@app.command()
def grade(
    assignment: Assignment = DEFAULT,
    student: Annotated[list[str] | None, typer.Option(help="Only students named like this.")] = None,
    jobs: Annotated[int, typer.Option(min=0, help="Workers; 0: one for each processor.")] = 0,
    device: Device = "cpu",
    force: Annotated[bool, typer.Option("--force", help="Also what was graded before.")] = False,
    unsafe: Unsafe = False,
    json: Json = None,
    course: CourseOption = HERE,
) -> None:
    """Grade submitted/ into autograded/ and the gradebook."""
    from autograder.pipeline import grade_class

    raise typer.Exit(grade_class(course, assignment, student or [], jobs, device, force, json, unsafe))


@app.command()
def feedback(
    assignment: Assignment = DEFAULT,
    student: Annotated[list[str] | None, typer.Option(help="Only students named like this.")] = None,
    course: CourseOption = HERE,
) -> None:
    """Write feedback/ from autograded/, by nbgrader's own feedback pages."""
    from autograder.feedback.pages import write_feedback

    for path in write_feedback(course.resolve(), assignment, student or []):
        print(path)


@app.command()
def check(
    exercise: Annotated[list[str] | None, typer.Argument(help="Exercises; all without one.")] = None,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds to draw inputs from.")] = 1,
    jobs: Annotated[int, typer.Option(min=0, help="Workers; 0: one for each processor.")] = 0,
    json: Json = None,
    html: Annotated[Path | None, typer.Option(help="Write the whole kill matrix as a page.")] = None,
    mutants: Annotated[bool, typer.Option("--mutants", help="Small changes of the references, too.")] = False,
    restyled: Annotated[bool, typer.Option("--restyled", help="Chaffs in another style, too.")] = False,
    course: CourseOption = HERE,
) -> None:
    """Put stub, reference, wheats and chaffs before the graders: do they tell right from wrong?"""
    from autograder.authoring.check.command import CheckOptions, check_graders

    raise typer.Exit(
        check_graders(course, exercise or [], CheckOptions(seeds, jobs, json, html, mutants, restyled))
    )


@app.command()
def new(
    exercise: Annotated[str, typer.Argument(help="The exercise: the name of its function.")],
    notebook: Annotated[str, typer.Option(help="The source notebook it goes into; made if missing.")],
    points: Annotated[float, typer.Option(help="What it is worth.")] = 1.0,
    assignment: Annotated[str, typer.Option(help="The assignment.")] = DEFAULT,
    course: CourseOption = HERE,
) -> None:
    """Lay the cells, the grader, a wheat and a chaff of a new exercise."""
    from autograder.authoring.new_exercise import scaffold_exercise

    for path in scaffold_exercise(course, assignment, exercise, notebook.removesuffix(".ipynb"), points):
        print(path)
    print(f"Next: `autograder release`, `autograder check {exercise}`, and docs/authoring.md from there.")


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where to put it; made anew each time.")] = Path("demo"),
    course: CourseOption = HERE,
) -> None:
    """Grade a sample class end to end in a scratch copy of the course."""
    from autograder.demo import run_demo

    raise typer.Exit(run_demo(course, folder.resolve()))


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def main() -> None:
    """Run a command; an error meant for people is one sentence on stderr and exit code 1."""
    try:
        app()
    except (CourseError, ReleaseError) as error:
        print(f"autograder: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("autograder: stopped; what was finished is kept.", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        if error.errno not in STORAGE:
            raise
        told = f"{error.filename or 'a file'} cannot be written ({error.strerror})"
        kept = "what was finished is kept; repair that and run the same command again"
        print(f"autograder: {told}: {kept}.", file=sys.stderr)
        sys.exit(1)
