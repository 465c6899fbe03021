"""Processes for students on a machine that is told it has a GPU, and has none: all that needs no kernel."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.core.limits import MIB, Limits
from autograder.core.records import CodeCell
from autograder.grading.notebook_copies import NotebookCopies
from autograder.process.choose_launcher import launcher_for
from autograder.process.forkserver_launcher import ForkServerLauncher
from autograder.process.launcher import STILL_THERE, Launcher
from autograder.process.proxy import Raised, StudentLost
from autograder.process.run_cells import CellRunner, Run
from autograder.process.spawn_launcher import SpawnLauncher
from autograder.protocol.messages import KillTree, KillTreeDone, Spawn
from autograder.sandbox import unsandboxed
from autograder.sandbox.capabilities import Capabilities
from autograder.sandbox.launch import probe
from autograder.sandbox.unsandboxed import UnsandboxedProcess
from autograder.student import forkserver
from tests.engine.process.cells import LIMITS, PATIENT, only, run, text
from tests.engine.process.fake_card import FakeNvml, below, launcher_with_card

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="there is no fork server here")
SEES_GPU = "import torch; torch.cuda._device_count_nvml = lambda: 1\n"
"""As where NVML answers."""
USES_CUDA = "import torch; torch.cuda.is_initialized = lambda: True\n"
ENVIRONMENT = (
    "import os; print([os.environ.get(x) for x in ('CUDA_VISIBLE_DEVICES', 'PYTORCH_NVML_BASED_CUDA_CHECK')])"
)


@pytest.fixture(scope="module")
def shared() -> Iterator[tuple[Launcher, FakeNvml]]:
    nvml = FakeNvml()
    with launcher_with_card(nvml) as launcher:
        yield launcher, nvml


@pytest.fixture
def card(shared: tuple[Launcher, FakeNvml]) -> Iterator[FakeNvml]:
    """The stub of the card, on which nothing is held."""
    launcher, nvml = shared
    nvml.__init__()  # type: ignore[misc]
    launcher.start_submission((), 2048 * MIB)
    yield nvml
    launcher.kill_tree()


@pytest.fixture
def launcher(shared: tuple[Launcher, FakeNvml], card: FakeNvml) -> Launcher:
    return shared[0]


def runner(launcher: Launcher, *sources: str, tests: dict[int, str] | None = None) -> CellRunner:
    cells = [CodeCell(i, source, tests=(tests or {}).get(i, "")) for i, source in enumerate(sources)]
    return CellRunner(launcher, cells, 7, PATIENT)


def test_a_submission_sees_the_first_gpu_that_the_grader_may_use(launcher: Launcher) -> None:
    (cell,) = run(launcher, ENVIRONMENT)
    assert text(cell) == "['3', '1']\n"


def test_no_submission_sees_one_on_the_cpu() -> None:
    with launcher_for(LIMITS) as launcher:
        (cell,) = run(launcher, ENVIRONMENT)
    assert text(cell) == "['', None]\n"


def test_to_ask_for_a_gpu_leaves_the_process_fit_for_copies(launcher: Launcher) -> None:
    ask = f"{SEES_GPU}print(torch.cuda.is_available(), torch.cuda.is_initialized())"
    found = runner(launcher, ask, "", tests={1: "one"}).run()
    assert text(found.cells[0]) == "True False\n"
    assert list(found.snapshots) == ["one"]


def test_a_copy_that_could_not_use_the_gpu_is_none(launcher: Launcher) -> None:
    """Without NVML, PyTorch asks CUDA itself whether there is a GPU. The forks of that process have none."""
    found = runner(launcher, "import torch; torch.cuda.is_available()", "", "x = 3", tests={1: "one"}).run()
    assert found.snapshots == {}
    assert found.process.fork() is None
    assert found.process.serve().value("x") == 3


def test_copies_from_before_the_first_use_serve_and_then_the_notebook_runs_again(launcher: Launcher) -> None:
    notebook = runner(
        launcher, "x = 1", "", f"{USES_CUDA}x = 2", "", "x = 3", "", tests={1: "one", 3: "two", 5: "three"}
    )
    first = notebook.run()
    assert list(first.snapshots) == ["one"]
    copies = NotebookCopies(first, notebook)
    answers, again = [], []
    for place in ("one", "two", "three"):
        copies.move_to(place)
        answers.append(copies.get().value("x"))
        again.append(copies.run is not first)
        copies.leave()
    assert answers == [1, 2, 3]
    assert again == [False, True, True]


FULL = (
    "CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.10 GiB of which 1 MiB"
)
FILL = f"import torch\nraise torch.OutOfMemoryError('{FULL} is free.')"


def test_a_cell_that_fills_the_gpu_is_noted(launcher: Launcher) -> None:
    first, second = run(launcher, FILL, "print('next')")
    assert only(first, "error").ename == "OutOfMemoryError"
    assert text(second) == "next\n"
    assert launcher.device_memory


@pytest.mark.parametrize("error", [
    f"torch.OutOfMemoryError('{FULL}')", "RuntimeError('CUDA error: out of memory')",
    "RuntimeError('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`')",
])  # fmt: skip
def test_so_is_an_answer(launcher: Launcher, error: str) -> None:
    proxy = runner(launcher, f"import torch\ndef f(): raise {error}\ndef g(): return 4").run().process.serve()
    with pytest.raises(Raised):
        proxy.f()
    assert launcher.device_memory
    assert not proxy.lost and proxy.g() == 4


def test_another_error_is_none_of_the_memory(launcher: Launcher) -> None:
    run(launcher, "raise MemoryError", "raise RuntimeError('mat1 and mat2 shapes cannot be multiplied')")
    assert not launcher.device_memory


BREAK = "raise RuntimeError('CUDA error: device-side assert triggered')"


def test_a_process_that_lost_its_gpu_answers_no_more(launcher: Launcher) -> None:
    notebook = runner(launcher, f"def f(): {BREAK}\ndef g(): return 4", "", tests={1: "one"})
    copies = NotebookCopies(notebook.run(), notebook)
    copies.move_to("one")
    broken = copies.get()
    with pytest.raises(Raised):
        broken.f()
    with pytest.raises(StudentLost, match="could no longer use the GPU"):
        broken.g()
    assert copies.get() is not broken
    assert copies.get().g() == 4
    copies.leave()


def test_a_cell_that_breaks_the_gpu_costs_no_later_cell(launcher: Launcher) -> None:
    """All cells run again without the GPU, as they would on a CPU."""
    visible = "import os; seen = os.environ['CUDA_VISIBLE_DEVICES']"
    notebook = runner(launcher, visible, f"def f(): return 4\nif seen: {BREAK}", "print(f(), [seen])")
    found = notebook.run()
    assert [cell.outputs for cell in list(found.cells.values())[:2]] == [[], []]
    assert text(found.cells[2]) == "4 ['']\n"
    assert (found.device, NotebookCopies(found, notebook).device) == ("cpu", "cpu")
    again = runner(launcher, visible, "print([seen])").run()
    assert (again.device, text(again.cells[1])) == ("cuda", "['3']\n")


def test_without_the_gpu_a_copy_says_the_same_as_a_cell(launcher: Launcher) -> None:
    """And not that CUDA cannot be used after a fork, which students do not know of."""
    notebook = runner(launcher, "import torch\ndef f(): torch.ones(1).cuda()", "f()", "", tests={2: "one"})
    notebook._gpu_hidden = True
    found = notebook.run()
    error = only(found.cells[1], "error")
    assert (error.ename, error.evalue) == ("RuntimeError", "No CUDA GPUs are available")
    with pytest.raises(Raised, match="^RuntimeError: No CUDA GPUs are available$"):
        found.snapshots["one"].serve().f()


def test_a_fork_server_that_has_asked_cuda_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forkserver, "enter", lambda *_, **__: None)
    monkeypatch.setattr(forkserver.gpu, "show_gpu", lambda *_: None)
    monkeypatch.setattr(forkserver.gpu, "gpu_is_lost", lambda: True)
    server = forkserver.ForkServer(None, Capabilities(), LIMITS, None, (), "0")  # type: ignore[arg-type]
    with pytest.raises(RuntimeError, match="asked CUDA"):
        server._enter(0, Spawn(1, 0, "", gpu=True))


def test_a_cell_that_only_says_so_runs_twice_and_no_more(launcher: Launcher) -> None:
    found = runner(launcher, BREAK, "print('next')").run()
    assert only(found.cells[0], "error").ename == "RuntimeError"
    assert text(found.cells[1]) == "next\n"


# -- the watch ---------------------------------------------------------------------------------------


def take(launcher: Launcher, card: FakeNvml, each: int) -> None:
    """From now on, every process of the submission holds so many MiB."""
    assert isinstance(launcher, ForkServerLauncher) and launcher._process is not None
    root = launcher._process.pid
    levels = (
        2 if launcher.capabilities.pid else 3
    )  # below the fork server, and below its reaper if it has one
    card.each, card.using = each * MIB, lambda: below(root, levels)


def test_a_submission_over_its_limit_is_killed_in_a_cell(launcher: Launcher, card: FakeNvml) -> None:
    launcher.wait()
    take(launcher, card, 3000)
    (cell,) = run(launcher, "import time\nfor _ in range(600): time.sleep(0.1)")
    assert cell.note == "left out: it used too much GPU memory (more than 2 GiB in all)"
    assert launcher.device_memory
    assert launcher.device_peak == 3000 * MIB
    assert launcher.warnings == []


def test_and_in_an_answer(launcher: Launcher, card: FakeNvml) -> None:
    proxy = runner(launcher, "import time\ndef f(): time.sleep(60)").run().process.serve()
    proxy.seconds = 60.0
    take(launcher, card, 3000)
    with pytest.raises(StudentLost) as caught:
        proxy.f()
    assert caught.value.fault == "memory"
    assert str(caught.value) == "Your code used too much GPU memory (more than 2 GiB in all)"
    assert launcher.device_memory


def test_and_in_an_answer_of_a_copy(launcher: Launcher, card: FakeNvml) -> None:
    with runner(launcher, "import time\ndef f(): time.sleep(60)").run().process.answering() as proxy:
        proxy.seconds = 60.0
        take(launcher, card, 3000)
        with pytest.raises(StudentLost) as caught:
            proxy.f()
    assert caught.value.fault == "memory"


def test_alone_on_the_card_it_may_use_more(launcher: Launcher, card: FakeNvml) -> None:
    launcher.start_submission((), 80_000 * MIB)
    launcher.wait()
    take(launcher, card, 3000)
    (cell,) = run(launcher, "import time; time.sleep(0.5)")
    assert cell.note is None and not launcher.device_memory
    assert launcher.device_peak == 3000 * MIB


def test_memory_that_is_still_held_at_the_end_is_told(
    launcher: Launcher, card: FakeNvml, monkeypatch: Any
) -> None:
    monkeypatch.setattr("autograder.process.card_watch.CardWatch.left.__defaults__", (0.05,))
    card.leaks = True
    launcher.wait()
    take(launcher, card, 700)
    run(launcher, "import time; time.sleep(0.5)")
    assert launcher.warnings == ["Its processes still held 700 MiB of the GPU after their end."]
    launcher.start_submission((), 2048 * MIB)
    assert launcher.warnings == [] and launcher.device_peak == 0


def test_a_submission_without_the_gpu_is_not_watched(launcher: Launcher, card: FakeNvml) -> None:
    assert launcher.meter is not None
    nvml, launcher.meter.nvml = launcher.meter.nvml, None
    take_none = card.looks
    try:
        run(launcher, "import time; time.sleep(0.5)")
    finally:
        launcher.meter.nvml = nvml
    assert card.looks == take_none


def test_the_sentence_says_how_memory_is_bounded(launcher: Launcher) -> None:
    assert launcher.sentence == (
        f"{launcher.capabilities.sentence}; GPU: at most 2 GiB for each submission, watched through NVML"
    )
    with launcher_for(LIMITS) as other:
        assert other.sentence == other.capabilities.sentence


# -- what does not die -------------------------------------------------------------------------------


def test_a_process_that_does_not_die_costs_a_fork_server_and_no_grade(launcher: Launcher) -> None:
    """As while its kernel runs: it is said, nothing is repeated, and the next submission gets a new one."""
    assert isinstance(launcher, ForkServerLauncher)
    launcher.start()
    launcher.wait()
    deaths, server, channel = launcher.deaths, launcher._process, launcher._channel
    assert server is not None and channel is not None

    class Answers:
        def send(self, message: object, seconds: float) -> None:
            assert isinstance(message, KillTree)

        def receive(self, kind: object, seconds: float) -> KillTreeDone:
            return KillTreeDone(0, "", left=True)

        def close(self) -> None:
            channel.close()

    launcher._channel = Answers()  # type: ignore[assignment]
    assert launcher.kill_tree() == (0, "")
    assert launcher.warnings == [STILL_THERE]
    assert server.poll() is not None and launcher._process is None
    (cell,) = run(launcher, "print(1)")
    assert text(cell) == "1\n"
    assert launcher.deaths == deaths


def test_the_fork_server_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_slow() -> dict[int, int]:
        raise TimeoutError

    server = forkserver.ForkServer(None, probe(), Limits(), None, [])  # type: ignore[arg-type]
    server.child = 77
    monkeypatch.setattr(forkserver.shared_memory, "remove_new", lambda before, uid: None)
    monkeypatch.setattr(forkserver, "kill_tree", too_slow)
    assert server._kill_tree() == KillTreeDone(0, "", left=True)
    server.child = 77
    monkeypatch.setattr(forkserver, "kill_tree", lambda: {77: 9})
    assert server._kill_tree() == KillTreeDone(9, "", left=False)


def test_so_does_a_process_without_forks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(tmp_path / "log", "wb") as log:
        program = [sys.executable, "-c", "import time; time.sleep(60)"]
        process = UnsandboxedProcess(program, env={}, folder=tmp_path, stderr=log)
    with monkeypatch.context() as patch:
        patch.setattr(unsandboxed, "_KILL_SECONDS", 0.05)
        patch.setattr(process, "_kill_tree", lambda: None)
        patch.setattr(process._process, "kill", lambda: None)
        assert process.end() is None
    assert process.end() == 9
    process.socket.close()


# -- the form without forks --------------------------------------------------------------------------


@pytest.mark.slow
def test_without_forks_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    card = FakeNvml()
    with launcher_with_card(card, Capabilities()) as launcher:
        assert isinstance(launcher, SpawnLauncher)
        environment, first = run(launcher, ENVIRONMENT, FILL)
        assert text(environment) == "['3', '1']\n"
        assert only(first, "error").ename == "OutOfMemoryError" and launcher.device_memory
        launcher.start_submission((), 2048 * MIB)
        proxy = runner(launcher, "import time\ndef f(): time.sleep(60)").run().process.serve()
        proxy.seconds = 60.0
        assert launcher._current is not None
        mine = launcher._current.process._process.pid
        card.each, card.using = 3000 * MIB, lambda: [mine]
        with pytest.raises(StudentLost) as caught:
            proxy.f()
        assert caught.value.fault == "memory" and launcher.device_memory
        card.using = list
        launcher.start_submission((), 2048 * MIB)
        found: Run = runner(launcher, f"import os\nif os.environ['CUDA_VISIBLE_DEVICES']: {BREAK}").run()
        assert (found.device, found.cells[0].outputs) == ("cpu", [])
        launcher.kill_tree()
