"""What the sandbox shows of the file system."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from autograder.sandbox.view import view

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")


def test_view_follows_links_and_hides_siblings(tmp_path: Path) -> None:
    (tmp_path / "real/lib").mkdir(parents=True)
    (tmp_path / "real/lib/a.py").touch()
    (tmp_path / "real/secret").touch()
    (tmp_path / "link").symlink_to("real")
    base = os.path.realpath(tmp_path)
    shown = view([f"{base}/link/lib", f"{base}/real/lib/a.py", f"{base}/missing"])
    assert shown.binds == (f"{base}/real/lib",)
    assert shown.links == ((f"{base}/link", "real"),)


def test_view_survives_a_cycle_of_links(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    assert view([str(tmp_path / "a")]).binds == ()
