"""A worker: one process with the collected graders, the references and a warm process of its own.

`autograder grade` starts several and hands each one submission after another. A worker holds no
gradebook; it gets cells and gives back outputs and results.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import torch

from autograder.core.errors import CourseError
from autograder.core.records import GradeJob, WorkerConfig
from autograder.course.course import Course
from autograder.grading.pytest_graders import CollectedGraders, with_graders
from autograder.process.choose_launcher import launcher_for
from autograder.protocol.channel import Channel, ChannelClosed
from autograder.protocol.socket_inheritance import inherited_socket
from autograder.sandbox.capabilities import SLOTS, Capabilities, SandboxError
from autograder.sandbox.launch import probe
from autograder.workers.service import WorkerService


def serve(channel: Channel, start: WorkerConfig) -> None:
    """Work until the one who started this worker hangs up; a trouble at the start is one sentence."""
    try:
        _serve(channel, start)
    except (CourseError, SandboxError) as error:
        with contextlib.suppress(ChannelClosed):
            channel.send(f"error: {error}")


def _form(course: Course, unsafe: bool) -> Capabilities:
    """The walls of this machine; CourseError where they are too few."""
    capabilities = probe() if course.settings.namespaces else probe().without_namespaces()
    if not capabilities.reads_blocked and not unsafe:
        why = (
            f"there are neither namespaces ({capabilities.why}) nor Landlock"
            if capabilities.linux
            else "this is not Linux"
        )
        raise CourseError(
            "here submissions could read every file that you can read, hidden tests and other submissions"
            f" among them, since {why}: grade in a Linux container or on a machine that has one of them, or,"
            " if you trust everyone who handed in, with --unsafe."
        )
    return capabilities


def _serve(channel: Channel, start: WorkerConfig) -> None:
    if start.core >= 0 and sys.platform == "linux":
        os.sched_setaffinity(0, {start.core})
    course = Course(Path(start.root), start.assignment)
    if start.device == "cuda" and not torch.cuda.is_available():
        raise CourseError("PyTorch finds no CUDA device on this machine: grade with --device cpu.")
    capabilities = _form(course, start.unsafe)
    slots = range(start.slots[0], SLOTS, start.slots[1])
    with launcher_for(
        course.settings.memory, start.device, capabilities, course.materials, slots
    ) as launcher:
        launcher.start()  # its imports take seconds, which collecting the graders overlaps
        torch.set_num_threads(1)

        def work(graders: CollectedGraders) -> None:
            service = WorkerService(course, start, graders, launcher)
            launcher.wait()
            channel.send(launcher.capabilities.sentence)
            while True:
                try:
                    channel.send(service.grade(channel.receive(GradeJob)))
                except ChannelClosed:
                    return

        with_graders(course.graders, work)


def main() -> None:
    channel = Channel(inherited_socket(sys.argv[1]), max_frame=2**30)
    os.chdir("/")
    serve(channel, channel.receive(WorkerConfig))


if __name__ == "__main__":
    main()
