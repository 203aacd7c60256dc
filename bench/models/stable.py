"""Stable systems, oscillators, leaky units and reservoirs."""

import baselines
from baselines import (
    antisymmetric,
    cornn,
    es2n,
    esn,
    leaky,
    lem,
    linoss,
    lipschitz,
    unicornn,
)
from bench.models.entry import Entry, time_entry

MODELS: dict[str, Entry] = {
    "antisymmetric": time_entry(
        baselines.AntisymmetricRNN,
        antisymmetric.costs,
        "Chang et al., arXiv 1902.09689",
        2019,
        "equations",
        execution="loop, one product a step",
    ),
    "antisymmetric-gated": time_entry(
        baselines.GatedAntisymmetricRNN,
        antisymmetric.gated_costs,
        "Chang et al., arXiv 1902.09689",
        2019,
        "equations",
        execution="loop, one product a step",
    ),
    "lipschitz": time_entry(
        baselines.LipschitzRNN,
        lipschitz.costs,
        "Erichson et al., arXiv 2006.12070",
        2021,
        "erichson/LipschitzRNN df6552e",
        execution="loop, one stacked product a step",
    ),
    "cornn": time_entry(
        baselines.CoRNN,
        cornn.costs,
        "Rusch & Mishra, arXiv 2010.00951",
        2021,
        "tk-rusch/coRNN afd8174",
        version=2,
        execution="loop, two products a step",
    ),
    "unicornn": time_entry(
        baselines.UnICORNN,
        unicornn.costs,
        "Rusch & Mishra, arXiv 2103.05487",
        2021,
        "tk-rusch/unicornn 35b243d",
        execution="loop a layer, no product a step",
    ),
    "lem": time_entry(
        baselines.LEM,
        lem.costs,
        "Rusch et al., arXiv 2110.04744",
        2022,
        "tk-rusch/LEM 833da6b",
        execution="loop, two products a step",
    ),
    "linoss": time_entry(
        baselines.LinOSS,
        linoss.costs,
        "Rusch & Rus, arXiv 2410.03943",
        2025,
        "tk-rusch/linoss 83e6318",
        execution="parallel scan",
    ),
    "leaky": time_entry(
        baselines.LeakyRNN,
        leaky.costs,
        "Jaeger et al., Neural Networks 20(3)",
        2007,
        "equations",
        execution="loop, one product a step",
    ),
    "esn": time_entry(
        baselines.ESN,
        esn.costs,
        "Jaeger, GMD Report 148",
        2001,
        "andreaceni/ResESN a4e8a3f",
        execution="loop, one product a step",
    ),
    "es2n": time_entry(
        baselines.ES2N,
        es2n.costs,
        "Ceni & Gallicchio, arXiv 2308.02902",
        2023,
        "andreaceni/ResESN a4e8a3f",
        execution="loop, one stacked product a step",
    ),
}
