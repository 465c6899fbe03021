"""Questions about count_params that are asked of several networks at once."""


def counts(nb, nets, *args, **kwargs):
    """count_params of each of the networks {nets}"""
    return [nb.count_params(sizes, *args, **kwargs) for sizes in nets]


def without_bias(nb, nets):
    """count_params of each of the networks {nets}, with bias=False by name and by position"""
    return [nb.count_params(sizes, bias=False) for sizes in nets[:-1]] + [nb.count_params(nets[-1], False)]


def one_size(nb, sizes):
    """count_params of networks of one layer, {sizes}, with biases and without, and of [2, 1]"""
    found = [nb.count_params([size], bias=bias) for size in sizes for bias in (True, False)]
    return [*found, nb.count_params([2, 1], bias=False)]


def list_and_tuple(nb, sizes):
    """count_params of {sizes} as a list and as a tuple"""
    return [nb.count_params(sizes), nb.count_params(tuple(sizes))]
