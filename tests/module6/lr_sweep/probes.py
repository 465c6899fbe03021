"""Models for lr_sweep. Their first weights come from the global generator, as PyTorch's always do.

They are drawn as float32, whatever the notebook's default dtype is: in float64 one seed gives other numbers.
"""

from collections.abc import Sequence
from functools import partial

import torch
from torch import nn

Linear = partial(nn.Linear, dtype=torch.float32)


def layers(kind, d):
    """The layers of a model of this kind for d inputs."""
    if kind == "line":
        return [Linear(d, 1)]
    middle = [Linear(d, 5), nn.Dropout(0.4) if kind == "dropout" else nn.Tanh()]
    if kind == "two outputs":
        return [*middle, Linear(5, 2)]
    return [*middle, Linear(5, 1), *([nn.Flatten(0)] if kind == "flat" else [])]


def swept(nb, X, y, lrs, steps, kind="net", seed=None):
    """lr_sweep on {X}, rates {lrs}, {steps} steps, seed {seed} (None: not passed)"""

    def make_model():
        return nn.Sequential(*layers(kind, X.shape[1])).to(X.device, X.dtype)

    more = {} if seed is None else {"seed": seed}
    found = nb.lr_sweep(make_model, X, y, lrs, steps, **more)
    if not isinstance(found, dict):
        return found
    curves = {rate: found[rate] for rate in lrs if rate in found}
    return {
        "curves": {rate: plain(curve) for rate, curve in curves.items()},
        "entries": len(found),
    }


def plain(curve):
    """A sequence of any kind as a list, everything else as it is."""
    return list(curve) if isinstance(curve, Sequence) and not isinstance(curve, str) else curve
