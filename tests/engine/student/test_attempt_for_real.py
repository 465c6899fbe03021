"""`attempt` on a real device gives the report that it gives on the fake one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from autograder.fake_device import attempt, on_fake_device, on_other_device
from autograder.protocol.places import PLACES, Place
from autograder.student.fake_device import _kind_for_real

REAL = ["meta", pytest.param("cuda", marks=pytest.mark.gpu)]
MIXED = [
    "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu!",
    "Expected all tensors to be on the same device, but got mat2 is on cpu, different from other tensors on"
    " cuda:0 (when checking argument in method wrapper_CUDA_mm)",
    "Expected all tensors to be on the same device. addmm: expected 'mat1' to be CUDA, but got CPU",
    "Tensor for argument #2 'mat1' is on CPU, but expected it to be on GPU",
    "Tensor on device cpu is not on the expected device meta!",
    "indices should be either on cpu or on the same device as the indexed tensor (cpu)",
    "Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the same",
    "Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor) should be the same or input"
    " should be a MKLDNN tensor and weight is a dense tensor",
    "assigned grad has data located on a different device",
    "invalid gradient at index 0 - expected device cuda:0 but got cpu",
    "Expected a 'cuda' device type for generator but found 'cpu'",
]
OTHERS = [
    "mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)",
    "Input type (torch.cuda.DoubleTensor) and weight type (torch.cuda.FloatTensor) should be the same",
    "Input type (double) and bias type (float) should be the same",
    "CUDA error: device-side assert triggered",
]


@pytest.fixture(autouse=True)
def meta_is_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's device without data refuses what a GPU refuses, and needs no hardware."""
    monkeypatch.setitem(PLACES, "meta", Place)


@pytest.mark.parametrize("device", REAL)
def test_a_program_that_works_returns_its_value(device: str) -> None:
    found = attempt(lambda place: torch.ones(2, 3, device=place).sum(0), device)
    assert found["value"].shape == (3,)
    assert (found["error"], found["limit"], found["at"]) == (None, False, None)
    assert found.keys() == attempt(lambda place: 1).keys()


@pytest.mark.parametrize("device", REAL)
@pytest.mark.parametrize("operation", ["add", "cat", "where", "cross_entropy", "batch_norm", "gradient"])
def test_tensors_on_two_devices_are_told(device: str, operation: str) -> None:
    def program(place: torch.device) -> object:
        there, here = torch.ones(2, 3, device=place), torch.ones(2, 3)
        weights = torch.ones(2, 3, requires_grad=True)
        return {
            "add": lambda: there + here,
            "cat": lambda: torch.cat([there, here]),
            "where": lambda: torch.where(there > 0, here, there),
            "cross_entropy": lambda: functional.cross_entropy(there, torch.zeros(2, dtype=torch.int64)),
            "batch_norm": lambda: torch.nn.BatchNorm1d(3)(there),
            "gradient": lambda: setattr(weights, "grad", there),
        }[operation]()

    assert attempt(program, device)["error"] == "mixed"
    assert attempt(program)["error"] == "mixed"


@pytest.mark.parametrize("device", REAL)
@pytest.mark.parametrize("convert", [torch.Tensor.numpy, np.asarray])
def test_a_tensor_that_is_no_array_is_told(device: str, convert: object) -> None:
    assert attempt(lambda place: convert(torch.ones(2, device=place)), device)["error"] == "numpy"  # type: ignore[operator]


@pytest.mark.parametrize("device", REAL)
def test_any_other_error_is_named_by_its_type(device: str) -> None:
    assert attempt(lambda place: [][1], device)["error"] == "other: IndexError"
    there = attempt(lambda place: torch.ones(2, device=place) @ torch.ones(3, device=place), device)
    assert there["error"] == "other: RuntimeError"


@pytest.mark.parametrize("sentence", MIXED)
def test_pytorchs_sentences_about_two_devices_are_known(sentence: str) -> None:
    assert _kind_for_real(RuntimeError(sentence)) == "mixed"


@pytest.mark.parametrize("sentence", OTHERS)
def test_what_pytorch_says_about_other_mistakes_is_none_of_them(sentence: str) -> None:
    assert _kind_for_real(RuntimeError(sentence)) == "other: RuntimeError"


def test_a_full_card_is_no_answer() -> None:
    def program(place: torch.device) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(torch.OutOfMemoryError):
        attempt(program, "meta")


def test_the_devices_own_draws_have_the_requests_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: list[int] = []
    monkeypatch.setattr(Place, "seed", lambda self, seed: seeds.append(seed))
    torch.manual_seed(5)
    attempt(lambda place: 1, "meta")
    assert seeds == [5]


def test_a_tensor_on_another_device_is_found_on_both() -> None:
    def program(place: torch.device) -> list[bool]:
        return [on_other_device(x) for x in (torch.ones(1, device=place), torch.ones(1), 3)]

    assert attempt(program)["value"] == attempt(program, "fake")["value"] == [True, False, False]
    assert attempt(lambda place: on_fake_device(torch.ones(1, device=place)))["value"]


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=pytest.mark.gpu)])
def test_a_tensor_on_the_card_is_found(device: str) -> None:
    found = attempt(
        lambda place: [on_other_device(torch.ones(1, device=place)), on_other_device(torch.ones(1))], device
    )
    assert found["value"] == [True, False]
