"""The sentence about what the sandbox enforces."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from autograder.sandbox.capabilities import Capabilities

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sandbox needs Linux")


def test_sentence_says_what_is_missing_and_why() -> None:
    full = Capabilities(
        linux=True, root=True, uids=True, mount=True, pid=True, net=True, ipc=True, proc=True,
        landlock=7,
    )  # fmt: skip
    enforced = "own pid, mount, network and ipc namespaces, own uid, Landlock, limits"
    assert full.sentence == f"sandbox: {enforced}"
    weak = replace(full.without_namespaces(), root=False, uids=False, why="Operation not permitted")
    assert weak.sentence.startswith(
        "sandbox: Landlock and limits only, because namespaces are forbidden here "
        "(Operation not permitted); open: "
    )
    assert "every file you can read" in replace(weak, landlock=0).sentence
    assert "limits only, since the sandbox needs Linux; open: every file" in Capabilities().sentence
