"""Which of the files beside a notebook go with it, and what is said about the others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autograder.core.errors import CourseError, Unreadable
from autograder.core.limits import MAX_BESIDE_BYTES, MAX_BESIDE_FILE_BYTES, MAX_BESIDE_FILES, MIB
from autograder.course.course import Course
from autograder.intake.beside import NOTHING, Beside, beside_from, beside_in
from autograder.intake.submission import open_submission
from tests.engine.support.sampled_course import NOTEBOOK, Parts, asks, write_sampled

TWICE = Parts("def twice(x):\n    return 2 * x", asks("twice", three="3"))


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course that releases data/given.csv."""
    course = Course(write_sampled(tmp_path / "course", {"twice": TWICE}))
    put(course.release, {"data/given.csv": "1,2\n"})
    return course


@pytest.fixture
def folder(course: Course) -> Path:
    """A student's folder, with the released notebook."""
    folder = course.root / "submitted" / "ann" / course.assignment
    folder.mkdir(parents=True)
    (folder / f"{NOTEBOOK}.ipynb").write_bytes((course.release / f"{NOTEBOOK}.ipynb").read_bytes())
    return folder


def put(folder: Path, files: dict[str, str | int]) -> None:
    """Write these files; a number stands for so many bytes."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, int):
            with path.open("wb") as file:
                file.truncate(content)
        else:
            path.write_text(content)


def taken(beside: Beside) -> dict[str, bytes]:
    return {file.path: file.data for file in beside.read()}


def test_files_and_folders_go_with_the_notebook(course: Course, folder: Path) -> None:
    put(folder, {"helper.py": "x = 1", "my data.csv": "1", "lib/__init__.py": "", "lib/a/deep.py": "y = 2"})
    put(folder, {"data/extra.csv": "3", "Übung.txt": "ü", "empty": ""})
    beside = beside_in(course, folder)
    assert taken(beside) == {
        "Übung.txt": "ü".encode(), "empty": b"", "helper.py": b"x = 1", "my data.csv": b"1",
        "data/extra.csv": b"3", "lib/__init__.py": b"", "lib/a/deep.py": b"y = 2",
    }  # fmt: skip
    assert beside.note is None


def test_a_notebook_in_a_subfolder_has_its_own_files_beside_it(course: Course, folder: Path) -> None:
    """As in an archive of a folder; and `sys.path.append("..")` finds what is in the folders next to it."""
    put(
        folder, {"homework/helper.py": "x = 1", "homework/lib/a.py": "", "src/b.py": "", "helper.py": "x = 2"}
    )
    beside = beside_in(course, folder / "homework", folder)
    assert taken(beside) == {"helper.py": b"x = 1", "lib/a.py": b"", "src/b.py": b""}
    assert beside.left_out == ("helper.py (there is another of this name)",)
    assert beside_in(course, folder, folder) == beside_in(course, folder)


def test_what_nobody_misses_stays_behind_without_a_word(course: Course, folder: Path) -> None:
    put(folder, {"timestamp.txt": "2026-01-01 00:00 UTC", "submission_secret.txt": "s", "other.IPYNB": "{}"})
    put(folder, {".ipynb_checkpoints/part-checkpoint.ipynb": "{}", "__pycache__/helper.cpython-311.pyc": "x"})
    put(folder, {"__MACOSX/._helper.py": "x", ".git/config": "x", ".DS_Store": "x", "lib/.hidden/x": "x"})
    put(folder, {"data/given.csv": "1,2\n"})
    assert beside_in(course, folder) == NOTHING


def test_the_released_files_win(course: Course, folder: Path) -> None:
    put(folder, {"data/given.csv": "my own"})
    beside = beside_in(course, folder)
    assert beside.files == ()
    assert beside.left_out == ("data/given.csv (the released file is used)",)
    (folder / "data/given.csv").unlink()
    (folder / "data").rmdir()
    put(folder, {"data": "a file where a folder was released"})
    assert beside_in(course, folder).left_out == ("data (the released file is used)",)


def test_links_and_devices_are_named_and_not_followed(course: Course, folder: Path) -> None:
    put(course.root, {"secret.txt": "s", "secrets/a.txt": "s"})
    (folder / "link.txt").symlink_to(course.root / "secret.txt")
    (folder / "links").symlink_to(course.root / "secrets")
    os.mkfifo(folder / "pipe")
    beside = beside_in(course, folder)
    assert beside.files == ()
    assert beside.left_out == ("link.txt (a link)", "links (a link)", "pipe (not a regular file)")


def test_a_file_that_cannot_be_read_is_named(course: Course, folder: Path) -> None:
    put(folder, {"helper.py": "x = 1", "locked/b.py": "x"})
    for path in (folder / "helper.py", folder / "locked"):
        path.chmod(0)
    if os.access(folder / "helper.py", os.R_OK):
        pytest.skip("root reads everything")
    left_out = beside_in(course, folder).left_out
    (folder / "locked").chmod(0o700)
    assert left_out == ("helper.py (Permission denied)", "locked (Permission denied)")


def test_limits(course: Course, folder: Path) -> None:
    put(folder, {"big.bin": MAX_BESIDE_FILE_BYTES + 1, "fits.bin": MAX_BESIDE_FILE_BYTES})
    put(folder, {"second.bin": MAX_BESIDE_BYTES - MAX_BESIDE_FILE_BYTES - 1, "third.bin": 2, "tiny": 1})
    put(folder, {"/".join("abcdefgh") + "/deep.txt": "x", "/".join("abcdefg") + "/deep.txt": ""})
    beside = beside_in(course, folder)
    assert set(taken(beside)) == {"fits.bin", "second.bin", "tiny", "a/b/c/d/e/f/g/deep.txt"}
    assert beside.left_out == (
        "big.bin (over 16 MiB)", "third.bin (too much together)", "a/b/c/d/e/f/g/h (in too many folders)",
    )  # fmt: skip
    assert beside.note == f"Graded without these files beside the notebook: {', '.join(beside.left_out)}."


def test_too_many_files_are_counted_in_the_note(course: Course, folder: Path) -> None:
    put(folder, {f"images/{number:03}.png": "x" for number in range(MAX_BESIDE_FILES + 9)} | {"z.py": ""})
    beside = beside_in(course, folder)
    assert len(beside.files) == MAX_BESIDE_FILES
    assert beside.files[0].path == "z.py", "the notebook's own folder comes first"
    assert beside.note is not None
    assert beside.note.endswith(f"203.png (more than {MAX_BESIDE_FILES} files) and 5 more.")


def test_files_leave_room_in_the_submissions_folder(course: Course, folder: Path) -> None:
    settings = course.root / "pyproject.toml"
    settings.write_text(f"[tool.autograder.memory]\ntmp_bytes = {2 * MIB}\n")
    put(folder, {"a.bin": MIB - 10, "b.bin": 20})
    assert [file.path for file in beside_in(Course(course.root), folder).files] == ["a.bin"]


def test_names_that_no_message_could_hold_are_left_out(course: Course, folder: Path) -> None:
    put(folder, {"new\nline.py": "x"})
    (Path(os.fsdecode(os.fsencode(folder) + b"/\xff.txt"))).write_text("x")
    beside = beside_in(course, folder)
    assert beside.files == ()
    assert len(beside.left_out) == 2
    assert beside.note is not None
    beside.note.encode()


def test_the_digest_covers_what_goes_along_and_what_does_not(course: Course, folder: Path) -> None:
    notebook = folder / f"{NOTEBOOK}.ipynb"

    def digest() -> str:
        return open_submission(course, notebook, beside=beside_in(course, folder)).digest

    plain = open_submission(course, notebook).digest
    seen = [digest()]
    assert seen == [plain], "without files, a notebook's digest is what it was"
    for name, content in (("helper.py", "1"), ("helper.py", "2"), ("big", MAX_BESIDE_FILE_BYTES + 1)):
        put(folder, {name: content})
        seen.append(digest())
    (folder / "helper.py").rename(folder / "other.py")
    seen.append(digest())
    assert len(set(seen)) == len(seen)
    os.utime(folder / "other.py", (0, 0))
    assert digest() == seen[-1]


def test_a_file_that_changes_while_it_waits_is_not_graded_unseen(course: Course, folder: Path) -> None:
    put(folder, {"helper.py": "1"})
    beside = beside_in(course, folder)
    submission = open_submission(course, folder / f"{NOTEBOOK}.ipynb", beside=beside)
    assert [(file.path, file.data) for file in submission.job().files] == [("helper.py", b"1")]
    put(folder, {"helper.py": "2"})
    with pytest.raises(Unreadable, match=r"helper\.py changed while it waited"):
        submission.job()
    (folder / "helper.py").unlink()
    with pytest.raises(Unreadable, match=r"helper\.py cannot be read"):
        submission.job()


# -- `autograder run --with`, `nbgrader validate` --------------------------------------------------------


def test_named_files_and_folders_keep_their_names(course: Course, tmp_path: Path) -> None:
    put(tmp_path, {"one/helper.py": "1", "two/lib/a.py": "2", "two/lib/.b.py": "3", ".env": "4"})
    (tmp_path / "linked").symlink_to(tmp_path / "one" / "helper.py")
    found = beside_from(course, [tmp_path / x for x in ("one/helper.py", "two/lib", ".env", "linked")])
    assert taken(found) == {"helper.py": b"1", "lib/a.py": b"2", ".env": b"4", "linked": b"1"}


def test_of_two_files_of_one_name_the_first_is_taken(course: Course, tmp_path: Path) -> None:
    put(tmp_path, {"one/a": "1", "two/a": "2", "three/a/b": "3"})
    found = beside_from(course, [tmp_path / x for x in ("one/a", "two/a", "three/a")])
    assert taken(found) == {"a": b"1"}
    assert found.left_out == ("a (there is another of this name)", "a/b (there is another of this name)")


def test_a_missing_file_is_refused(course: Course, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"nope\.py does not exist"):
        beside_from(course, [tmp_path / "nope.py"])


@pytest.mark.parametrize("hidden", [".", "..", "tests", "solutions/module6/part.py", ".autograder/secret"])
def test_nothing_secret_can_be_put_beside_a_notebook(course: Course, hidden: str) -> None:
    course.seed()
    with pytest.raises(CourseError, match="must not see"):
        beside_from(course, [course.root / hidden])
    assert beside_in(course, course.root / hidden) == NOTHING


def test_a_home_folder_is_nobodys_submission(
    course: Course, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    put(home, {"letter.txt": "dear", "downloads/helper.py": "x"})
    monkeypatch.setenv("HOME", str(home))
    assert beside_in(course, home) == NOTHING
    assert list(taken(beside_in(course, home / "downloads"))) == ["helper.py"]
