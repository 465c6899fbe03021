"""What the student's own cells define, protected from later cells. Runs in the student's process."""

from __future__ import annotations

from types import FunctionType
from typing import Any


class StudentDefinitions:
    """The functions and classes that the student's cells define.

    A later worked example may reuse one of their names (`step`, say). In the notebook that does no harm,
    because the cells in between have already run. But the grader sends its requests after the last cell,
    when the student's function would call a helper that is not the student's.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        self._definitions: dict[str, Any] = {}
        self._before: dict[str, Any] = {}

    def before_cell(self) -> None:
        self._before = dict(self._names)

    def after_cell(self) -> None:
        """Record what the student's cell has bound."""
        for name, value in list(self._names.items()):
            if value is not self._before.get(name):
                if _is_definition(value):
                    self._definitions[name] = value
                else:
                    self._definitions.pop(name, None)
        for name in self._before.keys() - self._names.keys():
            self._definitions.pop(name, None)
        self._before = {}

    def restore(self) -> None:
        """Bind the student's definitions to their names again."""
        self._names.update(self._definitions)


def _is_definition(value: Any) -> bool:
    """Whether it is a function or class defined in the notebook."""
    try:
        return isinstance(value, (FunctionType, type)) and value.__module__ == "__main__"
    except BaseException:  # noqa: BLE001  a student's class may raise anything when looked at
        return False
