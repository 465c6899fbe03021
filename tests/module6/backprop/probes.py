"""A question about backprop that a plain call cannot ask."""

import torch


def settings_after(nb, *given):
    """backprop{given}, and torch's default dtype afterwards"""
    # An earlier call may have changed it for good: what counts is what this one leaves behind.
    torch.set_default_dtype(torch.float32)
    value = nb.backprop(*given)
    return {"value": value, "default dtype": torch.get_default_dtype()}
