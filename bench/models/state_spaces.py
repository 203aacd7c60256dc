"""State spaces, minimal gates, and two models without a recurrence."""

import baselines
from baselines import (
    hippo,
    lmu,
    lru,
    mamba,
    minimal,
    s4d,
    slstm,
    tcn,
    transformer,
)
from bench.models.entry import Entry, time_entry

MODELS: dict[str, Entry] = {
    "lmu": time_entry(
        baselines.LMU,
        lmu.costs,
        "Voelker, Kajic & Eliasmith, NeurIPS",
        2019,
        "equations",
        execution="loop, three products a step",
    ),
    "hippo-legs": time_entry(
        baselines.HiPPOLegS,
        hippo.costs,
        "Gu et al., arXiv 2008.07669",
        2020,
        "state-spaces/s4 e757cef",
        execution="loop, three products and a solve a step",
    ),
    "lru": time_entry(
        baselines.LRU,
        lru.costs,
        "Orvieto et al., arXiv 2303.06349",
        2023,
        "NicolasZucchet/minimal-LRU bbd71b1",
        execution="parallel scan",
    ),
    "s4d": time_entry(
        baselines.S4D,
        s4d.costs,
        "Gu et al., arXiv 2206.11893",
        2022,
        "state-spaces/s4 e757cef",
        execution="Fourier transform",
    ),
    "mingru": time_entry(
        baselines.MinGRU,
        minimal.mingru_costs,
        "Feng et al., arXiv 2410.01201",
        2024,
        "equations",
        execution="parallel scan",
        defaults={"num_layers": 3},  # one layer's gates see the input alone; the paper stacks
    ),
    "minlstm": time_entry(
        baselines.MinLSTM,
        minimal.minlstm_costs,
        "Feng et al., arXiv 2410.01201",
        2024,
        "equations",
        execution="parallel scan",
        defaults={"num_layers": 3},  # one layer's gates see the input alone; the paper stacks
    ),
    "slstm": time_entry(
        baselines.SLSTM,
        slstm.costs,
        "Beck et al., arXiv 2405.04517",
        2024,
        "NX-AI/xlstm 032a6fb",
        execution="loop, one stacked product a step",
    ),
    "mamba": time_entry(
        baselines.Mamba,
        mamba.costs,
        "Gu & Dao, arXiv 2312.00752",
        2023,
        "state-spaces/mamba e9594ce",
        execution="parallel scan",
    ),
    "tcn": time_entry(
        baselines.TCN,
        tcn.costs,
        "Bai, Kolter & Koltun, arXiv 1803.01271",
        2018,
        "locuslab/TCN 2f8c2b8",
        execution="convolutions",
        stateful=False,
    ),
    "transformer": time_entry(
        baselines.Transformer,
        transformer.costs,
        "Vaswani et al., arXiv 1706.03762; pre-LN, Xiong et al., arXiv 2002.04745",
        2017,
        "torch.nn.TransformerEncoderLayer",
        execution="torch attention",
        version=2,
        defaults={"num_heads": 1},  # at some 27 units, the matched size, there is nothing to split
        stateful=False,
    ),
}
