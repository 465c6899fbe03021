"""Archives that students hand in, through a real `nbgrader zip_collect`: bombs, links and stray names harm nobody."""

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
HONEST = b'{"cells": []}'
REGEXP = r".*/(?P<student_id>[a-z_0-9]+)/(?P<file_id>[^/]+)"
Files = dict[str, bytes]


def zipped(files: Files, *strange: tuple[zipfile.ZipInfo, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for member, content in strange:
            archive.writestr(member, content)
    return data.getvalue()


def with_mode(name: str, mode: int) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name)
    member.create_system = 3
    member.external_attr = mode << 16
    return member


def tarred(*members: tuple[str, bytes, str]) -> bytes:
    """Members as (name, kind, what it holds or leads to)."""
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
    data = zipped({NAME: HONEST})
    for _ in range(depth):
        data = zipped({"inner.zip": data})
    return data


def overlapping() -> bytes:
    """A header that states less than what its member becomes."""
    data = bytearray(zipped({NAME: b"0" * 400_000}))
    for place in (data.find(b"PK\3\4") + 22, data.find(b"PK\1\2") + 24):
        data[place : place + 4] = (10).to_bytes(4, "little")
    return bytes(data)


# what is handed in, and a word of the line that says why it is refused ("" when it is unpacked)
ARCHIVES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "ada": (".zip", lambda: zipped({NAME: HONEST}), ""),
    "ben": (".zip", lambda: nested(2), ""),
    "cat": (".tar.gz", lambda: tarred((NAME, tarfile.REGTYPE, HONEST.decode())), ""),
    "dots": (".zip", lambda: zipped({"deep/...zip": zipped({NAME: HONEST})}), ""),
    "setuid": (".zip", lambda: zipped({}, (with_mode(NAME, 0o104755), HONEST)), ""),
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
    "lies": (".zip", overlapping, "broken"),
    "cut": (".zip", lambda: zipped({NAME: os.urandom(5000)})[:3000], "broken"),
    "text": (".zip", lambda: b"no archive at all", "broken"),
    "same": (".zip", lambda: zipped({"a": b"", "a.zip": nested(0)}), "the same name"),
}  # fmt: skip


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory, scratch: Course) -> tuple[Path, str]:
    """A course after `nbgrader zip_collect`, and what it said."""
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
def test_an_archive_is_unpacked_within_its_folder_or_refused(
    collected: tuple[Path, str], student: str
) -> None:
    root, said = collected
    ending, _, reason = ARCHIVES[student]
    lines = [line for line in said.splitlines() if f" {student}{ending} is not unpacked" in line]
    assert len(lines) == bool(reason), said
    assert all(reason in line for line in lines)
    found = list((root / "downloaded/module6/extracted" / student).rglob("*"))
    assert bool(found) == (not reason)
    assert "Traceback" not in said


def test_the_honest_ones_are_collected_as_they_are(collected: tuple[Path, str]) -> None:
    root, _ = collected
    for student in ("ada", "cat", "setuid"):
        (file,) = (root / "submitted" / student / "module6").glob("*.ipynb")
        assert file.read_bytes() == HONEST
    names = {path.name for path in (root / "submitted").iterdir()}
    assert names == {
        "ada",
        "cat",
        "setuid",
        "inner",
        "archive",
    }  # the regular expression takes the innermost folder
    assert not Path("/tmp/rooted_by_zip").exists()


def test_nothing_special_lies_in_what_was_unpacked(collected: tuple[Path, str]) -> None:
    root, _ = collected
    modes = [path.lstat().st_mode for path in (root / "downloaded/module6/extracted").rglob("*")]
    assert modes
    assert all(stat.S_ISREG(mode) or stat.S_ISDIR(mode) for mode in modes)
    assert not any(mode & (stat.S_ISUID | stat.S_ISGID) for mode in modes if stat.S_ISREG(mode))


def test_a_bomb_is_refused_by_what_its_header_states(tmp_path: Path) -> None:
    """Ten kilobytes that say they are 2 GB: nothing of it is written."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1", b"0" * 10_000_000)
    bomb = bytearray(data.getvalue())
    for place in (bomb.find(b"PK\3\4") + 22, bomb.find(b"PK\1\2") + 24):
        bomb[place : place + 4] = (2**31).to_bytes(4, "little")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/bomb.zip").write_bytes(bomb)
    BoundedExtractor().extract(str(tmp_path / "in"), str(tmp_path / "out"))
    assert not list((tmp_path / "out").rglob("*"))
