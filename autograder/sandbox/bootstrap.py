"""Entry point of the sandbox's helper processes: `python -I -S bootstrap.py launch REQUEST` or `... probe`.

They are separate processes because only a process with a single thread can enter a user namespace. They have
to start in milliseconds, so they run without site-packages and skip the package's own __init__ files:
whatever they import must come from the standard library.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _stub_packages() -> None:
    """Put empty packages in place of the real ones, so that only what is asked for is imported."""
    root = os.path.dirname(_HERE)
    for name in ("autograder", "autograder.core", "autograder.sandbox"):
        folder = os.path.join(root, *name.split(".")[1:])
        package = type(sys)(name)
        package.__path__ = [folder]
        sys.modules[name] = package


if __name__ == "__main__":
    _stub_packages()
    if sys.argv[1] == "probe":
        from autograder.sandbox import probe

        probe.main()
    else:
        from autograder.sandbox import supervisor

        supervisor.main(sys.argv[2])
