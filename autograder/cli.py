"""The command line: one thin function per command."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

import typer
from typer.core import TyperGroup

from autograder import __version__
from autograder.core.errors import CourseError, NoCard, ReleaseError
from autograder.core.file_errors import file_error_sentence

USAGE = 2
INTERRUPTED = 130


class Commands(TyperGroup):
    """All commands. Ctrl-C is answered here: typer itself ends in silence."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            print("autograder: stopped; what was finished is kept.", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Release, grade and check an assignment of deep-learning notebooks.",
)

CURRENT_FOLDER = Path()
DEFAULT_ASSIGNMENT = "module6"


def _course(root: Path) -> Path:
    """Refuse what is no course, and mistakes in its settings, before a command does anything."""
    from autograder.course.course import read_settings, refuse_other_folder

    read_settings(refuse_other_folder(root))
    return root


def _json(path: Path | None) -> Path | None:
    if path is not None:
        from autograder.feedback.json_report import refuse_json

        refuse_json(path)
    return path


def _html(path: Path | None) -> Path | None:
    if path is not None:
        from autograder.authoring.check.matrix import refuse_html

        refuse_html(path)
    return path


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"autograder {__version__}")
        raise typer.Exit


AssignmentArgument = Annotated[str, typer.Argument(help="The name of the assignment.")]
AssignmentOption = Annotated[str, typer.Option("--assignment", help="The name of the assignment.")]
CourseOption = Annotated[
    Path, typer.Option("--course", callback=_course, help="The root folder of the course.")
]
DeviceOption = Annotated[
    Literal["cpu", "cuda", "auto"] | None,
    typer.Option(
        help="Where to grade; auto is cuda if there is a GPU that can be used, else cpu. The setting `device`"
        " by default.",
        show_default=False,
    ),
]
JobsOption = Annotated[
    int, typer.Option(min=0, help="The number of workers; 0 for the setting `jobs`, else one per processor.")
]
JsonOption = Annotated[
    Path | None, typer.Option("--json", callback=_json, help="Also write the results to this file.")
]
StudentOption = Annotated[
    list[str] | None, typer.Option(help="Only students whose id matches this glob; can be repeated.")
]
UnsafeOption = Annotated[
    bool, typer.Option("--unsafe", help="Grade even if submissions can read every file that you can read.")
]


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    """Options that stand before a command."""


@app.command()
def release(
    assignment: AssignmentArgument = DEFAULT_ASSIGNMENT,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 1 and name what is out of date.")
    ] = False,
    course: CourseOption = CURRENT_FOLDER,
) -> None:
    """Make release/, solutions/ and gradebook.db from source/."""
    from autograder.authoring.release import check_release, make_release

    if check:
        outdated = check_release(course, assignment)
        for sentence in outdated:
            print(sentence)
        if outdated:
            raise typer.Exit(1)
        print(f"release/{assignment}, solutions/{assignment} and gradebook.db are up to date with source/.")
        return
    changed = make_release(course, assignment, lambda text: print(text, file=sys.stderr))
    for path in changed:
        print(path if path.exists() else f"{path} (removed)")
    if not changed:
        print(f"release/{assignment}, solutions/{assignment} and gradebook.db were up to date with source/.")


@app.command()
def run(
    notebooks: Annotated[list[Path], typer.Argument(help="The notebook files to grade.")],
    json: JsonOption = None,
    device: DeviceOption = None,
    seed: Annotated[
        int | None, typer.Option(help="Draw inputs from this seed instead of the course's secret.")
    ] = None,
    notebook: Annotated[
        str | None, typer.Option(help="The name of the released notebook, if the files are not recognized.")
    ] = None,
    beside: Annotated[
        list[Path] | None,
        typer.Option("--with", help="A file or folder to put beside each notebook; can be repeated."),
    ] = None,
    unsafe: UnsafeOption = False,
    assignment: AssignmentOption = DEFAULT_ASSIGNMENT,
    course: CourseOption = CURRENT_FOLDER,
) -> None:
    """Grade notebook files, without a gradebook."""
    from autograder.pipeline import run_files

    folder, files = beside or [], notebooks
    raise typer.Exit(run_files(course, files, json, device, seed, notebook, unsafe, folder, assignment))


