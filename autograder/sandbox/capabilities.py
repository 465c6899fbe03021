"""What the sandbox can enforce on this machine: probe() finds out, launch() and enter() act on it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

# systemd's table of uids calls 60706 to 61183 unused; each slot takes one uid from there.
FIRST_UID = 60706
SLOTS = 478


class SandboxError(Exception):
    """Part of the sandbox could not be set up. Tells the instructor, in one sentence, which part and why."""


@dataclass(frozen=True)
class Capabilities:
    """What was actually tried and works here. Nearly every field that is False means one protection less."""

    linux: bool = False
    root: bool = False
    """Started by uid 0."""
    user: bool = False
    """The namespaces belong to a user namespace of their own (a full root needs none)."""
    uids: bool = False
    """Each slot has its own uid; otherwise student code runs under the uid that started the grader."""
    mount: bool = False
    pid: bool = False
    net: bool = False
    ipc: bool = False
    proc: bool = False
    """/proc belongs to the new pid namespace; otherwise it is the outer one."""
    landlock: int = 0
    """Landlock's ABI version; 0 without Landlock."""
    filter: bool = False
    """System calls are filtered."""
    cgroup: bool = False
    """Memory is limited for all processes of a submission together."""
    why: str = ""
    """The error message that explains why namespaces are missing; empty if none are."""

    def without_namespaces(self) -> Capabilities:
        """The fallback, as on a machine that forbids namespaces."""
        unaffected = ("linux", "root", "uids", "landlock", "filter", "cgroup", "why")
        return Capabilities(**{name: getattr(self, name) for name in unaffected})

    def for_gpu(self) -> Capabilities:
        """What to use of this with a GPU: no pid namespace without its own /proc.

        There /proc/self would lead nowhere, and libcuda fails without it (see `gpu_in_forks`).
        """
        return replace(self, pid=self.pid and self.proc)

    @property
    def reads_blocked(self) -> bool:
        """Whether student code is kept from reading files outside the readable list."""
        return self.mount or self.landlock > 0

    @property
    def gpu_in_forks(self) -> bool:
        """Whether the forks of a student's process can use a GPU too, and not only that process itself.

        libcuda names its threads, and fails if it cannot: it writes to /proc/self/task/*/comm. Landlock can
        allow that for one process or for all of /proc, so all of it must be the submission's own. (A real
        root without other uids would own what is below /proc/sys.)
        """
        own = self.mount and self.pid and self.proc and (self.uids or not self.root)
        return own or not self.landlock

    @property
    def sentence(self) -> str:
        """One plain line for the user: what is enforced, what is not, and why."""
        if not self.linux:
            return (
                "sandbox: limits only, since the sandbox needs Linux; "
                "open: every file you can read, the network"
            )
        enforced = [*self._namespaces(), *(["own uid"] if self.uids else [])]
        enforced += ["Landlock"] if self.landlock else []
        enforced += ["system-call filter"] if self.filter else []
        enforced += ["limits (including total memory)" if self.cgroup else "limits"]
        if self.mount and self.pid and self.net and self.ipc:
            return f"sandbox: {', '.join(enforced)}{self._open()}"
        because = f", because namespaces are forbidden here ({self.why})" if self.why else ""
        return f"sandbox: {_listed(enforced)} only{because}{self._open()}"

    def _namespaces(self) -> list[str]:
        fields = [("user", self.user), ("pid", self.pid), ("mount", self.mount)]
        fields += [("network", self.net), ("ipc", self.ipc)]
        names = [name for name, works in fields if works]
        kind = "namespaces" if names[1:] else "namespace"
        return [f"own {_listed(names)} {kind}"] if names else []

    def _open(self) -> str:
        """The end of the sentence: what stays open."""
        gaps = []
        if not self.reads_blocked:
            gaps.append("every file you can read")
        if not self.net:
            gaps.append(self._network())
        if not self.pid and not self.uids and self.landlock < 6:
            gaps.append("signals to your processes")
        if self.root and not self.uids:
            gaps.append("the number of processes, since this root cannot switch to another uid")
        return f"; open: {', '.join(gaps)}" if gaps else ""

    def _network(self) -> str:
        """What can still be reached without a network namespace: the filter stops all but unix sockets."""
        if self.filter:
            return "unix sockets in folders it can reach"
        return "UDP and reachable sockets" if self.landlock >= 4 else "the network"

    def record(self) -> dict[str, object]:
        """Plain values, for JSON; `Capabilities(**values)` restores them."""
        return asdict(self)


def _listed(words: list[str]) -> str:
    """a, b and c"""
    first, last = words[:-1], words[-1]
    return f"{', '.join(first)} and {last}" if first else last
