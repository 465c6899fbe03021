"""The folder that a submission works in where there is no mount namespace."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autograder.core.limits import Limits
from autograder.sandbox.capabilities import FIRST_UID, Capabilities
from autograder.sandbox.enter import _working_folder
from autograder.sandbox.view import View


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_files_can_be_added_beside_the_materials(tmp_path: Path) -> None:
    """The folders are the student's; the released files in them are not."""
    (tmp_path / "data/more").mkdir(parents=True)
    (tmp_path / "data/given.csv").touch()
    capabilities = Capabilities(linux=True, uids=True)
    work = _working_folder(Limits(), capabilities, View((), ()), FIRST_UID + 3, tmp_path)
    owners = {name: (work / name).stat().st_uid for name in (".", "data", "data/more", "data/given.csv")}
    assert owners == dict.fromkeys((".", "data", "data/more"), FIRST_UID + 3) | {"data/given.csv": 0}
