"""Questions about the network that sawtooth returns, in the dtype of its own parameters."""

import random

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

OTHERS = {
    "abs", "sigmoid", "tanh", "gelu", "silu", "elu", "leaky_relu", "_prelu_kernel", "prelu", "rrelu",
    "rrelu_with_noise", "softplus", "hardtanh", "hardsigmoid", "hardswish", "mish", "softshrink",
    "hardshrink", "log_sigmoid_forward", "_softmax", "_log_softmax", "erf", "exp", "expm1", "log",
    "log1p", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "sqrt", "rsqrt", "square",
    "remainder", "fmod", "floor", "ceil", "round", "trunc", "frac", "sign", "sgn", "heaviside",
    "floor_divide", "bitwise_and", "bucketize", "searchsorted", "min", "amin", "sort", "topk", "median",
}  # fmt: skip
CHOICES = {
    "where", "maximum", "minimum", "mul", "clamp", "masked_fill", "masked_scatter", "index_put",
    "_index_put_impl_",
}  # fmt: skip
BENDS = {
    "relu", "clamp", "clamp_min", "threshold", "maximum", "max", "amax", "where", "gt", "ge", "lt", "le",
}  # fmt: skip


def is_relu(out, inputs):
    """Whether out is relu(a) or min(a, 0) for one of the inputs, or just an input."""
    return any(
        torch.equal(out, f(a).expand_as(out))
        for a in inputs
        if torch.broadcast_shapes(a.shape, out.shape) == out.shape
        for f in (torch.relu, lambda t: -torch.relu(-t), lambda t: t)
    )


class Spy(TorchDispatchMode):
    """Notes whether anything bends, and operations on batches of n that are not a ReLU."""

    def __init__(self, n):
        super().__init__()
        self.n, self.seen, self.bends = n, set(), False

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        tensors = [a for a in args if isinstance(a, torch.Tensor) and a.numel()]
        before = [t.clone() for t in tensors]
        out = func(*args, **(kwargs or {}))
        name = func.overloadpacket.__name__
        plain = name if name.startswith("_") else name.rstrip("_")
        self.bends |= plain in BENDS
        if not any(t.numel() % self.n == 0 for t in tensors):
            return out
        if plain in OTHERS or (plain in CHOICES and self.odd(plain, before, out)):
            self.seen.add(plain)
        return out

    def odd(self, name, inputs, out):
        """Whether a choice between numbers is something other than a ReLU."""
        if name == "mul":  # a product with a mask of zeros and ones is a choice too
            masks = [t for t in inputs if t.numel() >= self.n and bool(((t == 0) | (t == 1)).all())]
            inputs = [t for t in inputs if not any(t is mask for mask in masks)]
            if not masks or not inputs:
                return False
        numbers = [t for t in inputs if t.is_floating_point()]
        return not is_relu(out, numbers)


def numbers_of(network):
    """All tensors that the network holds: parameters, buffers and plain attributes."""
    loose = [x for m in network.modules() for x in vars(m).values() if isinstance(x, torch.Tensor)]
    return [*network.parameters()], [*network.buffers(), *loose]


def dtype_of(network):
    """The dtype of its parameters, or of whatever numbers it holds."""
    for tensor in [tensor for group in numbers_of(network) for tensor in group]:
        if tensor.is_floating_point():
            return tensor.dtype
    return torch.get_default_dtype()


def beside(network, x):
    """The network where x is."""
    return network.to(x.device) if isinstance(network, nn.Module) else network


def called(network, x):
    """What the network makes of x, in its own dtype."""
    with torch.no_grad():
        return beside(network, x)(x.to(dtype_of(network), copy=True))


def sizes_of(network):
    """How many parameters it has, and how many numbers in all; None for what is no nn.Module."""
    if not isinstance(network, nn.Module):
        return None
    parameters, others = numbers_of(network)
    return {
        "parameters": sum(p.numel() for p in parameters),
        "numbers": sum({id(t): t.numel() for t in parameters + others}.values()),
    }


def build(nb, ks, corners):
    """sawtooth(k) for k in {ks}"""
    networks = [nb.sawtooth(k) for k in ks]
    return {"sizes": [sizes_of(network) for network in networks], "corners": called(networks[0], corners)}


def answers(nb, ks, xs):
    """sawtooth(k) for k in {ks}, all made before they are called on {xs}; the first is called twice"""
    networks = [nb.sawtooth(k) for k in ks]
    pairs = [*zip(networks, xs, strict=True), (networks[0], xs[0])]
    return [called(network, x) for network, x in pairs]


def shapes(nb, ks, sizes, corners):
    """the shapes of sawtooth(k), for k in {ks}, called on batches of {sizes} points"""
    found = []
    for network in [nb.sawtooth(k) for k in ks]:
        for n in sizes:
            out = called(network, torch.linspace(0, 1, n, device=corners.device).reshape(n, 1))
            found.append(list(out.shape) if isinstance(out, torch.Tensor) else None)
    return {"shapes": found, "corners": called(nb.sawtooth(1), corners)}


def point_left(nb, k, x, corners):
    """sawtooth({k}) called on points that are looked at again afterwards"""
    network = beside(nb.sawtooth(k), x)
    given = x.to(dtype_of(network))
    with torch.no_grad():
        network(given)
    return {"left": given, "corners": called(nb.sawtooth(1), corners)}


def operations(nb, k, x):
    """the operations inside sawtooth({k})"""
    network = beside(nb.sawtooth(k), x)
    given = x.to(dtype_of(network))
    with torch.no_grad(), Spy(len(x)) as spy:
        network(given)
    return {"others": sorted(spy.seen), "bends": spy.bends}


def seeded(nb, k, seeds, corners):
    """sawtooth({k}) between draws from the global random generators"""
    kept = torch.get_rng_state(), np.random.get_state(), random.getstate()
    draws = []
    for seed in seeds:
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        nb.sawtooth(k)
        draws.append([torch.rand(1).item(), float(np.random.rand()), random.random()])
    torch.set_rng_state(kept[0])
    np.random.set_state(kept[1])
    random.setstate(kept[2])
    return {"draws": draws, "corners": called(nb.sawtooth(1), corners)}
