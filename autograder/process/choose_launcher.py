"""Where students' processes come from: forks of a warm one or, where that is not safe, one for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autograder.core.limits import Limits
from autograder.process.forkserver_launcher import ForkServerLauncher
from autograder.process.launcher import Launcher, LauncherError
from autograder.process.spawn_launcher import SpawnLauncher
from autograder.sandbox.capabilities import SLOTS, Capabilities
from autograder.sandbox.launch import probe

__all__ = ["ForkServerLauncher", "Launcher", "LauncherError", "SpawnLauncher", "launcher_for"]


def launcher_for(
    limits: Limits,
    device: str = "cpu",
    capabilities: Capabilities | None = None,
    materials: Sequence[Path] = (),
    slots: range = range(SLOTS),
) -> Launcher:
    """The one for this machine, or for this form of the sandbox."""
    capabilities = capabilities or probe()
    if capabilities.linux:
        return ForkServerLauncher(limits, device, capabilities, materials, slots)
    return SpawnLauncher(limits, device, capabilities, materials)
