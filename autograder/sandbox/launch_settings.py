"""What the launcher tells a process for students on its command line."""

from __future__ import annotations

import msgspec

from autograder.core.limits import Limits
from autograder.sandbox.capabilities import Capabilities


class Settings(msgspec.Struct):
    capabilities: Capabilities
    limits: Limits
    materials: list[str]
    """What lies beside the notebook, where links can show it."""


def read_settings(word: str) -> Settings:
    return msgspec.json.decode(word, type=Settings)
