"""The script both launch() and probe() run: `python -I -S shim.py launch JOB` or `... probe`.

A process of its own, because walls go up only in a process of one thread; without site and
without the package's own __init__, because it has to start in milliseconds.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _shells() -> None:
    """Empty packages in place of the real ones, so that only what is asked for is imported."""
    root = os.path.dirname(_HERE)
    for name in ("autograder", "autograder.core", "autograder.sandbox"):
        folder = os.path.join(root, *name.split(".")[1:])
        package = type(sys)(name)
        package.__path__ = [folder]
        sys.modules[name] = package


if __name__ == "__main__":
    _shells()
    if sys.argv[1] == "probe":
        from autograder.sandbox import probe

        probe.main()
    else:
        from autograder.sandbox import supervisor

        supervisor.main(sys.argv[2])
