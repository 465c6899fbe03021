"""`python -I sandbox_attacks start KIND FOLDER` prints one JSON object, {attack: what came of it}."""

from __future__ import annotations

import json
import resource
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from sandbox_attacks import fork_server, gpu, grader
from sandbox_attacks.calls import MIB


def main() -> None:
    if sys.argv[1] == "serve":
        fork_server.serve(int(sys.argv[2]))
        return
    if sys.argv[1] == "make-stand-in":
        gpu.make_stand_in(Path(sys.argv[2]))
        return
    # Limits from outside too, in case the sandbox enforces nothing.
    signal.alarm(60)
    resource.setrlimit(resource.RLIMIT_NPROC, (400, 400))
    most = 4096 * MIB if "gpu" not in sys.argv[2] else 1 << 40  # with a GPU, address space is not limited
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_DATA, (4096 * MIB, 4096 * MIB))
    resource.setrlimit(resource.RLIMIT_CPU, (40, 40))
    if sys.argv[1] == "hold":
        grader.hold(sys.argv[2])
        return
    print(json.dumps(grader.start(*sys.argv[2:])))


if __name__ == "__main__":
    main()
