"""Questions about collapse_linear: asked twice, and on another device."""

from autograder.fake_device import attempt, on_other_device


def once(nb, layers):
    """collapse_linear(layers)"""
    return nb.collapse_linear(layers)


def twice(nb, layers):
    """collapse_linear(layers) for the second time"""
    nb.collapse_linear(layers)
    return nb.collapse_linear(layers)


def on_device(nb, layers, device):
    """collapse_linear(layers) with all layers on another device"""

    def program(place):
        return nb.collapse_linear([(W.to(place), b.to(place)) for W, b in layers])

    report = attempt(program, device)
    value = report["value"]
    return report | {"there": isinstance(value, (tuple, list)) and all(map(on_other_device, value))}
