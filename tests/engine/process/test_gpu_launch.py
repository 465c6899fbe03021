"""The launcher asks the sandbox for a GPU only with `--device cuda`; without, everything is as it was."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from typing import Any

import pytest

from autograder.core.limits import Limits
from autograder.process import forkserver_launcher
from autograder.process.choose_launcher import launcher_for
from autograder.sandbox.capabilities import Capabilities, SandboxError
from autograder.sandbox.enter import SANDBOX_VARIABLE
from autograder.sandbox.gpu_paths import GpuPaths
from autograder.student.forkserver import ForkServer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")

ALL = Capabilities(
    linux=True, root=True, uids=True, mount=True, pid=True, net=True, ipc=True, proc=True, landlock=7
)
OUTER_PROC = replace(ALL, proc=False)


@pytest.mark.parametrize(("device", "pid"), [("cpu", True), ("cuda", False)])
def test_the_gpu_is_asked_for_with_its_option_only(
    monkeypatch: pytest.MonkeyPatch, device: str, pid: bool
) -> None:
    asked: list[dict[str, Any]] = []

    def launch(argv: list[str], **options: Any) -> None:
        asked.append(options)
        raise SandboxError("no more is needed here")

    monkeypatch.setattr(forkserver_launcher, "launch", launch)
    launcher = launcher_for(Limits(), device, OUTER_PROC)
    with pytest.raises(SandboxError):
        launcher.start()
    launcher.close()
    assert asked[0]["gpu"] is (device == "cuda")
    assert asked[0]["capabilities"].pid is launcher.capabilities.pid is pid


@pytest.mark.parametrize(
    ("capabilities", "gpu", "forks"),
    [
        (ALL, False, True),
        (ALL, True, True),
        (OUTER_PROC, False, True),
        (OUTER_PROC, True, False),
        (ALL.without_namespaces(), True, False),
    ],
)
def test_a_notebook_is_copied_by_forks_unless_these_could_not_use_the_gpu(
    monkeypatch: pytest.MonkeyPatch, capabilities: Capabilities, gpu: bool, forks: bool
) -> None:
    setup: dict[str, Any] = {"capabilities": capabilities.record(), "binds": [], "links": []}
    if gpu:
        setup["gpu"] = asdict(GpuPaths(("/dev/nvidiactl",)))
    monkeypatch.setenv(SANDBOX_VARIABLE, json.dumps(setup))
    shell: Any = None
    channel: Any = None
    assert ForkServer(channel, capabilities, Limits(), shell, []).forks is forks
