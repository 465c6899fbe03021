"""Turn source/ into release/, solutions/ and gradebook.db, using nbgrader.

Everything is built in a scratch course first, and moved into place only when it is complete and free of
mistakes and leaks. If anything fails, before or during the move, the course stays as it was.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.authoring.leaks import find_leaks
from autograder.authoring.lint import mistakes
from autograder.authoring.nbgrader_release import generate_assignment, numbered_ids, quick_databases
from autograder.core.errors import ReleaseError
from autograder.course.reference_solutions import solution_module
from autograder.course.source_notebooks import IGNORED, read_sources
from autograder.gradebook import sqlite_diff
from autograder.nbgrader_glue.config import course_config

if TYPE_CHECKING:
    from traitlets.config import Config

GRADEBOOK = "gradebook.db"
REPAIR = "run `autograder release`"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Built:
    """A finished release in a scratch course."""

    release: Path
    solutions: Path
    gradebook: Path


def make_release(root: Path, assignment: str, say: Callable[[str], None] = _log.warning) -> list[Path]:
    """Make release/, solutions/ and gradebook.db from source/. Returns all of their files.

    A gradebook that already holds students is updated in place, as nbgrader does it, and reported to `say`.
    Raises ReleaseError, with nothing changed, if something has to be fixed first.
    """
    root = root.resolve()
    config = course_config(root)
    _raise_any(_mistakes(root, assignment))
    with tempfile.TemporaryDirectory(prefix=".release-", dir=root) as place:
        scratch = Path(place)
        built = _build(root, assignment, scratch, config)
        _raise_any(find_leaks(root, assignment, built.release))
        _update_elsewhere(config, root, assignment, scratch, say)
        if _is_live(root / GRADEBOOK):
            _update_live(config, root / GRADEBOOK, assignment, scratch, say)
        _move_in(_changed(built, root, assignment), scratch)
    made = [*_files(root / "release" / assignment), *_files(root / "solutions" / assignment)]
    return [*made, root / GRADEBOOK]


def check_release(root: Path, assignment: str) -> list[str]:
    """One sentence for each file that is not up to date with source/. Changes nothing.

    The list is empty if the course can be committed: all files are up to date, and the gradebook holds no
    students.
    """
    root = root.resolve()
    try:
        config = course_config(root)
        _raise_any(_mistakes(root, assignment))
        with tempfile.TemporaryDirectory(prefix="autograder-check-") as scratch:
            built = _build(root, assignment, Path(scratch).resolve(), config)
            leaks = find_leaks(root, assignment, built.release)
            return leaks + _stale(built, root, assignment)
    except ReleaseError as error:
        return error.sentences


def _raise_any(sentences: list[str]) -> None:
    """Raise ReleaseError if there is anything to fix."""
    if sentences:
        raise ReleaseError(sentences)


def _mistakes(root: Path, assignment: str) -> list[str]:
    return mistakes(read_sources(root, assignment))


# -- building ------------------------------------------------------------------------------------


def _build(root: Path, assignment: str, scratch: Path, config: Config) -> Built:
    """Build everything in a scratch course: nbgrader's part first, then the solutions."""
    shutil.copytree(root / "source", scratch / "source", ignore=shutil.ignore_patterns(*IGNORED))
    gradebook = scratch / GRADEBOOK
    with quick_databases():
        for name in _in_gradebook(root, assignment):
            with numbered_ids(name):
                generate_assignment(config, scratch, name, f"sqlite:///{gradebook}")
    solutions = scratch / "solutions" / assignment
    solutions.mkdir(parents=True)
    for notebook in read_sources(scratch, assignment):
        text = solution_module(notebook)
        (solutions / f"{notebook.name}.py").write_text(text, encoding="utf-8", newline="\n")
    for path in (scratch / "release" / assignment).glob("*.ipynb"):  # the same bytes on Windows, too
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n"))
    return Built(scratch / "release" / assignment, solutions, gradebook)


def _in_gradebook(root: Path, assignment: str) -> list[str]:
    """This assignment and all released ones, since one gradebook holds them all. Drafts are left out."""
    released = {path.name for path in (root / "release").glob("*") if path.is_dir()}
    sources = {path.name for path in (root / "source").iterdir() if path.is_dir()}
    return sorted({assignment} | (released & sources))


def _changed(built: Built, root: Path, assignment: str) -> list[tuple[Path, Path]]:
    """What to move where. Whatever is up to date is not touched and keeps its timestamps."""
    pairs = []
    for new, place in (
        (built.release, root / "release" / assignment),
        (built.solutions, root / "solutions" / assignment),
    ):
        if _differing(new, place):
            pairs.append((new, place))
    gradebook = root / GRADEBOOK
    if not _is_live(gradebook) and not _same_rows(built.gradebook, gradebook):
        pairs.append((built.gradebook, gradebook))
    return pairs


