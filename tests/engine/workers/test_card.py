"""Is there a GPU that can be used, why not, and how many workers share it.

No test here needs a card: card_probe.py itself runs, with a torch that behaves as on one machine or another.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from autograder.core.errors import CourseError, NoCard
from autograder.core.limits import MIB, Limits
from autograder.core.settings import Settings, parse_settings
from autograder.sandbox.capabilities import SandboxError
from autograder.workers import card as cards
from autograder.workers.card import WORKER_BYTES, Card, find_card, jobs_on, resolve_device, run_probe
from tests.engine.support.stub_cards import GIB, GOOD, MISSING, StubProbe, install_stub_torch, put_in

Machine = Callable[[str], None]
"""Makes this machine one of a kind, see stub_cards.py."""
CARD = Card("Stub 8", 8 * GIB, 7 * GIB, "580.1", "13.0", "2.14.1")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return lambda kind: install_stub_torch(tmp_path, monkeypatch, kind)


def why(sentence: str) -> str:
    """The reason in a refusal, which is one sentence and always names the way out."""
    assert "\n" not in sentence
    assert sentence.startswith("no GPU can be used, since ")
    assert sentence.endswith(', or grade with --device cpu (as a setting: device = "cpu").')
    return sentence.removeprefix("no GPU can be used, since ")


def test_a_card_that_two_processes_can_use_is_found(machine: Machine) -> None:
    machine("good")
    card = find_card()
    assert (card.name, card.total_bytes, card.free_bytes) == ("Stub 8", 8 * GIB, 7 * GIB)
    assert (card.cuda, card.torch) == ("13.0", "2.14.1+stub")
    assert card.sentence.startswith("Stub 8, 7 GiB of 8 GiB free, ")


@pytest.mark.parametrize(
    ("kind", "reason", "repair"),
    [
        ("cpu build", "PyTorch 2.14.1+stub is built without CUDA: ", "install a build of it for CUDA"),
        ("rocm", "PyTorch 2.14.1+stub is built for AMD's ROCm: ", "install a build of it for CUDA"),
        ("no driver", "there is no NVIDIA driver here: ", "--gpus all"),
        (
            "too old",
            "too old (it knows CUDA 11.4) for PyTorch 2.14.1+stub, which needs CUDA 13.0: ",
            "update",
        ),
        ("no card", "the NVIDIA driver shows no card: ", "nvidia-smi"),
        ("old card", "PyTorch 2.14.1+stub has no programs for a card of this age: ", "supports it"),
        ("full", "other programs have taken all of its memory: ", "nvidia-smi"),
        ("exclusive", "a second process cannot use it at the same time (", "nvidia-smi -c 0"),
        ("wrong", "reports 'the card adds 1 and 1 wrongly': ", "repair that"),
        ("strange", "reports 'RuntimeError: CUDA error: unknown error': ", "repair that"),
        ("crash", "a test program for it failed (SIGSEGV): ", "repair PyTorch or"),
    ],
)
def test_where_no_card_can_be_used_the_sentence_says_why(
    machine: Machine, kind: str, reason: str, repair: str
) -> None:
    machine(kind)
    with pytest.raises(CourseError) as raised:
        find_card()
    sentence = why(str(raised.value))
    assert reason in sentence and repair in sentence.partition(reason)[2]


@pytest.mark.parametrize("hidden", ["", "-1", "7"])
def test_a_card_that_is_hidden_is_said_to_be_hidden(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, hidden: str
) -> None:
    machine("good")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    with pytest.raises(NoCard) as raised:
        find_card()
    reason = f"CUDA_VISIBLE_DEVICES={hidden!r} hides the one that is there: unset CUDA_VISIBLE_DEVICES"
    assert why(str(raised.value)).startswith(reason)


def test_a_card_is_not_said_to_be_hidden_where_there_is_none(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("no card")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(NoCard, match="the NVIDIA driver shows no card"):
        find_card()


def test_a_card_that_is_shown_by_its_number_is_used(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("good")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert find_card().name == "Stub 8"


def test_a_probe_that_cannot_import_torch_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("raise ImportError('torch is broken')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(NoCard, match=r"failed \(ImportError: torch is broken\)"):
        find_card()


def test_a_probe_that_does_not_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "torch.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(cards, "PROBE_SECONDS", 0.5)
    with pytest.raises(NoCard, match="did not end within"):
        find_card()


def test_the_commands_own_process_never_imports_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let alone CUDA, which would not survive the forks that follow."""
    install_stub_torch(tmp_path, monkeypatch, "good")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(cards.__file__).parents[2]}")
    program = (
        "import sys; from autograder.workers import card; card.refuse_closed = lambda: None;"
        " from autograder.workers.card import resolve_device;"
        " from autograder.core.settings import Settings; print(resolve_device('cuda', Settings())[1].name);"
        " print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["Stub 8", "False", ""]


def test_the_driver_of_this_machine_and_the_probe_agree() -> None:
    """The real torch of this environment, with or without a card: the probe always gives an answer."""
    found = run_probe(dict(os.environ))
    assert found.failed == "" and found.torch
    assert bool(found.name) != bool(found.error)


def test_a_card_that_the_sandbox_cannot_let_in_is_refused(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under WSL, where no program has more than all of Windows' graphics or nothing."""
    real = cards.refuse_closed
    machine("good")
    monkeypatch.setattr(cards, "refuse_closed", real)

    def closed(*, own_uid: bool) -> None:
        raise SandboxError(
            "/dev/nvidia0 is closed to student code: `chmod o+rw /dev/nvidia0`, or grade with --device cpu"
        )

    monkeypatch.setattr(cards, "find_gpu", closed)
    monkeypatch.setattr(cards.sandbox, "probe", lambda: SimpleNamespace(uids=True))
    with pytest.raises(NoCard) as raised:
        find_card()
    assert why(str(raised.value)).startswith(
        "/dev/nvidia0 is closed to student code: `chmod o+rw /dev/nvidia0`, or"
    )


# -- which device -------------------------------------------------------------------------------------


def test_on_the_cpu_nothing_is_looked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    probe = put_in(monkeypatch, GOOD)
    assert resolve_device("cpu", Settings(device="cuda")) == ("cpu", None)
    assert resolve_device(None, Settings()) == ("cpu", None)
    assert probe.asked == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("option", "setting"), [("cuda", "cpu"), ("auto", "cpu"), (None, "cuda"), (None, "auto")]
)
def test_a_card_is_used_where_option_or_setting_say_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: str | None, setting: str
) -> None:
    put_in(monkeypatch, GOOD)
    assert resolve_device(option, Settings(device=setting)) == ("cuda", CARD)
    line = "device: cuda (Stub 8, 7 GiB of 8 GiB free, driver 580.1, PyTorch 2.14.1 for CUDA 13.0)\n"
    assert capsys.readouterr() == ("", line)


