"""A google.colab for where there is none: its calls do nothing. Runs in the student's process."""

from __future__ import annotations

from typing import Any

_ANSWERS: dict[str, Any] = {"google.colab.files.upload": {}, "google.colab.userdata.get": ""}
"""What a call gives back, where the code after it needs something of this kind."""


def is_colab(path: str) -> bool:
    """Whether this dotted name is `google.colab` or something in it."""
    return path == "google.colab" or path.startswith("google.colab.")


class Colab:
    """A module, function or object of google.colab."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # Python and IPython look for these in any object
            raise AttributeError(name)
        return Colab(f"{self._path}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        answer = _ANSWERS.get(self._path)
        return Colab(f"{self._path}()") if answer is None else type(answer)(answer)

    def __enter__(self) -> Colab:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def _ipython_display_(self) -> None:
        """Display nothing: most of these calls return None."""

    def __repr__(self) -> str:
        return f"<{self._path}, which does nothing here>"
