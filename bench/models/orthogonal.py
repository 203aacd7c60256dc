"""Unitary and orthogonal recurrent networks."""

import baselines
from baselines import (
    asrnn,
    dtriv,
    eunn,
    exprnn,
    full_urnn,
    nnrnn,
    ornn,
    scornn,
    shuffling,
    urnn,
)
from bench.models.entry import Entry, time_entry

MODELS: dict[str, Entry] = {
    "urnn": time_entry(
        baselines.UnitaryRNN,
        urnn.costs,
        "Arjovsky, Shah & Bengio, arXiv 1511.06464",
        2016,
        "equations",
    ),
    "full-urnn": time_entry(
        baselines.FullCapacityURNN,
        full_urnn.costs,
        "Wisdom et al., arXiv 1611.00035",
        2016,
        "equations",
    ),
    "eunn": time_entry(
        baselines.EUNN,
        eunn.costs,
        "Jing et al., arXiv 1612.05231",
        2017,
        "jingli9111/EUNN-tensorflow 33d749d",
    ),
    "scornn": time_entry(
        baselines.ScoRNN,
        scornn.costs,
        "Helfrich, Willmott & Ye, arXiv 1707.09520",
        2018,
        "SpartinStuff/scoRNN d390c9b",
    ),
    "exprnn": time_entry(
        baselines.ExpRNN,
        exprnn.costs,
        "Lezcano-Casado & Martinez-Rubio, arXiv 1901.08428",
        2019,
        "equations",
    ),
    "dtriv": time_entry(
        baselines.DTriv,
        dtriv.costs,
        "Lezcano-Casado, arXiv 1909.09501",
        2019,
        "lezcano/expRNN 830ec83",
    ),
    "ornn": time_entry(
        baselines.ORNN, ornn.costs, "Mhammedi et al., arXiv 1612.00188", 2017, "equations"
    ),
    "nnrnn": time_entry(
        baselines.NonNormalRNN,
        nnrnn.costs,
        "Kerg et al., arXiv 1905.12080",
        2019,
        "nnRNN/nnRNN_release 294d4ff",
    ),
    "asrnn": time_entry(
        baselines.AdaptiveSaturatedRNN,
        asrnn.costs,
        "Nguyen-Duy, Pham & Nguyen, arXiv 2304.11790",
        2023,
        "ndminhkhoi46/asRNN 0b27d67",
    ),
    "shuffling": time_entry(
        baselines.ShufflingRNN,
        shuffling.costs,
        "Rotman & Wolf, arXiv 2007.07324",
        2020,
        "rotmanmi/SRNN 94b98f1",
    ),
}
