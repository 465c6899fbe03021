"""What the student's own cells define, kept from the cells that come after. Runs in the student's process."""

from __future__ import annotations

from types import FunctionType
from typing import Any


class StudentDefinitions:
    """The functions and classes of the student's cells.

    A later worked example may use one of their names for something of its own (`step`, say). In the
    notebook that harms nobody, for the examples in between have run; but the questions come after the last
    cell, and would find the student's function with a helper that is not the student's.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        self._own: dict[str, Any] = {}
        self._before: dict[str, Any] = {}

    def before_cell(self) -> None:
        self._before = dict(self._names)

    def after_cell(self) -> None:
        """Take down what the student's cell has bound."""
        for name, value in list(self._names.items()):
            if value is not self._before.get(name):
                if _made_here(value):
                    self._own[name] = value
                else:
                    self._own.pop(name, None)
        for name in self._before.keys() - self._names.keys():
            self._own.pop(name, None)
        self._before = {}

    def bind_again(self) -> None:
        self._names.update(self._own)


def _made_here(value: Any) -> bool:
    """Whether it is a function or a class of the notebook's; what cannot be asked is none."""
    try:
        return isinstance(value, (FunctionType, type)) and value.__module__ == "__main__"
    except BaseException:  # noqa: BLE001  a class of the student's may raise anything where it is looked at
        return False