def _move_in(pairs: list[tuple[Path, Path]], scratch: Path) -> None:
    """Move each new file or folder into place. If one cannot be moved, restore all the old ones."""
    backup = scratch / "backup"
    backup.mkdir()
    moved: list[tuple[Path, Path, Path]] = []
    try:
        for number, (new, place) in enumerate(pairs):
            place.parent.mkdir(parents=True, exist_ok=True)
            old = backup / str(number)
            moved.append((new, place, old))
            if place.exists():
                place.rename(old)
            new.rename(place)
    except BaseException:
        for new, place, old in reversed(moved):
            if not new.exists():
                place.rename(new)
            if old.exists():
                old.rename(place)
        raise


# -- a course with students ------------------------------------------------------------------------


def _is_live(gradebook: Path) -> bool:
    return gradebook.exists() and any(sqlite_diff.people(gradebook))


def _update_live(
    config: Config, gradebook: Path, assignment: str, scratch: Path, say: Callable[[str], None]
) -> None:
    """Let nbgrader update a copy, then apply its changes to the gradebook in one transaction."""
    folder = scratch / f"update-{gradebook.stem}"
    folder.mkdir()
    before, after = folder / "before.db", folder / "after.db"
    sqlite_diff.copy(gradebook, before)
    shutil.copyfile(before, after)
    shutil.copytree(scratch / "source" / assignment, folder / "source" / assignment)
    with quick_databases():
        generate_assignment(config, folder, assignment, f"sqlite:///{after}")
    changed = sqlite_diff.apply_changes(before, after, gradebook)
    students, submissions = sqlite_diff.people(gradebook)
    say(
        f"{gradebook} holds {students} students and {submissions} submissions: {assignment} was updated in"
        f" place ({changed} rows), without touching any submission or grade. Do not commit this file."
    )


def _update_elsewhere(
    config: Config, root: Path, assignment: str, scratch: Path, say: Callable[[str], None]
) -> None:
    """Update the database that nbgrader_config.py sets instead of gradebook.db, if any."""
    from sqlalchemy.engine import make_url

    address = str(config.CourseDirectory.get("db_url", ""))
    if not address:
        return
    url = make_url(address)
    file = root / (url.database or "") if url.drivername.startswith("sqlite") else None
    if file == root / GRADEBOOK:
        return
    if file is not None and _is_live(file):
        _update_live(config, file, assignment, scratch, say)
        return
    folder = scratch / "elsewhere"
    shutil.copytree(scratch / "source" / assignment, folder / "source" / assignment)
    generate_assignment(config, folder, assignment, address)
    shown = url.render_as_string(hide_password=True)
    say(f"{shown} was updated, too: nbgrader_config.py sets it as the course's database.")


# -- comparing -------------------------------------------------------------------------------------


def _stale(built: Built, root: Path, assignment: str) -> list[str]:
    sentences = []
    for new, place in (
        (built.release, root / "release" / assignment),
        (built.solutions, root / "solutions" / assignment),
    ):
        for file, problem in _differing(new, place).items():
            shown = (place.relative_to(root) / file).as_posix()
            sentences.append(f"{shown} {problem} source/{assignment}: {REPAIR}.")
    return sentences + _stale_gradebook(built.gradebook, root / GRADEBOOK)


def _stale_gradebook(new: Path, gradebook: Path) -> list[str]:
    if not gradebook.exists():
        return [f"{GRADEBOOK} is missing: {REPAIR}."]
    students, submissions = sqlite_diff.people(gradebook)
    if students or submissions:
        return [
            (
                f"{GRADEBOOK} holds {students} students and {submissions} submissions, but a committed"
                f" gradebook must hold none: move it out of the course and {REPAIR}."
            )
        ]
    if not _same_rows(new, gradebook):
        return [f"{GRADEBOOK} is not up to date with source/: {REPAIR}."]
    return []


def _same_rows(new: Path, old: Path) -> bool:
    return old.exists() and sqlite_diff.tables(new) == sqlite_diff.tables(old)


def _differing(new: Path, place: Path) -> dict[str, str]:
    """Each file of `place` that differs from `new`, with what is wrong with it."""
    wanted = {path.relative_to(new).as_posix(): path for path in _files(new)}
    found = {path.relative_to(place).as_posix(): path for path in _files(place)}
    problems = {}
    for name in sorted(wanted | found):
        if name not in found:
            problems[name] = "is missing and can be made from"
        elif name not in wanted:
            problems[name] = "is left over and no longer made from"
        elif wanted[name].read_bytes() != found[name].read_bytes():
            problems[name] = "is not up to date with"
    return problems


def _files(folder: Path) -> list[Path]:
    """All files in a folder and its subfolders, except caches and checkpoints."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not set(path.relative_to(folder).parts) & set(IGNORED)
    )
