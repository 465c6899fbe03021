"""Suggest what a mistyped name was meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

SHOWN = 40
"""How many names are listed when none is close."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the closest known one, or else all of them."""
    names = list(known)
    close = get_close_matches(name, names, n=1) or [x for x in names if x.casefold() == name.casefold()]
    if close:
        return f"did you mean {close[0]}?"
    if not names:
        return "there is none."
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"there {'are' if len(names) > 1 else 'is'} only {', '.join(names[:SHOWN])}{more}."