def test_auto_without_a_card_is_the_cpu_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    put_in(monkeypatch, MISSING)
    assert resolve_device("auto", Settings()) == ("cpu", None)
    assert capsys.readouterr() == ("", "device: cpu, since there is no NVIDIA driver here\n")
    with pytest.raises(NoCard):
        resolve_device("cuda", Settings())


def test_an_unknown_device_in_the_settings_is_refused() -> None:
    with pytest.raises(CourseError, match="device: 'gpu' is none of cpu, cuda, auto"):
        parse_settings({"tool": {"autograder": {"device": "gpu"}}})
    with pytest.raises(CourseError, match="device: expected one of cpu, cuda, auto, got `int`"):
        parse_settings({"tool": {"autograder": {"device": 1}}})
    assert parse_settings({"tool": {"autograder": {"device": "auto"}}}).device == "auto"
    with pytest.raises(CourseError, match="device_bytes"):
        parse_settings({"tool": {"autograder": {"memory": {"device_bytes": 0}}}})


# -- how many workers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("free", "share", "jobs", "workers"),
    [
        (7 * GIB, 2 * GIB, 8, 2),  # each worker's own context takes memory, too
        (7 * GIB, 2 * GIB, 1, 1),
        (79 * GIB, 2 * GIB, 8, 8),
        (1 * GIB, 2 * GIB, 8, 1),
        (3 * (GIB + WORKER_BYTES), 1 * GIB, 8, 3),
        (3 * (GIB + WORKER_BYTES) - 1, 1 * GIB, 8, 2),
    ],
)
def test_workers_follow_the_memory_of_the_card(
    capsys: pytest.CaptureFixture[str], free: int, share: int, jobs: int, workers: int
) -> None:
    card = Card("Stub", 80 * GIB, free, "", "13.0", "2.14.1")
    assert jobs_on(card, jobs, Limits(device_bytes=share)) == workers
    assert workers <= max(1, free // share)
    said = capsys.readouterr().err
    assert said.startswith(f"workers: {workers} instead of {jobs}, since ") == (workers < jobs)
    assert len(said.splitlines()) == (workers < jobs)


def test_without_a_card_the_workers_are_as_many_as_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert jobs_on(None, 64, Limits(device_bytes=MIB)) == 64
    assert capsys.readouterr().err == ""


def test_the_probe_is_asked_again_only_if_a_card_may_be_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    probe = StubProbe(MISSING)
    with pytest.raises(NoCard, match="no NVIDIA driver"):
        find_card(probe)
    assert len(probe.asked) == 1