@app.command()
def grade(
    assignment: AssignmentArgument = DEFAULT_ASSIGNMENT,
    student: StudentOption = None,
    jobs: JobsOption = 0,
    device: DeviceOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Grade everything again, even if unchanged.")
    ] = False,
    unsafe: UnsafeOption = False,
    json: JsonOption = None,
    course: CourseOption = CURRENT_FOLDER,
) -> None:
    """Grade what is in submitted/; write autograded/ and the gradebook."""
    from autograder.pipeline import grade_class

    raise typer.Exit(grade_class(course, assignment, student or [], jobs, device, force, json, unsafe))


@app.command()
def feedback(
    assignment: AssignmentArgument = DEFAULT_ASSIGNMENT,
    student: StudentOption = None,
    course: CourseOption = CURRENT_FOLDER,
) -> None:
    """Write feedback pages from autograded/ into feedback/."""
    from autograder.feedback.pages import write_feedback

    for path in write_feedback(course.resolve(), assignment, student or []):
        print(path)


@app.command()
def check(
    exercise: Annotated[
        list[str] | None, typer.Argument(help="The exercises to check; all by default.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="The number of seeds to draw inputs from.")] = 1,
    first_seed: Annotated[int, typer.Option(min=0, help="The seed to begin with.")] = 0,
    jobs: JobsOption = 0,
    device: DeviceOption = None,
    json: JsonOption = None,
    html: Annotated[
        Path | None, typer.Option("--html", callback=_html, help="Write the kill matrix to this HTML file.")
    ] = None,
    mutants: Annotated[
        bool, typer.Option("--mutants", help="Also grade small changes to the reference solutions.")
    ] = False,
    restyled: Annotated[
        bool, typer.Option("--restyled", help="Also grade the buggy samples rewritten in another style.")
    ] = False,
    assignment: AssignmentOption = DEFAULT_ASSIGNMENT,
    course: CourseOption = CURRENT_FOLDER,
) -> None:
    """Test the hidden graders with the stub, the reference, and the correct and buggy samples."""
    from autograder.authoring.check.command import CheckOptions, check_graders

    options = CheckOptions(seeds, jobs, json, html, mutants, restyled, first_seed, device)
    raise typer.Exit(check_graders(course, exercise or [], options, assignment))


@app.command()
def new(
    exercise: Annotated[str, typer.Argument(help="The exercise's id, which is also its function's name.")],
    notebook: Annotated[
        str, typer.Option(help="The source notebook to add it to; created if it does not exist.")
    ],
    points: Annotated[float, typer.Option(help="The points that the exercise is worth.")] = 1.0,
    assignment: AssignmentOption = DEFAULT_ASSIGNMENT,
    course: CourseOption = CURRENT_FOLDER,
) -> None:
    """Create an exercise: its cells, a grader, a correct sample and a buggy sample."""
    from autograder.authoring.new_exercise import scaffold_exercise

    for path in scaffold_exercise(course, assignment, exercise, notebook.removesuffix(".ipynb"), points):
        print(path)
    print(f"Next: `autograder release`, `autograder check {exercise}`, and docs/authoring.md from there.")


@app.command()
def demo(
    folder: Annotated[
        Path, typer.Option(help="The folder to make the copy in; an earlier demo there is replaced.")
    ] = Path("demo"),
    remove: Annotated[
        bool, typer.Option("--remove", help="Only remove the earlier demo in that folder.")
    ] = False,
    assignment: AssignmentOption = DEFAULT_ASSIGNMENT,
    course: CourseOption = CURRENT_FOLDER,
) -> None:
    """Grade a made-up class in a copy of the course."""
    if remove:
        from autograder.demo.folder import remove_demo

        if folder.exists():
            remove_demo(folder.resolve())
        return
    from autograder.demo.command import run_demo

    raise typer.Exit(run_demo(course, folder.resolve(), assignment))


def _printable(stream: TextIO | None) -> TextIO:
    """A stream that takes every text: what cannot be shown there must not end a command.

    Windows gives redirected output an old encoding, without the lines of tables; cron may close it.
    """
    if stream is None:
        return open(os.devnull, "w", encoding="utf-8")
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors="replace")
    return stream


def main() -> None:
    """Run a command. An error meant for people becomes one sentence on stderr.

    The exit code is 1 then, and 2 if a GPU was asked for and none can be used.
    """
    sys.stdout, sys.stderr = _printable(sys.stdout), _printable(sys.stderr)
    try:
        app()
    except (CourseError, ReleaseError) as error:
        print(f"autograder: {error}", file=sys.stderr)
        sys.exit(USAGE if isinstance(error, NoCard) else 1)
    except OSError as error:
        sentence = file_error_sentence(error)
        if sentence is None:
            raise
        print(f"autograder: {sentence}", file=sys.stderr)
        sys.exit(1)
