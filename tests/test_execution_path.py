"""What `ls models` says that a published model is computed by is what its graph shows."""

import pytest
import torch

from bench.models import gated, orthogonal, stable, state_spaces

MODELS = gated.MODELS | orthogonal.MODELS | stable.MODELS | state_spaces.MODELS
OF_TORCH = [name for name, entry in MODELS.items() if entry.execution.startswith("torch.nn.")]


def body_of(name):
    return MODELS[name].factory(2, 4, **MODELS[name].defaults)


def graph_size(body, time):
    """How many nodes autograd keeps of a sequence of that many steps."""
    x = torch.randn(2, time, 2, requires_grad=True)  # a reservoir has no parameters
    nodes, seen = [body(x).grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node not in seen:
            seen.add(node)
            nodes += [parent for parent, _ in node.next_functions if parent]
    return len(seen)


@pytest.mark.parametrize("name", [name for name in MODELS if name not in OF_TORCH])
def test_only_a_loop_has_a_graph_that_grows_with_time(name):
    body = body_of(name)
    grows = graph_size(body, 12) > graph_size(body, 9)
    assert grows == MODELS[name].execution.startswith("loop")


@pytest.mark.parametrize("name", OF_TORCH)
def test_a_layer_of_torch_is_there_where_one_is_named(name):
    kinds = {f"torch.nn.{type(part).__name__}" for part in body_of(name).modules()}
    assert MODELS[name].execution in kinds
