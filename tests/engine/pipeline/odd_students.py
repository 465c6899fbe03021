"""All students of the odd class: importing the modules in which they are described registers them."""

from __future__ import annotations

from tests.engine.pipeline import (  # noqa: F401
    odd_code,
    odd_elsewhere,
    odd_files,
    odd_habits,
    odd_settings,
    odd_tools,
)
from tests.engine.pipeline.odd_class import STUDENTS as STUDENTS
