"""What the sandbox adds to the cost of a submission, from forking the student's process to killing its tree.

    python -m tests.benchmarks.cost_of_walls [--rounds 100]

Measures wall-clock milliseconds with the full sandbox and with none, in turn, so that other load on the machine
affects both. The fork server, which each worker starts once, is not counted.
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
from autograder.protocol.messages import RunCell
from autograder.sandbox.capabilities import Capabilities
from autograder.sandbox.launch import probe


def once(launcher: Launcher) -> tuple[float, float]:
    """Seconds until a student's process is ready, and seconds until its whole tree is gone."""
    start = time.perf_counter()
    process = launcher.spawn(1, TimeLimits().question)
    process.run_cell(RunCell(0, ""), 60, 2)
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
    with (
        launcher_for(Limits(), capabilities=full) as sandboxed,
        launcher_for(Limits(), capabilities=none) as bare,
    ):
        times: dict[str, list[tuple[float, float]]] = {"full": [], "none": []}
        for launcher in (sandboxed, bare):
            launcher.wait()
            once(launcher)
        for _ in range(rounds):
            times["full"].append(once(sandboxed))
            times["none"].append(once(bare))
    print(f"median of {rounds} rounds in milliseconds, with the full sandbox and with none:")
    for index, phase in enumerate(("until it is ready", "until it is gone")):
        with_it, without = (
            1000 * statistics.median(x[index] for x in times[kind]) for kind in ("full", "none")
        )
        print(f"  {phase}: {with_it:.1f} and {without:.1f}, {with_it - without:+.1f}")


if __name__ == "__main__":
    main()
