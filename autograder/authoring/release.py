"""source/ to release/, solutions/ and gradebook.db, by nbgrader itself.

Everything is made in a scratch course first. Only when all of it is there, without a mistake and
without a leak, does it take its place; what goes wrong before or then leaves all as it was.
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
from autograder.authoring.nbgrader_release import generate, numbered_ids, quick_databases
from autograder.core.errors import ReleaseError
from autograder.course.reference_solutions import solution_module
from autograder.course.source_notebooks import IGNORED, read_sources
from autograder.gradebook import rows as pristine
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
    """Make release/, solutions/ and gradebook.db from source/; returns the files they now hold.

    A gradebook that holds students is updated in place, as nbgrader would, and `say` is told so.
    ReleaseError: what has to be repaired first; nothing was changed.
    """
    root = root.resolve()
    config = course_config(root)
    refuse(_mistakes(root, assignment))
    with tempfile.TemporaryDirectory(prefix=".release-", dir=root) as place:
        scratch = Path(place)
        built = _build(root, assignment, scratch, config)
        refuse(find_leaks(root, assignment, built.release))
        _update_elsewhere(config, root, assignment, scratch, say)
        if _is_live(root / GRADEBOOK):
            _update_live(config, root / GRADEBOOK, assignment, scratch, say)
        _move_in(_changed(built, root, assignment), scratch)
    made = [*_files(root / "release" / assignment), *_files(root / "solutions" / assignment)]
    return [*made, root / GRADEBOOK]


def check_release(root: Path, assignment: str) -> list[str]:
    """One sentence for each file that is not what source/ gives, with its repair; changes nothing.

    Empty when all is up to date and the gradebook holds no student, as every commit must.
    """
    root = root.resolve()
    try:
        config = course_config(root)
        refuse(_mistakes(root, assignment))
        with tempfile.TemporaryDirectory(prefix="autograder-check-") as scratch:
            built = _build(root, assignment, Path(scratch).resolve(), config)
            leaks = find_leaks(root, assignment, built.release)
            return leaks + _stale(built, root, assignment)
    except ReleaseError as error:
        return error.sentences


def refuse(sentences: list[str]) -> None:
    """Stop here when there is anything to repair."""
    if sentences:
        raise ReleaseError(sentences)


def _mistakes(root: Path, assignment: str) -> list[str]:
    return mistakes(read_sources(root, assignment))


# -- making --------------------------------------------------------------------------------------


def _build(root: Path, assignment: str, scratch: Path, config: Config) -> Built:
    """The whole release in a scratch course: nbgrader's part, then the solutions."""
    shutil.copytree(root / "source", scratch / "source", ignore=shutil.ignore_patterns(*IGNORED))
    gradebook = scratch / GRADEBOOK
    with quick_databases():
        for name in _in_gradebook(root, assignment):
            with numbered_ids(name):
                generate(config, scratch, name, f"sqlite:///{gradebook}")
    solutions = scratch / "solutions" / assignment
    solutions.mkdir(parents=True)
    for notebook in read_sources(scratch, assignment):
        text = solution_module(notebook)
        (solutions / f"{notebook.name}.py").write_text(text, encoding="utf-8", newline="\n")
    for made in (scratch / "release" / assignment).glob("*.ipynb"):  # the same bytes on Windows, too
        made.write_bytes(made.read_bytes().replace(b"\r\n", b"\n"))
    return Built(scratch / "release" / assignment, solutions, gradebook)


def _in_gradebook(root: Path, assignment: str) -> list[str]:
    """This assignment and those released before it: one gradebook holds them all, drafts not."""
    released = {path.name for path in (root / "release").glob("*") if path.is_dir()}
    sources = {path.name for path in (root / "source").iterdir() if path.is_dir()}
    return sorted({assignment} | (released & sources))


