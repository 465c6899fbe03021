"""Students' names on the command line: a name first, a pattern only if nobody has that name."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from fnmatch import fnmatchcase


def choose(names: Iterable[str], pattern: str) -> set[str]:
    """The names that equal `pattern`, or else those that match it as a glob.

    `[abc]` and `a*b` are names like any other. `Zoë` is one name, whether macOS or Linux wrote it.
    """
    by_name = {name: _composed(name) for name in names}
    wanted = _composed(pattern)
    exact = {name for name, composed in by_name.items() if composed == wanted}
    return exact or {name for name, composed in by_name.items() if fnmatchcase(composed, wanted)}


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)
