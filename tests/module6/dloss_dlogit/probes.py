"""Questions about dloss_dlogit that a plain call cannot ask."""

import torch

from autograder.fake_device import attempt, on_fake_device


def on_device(nb, logit, target, kind, device):
    """dloss_dlogit(..., {kind}) with logits and targets on another device"""

    def program(place):
        return nb.dloss_dlogit(logit.to(place), target.to(place), kind)

    if device == "cpu":
        report = attempt(program)
        value = report["value"]
        return report | {"there": isinstance(value, torch.Tensor) and on_fake_device(value)}
    value = program(device)
    there = isinstance(value, torch.Tensor) and value.device.type == device
    return {"value": value, "error": None, "limit": False, "there": there}
