"""Questions about dloss_dlogit that a plain call cannot ask."""

from autograder.fake_device import attempt, on_other_device


def on_device(nb, logit, target, kind, device):
    """dloss_dlogit(..., {kind}) with logits and targets on another device"""

    def program(place):
        return nb.dloss_dlogit(logit.to(place), target.to(place), kind)

    report = attempt(program, device)
    return report | {"there": on_other_device(report["value"])}
