"""probe(), launch() and enter(): what they return, and why they refuse."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from autograder.core.limits import Limits
from autograder.sandbox.capabilities import Capabilities, SandboxError
from autograder.sandbox.enter import enter
from autograder.sandbox.launch import launch, probe
from autograder.sandbox.view import closed_folder, system_paths

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")


def test_probe_finds_the_capabilities() -> None:
    capabilities = probe()
    assert capabilities.linux
    assert capabilities.sentence.startswith("sandbox: ")
    assert Capabilities(**json.loads(json.dumps(capabilities.record()))) == capabilities


def test_launch_says_why_it_failed() -> None:
    capabilities = probe()
    with pytest.raises(SandboxError, match="No such file"):
        launch(["/usr/nowhere"], capabilities=capabilities, readable=[Path("/usr")], env={})
    with pytest.raises(SandboxError, match="cannot be shown"):
        launch(["/bin/true"], capabilities=capabilities, readable=[Path("/")], env={})


def test_launch_returns_the_exit_code_inside() -> None:
    capabilities = probe()
    for kind in (capabilities, capabilities.without_namespaces()):
        if kind.mount or closed_folder([sys.executable]) is None:
            argv = ["/bin/sh", "-c", "exit 7"]
            readable = system_paths() if kind.mount else [Path("/usr")]
            assert launch(argv, capabilities=kind, readable=readable, env={}).wait(10) == 7


def test_closed_folder_is_refused_with_the_repair(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    capabilities = Capabilities(linux=True, root=True, uids=True)
    with pytest.raises(SandboxError, match="chmod o\\+x"):
        launch(["/bin/true"], capabilities=capabilities, readable=[tmp_path / "."], env={})


def test_enter_needs_a_writable_folder_and_a_valid_slot() -> None:
    with pytest.raises(SandboxError, match="writable"):
        enter(Limits(), Capabilities(linux=True), slot=0)
    with pytest.raises(SandboxError, match="slot"):
        enter(Limits(), Capabilities(linux=True), slot=-1)
