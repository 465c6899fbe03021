"""Choose a launcher: forks of a fork server or, where forking is not safe, a fresh process per submission."""

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
    """The launcher for these capabilities; those of this machine by default."""
    capabilities = capabilities or probe()
    if capabilities.linux:
        return ForkServerLauncher(limits, device, capabilities, materials, slots)
    return SpawnLauncher(limits, device, capabilities, materials)