def _changed(built: Built, root: Path, assignment: str) -> list[tuple[Path, Path]]:
    """What has to take which place; what is the same already keeps its place and its date."""
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
    """Put each new thing in its place; when one cannot be, all the old ones go back."""
    attic = scratch / "attic"
    attic.mkdir()
    moved: list[tuple[Path, Path, Path]] = []
    try:
        for number, (new, place) in enumerate(pairs):
            place.parent.mkdir(parents=True, exist_ok=True)
            old = attic / str(number)
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


# -- a course that has begun -----------------------------------------------------------------------


def _is_live(gradebook: Path) -> bool:
    return gradebook.exists() and any(pristine.people(gradebook))


def _update_live(
    config: Config, gradebook: Path, assignment: str, scratch: Path, say: Callable[[str], None]
) -> None:
    """Let nbgrader update a copy, then do the same to the gradebook in one transaction."""
    trial = scratch / f"trial-{gradebook.stem}"
    trial.mkdir()
    before, after = trial / "before.db", trial / "after.db"
    pristine.copy(gradebook, before)
    shutil.copyfile(before, after)
    shutil.copytree(scratch / "source" / assignment, trial / "source" / assignment)
    with quick_databases():
        generate(config, trial, assignment, f"sqlite:///{after}")
    rows = pristine.apply_changes(before, after, gradebook)
    students, submissions = pristine.people(gradebook)
    say(
        f"{gradebook} holds {students} students and {submissions} submissions: {assignment} was"
        f" updated in place ({rows} rows), nobody's work or grade was touched; do not commit it."
    )


def _update_elsewhere(
    config: Config, root: Path, assignment: str, scratch: Path, say: Callable[[str], None]
) -> None:
    """Update the database that the settings name in place of gradebook.db, if they do."""
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
    trial = scratch / "elsewhere"
    shutil.copytree(scratch / "source" / assignment, trial / "source" / assignment)
    generate(config, trial, assignment, address)
    shown = url.render_as_string(hide_password=True)
    say(f"{shown} was updated too, because the settings name it as the course's database.")


# -- comparing -------------------------------------------------------------------------------------


def _stale(built: Built, root: Path, assignment: str) -> list[str]:
    sentences = []
    for new, place in (
        (built.release, root / "release" / assignment),
        (built.solutions, root / "solutions" / assignment),
    ):
        for file, fault in _differing(new, place).items():
            shown = (place.relative_to(root) / file).as_posix()
            sentences.append(f"{shown} {fault} source/{assignment}: {REPAIR}.")
    return sentences + _stale_gradebook(built.gradebook, root / GRADEBOOK)


def _stale_gradebook(new: Path, gradebook: Path) -> list[str]:
    if not gradebook.exists():
        return [f"{GRADEBOOK} is missing: {REPAIR}."]
    students, submissions = pristine.people(gradebook)
    if students or submissions:
        return [
            (
                f"{GRADEBOOK} holds {students} students and {submissions} submissions, and a committed"
                f" gradebook holds none: keep a copy of it elsewhere, delete it here and {REPAIR}."
            )
        ]
    if not _same_rows(new, gradebook):
        return [f"{GRADEBOOK} is not what source/ gives: {REPAIR}."]
    return []


def _same_rows(new: Path, old: Path) -> bool:
    return old.exists() and pristine.tables(new) == pristine.tables(old)


def _differing(new: Path, place: Path) -> dict[str, str]:
    """Each file that is not the same on both sides, with what is wrong with it in `place`."""
    wanted = {path.relative_to(new).as_posix(): path for path in _files(new)}
    found = {path.relative_to(place).as_posix(): path for path in _files(place)}
    faults = {}
    for name in sorted(wanted | found):
        if name not in found:
            faults[name] = "is missing and can be made from"
        elif name not in wanted:
            faults[name] = "is left over and no longer made from"
        elif wanted[name].read_bytes() != found[name].read_bytes():
            faults[name] = "is not up to date with"
    return faults


def _files(folder: Path) -> list[Path]:
    """The files below a folder, caches and checkpoints aside."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and not set(path.relative_to(folder).parts) & set(IGNORED)
    )
