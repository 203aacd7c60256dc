"""RoaRNN: the Elman network with a random orthogonal additive filter along time.

    h_t = alpha * O h_{t-1} + beta * phi(W h_{t-1} + V x_t + b),   alpha + beta = 1

O is fixed, random and orthogonal; W, V and b are trained. A. Ceni, arXiv 2210.01245. The equation
is reconstructed from the abstract and the author's later code. W, V and b start as those of
torch.nn.Linear do.
"""

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.nn.utils.rnn import PackedSequence, pad_packed_sequence

from roaf.forms import in_quickest
from roaf.kept import Forms
from roaf.kernels import RECURRENT, Problem, check_backend, choose, reference
from roaf.kernels.segments import read_in_segments
from roaf.layered import Layered
from roaf.mixing import Coefficient, Mixing, Value, jacobian_bounds
from roaf.nonlinearity import Nonlinearity, find_nonlinearity
from roaf.precision import applied_dtype
from roaf.sequences import last_of_each, pack_like, reverse
from roaf.settings import check_memory, check_sequences, check_sizes, check_states, wanted_device


class RoaRNN(Layered):
    """A recurrent network called like `torch.nn.RNN(batch_first=True)`.

        h_t = alpha * O h_{t-1} + beta * phi(W h_{t-1} + V x_t + b)

    The first term alone takes a gradient back through time by a factor alpha a step, no direction
    more than another.

    Arguments:
        input_size, hidden_size: numbers of x_t and of h_t.
        alpha: the weight of the filter: a number of at least 0, a tensor (hidden,) with one for
            each unit, or `Learned(lower, upper)`, trained between these bounds.
        beta: the weight of phi, likewise; None means 1 - alpha. `depth_schedule(c, length)` gives
            both for a sequence length.
        filter: how O is drawn, "haar" or another kind that `roaf.random_orthogonal` knows. O is
            never trained. It is saved in the state_dict and applied in float32 or better, whatever
            weights, autocast or TF32 are in.
        nonlinearity: phi: "tanh", "relu", "modrelu" (with a trained bias `phi_bias` a unit), or a
            `Nonlinearity(function, lipschitz)` of your own.
        bias: whether there is a b.
        num_layers, bidirectional: as in torch.nn.RNN. Each layer and direction has its own V, W, b,
            O and learned alpha, with names that end in `_l1`, `_reverse`, `_l1_reverse`, ....
        backend: what computes a sequence, see `roaf.kernels`: "reference"; "fused", two products
            of torch a step; "cpu", one compiled program, and "cuda", the same in Triton or a CUDA
            graph, in float32; "parallel", sweeps over many steps at once, to 1e-5; or "auto", the
            fastest for the device and the sizes, which `backend_for` tells. One that cannot compute
            what it is asked to raises ValueError; "cpu" without numba is "fused", with a warning.
            O and the state are always in float32 or better; the products with W follow
            `torch.set_float32_matmul_precision` in "parallel" and in CUDA graphs.
        activation_memory: what is kept for the backward pass, beside the states that `forward`
            returns: "full", the values of phi and what makes them, the fastest; or "sqrt", nothing
            but a state every ~sqrt(time) steps, for one more forward pass.
        generator: draws O and the weights, on the CPU, so that one seed gives one model everywhere.
        device, dtype: of the weights.

    Trained: weight_ih (hidden, input), weight_hh (hidden, hidden), bias (hidden,).
    A setting that is not allowed raises ValueError with a sentence that says what is, and so does a
    state_dict with a filter that is visibly of another kind, see `roaf.saved`.

    Example:
        >>> alpha, beta = depth_schedule(c=8, depth=784)
        >>> rnn = RoaRNN(1, 128, alpha=alpha, beta=beta, filter="rotations")
        >>> output, last = rnn(torch.randn(32, 784, 1))
        >>> output.shape, last.shape
        (torch.Size([32, 784, 128]), torch.Size([1, 32, 128]))
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias: Tensor | None
    mixing: Mixing

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        alpha: Coefficient,
        beta: Coefficient | None = None,
        filter: str = "haar",
        nonlinearity: str | Nonlinearity = "tanh",
        bias: bool = True,
        num_layers: int = 1,
        bidirectional: bool = False,
        backend: str = "auto",
        activation_memory: str = "full",
        generator: Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        check_sizes(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        check_memory(activation_memory, ("full", "sqrt"))
        self.input_size, self.hidden_size = input_size, hidden_size
        self.num_layers, self.bidirectional = num_layers, bidirectional
        self.filter, self.backend = filter, backend
        self.activation_memory = activation_memory
        self._phi, self._forms = find_nonlinearity(nonlinearity), Forms()
        check_backend(RECURRENT, backend, self._phi)
        where = {"device": wanted_device(device), "dtype": dtype}
        for layer in range(num_layers):
            for suffix in self._suffixes(layer):
                width = input_size if layer == 0 else hidden_size * self.directions
                self.add_module(f"mixing{suffix}", Mixing(alpha, beta, hidden_size, **where))
                self._add_layer(suffix, width, bias, generator, where)

    @property
    def alpha(self) -> Value:
        """alpha of the first layer at this moment: a float, or a tensor (hidden,)."""
        return self.mixing.values(applied_dtype(self.weight_hh))[0]

    @property
    def beta(self) -> Value:
        """beta of the first layer at this moment: a float, or a tensor (hidden,)."""
        return self.mixing.values(applied_dtype(self.weight_hh))[1]

    def orthogonal_matrix(
        self, *, layer: int = 0, reverse: bool = False
    ) -> Float[Tensor, "hidden hidden"]:
        """The fixed O of a layer and direction, in the dtype in which it is applied."""
        return self._form(self._suffix(layer, reverse)).dense()

    def initial_state(self, batch: int) -> Float[Tensor, "batch hidden"]:
        """Zeros."""
        dtype = applied_dtype(self.weight_hh)
        return self.weight_hh.new_zeros(batch, self.hidden_size, dtype=dtype)

    def step(
        self,
        x_t: Float[Tensor, "batch input"],
        h: Float[Tensor, "batch hidden"],
        *,
        layer: int = 0,
        reverse: bool = False,
    ) -> Float[Tensor, "batch hidden"]:
        """The next state of a layer and direction: the equation above, and nothing else."""
        suffix = self._suffix(layer, reverse)
        with torch.autocast(x_t.device.type, enabled=False):
            drive = self._drive(x_t, suffix)
            form, *own = self._layer(suffix)
            return reference.update(h.to(drive), drive, in_quickest(form, self.hidden_size), *own)

    def step_bounds(self, *, layer: int = 0, reverse: bool = False) -> tuple[float, float]:
        """(lower, upper) bounds of the singular values of d h_t / d h_{t-1}.

        At every input and state where phi has a slope, for the weights of this moment: within
        kappa * ||diag(beta) W|| of the least and the greatest alpha, kappa the Lipschitz constant
        of phi.
        """
        suffix = self._suffix(layer, reverse)
        alpha, beta = getattr(self, f"mixing{suffix}").values(torch.float64)
        weight = getattr(self, f"weight_hh{suffix}")
        return jacobian_bounds(alpha, beta, weight, self._phi.lipschitz)[0]

    def forward(
        self,
        x: Float[Tensor, "*batch time input"] | PackedSequence,
        h0: Float[Tensor, "layers *batch hidden"] | None = None,
    ) -> tuple[
        Float[Tensor, "*batch time output"] | PackedSequence, Float[Tensor, "layers *batch hidden"]
    ]:
        """(every state of the last layer, the last state of each layer), as torch.nn.RNN.

        x is (batch, time, input), one sequence (time, input), or packed sequences, whose own ends
        are then the last states. h0 holds the first states, zeros if it is None. An x or h0 of
        another shape, or an x of whole numbers, raises ValueError.
        """
        if isinstance(x, PackedSequence):
            padded, lengths = pad_packed_sequence(x, batch_first=True)
            self._check(padded, h0)
            output, last = self._read_layers(padded, h0, lengths)
            return pack_like(output, lengths, x), last
        self._check(x, h0)
        if x.ndim == 2:
            output, last = self._read_layers(x[None], None if h0 is None else h0[:, None], None)
            return output[0], last[:, 0]
        return self._read_layers(x, h0, None)

    def backend_for(self, x: Float[Tensor, "*batch time input"]) -> str:
        """The name of the backend that computes the first layer for such an x."""
        self._check(x, None)
        time, rows = x.shape[-2], x.shape[:-2].numel()
        with torch.no_grad():
            return choose(RECURRENT, self.backend, Problem.of(time, rows, *self._layer("")))

    def extra_repr(self) -> str:
        return (
            f"{self.input_size}, {self.hidden_size}, filter={self.filter!r}, "
            f"num_layers={self.num_layers}, bidirectional={self.bidirectional}, "
            f"backend={self.backend!r}"
        )

    def _check(self, x: Tensor, h0: Tensor | None) -> None:
        check_sequences(x, self.input_size)
        runs = self.num_layers * self.directions
        check_states(h0, (runs, *x.shape[:-2], self.hidden_size))

    def _read_layers(
        self,
        x: Float[Tensor, "batch time input"],
        h0: Float[Tensor, "layers batch hidden"] | None,
        lengths: Int[Tensor, "batch"] | None,
    ) -> tuple[Float[Tensor, "batch time output"], Float[Tensor, "layers batch hidden"]]:
        """Layer by layer, each in both directions where there are two."""
        runs = self.num_layers * self.directions
        states = [self.initial_state(len(x))] * runs if h0 is None else list(h0.unbind(0))
        final = []
        for layer in range(self.num_layers):
            outputs = [
                self._read(suffix, x, states.pop(0), lengths) for suffix in self._suffixes(layer)
            ]
            final.append(last_of_each(outputs[0], lengths))
            final += [backwards[:, 0] for backwards in outputs[1:]]
            x = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)
        return x, torch.stack(final)

    def _read(
        self, suffix: str, x: Tensor, state: Tensor, lengths: Int[Tensor, "batch"] | None
    ) -> Float[Tensor, "batch time hidden"]:
        """Every state of one layer in one direction, in the order of the input."""
        backwards = suffix.endswith("_reverse")
        # time first: each step then reads and writes one contiguous block
        read = (reverse(x, lengths) if backwards else x).transpose(0, 1)
        with torch.autocast(x.device.type, enabled=False):
            form, *own = self._layer(suffix)
            backend = self._backend(Problem.of(len(read), read.shape[1], form, *own))
            layer = self._form(suffix, backend.filter_dtype), *own
            kernel, state = backend.kernel, state.to(own[0])
            if self.activation_memory == "sqrt":
                states = read_in_segments(kernel, read, state, *self._reading(suffix), *layer)
            else:
                states = kernel(self._drive(read, suffix), state, *layer)
        out = states.transpose(0, 1).to(x.dtype)
        return reverse(out, lengths) if backwards else out
