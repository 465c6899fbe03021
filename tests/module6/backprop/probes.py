"""A question about backprop that a plain call cannot ask."""

import torch


def settings_after(nb, *given):
    """backprop{given}, and whether torch's default dtype stays what it was"""
    before = torch.get_default_dtype()
    value = nb.backprop(*given)
    return {"value": value, "default dtype stays": torch.get_default_dtype() == before}
