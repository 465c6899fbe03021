"""Turn source/ into release/, solutions/ and gradebook.db, using nbgrader.

Everything is built in a scratch course first: the files, and a copy of the class's gradebook with its
update. Only when all of it is complete and free of mistakes and leaks are the files moved into place, and the
gradebook is updated last. If anything fails on the way, the course stays as it was.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.authoring.class_update import prepare_update
from autograder.authoring.leaks import find_leaks
from autograder.authoring.lint import mistakes
from autograder.authoring.moves import Move, moved_in
from autograder.authoring.nbgrader_release import generate_assignment, numbered_ids, quick_databases
from autograder.core.errors import ReleaseError
from autograder.core.suggestions import did_you_mean
from autograder.course.course import assignments
from autograder.course.reference_solutions import solution_module
from autograder.course.source_notebooks import IGNORED, read_sources
from autograder.gradebook import sqlite_diff
from autograder.nbgrader_glue.config import course_config
from autograder.nbgrader_glue.gradebook_file import COMMITTED, how_to_move

if TYPE_CHECKING:
    from traitlets.config import Config

REPAIR = "run `autograder release`"
LEFT_OVER = "is left over and no longer made from"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Built:
    """A finished release in a scratch course."""

    release: Path
    solutions: Path
    gradebook: Path


def make_release(root: Path, assignment: str, say: Callable[[str], None] = _log.warning) -> list[Path]:
    """Make release/, solutions/ and gradebook.db from source/. Returns the files that changed, or are gone.

    The class's gradebook is updated in place, as nbgrader does it, and reported to `say`. Raises
    ReleaseError, with nothing changed, if something has to be fixed first.
    """
    root = root.resolve()
    _refuse_unknown(root, assignment)
    config = course_config(root)
    _raise_any(_mistakes(root, assignment))
    with tempfile.TemporaryDirectory(prefix=".release-", dir=root) as place:
        scratch = Path(place)
        built = _build(root, assignment, scratch, config)
        _raise_any(find_leaks(root, assignment, built.release))
        moves = _moves(built, root, assignment)
        update = prepare_update(config, root, assignment, scratch, built.gradebook)
        with moved_in(moves, scratch / "backup"):
            sentence = update.apply()
    for remark in (sentence, how_to_move(root)):
        if remark:
            say(remark)
    return [move.place for move in moves]


def check_release(root: Path, assignment: str) -> list[str]:
    """One sentence for each file that is not up to date with source/. Changes nothing.

    The list is empty if the course can be committed: all files are up to date, and the gradebook holds no
    students.
    """
    root = root.resolve()
    try:
        _refuse_unknown(root, assignment)
        config = course_config(root)
        _raise_any(_mistakes(root, assignment))
        with tempfile.TemporaryDirectory(prefix="autograder-check-") as scratch:
            built = _build(root, assignment, Path(scratch).resolve(), config)
            leaks = find_leaks(root, assignment, built.release)
            return leaks + _stale(built, root, assignment)
    except ReleaseError as error:
        return error.sentences


def _refuse_unknown(root: Path, assignment: str) -> None:
    """Raise ReleaseError if source/ has folders, and none of this name."""
    known = assignments(root) if (root / "source").is_dir() else []
    if known and assignment not in known:
        meant = did_you_mean(assignment, known)
        raise ReleaseError([f"{root} has no assignment {assignment!r}: {meant}"])


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
    gradebook = scratch / COMMITTED
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


def _moves(built: Built, root: Path, assignment: str) -> list[Move]:
    """What to put where. Whatever is up to date is not touched and keeps its timestamps.

    Raises ReleaseError if a file was put by hand where everything is made from source/.
    """
    moves, foreign = [], []
    for new, place in _folders(built, root, assignment):
        for name, problem in _differing(new, place).items():
            if problem != LEFT_OVER:
                moves.append(Move(place / name, new / name))
            elif _was_made(root, assignment, place / name):
                moves.append(Move(place / name, None))
            else:
                foreign.append(_by_hand(place.relative_to(root) / name, assignment))
    _raise_any(foreign)
    gradebook = root / COMMITTED
    if not _is_live(gradebook) and not _same_rows(built.gradebook, gradebook):
        moves.append(Move(gradebook, built.gradebook))
    return moves


def _folders(built: Built, root: Path, assignment: str) -> list[tuple[Path, Path]]:
    """The folders that were built, each with its place in the course."""
    return [
        (built.release, root / "release" / assignment),
        (built.solutions, root / "solutions" / assignment),
    ]


def _was_made(root: Path, assignment: str, path: Path) -> bool:
    """Whether an earlier release made this file: the gradebook of that release lists its notebooks."""
    gradebook = root / COMMITTED
    if not gradebook.exists():
        return False
    return path.stem in sqlite_diff.notebooks(gradebook, assignment) and path.suffix in (".ipynb", ".py")


def _by_hand(shown: Path, assignment: str) -> str:
    return (
        f"{shown.as_posix()} is not made from source/{assignment}: delete it, or move it to"
        f" source/{assignment}/ if the students are to get it."
    )


def _is_live(gradebook: Path) -> bool:
    return gradebook.exists() and any(sqlite_diff.people(gradebook))


# -- comparing -------------------------------------------------------------------------------------


def _stale(built: Built, root: Path, assignment: str) -> list[str]:
    sentences = []
    for new, place in _folders(built, root, assignment):
        for file, problem in _differing(new, place).items():
            shown = place.relative_to(root) / file
            if problem == LEFT_OVER and not _was_made(root, assignment, place / file):
                sentences.append(_by_hand(shown, assignment))
            else:
                sentences.append(f"{shown.as_posix()} {problem} source/{assignment}: {REPAIR}.")
    return sentences + _stale_gradebook(built.gradebook, root)


def _stale_gradebook(new: Path, root: Path) -> list[str]:
    gradebook = root / COMMITTED
    if not gradebook.exists():
        return [f"{COMMITTED} is missing: {REPAIR}."]
    if _is_live(gradebook):
        return [how_to_move(root) or ""]
    if not _same_rows(new, gradebook):
        return [f"{COMMITTED} is not up to date with source/: {REPAIR}."]
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
            problems[name] = LEFT_OVER
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
