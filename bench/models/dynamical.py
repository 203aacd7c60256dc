"""Deep networks that are dynamical systems: stable, reversible, or run to their fixed point."""

from baselines import antisymmetric_mlp, deq, hamiltonian, momentum, nais, revnet
from bench.models.entry import Entry

MODELS: dict[str, Entry] = {
    "antisymmetric-mlp": Entry(
        factory=antisymmetric_mlp.AntisymmetricMLP,
        costs=antisymmetric_mlp.costs,
        axis="depth",
        paper="Haber & Ruthotto, arXiv 1705.03341",
        year=2017,
        proof="equations",
    ),
    "hamiltonian": Entry(
        factory=hamiltonian.HamiltonianMLP,
        costs=hamiltonian.costs,
        axis="depth",
        paper="Chang et al., arXiv 1709.03698",
        year=2018,
        proof="equations",
    ),
    "revnet": Entry(
        factory=revnet.RevNet,
        costs=revnet.costs,
        axis="depth",
        paper="Gomez et al., arXiv 1707.04585",
        year=2017,
        proof="equations",
    ),
    "momentum": Entry(
        factory=momentum.MomentumMLP,
        costs=momentum.costs,
        axis="depth",
        paper="Sander et al., arXiv 2102.07870",
        year=2021,
        proof="michaelsdr/momentumnet 7f4c8ab",
        enter=momentum.MomentumMLP.enter,
        leave=momentum.MomentumMLP.leave,
    ),
    "nais": Entry(
        factory=nais.NAISNet,
        costs=nais.costs,
        axis="depth",
        paper="Ciccone et al., arXiv 1804.07209",
        year=2018,
        proof="equations",
        enter=nais.NAISNet.enter,
        leave=nais.NAISNet.leave,
    ),
    "deq": Entry(
        factory=deq.DeepEquilibrium,
        costs=deq.costs,
        axis="depth",
        paper="Bai et al., arXiv 1909.01377",
        year=2019,
        execution="torch loop, implicit gradient",
        proof="equations",
        enter=deq.DeepEquilibrium.enter,
        leave=deq.DeepEquilibrium.leave,
    ),
}
