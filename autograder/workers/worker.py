"""The worker process: it holds the collected graders, the references and a launcher.

`autograder grade` starts several and sends each one submission after another. A worker has no access to
the gradebook: it receives cells and returns outputs and results.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import torch

from autograder.core.errors import CourseError
from autograder.core.records import GradeJob, JobResult, WorkerConfig
from autograder.course.course import Course
from autograder.grading.pytest_graders import CollectedGraders, with_graders
from autograder.process.choose_launcher import launcher_for
from autograder.protocol.channel import Channel, ChannelClosed, ProtocolError
from autograder.protocol.places import gpu_is_broken
from autograder.protocol.socket_inheritance import inherited_socket
from autograder.sandbox.capabilities import SLOTS, Capabilities, SandboxError
from autograder.sandbox.launch import probe
from autograder.workers.service import WorkerService
from autograder.workers.worker_process import MAX_FRAME


def serve(channel: Channel, config: WorkerConfig) -> None:
    """Do jobs until the channel closes. If the worker cannot start, send one sentence that says why."""
    try:
        _serve(channel, config)
    except (CourseError, SandboxError) as error:
        with contextlib.suppress(ChannelClosed):
            channel.send(f"error: {error}")


def capabilities_for(course: Course, unsafe: bool) -> Capabilities:
    """What the sandbox can enforce on this machine.

    Raises CourseError if it cannot hide files from submissions, unless `unsafe`.
    """
    capabilities = probe() if course.settings.namespaces else probe().without_namespaces()
    if not capabilities.reads_blocked and not unsafe:
        why = (
            f"there are neither namespaces ({capabilities.why}) nor Landlock"
            if capabilities.linux
            else "this is not Linux"
        )
        raise CourseError(
            "here submissions could read every file that you can read, including hidden tests and other"
            f" submissions, since {why}: grade in a Linux container, on a Linux machine with namespaces or"
            " Landlock, or, if you trust everyone who submitted, with --unsafe."
        )
    return capabilities


def _serve(channel: Channel, config: WorkerConfig) -> None:
    if config.core >= 0 and sys.platform == "linux":
        os.sched_setaffinity(0, {config.core})
    course = Course(Path(config.root), config.assignment)
    if config.device == "cuda" and not torch.cuda.is_available():
        raise CourseError("PyTorch finds no CUDA device on this machine: grade with --device cpu.")
    capabilities = capabilities_for(course, config.unsafe)
    slots = range(config.slots[0], SLOTS, config.slots[1])
    with launcher_for(
        course.settings.memory, config.device, capabilities, course.materials, slots
    ) as launcher:
        launcher.start()  # its imports take seconds, during which the graders are collected
        torch.set_num_threads(1)

        def work(graders: CollectedGraders) -> None:
            service = WorkerService(course, config, graders, launcher)
            launcher.wait()
            channel.send(launcher.capabilities.sentence)
            while True:
                try:
                    _send_result(channel, service.grade(channel.receive(GradeJob)))
                except ChannelClosed:
                    return
                if gpu_is_broken():  # by a reference's kernel: the next job starts another worker
                    return

        automatic = [exercise.id for exercise in course.exercises.values() if not exercise.written]
        with_graders(course.graders, work, automatic)


def _send_result(channel: Channel, result: JobResult) -> None:
    """Send the result or, if that is impossible, why. Raises ChannelClosed."""
    try:
        channel.send(result)
    except ChannelClosed:
        raise
    except ProtocolError as error:
        channel.send(JobResult(internal_errors=[f"the result cannot be sent: {error}"]))


def main() -> None:
    """Run as `python -m autograder.workers.worker SOCKET`; see `inherited_socket`."""
    channel = Channel(inherited_socket(sys.argv[1]), max_frame=MAX_FRAME)
    os.chdir("/")
    serve(channel, channel.receive(WorkerConfig))


if __name__ == "__main__":
    main()
