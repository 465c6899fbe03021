"""A request says where its tensors are created; its answer is the same data, wherever that was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import nn

from autograder.process.proxy import LocalProxy, Raised
from autograder.protocol import places
from autograder.protocol.encode import encode_value
from autograder.protocol.messages import Call, Request
from autograder.protocol.places import PLACES, Gpu, Place
from tests.engine.protocol import place_probes as probes

DEVICES = ["fake", pytest.param("cuda", marks=pytest.mark.gpu)]
TENSORS = {
    "float32": torch.tensor([[1.5, -0.0, float("nan")], [float("inf"), 1e-45, 3.0]]),
    "float64": torch.tensor([0.1, 1 / 3], dtype=torch.float64),
    "float16": torch.tensor([0.1, 2.0], dtype=torch.float16),
    "bfloat16": torch.tensor([0.1, 2.0], dtype=torch.bfloat16),
    "complex64": torch.tensor([1 + 2j, 0.5j]),
    "int64": torch.tensor([2**62, -1]),
    "uint8": torch.tensor([0, 255], dtype=torch.uint8),
    "bool": torch.tensor([True, False]),
    "number": torch.tensor(0.25),
    "empty": torch.empty(0, 3),
    "requires grad": torch.tensor([1.0, 2.0], requires_grad=True),
    "complex, requires grad": torch.tensor([1 + 2j], requires_grad=True),
}


def placed(device: str, **names: Any) -> LocalProxy:
    notebook = LocalProxy(names)
    notebook.device = device
    return notebook


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", TENSORS)
def test_an_answer_is_the_same_data_from_every_device(device: str, name: str) -> None:
    sent = TENSORS[name]
    seen = []
    notebook = placed(device, back=lambda x: [seen.append(probes.is_there(x, device)), x][1])
    got = notebook.back(sent)
    assert seen == [True]
    assert got.device.type == "cpu"
    assert encode_value(got) == encode_value(sent)
    assert notebook.changed == ()


@pytest.mark.parametrize("device", DEVICES)
def test_tensors_in_containers_and_in_a_probes_arguments_are_placed(device: str) -> None:
    notebook = placed(device)
    nested = {"a": [torch.ones(2), (torch.zeros(1, requires_grad=True), 3)], "b": {"c": torch.tensor(1)}}
    found = notebook.run(probes.found_there, nested, device, more=[torch.ones(2, 2)])
    assert found == {"tensors": 4, "there": 4, "leaves": 4}
    notebook.device = "cpu"
    assert notebook.run(probes.found_there, nested, device, more=[]) == {
        "tensors": 3,
        "there": 0,
        "leaves": 3,
    }


@pytest.mark.parametrize("device", DEVICES)
def test_a_float64_notebook_gets_its_own_dtype_there(device: str) -> None:
    seen = []
    given = torch.ones(2, requires_grad=True)
    torch.set_default_dtype(torch.float64)
    try:
        notebook = placed(device, f=lambda x: [seen.append((x.dtype, probes.is_there(x, device))), x][1])
        got = notebook.f(given)
    finally:
        torch.set_default_dtype(torch.float32)
    assert seen == [(torch.float64, True)]
    assert (got.dtype, got.requires_grad) == (torch.float32, True)


@pytest.mark.parametrize("device", DEVICES)
def test_a_module_that_a_probe_moves_works_there_and_its_gradients_come_back(device: str) -> None:
    weights, x = [torch.randn(2, 3), torch.randn(2)], torch.randn(4, 3)
    there, home = placed(device), LocalProxy({})
    got, want = (notebook.run(probes.gradients, weights, x) for notebook in (there, home))
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(got, want, strict=True))


@pytest.mark.parametrize("device", DEVICES)
def test_objects_that_stayed_are_where_they_were(device: str) -> None:
    notebook = placed("cpu", layer=nn.Linear(2, 1), use=lambda layer, x: layer(x))
    layer = notebook.value("layer")
    notebook.device = device
    with pytest.raises(Raised, match="same device"):
        notebook.use(layer, torch.ones(1, 2))
    made = notebook.run(probes.layer_beside, torch.ones(1, 2))
    assert notebook.use(made, torch.ones(1, 2)).shape == (1, 1)
    notebook.device = "cpu"
    assert notebook.use(layer, torch.ones(1, 2)).shape == (1, 1)
    if device == "cuda":  # outside the fake device, its tensors are ordinary ones
        with pytest.raises(Raised, match="same device"):
            notebook.use(made, torch.ones(1, 2))


@pytest.mark.parametrize("device", DEVICES)
def test_code_that_mixes_devices_is_refused_there_and_works_on_the_cpu(device: str) -> None:
    notebook = placed(device, f=lambda x: x + torch.ones(3), g=lambda x: x.numpy().sum())
    for call, words in ((notebook.f, "same device"), (notebook.g, "to numpy")):
        with pytest.raises(Raised, match=words):
            call(torch.ones(3))
    notebook.device = "cpu"
    assert notebook.f(torch.ones(3)).sum() == 6
    assert notebook.g(torch.ones(3)) == 3


@pytest.mark.parametrize("device", DEVICES)
def test_changes_are_reported_there_too(device: str) -> None:
    notebook = placed(
        device,
        add=lambda x: [x.add_(1), None][1],
        draw=lambda x: [torch.rand_like(x), None][1],
        leave=lambda x: x + 1,
    )
    for name, changed in (("add", ("argument 1",)), ("draw", ("torch random state",)), ("leave", ())):
        getattr(notebook, name)(torch.zeros(2))
        assert notebook.changed == changed, name


class Elsewhere(Place):
    """A device with a random generator of its own."""

    generator = torch.Generator()
    seeds: list[int] = []

    def seed(self, seed: int) -> None:
        self.seeds.append(seed)
        self.generator.manual_seed(seed)

    def random_state(self) -> bytes:
        return self.generator.get_state().numpy().tobytes()


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> type[Elsewhere]:
    monkeypatch.setitem(PLACES, "elsewhere", Elsewhere)
    monkeypatch.setattr(Elsewhere, "seeds", [])
    return Elsewhere


def test_a_devices_own_generator_is_seeded_and_watched(elsewhere: type[Elsewhere]) -> None:
    def draws(x: torch.Tensor) -> torch.Tensor:
        return torch.rand(3, generator=elsewhere.generator)

    notebook = placed("elsewhere", draws=draws, leaves=lambda x: x)
    first = notebook.draws(torch.ones(2))
    assert notebook.changed == ("torch random state",)
    assert torch.equal(notebook.draws(torch.ones(2)), first)
    notebook.leaves(torch.ones(2))
    assert notebook.changed == ()


def test_a_request_has_the_same_seed_on_every_device(elsewhere: type[Elsewhere]) -> None:
    notebook = placed("elsewhere", draw=lambda x: torch.rand(3))
    there = notebook.draw(torch.ones(2))
    notebook.device = "cpu"
    assert torch.equal(notebook.draw(torch.ones(2)), there)
    assert len(elsewhere.seeds) == 1


def test_a_device_that_nobody_knows_is_an_error_and_nothing_else() -> None:
    notebook = placed("warp", f=lambda: 1)
    with pytest.raises(Raised, match="no request can be placed on 'warp'"):
        notebook.f()
    notebook.device = "cpu"
    assert notebook.f() == 1


def test_without_a_gpu_a_request_for_it_raises() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    notebook = placed("cuda", f=lambda x: x)
    with pytest.raises(Raised):
        notebook.f(torch.ones(2))


def test_every_kind_of_request_names_the_device() -> None:
    asked: list[Request] = []
    notebook = placed("fake", f=lambda: 1, x=1)
    answer = notebook._answerer.answer
    notebook._answerer.answer = lambda request: [asked.append(request), answer(request)][1]  # type: ignore[method-assign]
    notebook.f(), notebook.value("x"), notebook.run(probes.found_there, [], "fake", more=[])
    assert [request.device for request in asked] == ["fake"] * 3
    notebook.device = "cpu"
    notebook.f()
    assert asked[-1] == Call(4, "f", [], {}, "")


@contextmanager
def watched_gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Gpu, list[str]]]:
    """The real place with nothing behind it: what it does about settings, and when it waits for the GPU."""
    waits: list[str] = []
    monkeypatch.setattr(places, "_synchronize", lambda: waits.append("waited"))
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic
    torch.backends.cudnn.allow_tf32 = True
    try:
        yield object.__new__(Gpu), waits
    finally:
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.deterministic = before


def test_a_gpu_computes_in_full_float32_and_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with watched_gpu(monkeypatch) as (gpu, waits):
        with gpu.working():
            assert not torch.backends.cudnn.allow_tf32
            assert torch.backends.cudnn.deterministic
            assert waits == []
        assert waits == ["waited"]


def test_a_gpu_is_not_waited_for_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error would take the place of the one that the student has to read."""
    with watched_gpu(monkeypatch) as (gpu, waits):
        with pytest.raises(KeyError), gpu.working():
            raise KeyError("x")
        assert waits == []


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_a_gpu_is_broken_if_it_was_used_and_answers_no_more(
    monkeypatch: pytest.MonkeyPatch, used: bool, fails: bool
) -> None:
    def answer() -> None:
        if fails:
            raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: used)
    monkeypatch.setattr(places, "_synchronize", answer)
    assert places.gpu_is_broken() == (used and fails)


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=pytest.mark.gpu)])
def test_convolutions_on_the_card_are_as_exact_as_on_the_cpu(device: str) -> None:
    x, w = torch.randn(2, 64, 9, 9), torch.randn(8, 64, 3, 3)
    got = placed(device, conv=torch.nn.functional.conv2d).conv(x, w)
    assert torch.allclose(got, torch.nn.functional.conv2d(x, w), rtol=1e-4, atol=1e-4)  # TF32: 1e-2
