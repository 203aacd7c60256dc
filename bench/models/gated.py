"""Plain and gated recurrent networks."""

import baselines
from baselines import elman, fastgrnn, gru, indrnn, irnn, janet, lstm
from bench.models.entry import Entry, time_entry

MODELS: dict[str, Entry] = {
    "elman": time_entry(
        baselines.Elman,
        elman.costs,
        "Elman, Cognitive Science 14",
        1990,
        "equations",
        execution="torch.nn.RNN",
    ),
    "irnn": time_entry(
        baselines.IRNN,
        irnn.costs,
        "Le, Jaitly & Hinton, arXiv 1504.00941",
        2015,
        "equations",
        execution="torch.nn.RNN",
    ),
    "indrnn": time_entry(
        baselines.IndRNN,
        indrnn.costs,
        "Li et al., arXiv 1803.04831",
        2018,
        "Sunnydreamrain/IndRNN_pytorch 9b9cb4c",
        execution="loop a layer, no product a step",
    ),
    "lstm": time_entry(
        baselines.LSTM,
        lstm.costs,
        "Hochreiter & Schmidhuber, Neural Computation 9; forget bias 1",
        1997,
        "equations",
        version=2,
        execution="torch.nn.LSTM",
    ),
    "lstm-chrono": time_entry(
        baselines.LSTM,
        lstm.costs,
        "Tallec & Ollivier, arXiv 1804.11188",
        2018,
        "equations",
        execution="torch.nn.LSTM",
        defaults={"chrono_length": 784},
    ),
    "gru": time_entry(
        baselines.GRU,
        gru.costs,
        "Cho et al., arXiv 1406.1078",
        2014,
        "equations",
        version=2,
        execution="fused loop on a CPU, else torch.nn.GRU",
    ),
    "janet": time_entry(
        baselines.JANET,
        janet.costs,
        "van der Westhuizen & Lasenby, arXiv 1804.04849",
        2018,
        "equations",
        execution="loop, one stacked product a step",
        defaults={"chrono_length": 784},
    ),
    "fastrnn": time_entry(
        baselines.FastRNN,
        fastgrnn.fastrnn_costs,
        "Kusupati et al., arXiv 1901.02358",
        2018,
        "microsoft/EdgeML 81025fc",
        execution="loop, one product a step",
    ),
    "fastgrnn": time_entry(
        baselines.FastGRNN,
        fastgrnn.fastgrnn_costs,
        "Kusupati et al., arXiv 1901.02358",
        2018,
        "microsoft/EdgeML 81025fc",
        execution="loop, one product a step",
    ),
}
