"""Submitted archives through a real `nbgrader zip_collect`: bombs, links and paths that lead outside."""

from __future__ import annotations

import io
import logging
import os
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.course.course import Course
from autograder.nbgrader_plugins.archive_extractor import BoundedExtractor

NAME = "part1_neurons.ipynb"
NOTEBOOK = b'{"cells": []}'
Files = dict[str, bytes]


def zipped(files: Files, *special: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for member, content in special:
            archive.writestr(member, content)
    return data.getvalue()


def with_mode(name: str, mode: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.create_system = 3
    member.external_attr = mode << 16
    return member


def damaged(data: bytes) -> bytes:
    """The same with its middle overwritten."""
    middle = len(data) // 2
    return data[: middle - 20] + b"\xff" * 40 + data[middle + 20 :]


def tarred(*members: tuple[str, bytes, str], mode: Any = "w:gz") -> bytes:
    """A tar archive; a member is (name, type, content or link target)."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode=mode) as archive:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.mode = kind, 0o4755
            member.linkname = content if kind != tarfile.REGTYPE else ""
            member.size = len(content) if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(content.encode()))
    return data.getvalue()


def nested(depth: int) -> bytes:
    data = zipped({NAME: NOTEBOOK})
    for _ in range(depth):
        data = zipped({"inner.zip": data})
    return data


def understated() -> bytes:
    """A zip archive whose header states a smaller size than its member has."""
    data = bytearray(zipped({NAME: b"0" * 400_000}))
    for position in (data.find(b"PK\3\4") + 22, data.find(b"PK\1\2") + 24):
        data[position : position + 4] = (10).to_bytes(4, "little")
    return bytes(data)


def locked() -> bytes:
    """A zip archive that says it is encrypted."""
    data = bytearray(zipped({NAME: NOTEBOOK}))
    for position in (data.find(b"PK\3\4") + 6, data.find(b"PK\1\2") + 8):
        data[position] |= 1
    return bytes(data)


# by student: the ending, the archive, and part of the reason for refusing it ("" if it is unpacked)
ARCHIVES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "ada": (".zip", lambda: zipped({NAME: NOTEBOOK}), ""),
    "ben": (".zip", lambda: nested(2), ""),
    "bz2": (".tar.bz2", lambda: tarred((NAME, tarfile.REGTYPE, NOTEBOOK.decode()), mode="w:bz2"), ""),
    "xz": (".TXZ", lambda: tarred((NAME, tarfile.REGTYPE, NOTEBOOK.decode()), mode="w:xz"), ""),
    "BOB": (".ZIP", lambda: zipped({NAME: NOTEBOOK}), ""),
    "cat": (".tar.gz", lambda: tarred((NAME, tarfile.REGTYPE, NOTEBOOK.decode())), ""),
    "dots": (".zip", lambda: zipped({"deep/...zip": zipped({NAME: NOTEBOOK})}), ""),
    "windows": (".zip", lambda: zipped({f"Module 6\\{NAME}": NOTEBOOK, "Module 6\\helper.py": b""}), ""),
    "setuid": (".zip", lambda: zipped({}, (with_mode(NAME, 0o104755), NOTEBOOK)), ""),
    "bomb": (".zip", lambda: zipped({NAME: b"0" * 3_000_000}), "space"),
    "tar_bomb": (".tar.gz", lambda: tarred((NAME, tarfile.REGTYPE, "0" * 3_000_000)), "space"),
    "many": (".zip", lambda: zipped({f"{n}.txt": b"" for n in range(200)}), "too many files"),
    "inside": (".zip", lambda: zipped({"a.zip": zipped({"b": b"0" * 600_000}), "c": b"0" * 600_000}), "space"),
    "deep": (".zip", lambda: nested(9), "too deep"),
    "up": (".zip", lambda: zipped({f"../../ada/{NAME}": b"{}"}), "leads outside"),
    "windows_up": (".zip", lambda: zipped({f"..\\..\\ada\\{NAME}": b"{}"}), "leads outside"),
    "rooted": (".zip", lambda: zipped({"/tmp/rooted_by_zip": b"{}"}), "leads outside"),
    "link": (".zip", lambda: zipped({}, (with_mode(NAME, stat.S_IFLNK | 0o777), b"../../../gradebook.db")), "a link"),
    "tar_link": (".tar.gz", lambda: tarred((NAME, tarfile.SYMTYPE, "/etc/passwd")), "a link"),
    "hard_link": (".tar.gz", lambda: tarred((NAME, tarfile.LNKTYPE, "/etc/passwd")), "a link"),
    "device": (".tar.gz", lambda: tarred((NAME, tarfile.CHRTYPE, "")), "a device"),
    "tar_up": (".tar.gz", lambda: tarred((f"../ada/{NAME}", tarfile.REGTYPE, "{}")), "leads outside"),
    "lies": (".zip", understated, "broken"),
    "cut": (".zip", lambda: zipped({NAME: os.urandom(5000)})[:3000], "broken"),
    "cut_bz2": (".tar.bz2", lambda: tarred((NAME, tarfile.REGTYPE, "x" * 9000), mode="w:bz2")[:60], "broken"),
    "bad_xz": (".tar.xz", lambda: damaged(tarred((NAME, tarfile.REGTYPE, "x" * 9000), mode="w:xz")), "broken"),
    "bad_bz2": (".tbz2", lambda: damaged(tarred((NAME, tarfile.REGTYPE, "x" * 9000), mode="w:bz2")), "broken"),
    "text": (".zip", lambda: b"no archive at all", "broken"),
    "rar": (".rar", lambda: b"Rar!\x1a\x07\x01\x00", "broken or of an unknown format. Ask for the notebooks"),
    "locked": (".zip", locked, "protected with a password. Ask"),
    "picture": (".zip", lambda: zipped({"scan.jpg": b"a photo of the notebook"}), "no notebook"),
    "same": (".zip", lambda: zipped({"a": b"", "a.zip": nested(0)}), "the same name"),
}  # fmt: skip


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory, scratch: Course) -> tuple[Path, str]:
    """A course after `nbgrader zip_collect`, and the log."""
    root = tmp_path_factory.mktemp("archives")
    for name in ("nbgrader_config.py", "gradebook.db"):
        (root / name).write_bytes((scratch.root / name).read_bytes())
    (root / "source").symlink_to(scratch.root / "source")
    for student, (ending, made, _) in ARCHIVES.items():
        folder = root / "downloaded/module6/archive"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{student}{ending}").write_bytes(made())
    bounds = ["--BoundedExtractor.max_bytes=1000000", "--BoundedExtractor.max_files=100"]
    return root, zip_collect(root, *bounds)


def zip_collect(root: Path, *options: str) -> str:
    """Run the command as docs/instructors.md says; returns the log."""
    line = [sys.executable, "-m", "nbgrader", "zip_collect", "module6", *options]
    done = subprocess.run(line, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("student", ARCHIVES)
def test_archive_is_unpacked_in_its_folder_or_refused(collected: tuple[Path, str], student: str) -> None:
    root, log = collected
    ending, _, reason = ARCHIVES[student]
    lines = [line for line in log.splitlines() if f" {student}{ending} was not unpacked" in line]
    assert len(lines) == bool(reason), log
    assert all(reason in line for line in lines)
    found = list((root / "downloaded/module6/extracted" / student).rglob("*"))
    assert bool(found) == (not reason)
    assert "Traceback" not in log


def test_harmless_archives_are_collected_unchanged(collected: tuple[Path, str]) -> None:
    root, _ = collected
    whole = {"ada", "ben", "bz2", "xz", "BOB", "cat", "dots", "setuid", "windows"}
    for student in whole:
        (file,) = (root / "submitted" / student / "module6").rglob("*.ipynb")
        assert file.read_bytes() == NOTEBOOK
    assert {path.name for path in (root / "submitted").iterdir()} == whole
    assert not Path("/tmp/rooted_by_zip").exists()


def test_folders_of_an_archive_from_windows_are_folders(collected: tuple[Path, str]) -> None:
    root, _ = collected
    unpacked = root / "downloaded/module6/extracted/windows/Module 6"
    assert sorted(path.name for path in unpacked.iterdir()) == sorted([NAME, "helper.py"])


def test_only_regular_files_and_folders_are_unpacked(collected: tuple[Path, str]) -> None:
    root, _ = collected
    modes = [path.lstat().st_mode for path in (root / "downloaded/module6/extracted").rglob("*")]
    assert modes
    assert all(stat.S_ISREG(mode) or stat.S_ISDIR(mode) for mode in modes)
    assert not any(mode & (stat.S_ISUID | stat.S_ISGID) for mode in modes if stat.S_ISREG(mode))


def submitted(root: Path) -> dict[str, str]:
    """What was collected, by path, with its content."""
    top = root / "submitted"
    files = (path for path in top.rglob("*") if path.is_file())
    return {path.relative_to(top).as_posix(): path.read_text() for path in files}


@pytest.fixture
def course(tmp_path: Path, scratch: Course) -> Path:
    for name in ("nbgrader_config.py", "gradebook.db"):
        (tmp_path / name).write_bytes((scratch.root / name).read_bytes())
    for name in ("source", "release"):
        (tmp_path / name).symlink_to(scratch.root / name)
    (tmp_path / "downloaded/module6/archive").mkdir(parents=True)
    return tmp_path


def test_the_documented_layout_is_collected(course: Path) -> None:
    """Files named <student>_<notebook>.ipynb, archives and folders named after the student."""
    archive = course / "downloaded/module6/archive"
    (archive / "ada_part1_neurons.ipynb").write_text("ada 1")
    (archive / "ada_part2_losses.ipynb").write_text("ada 2")
    (archive / "van_dyke_part1_neurons (1).ipynb").write_text("van_dyke 1")
    (archive / "bob.zip").write_bytes(
        zipped({
            "homework/part1_neurons.ipynb": b"bob 1", "homework/helper.py": b"x = 1", "homework/a/d.csv": b"1,2",
            "homework/.ipynb_checkpoints/part1_neurons-checkpoint.ipynb": b"old",
            "__MACOSX/homework/._part1_neurons.ipynb": b"finder", "homework/notes.docx": b"left out",
        })
    )  # fmt: skip
    (archive / "eve").mkdir()
    (archive / "eve/my homework.IPYNB").write_text("eve 1")
    (archive / "joe_part1_neurons.zip").write_bytes(zipped({"part1_neurons.ipynb": b"joe 1"}))
    (archive / "part1_neurons.ipynb").write_text("nobody's")
    log = zip_collect(course)
    assert submitted(course) == {
        "ada/module6/part1_neurons.ipynb": "ada 1",
        "ada/module6/part2_losses.ipynb": "ada 2",
        "van_dyke/module6/part1_neurons (1).ipynb": "van_dyke 1",
        "bob/module6/part1_neurons.ipynb": "bob 1",
        "bob/module6/helper.py": "x = 1",
        "bob/module6/a/d.csv": "1,2",
        "eve/module6/my homework.IPYNB": "eve 1",
        "joe/module6/part1_neurons.ipynb": "joe 1",
    }
    assert "does not show whose it is: put it into a folder" in log
    assert "Regular expression" not in log
    for name in ("part1_neurons.ipynb", "notes.docx"):
        assert f"extracted/{name}" in log or f"/{name}" in log
        assert any("Skipped" in line and line.endswith(f"/{name}") for line in log.splitlines())


def test_two_notebooks_of_one_name_do_not_stop_the_class(course: Path) -> None:
    archive = course / "downloaded/module6/archive"
    two = {
        "part1_neurons.ipynb": b"new",
        "old/part1_neurons.ipynb": b"old",
        "copy/part1_neurons.ipynb": b"new",
    }
    (archive / "ada.zip").write_bytes(zipped(two))
    (archive / "bob.zip").write_bytes(zipped({"part1_neurons.ipynb": b"bob"}))
    log = zip_collect(course)
    found = submitted(course)
    assert found.pop("bob/module6/part1_neurons.ipynb") == "bob"
    assert sorted(found) == [f"ada/module6/part1_neurons{number}.ipynb" for number in (" (2)", "")]
    assert sorted(found.values()) == ["new", "old"]
    assert "ada: a second part1_neurons.ipynb is collected as part1_neurons (2).ipynb" in log
    assert "If it is another student's, put it into a folder with that student's id" in log


def test_nobody_hands_in_the_time_of_the_submission(course: Path) -> None:
    """nbgrader takes timestamp.txt for its own, so one in a student's archive would lift a late penalty."""
    folder = course / "downloaded/module6/archive"
    work = {"part1_neurons.ipynb": b"mine", "notes.txt": b"x"}
    own = {"timestamp.txt": b"2020-01-01 00:00:00 UTC", "submission_secret.txt": b"x"}
    (folder / "ada.zip").write_bytes(zipped(work | own))
    deep = {f"home/work/{name}": data for name, data in (work | {"TimeStamp.TXT": b"2020-01-01"}).items()}
    (folder / "bob.zip").write_bytes(zipped(deep))
    (folder / "eve").mkdir()
    for name, data in (work | own).items():
        (folder / "eve" / name).write_bytes(data)
    log = zip_collect(course)
    wanted = {f"{student}/module6/{name}" for student in ("ada", "bob", "eve") for name in work}
    assert submitted(course).keys() == wanted
    assert log.count("is not collected, since a student may have written it") == 5


def test_the_reason_for_a_broken_archive_is_one_line(course: Path) -> None:
    (course / "downloaded/module6/archive/ada.zip").write_bytes(b"x")
    (line,) = [line for line in zip_collect(course).splitlines() if "ada.zip was not unpacked" in line]
    assert line.endswith("of an unknown format. Ask for the notebooks themselves. Other archives are fine.")


@pytest.mark.parametrize(
    ("bad", "good"), [("ada.zip", "ada.tar"), ("ada.tar", "ada.zip"), ("ada.zip", "ada/part1_neurons.ipynb")]
)
def test_a_broken_archive_takes_nothing_along(tmp_path: Path, bad: str, good: str) -> None:
    """Neither a good archive of the same name nor a folder."""
    (tmp_path / "in/ada").mkdir(parents=True)
    content = (
        tarred((NAME, tarfile.REGTYPE, NOTEBOOK.decode()))
        if good.endswith("tar")
        else zipped({NAME: NOTEBOOK})
    )
    (tmp_path / "in" / good).write_bytes(NOTEBOOK if good.endswith("ipynb") else content)
    (tmp_path / "in" / bad).write_bytes(zipped({NAME: os.urandom(5000)})[:3000])
    BoundedExtractor().extract(str(tmp_path / "in"), str(tmp_path / "out"))
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == [tmp_path / "out/ada" / NAME]
    assert (tmp_path / "out/ada" / NAME).read_bytes() == NOTEBOOK
    assert (tmp_path / "in" / bad).exists() and (tmp_path / "in" / good).exists()


def test_two_archives_of_one_name_are_joined_unless_they_disagree(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/ada.tar").write_bytes(tarred((NAME, tarfile.REGTYPE, NOTEBOOK.decode())))
    (tmp_path / "in/ada.zip").write_bytes(zipped({NAME: NOTEBOOK, "part2_losses.ipynb": b"2"}))
    (tmp_path / "in/eve.tar").write_bytes(tarred((NAME, tarfile.REGTYPE, "one")))
    (tmp_path / "in/eve.zip").write_bytes(zipped({NAME: b"another", "part2_losses.ipynb": b"2"}))
    extractor = BoundedExtractor()
    errors: list[str] = []
    extractor.log = logging.Logger("extractor")  # nbgrader's own, as far as the extractor knows
    extractor.log.addHandler(collecting := logging.Handler(logging.ERROR))
    collecting.emit = lambda record: errors.append(record.getMessage())  # type: ignore[method-assign]
    extractor.extract(str(tmp_path / "in"), str(tmp_path / "out"))
    assert sorted(os.listdir(tmp_path / "out/ada")) == [NAME, "part2_losses.ipynb"]
    assert os.listdir(tmp_path / "out/eve") == [NAME]
    assert (tmp_path / "out/eve" / NAME).read_text() == "one"
    (error,) = errors
    assert error.startswith("eve.zip was not unpacked: another submitted file or archive has a different")


def test_bomb_is_refused_by_the_size_in_its_header(tmp_path: Path) -> None:
    """Ten kilobytes whose header says 2 GiB: nothing is written."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1", b"0" * 10_000_000)
    bomb = bytearray(data.getvalue())
    for position in (bomb.find(b"PK\3\4") + 22, bomb.find(b"PK\1\2") + 24):
        bomb[position : position + 4] = (2**31).to_bytes(4, "little")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/bomb.zip").write_bytes(bomb)
    BoundedExtractor().extract(str(tmp_path / "in"), str(tmp_path / "out"))
    assert not list((tmp_path / "out").rglob("*"))
