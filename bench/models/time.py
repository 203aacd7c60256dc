"""The published models along time, in the families of `reports`: plain and gated, orthogonal,
oscillators and stable systems, reservoirs, state spaces, and two without a recurrence."""

from collections.abc import Callable
from typing import Any

import baselines
from baselines import (
    antisymmetric,
    asrnn,
    cornn,
    dtriv,
    elman,
    es2n,
    esn,
    eunn,
    exprnn,
    fastgrnn,
    full_urnn,
    gru,
    hippo,
    indrnn,
    irnn,
    janet,
    leaky,
    lem,
    linoss,
    lipschitz,
    lmu,
    lru,
    lstm,
    mamba,
    minimal,
    nnrnn,
    ornn,
    s4d,
    scornn,
    shuffling,
    slstm,
    tcn,
    transformer,
    unicornn,
    urnn,
)
from bench.models.entry import Entry


def _time(
    factory: Callable[..., Any],
    costs: Callable[..., baselines.Costs],
    paper: str,
    year: int,
    **more: Any,
) -> Entry:
    return Entry(factory=factory, axis="time", paper=paper, year=year, costs=costs, **more)


TIME: dict[str, Entry] = {
    "elman": _time(
        baselines.Elman, elman.costs, "Elman, Cognitive Science 14", 1990, execution="torch.nn.RNN"
    ),
    "irnn": _time(
        baselines.IRNN,
        irnn.costs,
        "Le, Jaitly & Hinton, arXiv 1504.00941",
        2015,
        execution="torch.nn.RNN",
    ),
    "indrnn": _time(baselines.IndRNN, indrnn.costs, "Li et al., arXiv 1803.04831", 2018),
    "lstm": _time(
        baselines.LSTM,
        lstm.costs,
        "Hochreiter & Schmidhuber, Neural Computation 9; forget bias 1",
        1997,
        version=2,
        execution="torch.nn.LSTM",
    ),
    "lstm-chrono": _time(
        baselines.LSTM,
        lstm.costs,
        "Tallec & Ollivier, arXiv 1804.11188",
        2018,
        execution="torch.nn.LSTM",
        defaults={"chrono_length": 784},
    ),
    "gru": _time(
        baselines.GRU,
        gru.costs,
        "Cho et al., arXiv 1406.1078",
        2014,
        version=2,
        execution="fused loop on a CPU, else torch.nn.GRU",
    ),
    "janet": _time(
        baselines.JANET,
        janet.costs,
        "van der Westhuizen & Lasenby, arXiv 1804.04849",
        2018,
        defaults={"chrono_length": 784},
    ),
    "fastrnn": _time(
        baselines.FastRNN, fastgrnn.fastrnn_costs, "Kusupati et al., arXiv 1901.02358", 2018
    ),
    "fastgrnn": _time(
        baselines.FastGRNN, fastgrnn.fastgrnn_costs, "Kusupati et al., arXiv 1901.02358", 2018
    ),
    "urnn": _time(
        baselines.UnitaryRNN, urnn.costs, "Arjovsky, Shah & Bengio, arXiv 1511.06464", 2016
    ),
    "full-urnn": _time(
        baselines.FullCapacityURNN, full_urnn.costs, "Wisdom et al., arXiv 1611.00035", 2016
    ),
    "eunn": _time(baselines.EUNN, eunn.costs, "Jing et al., arXiv 1612.05231", 2017),
    "scornn": _time(
        baselines.ScoRNN, scornn.costs, "Helfrich, Willmott & Ye, arXiv 1707.09520", 2018
    ),
    "exprnn": _time(
        baselines.ExpRNN, exprnn.costs, "Lezcano-Casado & Martinez-Rubio, arXiv 1901.08428", 2019
    ),
    "dtriv": _time(baselines.DTriv, dtriv.costs, "Lezcano-Casado, arXiv 1909.09501", 2019),
    "ornn": _time(baselines.ORNN, ornn.costs, "Mhammedi et al., arXiv 1612.00188", 2017),
    "nnrnn": _time(baselines.NonNormalRNN, nnrnn.costs, "Kerg et al., arXiv 1905.12080", 2019),
    "asrnn": _time(
        baselines.AdaptiveSaturatedRNN,
        asrnn.costs,
        "Nguyen-Duy, Pham & Nguyen, arXiv 2304.11790",
        2023,
    ),
    "shuffling": _time(
        baselines.ShufflingRNN, shuffling.costs, "Rotman & Wolf, arXiv 2007.07324", 2020
    ),
    "antisymmetric": _time(
        baselines.AntisymmetricRNN, antisymmetric.costs, "Chang et al., arXiv 1902.09689", 2019
    ),
    "antisymmetric-gated": _time(
        baselines.GatedAntisymmetricRNN,
        antisymmetric.gated_costs,
        "Chang et al., arXiv 1902.09689",
        2019,
    ),
    "lipschitz": _time(
        baselines.LipschitzRNN, lipschitz.costs, "Erichson et al., arXiv 2006.12070", 2021
    ),
    "cornn": _time(
        baselines.CoRNN, cornn.costs, "Rusch & Mishra, arXiv 2010.00951", 2021, version=2
    ),
    "unicornn": _time(baselines.UnICORNN, unicornn.costs, "Rusch & Mishra, arXiv 2103.05487", 2021),
    "lem": _time(baselines.LEM, lem.costs, "Rusch et al., arXiv 2110.04744", 2022),
    "linoss": _time(
        baselines.LinOSS,
        linoss.costs,
        "Rusch & Rus, arXiv 2410.03943",
        2025,
        execution="parallel scan",
    ),
    "leaky": _time(baselines.LeakyRNN, leaky.costs, "Jaeger et al., Neural Networks 20(3)", 2007),
    "esn": _time(baselines.ESN, esn.costs, "Jaeger, GMD Report 148", 2001),
    "es2n": _time(baselines.ES2N, es2n.costs, "Ceni & Gallicchio, arXiv 2308.02902", 2023),
    "lmu": _time(baselines.LMU, lmu.costs, "Voelker, Kajic & Eliasmith, NeurIPS", 2019),
    "hippo-legs": _time(baselines.HiPPOLegS, hippo.costs, "Gu et al., arXiv 2008.07669", 2020),
    "lru": _time(
        baselines.LRU,
        lru.costs,
        "Orvieto et al., arXiv 2303.06349",
        2023,
        execution="parallel scan",
    ),
    "s4d": _time(
        baselines.S4D, s4d.costs, "Gu et al., arXiv 2206.11893", 2022, execution="Fourier transform"
    ),
    "mingru": _time(
        baselines.MinGRU,
        minimal.mingru_costs,
        "Feng et al., arXiv 2410.01201",
        2024,
        execution="parallel scan",
    ),
    "minlstm": _time(
        baselines.MinLSTM,
        minimal.minlstm_costs,
        "Feng et al., arXiv 2410.01201",
        2024,
        execution="parallel scan",
    ),
    "slstm": _time(baselines.SLSTM, slstm.costs, "Beck et al., arXiv 2405.04517", 2024),
    "mamba": _time(
        baselines.Mamba, mamba.costs, "Gu & Dao, arXiv 2312.00752", 2023, execution="parallel scan"
    ),
    "tcn": _time(
        baselines.TCN,
        tcn.costs,
        "Bai, Kolter & Koltun, arXiv 1803.01271",
        2018,
        execution="convolutions",
        stateful=False,
    ),
    "transformer": _time(
        baselines.Transformer,
        transformer.costs,
        "Vaswani et al., arXiv 1706.03762; pre-LN, Xiong et al., arXiv 2002.04745",
        2017,
        execution="torch attention",
        stateful=False,
    ),
}
