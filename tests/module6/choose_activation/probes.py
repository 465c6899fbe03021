"""Questions about the module that choose_activation returns."""

from torch import nn


def chosen_for(nb, role, z):
    """The module for a role, where z is: it may have parameters."""
    chosen = nb.choose_activation(role)
    return chosen.to(z.device) if isinstance(chosen, nn.Module) else chosen


def kind(nb, role):
    """choose_activation({role})"""
    chosen = nb.choose_activation(role)
    return {"module": isinstance(chosen, nn.Module), "type": type(chosen).__name__}


def apply(nb, role, z):
    """choose_activation({role}) called on {z}"""
    return chosen_for(nb, role, z)(z.clone()).detach()


def apply_each(nb, role, zs):
    """choose_activation({role}) called on several inputs"""
    chosen = chosen_for(nb, role, zs[0])
    return [chosen(z.clone()).detach() for z in zs]


def value_and_slope(nb, role, z):
    """choose_activation({role}) called on {z}, with its gradient"""
    leaf = z.clone().requires_grad_()
    out = chosen_for(nb, role, z)(leaf * 1.0)  # in-place modules may change the copy
    if not out.requires_grad:
        return {"value": out, "slope": None}
    out.sum().backward()
    return {"value": out.detach(), "slope": leaf.grad}


def unknown(nb, roles):
    """choose_activation with an unknown role"""
    answers = []
    for role in roles:
        try:
            chosen = nb.choose_activation(role)
            answers.append("error returned" if isinstance(chosen, Exception) else "no error")
        except ValueError:
            answers.append("ValueError")
        except Exception as error:  # noqa: BLE001  which one it was is the answer
            answers.append(type(error).__name__)
    return answers
