"""The settings that a launcher passes to a student's process or fork server on its command line."""

from __future__ import annotations

import msgspec

from autograder.core.limits import Limits
from autograder.sandbox.capabilities import Capabilities


class Settings(msgspec.Struct):
    capabilities: Capabilities
    limits: Limits
    materials: list[str]
    """Paths of the files that belong beside the notebook, where they can be linked there."""
    gpu: str | None = None
    """CUDA_VISIBLE_DEVICES of students' processes, or None if they are to see no GPU."""


def read_settings(text: str) -> Settings:
    return msgspec.json.decode(text, type=Settings)
