"""How authors of graders say in words what a probe measured, in place of the value as Python would print it.

The words are made from the answer alone, so they can never give away what was expected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pytest

from autograder.core import wording
from autograder.process.show import show

Words = Callable[[Any], "str | None"]
Check = TypeVar("Check", bound=Callable[..., Any])
MAX_WORDS = 300
SHORTEST = 30
"""Characters for a label, and at least for its value."""
_REPORT = {"value", "error", "limit"}
"""The keys of what `attempt` of the fake device returns."""


def describe(words: Words) -> pytest.MarkDecorator:
    """Say what came back in words. `words` gets the answer; None means: show the value as it is.

    For one check, or with `pytestmark = describe(...)` for all checks of a file that have none of their own:

        @describe(lambda found: f"{found['calls']} calls of make_model")
        def test_one_model(student):
            ...
    """
    return pytest.mark.describe.with_args(words)


def named(**labels: str | Mapping[Any, str]) -> Words:
    """Words for a probe that returns a dict, or a list of dicts: each entry named here, with its label.

    A label that is a dict gives the words for each value; an entry that has no label or no words is left out.
    Without any names, each entry's key is its label.

    >>> named(loss="loss", graph={True: "a graph was built"})({"loss": 0.5, "graph": True, "state": []})
    'loss 0.5; a graph was built'
    """

    def words(answer: Any) -> str | None:
        if isinstance(answer, list) and answer and all(isinstance(x, dict) for x in answer):
            return " | ".join(_labelled(x, labels) for x in answer)
        return _labelled(answer, labels) if isinstance(answer, dict) else None

    return words


def _labelled(answer: dict[Any, Any], labels: Mapping[str, str | Mapping[Any, str]]) -> str:
    chosen = {key: label for key, label in labels.items() if key in answer} or {
        key: str(key) for key in answer
    }
    room = max(SHORTEST, MAX_WORDS // max(1, len(chosen)) - SHORTEST)
    return "; ".join(filter(None, (_entry(label, answer[key], room) for key, label in chosen.items())))


def _entry(label: str | Mapping[Any, str], value: Any, room: int) -> str:
    if not isinstance(label, str):
        return label.get(value, "") if isinstance(value, (bool, int, str)) else show(value, room)
    if value is None and label:
        return f"no {label}"
    return f"{label} {value if isinstance(value, str) and label else show(value, room)}".strip()


def in_words(item: pytest.Item, answer: Any) -> str:
    """What came back, as the student reads it: by the check's `describe`, else as the value is shown."""
    mark = item.get_closest_marker("describe")
    words: Words = mark.args[0] if mark else lambda _: None
    if isinstance(answer, dict) and answer.keys() >= _REPORT:
        return _report(answer, words)
    return _described(answer, words)


def _described(answer: Any, words: Words) -> str:
    try:
        text = words(answer)
    except Exception:  # noqa: BLE001  student code can put any value in place of the probe's answer
        text = None
    if not text:
        return show(answer)
    text = " ".join(str(text).split())
    return text if len(text) <= MAX_WORDS else text[: MAX_WORDS - 1] + "…"


def _report(found: dict[str, Any], words: Words) -> str:
    """What happened to a program on the fake device."""
    error, value = str(found["error"]), found["value"]
    if error == "mixed":
        return wording.devices_mixed(str(found.get("at") or "").removeprefix("aten.").partition(".")[0])
    if error == "numpy":
        return wording.ARRAY_FROM_DEVICE
    if found["error"] is not None:
        return wording.raised_on_device(error.removeprefix("other: "))
    there = found.get("there", value.get("there") if isinstance(value, dict) else None)
    if there is False:
        return wording.NOT_ON_DEVICE
    return _described(value, words)
