"""Probes of early_stop: losses that come one at a time."""


def one_at_a_time(nb, losses, patience):
    """early_stop on a generator of the losses {losses}, patience={patience}"""
    reads = 0

    def source():
        nonlocal reads
        for loss in losses:
            reads += 1
            yield loss

    value = nb.early_stop(source(), patience)
    return {"value": value, "reads": reads}
