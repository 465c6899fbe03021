"""Questions about gradient_flow that are asked several at once."""

import torch


def flows(nb, questions):
    """gradient_flow(activation, z, n_layers) for each of {questions}"""
    return [nb.gradient_flow(*question) for question in questions]


def undisturbed(nb, z):
    """gradient_flow('sigmoid', {z}, 3), and torch's default dtype before and after"""
    torch.set_default_dtype(torch.float32)  # an earlier call may have changed it already
    found = nb.gradient_flow("sigmoid", z, 3)
    after = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    return {"gradients": found, "default dtype": after}
