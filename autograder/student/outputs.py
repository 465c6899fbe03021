"""The outputs of a notebook's cells, within limits. Runs in the student's process."""

from __future__ import annotations

from autograder.core import wording
from autograder.core.records import Output
from autograder.protocol.messages import CELL_OUTPUT_BYTES, NOTEBOOK_OUTPUT_BYTES, OUTPUT_COST, size_of

_CUT = Output("stream", name="stderr", text=wording.OUTPUT_CUT)
_CUT_SIZE = size_of([_CUT])


class Outputs:
    """The running cell's outputs, up to a limit per cell and per notebook; the note at the cut counts too."""

    def __init__(self) -> None:
        self.items: list[Output] = []
        self.display_ids: dict[str, int] = {}
        self.left = 0
        self.notebook_left = NOTEBOOK_OUTPUT_BYTES
        self._is_cut = False
        self._stream = ""
        self._parts: list[str] = []

    def start(self) -> None:
        self.clear()
        self.left = min(CELL_OUTPUT_BYTES, self.notebook_left) - _CUT_SIZE
        self._is_cut = self.left < 0

    def finish(self) -> list[Output]:
        """The outputs so far, including text written since the last one."""
        if self._parts:
            self.items.append(Output("stream", name=self._stream, text="".join(self._parts)))
        self._stream, self._parts = "", []
        return self.items

    def _spend(self, size: int) -> bool:
        """Deduct `size` if so much is left."""
        if size > self.left:
            return False
        self.left -= size
        self.notebook_left -= size
        return True

    def _cut(self) -> None:
        self._is_cut = True
        self.notebook_left -= _CUT_SIZE
        self.finish().append(_CUT)

    def write(self, name: str, text: str) -> None:
        if self._is_cut or not text:
            return
        if name != self._stream:
            self.finish()
            if not self._spend(OUTPUT_COST):
                self._cut()
                return
            self._stream = name
        part = text[: self.left]
        self._spend(len(part))
        # Join the parts at the end: appending to one string would copy it for every print.
        self._parts.append(utf8(part))
        if len(part) < len(text):
            self._cut()

    def add(self, output: Output, display_id: str | None = None, update: bool = False) -> None:
        if self._is_cut:
            return
        if not self._spend(size_of([output])):
            self._cut()
            return
        self.finish()
        if update and display_id in self.display_ids:
            self.items[self.display_ids[display_id]] = output
            return
        if display_id is not None:
            self.display_ids[display_id] = len(self.items)
        self.items.append(output)

    def clear(self) -> None:
        self.items, self.display_ids = [], {}
        self._stream, self._parts = "", []


def utf8(text: str) -> str:
    """Text that can be sent: UTF-8 cannot encode half of a surrogate pair."""
    return str.encode(text, "utf-8", "replace").decode()
