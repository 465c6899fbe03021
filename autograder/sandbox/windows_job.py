"""Windows' own limits for a process and everything it starts: a job object.

No process can leave a job, and all of them end with it. Other systems offer less without a sandbox.
"""

from __future__ import annotations

import ctypes
import sys

from autograder.core.limits import Limits

assert sys.platform == "win32"

_EXTENDED_LIMITS = 9
_PROCESS_TIME, _ACTIVE_PROCESSES, _PROCESS_MEMORY, _JOB_MEMORY = 0x2, 0x8, 0x100, 0x200
_DIE_ON_UNHANDLED_EXCEPTION, _KILL_ON_JOB_CLOSE = 0x400, 0x2000
_MAY_JOIN = 0x100 | 0x1  # PROCESS_SET_QUOTA, PROCESS_TERMINATE
_TICKS = 10_000_000
"""Units of 100 ns in a second."""


class _Basic(ctypes.Structure):
    _fields_ = (
        ("process_time", ctypes.c_int64),
        ("job_time", ctypes.c_int64),
        ("flags", ctypes.c_uint32),
        ("minimum_working_set", ctypes.c_size_t),
        ("maximum_working_set", ctypes.c_size_t),
        ("active_processes", ctypes.c_uint32),
        ("affinity", ctypes.c_size_t),
        ("priority", ctypes.c_uint32),
        ("scheduling", ctypes.c_uint32),
    )


class _Extended(ctypes.Structure):
    _fields_ = (
        ("basic", _Basic),
        ("io", ctypes.c_uint64 * 6),
        ("process_memory", ctypes.c_size_t),
        ("job_memory", ctypes.c_size_t),
        ("peak_process_memory", ctypes.c_size_t),
        ("peak_job_memory", ctypes.c_size_t),
    )


class JobObject:
    """Holds one process and whatever it starts. Raises OSError if Windows refuses a call."""

    def __init__(self, pid: int) -> None:
        """Put the process `pid` into a new job. It must not have started any process yet."""
        self._kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        for function in (self._kernel.CreateJobObjectW, self._kernel.OpenProcess):
            function.restype = ctypes.c_void_p
        self._job = ctypes.c_void_p(self._checked(self._kernel.CreateJobObjectW(None, None)))
        self._set(_Extended(basic=_Basic(flags=_KILL_ON_JOB_CLOSE)))
        process = ctypes.c_void_p(self._checked(self._kernel.OpenProcess(_MAY_JOIN, False, pid)))
        self._checked(self._kernel.AssignProcessToJobObject(self._job, process))
        self._kernel.CloseHandle(process)

    def limit(self, limits: Limits, held: int) -> None:
        """Apply the limits from now on; `held` is how many bytes the process already has."""
        flags = _PROCESS_TIME | _ACTIVE_PROCESSES | _PROCESS_MEMORY | _JOB_MEMORY
        flags |= _DIE_ON_UNHANDLED_EXCEPTION | _KILL_ON_JOB_CLOSE
        basic = _Basic(
            process_time=limits.cpu_seconds * _TICKS, flags=flags, active_processes=limits.processes
        )
        memory = held + limits.memory_bytes
        self._set(_Extended(basic=basic, process_memory=memory, job_memory=held + limits.total_bytes))

    def end(self) -> None:
        """Kill every process in the job."""
        self._kernel.TerminateJobObject(self._job, 1)
        self._kernel.CloseHandle(self._job)

    def _set(self, limits: _Extended) -> None:
        size = ctypes.sizeof(limits)
        self._checked(
            self._kernel.SetInformationJobObject(self._job, _EXTENDED_LIMITS, ctypes.byref(limits), size)
        )

    def _checked(self, result: int) -> int:
        if not result:
            raise ctypes.WinError(ctypes.get_last_error())
        return result
