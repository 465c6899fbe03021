"""Submitted archives through a real `nbgrader zip_collect`: bombs, links and paths that lead outside."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.course.course import Course
from autograder.nbgrader_plugins.archive_extractor import BoundedExtractor

NAME = "part1_neurons.ipynb"
NOTEBOOK = b'{"cells": []}'
REGEXP = r".*/(?P<student_id>[a-z_0-9]+)/(?P<file_id>[^/]+)"
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


def tarred(*members: tuple[str, bytes, str]) -> bytes:
    """A tar archive; a member is (name, type, content or link target)."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
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


# by student: the ending, the archive, and part of the reason for refusing it ("" if it is unpacked)
ARCHIVES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "ada": (".zip", lambda: zipped({NAME: NOTEBOOK}), ""),
    "ben": (".zip", lambda: nested(2), ""),
    "cat": (".tar.gz", lambda: tarred((NAME, tarfile.REGTYPE, NOTEBOOK.decode())), ""),
    "dots": (".zip", lambda: zipped({"deep/...zip": zipped({NAME: NOTEBOOK})}), ""),
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
    "text": (".zip", lambda: b"no archive at all", "broken"),
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
    regexp = f"--FileNameCollectorPlugin.named_regexp={REGEXP}"
    line = [sys.executable, "-m", "nbgrader", "zip_collect", "module6", regexp, *bounds]
    done = subprocess.run(line, cwd=root, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return root, done.stderr


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
    for student in ("ada", "cat", "setuid"):
        (file,) = (root / "submitted" / student / "module6").glob("*.ipynb")
        assert file.read_bytes() == NOTEBOOK
    names = {path.name for path in (root / "submitted").iterdir()}
    assert names == {"ada", "cat", "setuid", "inner", "archive"}  # REGEXP takes the innermost folder
    assert not Path("/tmp/rooted_by_zip").exists()


def test_only_regular_files_and_folders_are_unpacked(collected: tuple[Path, str]) -> None:
    root, _ = collected
    modes = [path.lstat().st_mode for path in (root / "downloaded/module6/extracted").rglob("*")]
    assert modes
    assert all(stat.S_ISREG(mode) or stat.S_ISDIR(mode) for mode in modes)
    assert not any(mode & (stat.S_ISUID | stat.S_ISGID) for mode in modes if stat.S_ISREG(mode))


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
