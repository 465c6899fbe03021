"""What the nursery tells a process for students on its command line."""

from __future__ import annotations

import msgspec

from autograder.sandbox import Form, Limits


class Settings(msgspec.Struct):
    form: Form
    limits: Limits
    materials: list[str]
    """What lies beside the notebook, where links can show it."""


def read_settings(word: str) -> Settings:
    return msgspec.json.decode(word, type=Settings)
