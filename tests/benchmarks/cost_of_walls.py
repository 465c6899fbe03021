"""What the sandbox adds to a submission: a student's process from fork to sweep, behind all walls and behind none.

    python -m tests.benchmarks.cost_of_walls [--rounds 100]

The two kinds take turns in one run, so that whatever else the machine does meets both. Milliseconds of wall-clock
time; the warm process, which each worker starts once, is not counted.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import replace

from autograder.core.limits import Limits
from autograder.core.settings import TimeLimits
from autograder.process.choose_launcher import launcher_for
from autograder.process.launcher import Launcher
from autograder.sandbox.capabilities import Capabilities
from autograder.sandbox.launch import probe


def once(launcher: Launcher) -> tuple[float, float]:
    """Seconds until one student's process is ready to work, and until all of it is gone again."""
    start = time.perf_counter()
    process = launcher.spawn(1, TimeLimits().question)
    assert process.forkable()
    ready = time.perf_counter()
    launcher.kill_tree()
    return ready - start, time.perf_counter() - ready


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=100)
    rounds = parser.parse_args().rounds
    full = probe()
    none = replace(Capabilities(), linux=True, root=full.root)
    print(full.sentence)
    with launcher_for(Limits(), form=full) as walled, launcher_for(Limits(), form=none) as bare:
        times: dict[str, list[tuple[float, float]]] = {"walls": [], "none": []}
        for launcher in (walled, bare):
            launcher.wait()
            once(launcher)
        for _ in range(rounds):
            times["walls"].append(once(walled))
            times["none"].append(once(bare))
    print(f"median of {rounds}, in milliseconds, behind all walls and behind none:")
    for place, part in enumerate(("until it is ready", "until it is gone")):
        walls, none = (1000 * statistics.median(x[place] for x in times[kind]) for kind in ("walls", "none"))
        print(f"  {part}: {walls:.1f} and {none:.1f}, {walls - none:+.1f}")


if __name__ == "__main__":
    main()
