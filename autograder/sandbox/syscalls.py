"""A filter for system calls: refuse those that no notebook needs and that kernel exploits use.

It lists what is forbidden, not what is allowed: PyTorch, fonts and image libraries make so many different
calls that an allowlist would break with their next version, and no other part of the sandbox relies on it.
https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from autograder.sandbox import kernel

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_X32 = 0x40000000
_NEW_NAMESPACES = 0x7E020000 | 0x80  # clone's flags for mount, cgroup, uts, ipc, user, pid, net; time
_AF_UNIX = 1

# Audit architecture, and column in the tables of call numbers below (-1: no such call on that machine).
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
FORBIDDEN: dict[str, tuple[int, int]] = {
    # inspecting or taking over other processes
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "kcmp": (312, 272), "pidfd_getfd": (438, 438), "migrate_pages": (256, 238), "move_pages": (279, 239),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "ioprio_set": (251, 30),
    # mounts, roots and namespaces
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "move_mount": (429, 429), "open_tree": (428, 428), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442), "unshare": (272, 97),
    "setns": (308, 268),
    # the kernel, the machine and its clock
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "kexec_load": (246, 104), "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224),
    "swapoff": (168, 225), "acct": (163, 89), "quotactl": (179, 60), "quotactl_fd": (443, 443),
    "syslog": (103, 116), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "clock_adjtime": (305, 266), "adjtimex": (159, 171), "sethostname": (170, 161),
    "setdomainname": (171, 162), "iopl": (172, -1), "ioperm": (173, -1), "modify_ldt": (154, -1),
    "vhangup": (153, 58), "personality": (135, 92),
    # reaching files other than by path
    "mknod": (133, -1), "mknodat": (259, 33), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "fanotify_init": (300, 262), "fanotify_mark": (301, 263),
    # what outlives the process that made it
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    # large attack surfaces
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219), "remap_file_pages": (216, 234),
    "uselib": (134, -1), "lookup_dcookie": (212, 18), "nfsservctl": (180, 42),
}  # fmt: skip
# Reported as missing, as on an older kernel: programs then fall back to other calls.
ABSENT = {
    "clone3": (435, 435), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
}  # fmt: skip
CLONE, _SOCKET = (56, 220), (41, 198)
# Calls that can also act on other processes of the same uid: allowed only if these arguments are 0 (itself).
_OWN_ONLY: dict[str, tuple[tuple[int, int], tuple[int, ...]]] = {
    "prlimit64": ((302, 261), (0,)), "setpriority": ((141, 140), (0, 1)),
    "sched_setaffinity": ((203, 122), (0,)), "sched_setscheduler": ((144, 119), (0,)),
    "sched_setparam": ((142, 118), (0,)), "sched_setattr": ((314, 274), (0,)),
}  # fmt: skip


def known_machine() -> bool:
    """Whether the system-call numbers of this machine's architecture are known."""
    return os.uname().machine in MACHINES


def program(machine: str) -> bytes:
    """Compile the filter to BPF for `machine`, as in os.uname(). Raises KeyError if it is unknown."""
    architecture, column = MACHINES[machine]
    code = [_load(_ARCHITECTURE), _jump(_EQUAL, architecture, 1, 0), _return(_KILL), _load(_NUMBER)]
    if machine == "x86_64":
        code += [_jump(_AT_LEAST, _X32, 0, 1), _return(_KILL)]
    for calls, error in ((FORBIDDEN, errno.EPERM), (ABSENT, errno.ENOSYS)):
        for numbers in calls.values():
            if numbers[column] >= 0:
                code += [_jump(_EQUAL, numbers[column], 0, 1), _return(_ERRNO | error)]
    code += _refuse_unless(CLONE[column], [(0, _jump(_ANY_BIT, _NEW_NAMESPACES, 0, 1))], errno.EPERM)
    code += _refuse_unless(_SOCKET[column], [(0, _jump(_EQUAL, _AF_UNIX, 1, 0))], errno.EAFNOSUPPORT)
    for numbers, arguments in _OWN_ONLY.values():
        tests = [(argument, _jump(_EQUAL, 0, 1, 0)) for argument in arguments]
        code += _refuse_unless(numbers[column], tests, errno.EPERM)
    return b"".join([*code, _return(_ALLOW)])


def _refuse_unless(number: int, tests: list[tuple[int, bytes]], error: int) -> list[bytes]:
    """Refuse the call unless each test, on the argument at that index, skips one instruction."""
    body = []
    for index, test in tests:
        body += [_load(_FIRST_ARGUMENT + 8 * index), test, _return(_ERRNO | error)]
    return [_jump(_EQUAL, number, 0, len(body) + 1), *body, _return(_ALLOW)]


def install() -> None:
    """Apply the filter to this process and everything it starts, for good; needs no_new_privs."""
    code = program(os.uname().machine)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    pointer = ctypes.create_string_buffer(header, len(header))
    kernel.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(pointer))


def _load(offset: int) -> bytes:
    return _instruction(_LOAD, 0, 0, offset)


def _jump(test: int, value: int, if_true: int, if_false: int) -> bytes:
    return _instruction(test, if_true, if_false, value)


def _return(value: int) -> bytes:
    return _instruction(_RETURN, 0, 0, value)


def _instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
