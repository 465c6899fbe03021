"""Where students' processes come from: forks of a warm one or, where that is not safe, one for each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from autograder.nurseries.base import Nursery, NurseryError
from autograder.nurseries.fresh import FreshNursery
from autograder.nurseries.warm import WarmNursery
from autograder.sandbox import SLOTS, Form, Limits, probe

__all__ = ["FreshNursery", "Nursery", "NurseryError", "WarmNursery", "nursery_for"]


def nursery_for(
    limits: Limits,
    device: str = "cpu",
    form: Form | None = None,
    materials: Sequence[Path] = (),
    slots: range = range(SLOTS),
) -> Nursery:
    """The one for this machine, or for this form of the sandbox."""
    form = form or probe()
    if form.linux:
        return WarmNursery(limits, device, form, materials, slots)
    return FreshNursery(limits, device, form, materials)
