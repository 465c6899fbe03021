"""The weights, without the graphs that they may still carry."""

import torch


def weights(nb):
    """xor_weights()"""
    got = nb.xor_weights()
    if not isinstance(got, (tuple, list)):
        return {"parts": None, "graph": False}
    parts = [x.detach() if isinstance(x, torch.Tensor) else x for x in got]
    return {"parts": parts, "graph": getattr(got[-1], "grad_fn", None) is not None}
