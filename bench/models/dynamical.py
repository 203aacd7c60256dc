"""Deep networks that are dynamical systems: stable, reversible, or run to their fixed point."""

from baselines import antisymmetric_mlp, deq, hamiltonian, momentum, nais, revnet
from bench.models.entry import Entry, depth_entry

MODELS: dict[str, Entry] = {
    "antisymmetric-mlp": depth_entry(
        antisymmetric_mlp.AntisymmetricMLP,
        antisymmetric_mlp.costs,
        "Haber & Ruthotto, arXiv 1705.03341",
        2017,
    ),
    "hamiltonian": depth_entry(
        hamiltonian.HamiltonianMLP, hamiltonian.costs, "Chang et al., arXiv 1709.03698", 2018
    ),
    "revnet": depth_entry(revnet.RevNet, revnet.costs, "Gomez et al., arXiv 1707.04585", 2017),
    "momentum": depth_entry(
        momentum.MomentumMLP,
        momentum.costs,
        "Sander et al., arXiv 2102.07870",
        2021,
        proof="michaelsdr/momentumnet 7f4c8ab",
        enter=momentum.MomentumMLP.enter,
        leave=momentum.MomentumMLP.leave,
    ),
    "nais": depth_entry(
        nais.NAISNet,
        nais.costs,
        "Ciccone et al., arXiv 1804.07209",
        2018,
        enter=nais.NAISNet.enter,
        leave=nais.NAISNet.leave,
    ),
    "deq": depth_entry(
        deq.DeepEquilibrium,
        deq.costs,
        "Bai et al., arXiv 1909.01377",
        2019,
        execution="torch loop, implicit gradient",
        enter=deq.DeepEquilibrium.enter,
        leave=deq.DeepEquilibrium.leave,
    ),
}
