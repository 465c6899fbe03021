"""A pretended second device on the CPU: it catches data left on the wrong device without a GPU.

    from autograder.inside.faraway import attempt, faraway, is_far

    def batches_on_another_device(nb, xs, ys):
        \"\"\"train_one_epoch on another device\"\"\"
        def program(device):                        # everything far happens in here
            model = Net().to(device)                # or torch.zeros(3, device=device), x.to(device)
            loader = [(xs, ys)]                     # data made outside stays on the CPU
            return nb.train_one_epoch(model, loader, SGD(model.parameters()), MSELoss(), device)
        return attempt(program)

`attempt` answers {"value", "error", "limit", "at"}:

    error   None, "mixed" (tensors of two devices met), "numpy" (a far tensor was asked for an
            array) or "other: <exception type>"
    at      the operation in which tensors of two devices met first, or None
    limit   True when the pretence itself may be to blame for what happened
    value   what the program returned, None after an error. Tensors in it may be far: far tensors
            are CPU tensors with a mark, so they cross to the grader as they are. `is_far(x)` tells.

How a check judges it: with `limit` there is no verdict, whatever else came; "mixed" and "numpy" are
the student's mistake; "other: ..." where the same program with the device "cpu" gives no error is
no verdict either. `attempt` stands on the context manager `with faraway() as device:`.

How it works. Nothing is moved: a far tensor is an ordinary CPU tensor whose *storage* carries a
mark, so that every number, gradient and shape is the real one, views share the mark, and modules,
optimizers and deep copies never notice. Inside the context one mode watches the calls of Python
(`.to`, `.cpu`, `device=`, `.device`, `.numpy`) and one the kernels: it refuses what a GPU refuses
(CPU and far tensors together, but for 0-dim numbers and indices) and marks what comes out.
`x.device` answers torch.device("meta"), a device that needs no hardware, so that
`if device.type == "cuda":` takes the harmless branch.

Not watched: other threads and processes, tensors sent through pickle or torch.save (noted as a
limit), sparse tensors, and autocast on the far device (raises, noted as a limit).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from autograder.inside.places import (
    DEVICE,
    EITHER,
    FAR,
    HOME,
    NEAR,
    FarawayLimit,
    Journal,
    MixedDevices,
    NotAnArray,
    is_far,
    mark,
    outputs,
    place_of,
    send,
    settle,
    tensors_in,
    wanted_place,
)

__all__ = ["FarawayLimit", "Journal", "MixedDevices", "NotAnArray", "attempt", "faraway", "is_far"]


@contextmanager
def faraway(journal: Journal | None = None) -> Iterator[torch.device]:
    """Within this context the device it gives is far away from the CPU."""
    journal = journal or Journal()
    with _Kernels(journal), _Calls(journal):
        yield DEVICE


def attempt(program: Callable[[torch.device], Any]) -> dict[str, Any]:
    """Run `program(device)` on the pretended device; say what went wrong as data."""
    journal = Journal()
    try:
        with faraway(journal) as device:
            value = program(device)
    except Exception as error:  # noqa: BLE001  any exception of the student's code is an answer here
        blame = journal.limit is not None or _of_our_making(error)
        return {"value": None, "error": _kind(error, journal), "limit": blame, "at": journal.at}
    return {"value": value, "error": None, "limit": journal.limit is not None, "at": None}


def _kind(error: Exception, journal: Journal) -> str:
    if isinstance(error, MixedDevices):
        return "mixed"
    if isinstance(error, NotAnArray):
        return "numpy"
    # The student's code may have wrapped the first error into one of its own.
    return journal.fault or f"other: {type(error).__name__}"


def _of_our_making(error: BaseException) -> bool:
    """Whether the error speaks of the device that only the pretence knows."""
    if isinstance(error, MixedDevices | NotAnArray):
        return False
    own = r"\bmeta\b|unsupported scalarType"  # the latter is what autocast says of it
    return isinstance(error, FarawayLimit) or bool(re.search(own, str(error), re.IGNORECASE))


# --- kernels ----------------------------------------------------------------------------------

aten = torch.ops.aten
_CROSSING = {aten.copy_, aten.copy, aten._copy_from, aten._copy_from_and_resize}
_READING = {aten.index, aten._unsafe_index}
_WRITING = {
    aten.index_put,
    aten.index_put_,
    aten._unsafe_index_put,
    aten._index_put_impl_,
}
# Kernels that take no 0-dim number from the CPU; most do, so what is not listed is let pass.
_NO_NUMBERS = {aten.stack, aten.cat, aten.equal, aten.mv, aten.dot}


class _Kernels(TorchDispatchMode):
    """Sees every kernel, those of a backward pass too."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.journal = journal

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunction():
            return self._launch(func, args, dict(kwargs or {}))

    def _launch(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        far_asked = wanted_place(kwargs.get("device")) == FAR
        if far_asked:  # a default device, set by torch.set_default_device
            kwargs["device"] = HOME
        tensors = list(tensors_in((args, kwargs)))
        if any(tensor.device.type == DEVICE.type for tensor in tensors):
            self.journal.limit = str(func)
            raise FarawayLimit(f"{func} was given a tensor without data")
        place = FAR if far_asked else self._meet(func, args, kwargs, tensors)
        result = func(*args, **kwargs)
        settle(result, place)
        return result

    def _meet(
        self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], tensors: list[torch.Tensor]
    ) -> str:
        """The place where the operation happens; refuses what a GPU refuses."""
        packet = func.overloadpacket
        if packet in _CROSSING:
            return place_of(args[0]) or NEAR
        written = _written(func, args, kwargs)
        places = [place_of(tensor) for tensor in tensors]
        if FAR not in places:
            only_either = bool(places) and all(place == EITHER for place in places)
            return NEAR if places and not only_either else EITHER
        for tensor, place in zip(tensors, places, strict=True):
            is_written = any(tensor is output for output in written)
            if place == EITHER and is_written:
                mark(tensor, FAR)
            elif place in (None, NEAR) and not _welcome(packet, args, tensor, place, is_written):
                raise self.journal.mixed(str(packet))
        return FAR


