"""How large the weights are: what theory's band at a trained model rests on."""

import torch

from bench.diagnostics.view import Reading, Readings, View


def weight_norms(view: View) -> Readings:
    """||W||, the largest singular value, of every parameter that is a matrix. A stack keeps the
    matrices of its layers in one parameter, of which there is no such norm: it is not asked."""
    for name, parameter in view.model.named_parameters():
        if parameter.ndim == 2:
            yield Reading("weight_norm", name, torch.linalg.matrix_norm(parameter, 2).item())
