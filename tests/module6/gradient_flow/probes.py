"""Questions about gradient_flow that are asked several at once."""

import torch


def flows(nb, questions):
    """gradient_flow(activation, z, n_layers) for each of {questions}"""
    return [nb.gradient_flow(*question) for question in questions]


def undisturbed(nb, z):
    """gradient_flow('sigmoid', {z}, 3), and whether torch's default dtype stays what it was"""
    before = torch.get_default_dtype()
    found = nb.gradient_flow("sigmoid", z, 3)
    return {"gradients": found, "default dtype stays": torch.get_default_dtype() == before}