def _written(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    for position, name in _written_arguments(func):
        value = args[position] if position < len(args) else kwargs.get(name)
        found.extend(tensors_in(value))
    return found


@cache
def _written_arguments(func: Any) -> list[tuple[int, str]]:
    return [
        (position, argument.name)
        for position, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    ]


def _welcome(
    packet: Any, args: tuple[Any, ...], tensor: torch.Tensor, place: str | None, is_written: bool
) -> bool:
    """Whether a GPU takes this CPU tensor beside tensors of its own."""
    if packet in _READING:
        return tensor is not args[0]
    if packet in _WRITING:
        in_indices = any(tensor is index for index in tensors_in(args[1]))
        return in_indices or (tensor is not args[0] and tensor.dim() == 0)
    if is_written or tensor.dim() != 0:
        return False
    # A number without a mark is one that PyTorch wrapped itself.
    return place is None or packet not in _NO_NUMBERS


# --- calls ------------------------------------------------------------------------------------


class _Calls(TorchFunctionMode):
    """Sees the calls that Python makes: they name devices, kernels do not."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self.journal = journal

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        special = _SPECIAL.get(func)
        if special is not None:
            return special(self.journal, func, args, kwargs)
        return _plain(func, args, kwargs)


def _plain(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    wanted = wanted_place(kwargs.get("device"))
    if wanted is not None:
        kwargs["device"] = HOME
    result = func(*args, **kwargs)
    if wanted is not None:
        for tensor in outputs(result):
            mark(tensor, wanted)
    elif outputs(result):
        far = any(place_of(tensor) == FAR for tensor in tensors_in((args, kwargs)))
        settle(result, FAR if far else NEAR)
    return result


def _to(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`Tensor.to(device)`, `.to(dtype)`, `.to(other)` and their keywords."""
    tensor, *rest = args
    wanted = None
    other = rest[0] if rest else kwargs.get("other")
    if isinstance(other, torch.Tensor):
        wanted = place_of(other) or NEAR
    elif rest and (wanted := wanted_place(rest[0])) is not None:
        rest[0] = HOME
    elif (wanted := wanted_place(kwargs.get("device"))) is not None:
        kwargs["device"] = HOME
    sent = send(tensor, wanted)
    result = func(sent, *rest, **kwargs)
    settle(result, place_of(sent) or NEAR)
    return result


def _cpu(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return send(args[0], NEAR)


def _as_tensor(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`torch.as_tensor`, `asarray` and `tensor`: a tensor keeps its place, a list comes home."""
    data = args[0] if args else kwargs.get("data", kwargs.get("obj"))
    kept = (place_of(data) or NEAR) if isinstance(data, torch.Tensor) else NEAR
    wanted = wanted_place(kwargs.get("device")) or kept
    if kwargs.get("device") is not None and wanted_place(kwargs["device"]) is not None:
        kwargs["device"] = HOME
    result = func(*args, **kwargs)
    if result is data or (kept != wanted and func is not torch.tensor):
        return send(result, wanted)
    mark(result, wanted)
    return result


def _new(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """`x.new_tensor(data)` and `x.new(data)`: a fresh tensor beside x."""
    named = wanted_place(kwargs.get("device"))
    if named is not None:
        kwargs["device"] = HOME
    result = func(*args, **kwargs)
    mark(result, named or place_of(args[0]) or NEAR)
    return result


def _array(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    forced = kwargs.get("force", len(args) > 1 and args[1] is True and func is torch.Tensor.numpy)
    if is_far(args[0]) and not forced:
        raise journal.not_an_array()
    return func(*args, **kwargs)


def _device(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return DEVICE if is_far(args[0]) else func(*args, **kwargs)


def _is_cpu(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return False if is_far(args[0]) else func(*args, **kwargs)


def _set_grad(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    tensor, gradient = args
    if isinstance(gradient, torch.Tensor) and is_far(gradient) != is_far(tensor):
        raise journal.mixed("the assignment of a gradient")
    return func(*args, **kwargs)


def _deepcopy(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    result = func(*args, **kwargs)
    settle(result, place_of(args[0]) or NEAR)
    return result


def _pickled(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if is_far(args[0]):
        journal.limit = "a far tensor was pickled; it comes back without its mark"
    return func(*args, **kwargs)


def _unpickled(journal: Journal, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What PyTorch pickles of a tensor that says it is on "meta" is its shape alone."""
    if wanted_place(kwargs.get("device")) == FAR:
        journal.limit = "a far tensor was unpickled; its values are lost"
        raise FarawayLimit(journal.limit)
    return _plain(func, args, kwargs)


_SPECIAL: dict[Any, Callable[[Journal, Any, tuple[Any, ...], dict[str, Any]], Any]] = {
    torch.Tensor.new_tensor: _new,
    torch.Tensor.new: _new,
    torch.Tensor.to: _to,
    torch.Tensor.type_as: _to,
    torch.Tensor.cpu: _cpu,
    torch.as_tensor: _as_tensor,
    torch.asarray: _as_tensor,
    torch.tensor: _as_tensor,
    torch.Tensor.numpy: _array,
    torch.Tensor.__array__: _array,
    torch.Tensor.__dlpack__: _array,
    torch.Tensor.device.__get__: _device,
    torch.Tensor.is_cpu.__get__: _is_cpu,  # type: ignore[attr-defined]
    torch.Tensor.grad.__set__: _set_grad,  # type: ignore[union-attr]
    torch.Tensor.__deepcopy__: _deepcopy,
    torch.Tensor.__reduce_ex__: _pickled,
    torch.empty_strided: _unpickled,
}
