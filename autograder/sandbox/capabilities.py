"""Which walls this machine has: a record that probe() fills and launch() and enter() follow."""

from __future__ import annotations

from dataclasses import asdict, dataclass

# systemd's table of uids calls 60706 to 61183 unused; one uid a slot is taken from there.
FIRST_UID = 60706
SLOTS = 478


class SandboxError(Exception):
    """Staff-facing: a wall could not be put up; one sentence that says which and what to do."""


@dataclass(frozen=True)
class Capabilities:
    """What was really tried and works here. A field that is False is a wall less."""

    linux: bool = False
    root: bool = False
    """Started by uid 0."""
    user: bool = False
    """The namespaces hang in a user namespace of their own (not needed by a full root)."""
    uids: bool = False
    """Each slot has a uid of its own; otherwise the student's code runs under the starter's."""
    mount: bool = False
    pid: bool = False
    net: bool = False
    ipc: bool = False
    proc: bool = False
    """/proc is of the own pid namespace; otherwise it is the outer one."""
    landlock: int = 0
    """Landlock's ABI version, 0 without it."""
    filter: bool = False
    """System calls are filtered."""
    cgroup: bool = False
    """Memory is limited for all processes of a submission together."""
    why: str = ""
    """What the kernel said to the first wall that is missing."""

    def without_namespaces(self) -> Capabilities:
        """The fallback form, as on a machine that forbids namespaces."""
        kept = {
            name: getattr(self, name)
            for name in ("linux", "root", "uids", "landlock", "filter", "cgroup", "why")
        }
        return Capabilities(**kept)

    @property
    def reads_blocked(self) -> bool:
        """Whether files outside the readable list are closed to the student's code."""
        return self.mount or self.landlock > 0

    @property
    def sentence(self) -> str:
        """One plain line for the user: what holds, what is weaker and why."""
        if not self.linux:
            return "sandbox: limits only, since walls need Linux; open: every file you can read, the network"
        holds = [*self._spaces(), *(["own uid"] if self.uids else [])]
        holds += ["Landlock"] if self.landlock else []
        holds += ["system-call filter"] if self.filter else []
        holds += ["limits, memory of all processes together too" if self.cgroup else "limits"]
        if self.mount and self.pid and self.net and self.ipc:
            return f"sandbox: {', '.join(holds)}{self._open()}"
        because = f", because namespaces are forbidden here ({self.why})" if self.why else ""
        return f"sandbox: {_listed(holds)} only{because}{self._open()}"

    def _spaces(self) -> list[str]:
        names = [("user", self.user), ("pid", self.pid), ("mount", self.mount)]
        names += [("network", self.net), ("ipc", self.ipc)]
        there = [name for name, here in names if here]
        kind = "namespaces" if there[1:] else "namespace"
        return [f"own {_listed(there)} {kind}"] if there else []

    def _open(self) -> str:
        """What stays open, as a tail of the sentence."""
        gaps = []
        if not self.reads_blocked:
            gaps.append("every file you can read")
        if not self.net:
            gaps.append(self._network())
        if not self.pid and not self.uids and self.landlock < 6:
            gaps.append("signals to your processes")
        if self.root and not self.uids:
            gaps.append("the number of processes, since this root may take no other uid")
        return f"; open: {', '.join(gaps)}" if gaps else ""

    def _network(self) -> str:
        """What is left of it without a namespace: the filter stops all but unix sockets."""
        if self.filter:
            return "unix sockets in folders it can reach"
        return "UDP and reachable sockets" if self.landlock >= 4 else "the network"

    def record(self) -> dict[str, object]:
        """Plain values that `Capabilities(**values)` takes back."""
        return asdict(self)


def _listed(words: list[str]) -> str:
    """a, b and c"""
    first, last = words[:-1], words[-1]
    return f"{', '.join(first)} and {last}" if first else last
