"""The statistics of values, each against a table worked by hand, and where there is nothing."""

import math

import numpy as np
import pytest
from scipy import stats

from bench.report.statistics import (
    Time,
    difference,
    friedman_p,
    holm,
    improvement,
    iqm,
    iqm_interval,
    is_solved,
    logrank_p,
    mean,
    mean_interval,
    median_time,
    middle,
    reached_by,
    shares_above,
    sign_flip_p,
    smallest_p,
    summarise,
    t_interval,
    task_ranks,
    wilson_interval,
)

INF = math.inf


def times(*values: float) -> list[Time]:
    """Times that were reached; a negative value is one that was not, by then."""
    return [Time(abs(value), value > 0) for value in values]


def test_below_twenty_values_the_interval_is_students():
    # 0.7, 0.8, 0.9: mean 0.8, s = 0.1, t(0.975, 2) = 4.302653, half width 0.248414
    assert mean_interval([0.7, 0.9, 0.8]) == pytest.approx((0.551586, 1.048414), abs=1e-6)
    nineteen = [0.0, 1.0] * 9 + [1.0]
    assert mean_interval(nineteen) == t_interval(nineteen)


def test_from_twenty_values_the_interval_is_the_bootstraps():
    # Ten 0 and ten 1: a resample's sum is binomial (20, 1/2), P(X <= 5) = 0.0207 and
    # P(X <= 6) = 0.0577, so that the 2.5 % quantile is 6; bias and skewness are 0.
    assert mean_interval([0.0, 1.0] * 10) == pytest.approx((0.3, 0.7))
    assert t_interval([0.0, 1.0] * 10) == pytest.approx((0.2599, 0.7401), abs=1e-4)


def test_the_bootstrap_is_corrected_for_bias_and_skewness():
    # Two 0 and eighteen 1; Z zeros in a resample are binomial (20, 0.1). Mid-P(mean < 0.9) is
    # 0.3231 + 0.2852 / 2, z0 = -0.086; a = -1.44 / (6 * 1.8^1.5) = -0.0994. The lower level is
    # Phi(z0 + (z0 - 1.96) / (1 - a (z0 - 1.96))) = Phi(-2.654) = 0.0040, between P(Z >= 7) = 0.0024
    # and P(Z >= 6) = 0.0113: the mean with six zeros, 0.7. The plain 2.5 % quantile is 0.75. The
    # upper level is Phi(1.494) = 0.93 > P(Z >= 1) = 0.88: the mean without zeros, 1.
    assert mean_interval([0.0] * 2 + [1.0] * 18) == pytest.approx((0.7, 1.0))


@pytest.mark.parametrize(
    "values", [[], [0.5], [1.0] * 5, [1.0] * 25, [0.1, INF], [0.1, math.nan], [0.0] * 24 + [-INF]]
)
def test_one_value_equal_values_and_infinite_ones_have_no_interval(values):
    assert mean_interval(values) == (None, None)
    assert summarise(values)[3:5] == (None, None)


def test_a_summary_of_infinite_values_keeps_them():
    assert summarise([1.0, 2.0, INF]) == (3, INF, None, None, None, 2.0)


def test_of_no_values_there_is_no_mean_and_no_median_and_nan_is_kept():
    assert mean([]) is None and middle([]) is None
    assert (mean([1.0, 2.0, 6.0]), middle([6.0, 1.0, 2.0])) == (3.0, 2.0)
    assert math.isnan(middle([1.0, math.nan, 2.0]) or 0.0)


def test_a_count_that_float32_made_less_than_the_threshold_solves():
    assert is_solved(0.9899999797, 0.99, "max") and not is_solved(0.98999, 0.99, "max")
    assert is_solved(0.1000000015, 0.1, "min") and not is_solved(0.10001, 0.1, "min")
    assert not is_solved(math.nan, 0.99, "max")


def test_a_rate_has_wilsons_interval():
    # k = n: from n / (n + z^2) to 1, z^2 = 3.841459. 3 of 10: centre (0.3 + 0.192073) / 1.384146
    # = 0.355507, half width 1.959964 / 1.384146 * sqrt(0.021 + 0.009604) = 0.247715.
    assert wilson_interval(5, 5) == pytest.approx((5 / 8.841459, 1.0), abs=1e-6)
    assert wilson_interval(0, 5) == pytest.approx((0.0, 3.841459 / 8.841459), abs=1e-6)
    assert wilson_interval(3, 10) == pytest.approx((0.107792, 0.603222), abs=1e-5)
    assert wilson_interval(0, 0) == (None, None)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1.0, 2.0, 3.0], 2 / 8),
        ([-1.0, -2.0, -3.0], 2 / 8),
        # the sums of +-3 +-1 +-2 are 6 4 2 0 0 -2 -4 -6: two of eight at or above 3 - 1 + 2 = 4
        ([3.0, -1.0, 2.0], 4 / 8),
        ([1.0] * 6, 2 / 64),
        ([0.1, 0.2, -0.3], 1.0),
        ([0.0, 0.0, 0.0], 1.0),
        # a pair that is tied doubles every sum: of eight, four are at least as far as 1 + 1
        ([1.0, 1.0, 0.0], 4 / 8),
    ],
)
def test_the_permutation_test_counts_all_flips_of_signs(differences, p):
    assert sign_flip_p(differences) == pytest.approx(p)


def test_the_permutation_test_is_scipys():
    generator = np.random.default_rng(1)
    for n in (2, 5, 9):
        differences = generator.integers(-3, 7, n) / 10  # with ties, which no float may break
        scipys = stats.permutation_test(
            (differences,), np.mean, permutation_type="samples", n_resamples=np.inf
        )
        assert sign_flip_p(differences.tolist()) == pytest.approx(scipys.pvalue)


def test_of_more_than_sixteen_pairs_the_same_flips_are_drawn_at_every_call():
    differences = [0.5, -0.25] * 9
    exact = 2 * sum(  # k of nine 0.5 and j of nine 0.25 keep their sign
        math.comb(9, k) * math.comb(9, j)
        for k in range(10)
        for j in range(10)
        if 0.5 * (2 * k - 9) + 0.25 * (2 * j - 9) >= 9 * 0.25
    )
    assert sign_flip_p(differences) == pytest.approx(exact / 2**18, abs=0.01)
    assert sign_flip_p(differences) == sign_flip_p(differences)


def test_how_low_p_can_be():
    assert [smallest_p(n) for n in (1, 3, 5, 6)] == [1.0, 0.25, 0.0625, 0.03125]
    assert smallest_p(7, tests=5) == 5 / 64 > 0.05 > smallest_p(8, tests=5) == 5 / 128
    assert smallest_p(3, tests=9) == 1.0
    drawn = sign_flip_p([1.0] * 30)  # of 2^16 flips that are drawn the one observed is the farthest
    assert smallest_p(30) == smallest_p(16) == drawn == 2 / 2**16


def test_holm_multiplies_and_never_falls():
    # sorted 0.01, 0.03, 0.04 times 3, 2, 1: 0.03, 0.06, 0.04, which may not be below 0.06
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.02, 0.02]) == pytest.approx([0.04, 0.04])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_improvement_counts_pairs_and_half_of_the_ties():
    # 1 beats nothing of 2 2 4; 2 ties twice: 1; 3 beats two: together 3 of 9
    assert improvement([1.0, 2.0, 3.0], [2.0, 2.0, 4.0]) == pytest.approx(1 / 3)
    assert improvement([1.0, 2.0, 3.0], [2.0, 2.0, 4.0], sign=-1) == pytest.approx(2 / 3)
    assert improvement([INF, 1.0], [INF], sign=-1) == 0.75
    ours, theirs = [0.3, 0.1, 0.7, 0.7], [0.2, 0.7, 0.5]
    u = stats.mannwhitneyu(ours, theirs).statistic
    assert improvement(ours, theirs) == pytest.approx(u / 12)


def test_seeds_that_both_have_are_compared_one_by_one():
    # over seeds 0, 1, 2 the differences are 0.1, 0.2, 0.3: mean 0.2, s = 0.1, half width 0.248414
    ours, theirs = {0: 0.6, 1: 0.8, 2: 1.0, 7: 0.0}, {2: 0.7, 1: 0.6, 0: 0.5}
    found = difference(ours, theirs)
    assert found[:3] == ("paired permutation", 3, 3)
    assert found[3:8] == pytest.approx((0.2, 0.2 - 0.248414, 0.2 + 0.248414, 0.25, 0.25), abs=1e-6)


def test_seeds_that_are_not_shared_are_compared_by_welch():
    # means 2 and 4, variances 1 and 4: t = -2 / sqrt(5 / 3) with (5/3)^2 / (1/18 + 8/9) = 50 / 17
    # degrees of freedom
    found = difference({0: 1.0, 1: 2.0, 2: 3.0}, {5: 2.0, 6: 4.0, 7: 6.0})
    scipys = stats.ttest_ind([1.0, 2.0, 3.0], [2.0, 4.0, 6.0], equal_var=False)
    assert found[:4] == ("Welch", 3, 3, -2.0)
    assert scipys.df == pytest.approx(50 / 17)
    assert found.p == pytest.approx(scipys.pvalue)
    assert (found.low, found.high) == pytest.approx(scipys.confidence_interval())
    assert difference({0: 1.0, 1: 2.0}, {1: 2.0, 2: 4.0}).test == "Welch"  # one pair is no test


def test_one_seed_gives_a_difference_and_no_test():
    assert difference({3: 0.75}, {3: 0.5}) == (None, 1, 1, 0.25, None, None, None, None, "one seed")
    assert difference({3: 0.75}, {1: 0.5, 2: 0.0})[:4] == (None, 1, 2, 0.5)
    assert difference({1: 1.0, 2: 1.0}, {3: 0.0, 4: 0.0}).reason == "all equal"


def test_equal_seeds_have_no_interval_and_no_difference():
    found = difference({0: 0.5, 1: 0.7}, {0: 0.5, 1: 0.7})
    assert (found.difference, found.low, found.high, found.p) == (0.0, None, None, 1.0)


def test_the_share_that_got_there_leaves_out_whose_watch_ended():
    # five at risk: 1/5 at 1; one of four at 2, then one leaves: 1 - 4/5 * 3/4; one of two at 4:
    # 1 - 3/5 * 1/2; nobody at 5
    curve = reached_by(times(1, 2, -2, 4, -5))
    assert curve["time"].tolist() == [1, 2, 4, 5]
    assert curve["share"].tolist() == pytest.approx([0.2, 0.4, 0.7, 0.7])
    assert median_time(times(1, 2, -2, 4, -5)) == 4


def test_half_have_to_get_there_for_a_median():
    for half in range(1, 20):
        reached, missed = list(range(1, half + 1)), [-100.0] * half
        assert median_time(times(*reached, *missed)) == half
        assert median_time(times(*reached, *missed, -100)) == INF
    assert median_time(times(-5, -5)) == INF
    assert median_time(times(7)) == 7


def test_the_log_rank_test_is_that_worked_by_hand():
    # at 1 two of four are of the first side: expected 1/2, variance 1/4; at 2 one of three: 1/3 and
    # 2/9; then none. Observed 2, expected 5/6: z = (7/6) / sqrt(17/36).
    p = math.erfc((7 / 6) / math.sqrt(17 / 36) / math.sqrt(2))
    assert logrank_p(times(1, 2), times(3, 4)) == pytest.approx(p)
    assert logrank_p(times(1, 2), times(3, -4)) == pytest.approx(
        p
    )  # nobody is left to compare with


def test_times_that_are_all_alike_differ_by_nothing():
    assert logrank_p(times(4, 4, 4), times(4, 4, 4)) == 1.0
    assert logrank_p(times(1, 2, 3), times(1, 2, 3)) == pytest.approx(1.0)
    assert logrank_p(times(-4, -4), times(-4, -4)) is None


def test_the_interquartile_mean_is_that_of_the_middle_half():
    assert iqm([100.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == 3.5
    assert iqm([0.0, 0.3, 0.9]) == pytest.approx(0.4)


def test_runs_are_resampled_within_their_task():
    # of 0, 1 and 5, 5 the middle two are the larger of two draws and a 5: 2.5 in one of four
    # resamples, else 3; were tasks mixed, four draws of 5 would come in one of sixteen
    assert iqm_interval([[0.0, 1.0], [5.0, 5.0]]) == (2.5, 3.0)
    assert iqm_interval([[0.0, 0.0], [1.0, 1.0]]) == (None, None)
    assert iqm_interval([[0.2], [0.7]]) == (None, None)
    assert iqm_interval([[0.0, 1.0], [0.5]]) == (None, None)  # how much 0.5 varies is not known


def test_a_profile_is_the_share_of_runs_above_each_threshold():
    assert shares_above([0.2, 0.5, 1.0, 1.0], [0.0, 0.5, 0.9, 1.0]) == [1.0, 0.5, 0.5, 0.0]


def test_ranks_are_averaged_where_models_tie():
    ranks = task_ranks(np.array([[3.0, 1.0, 1.0], [0.5, 0.9, 0.9], [-INF, 0.0, INF]]))
    assert ranks.tolist() == [[1, 2.5, 2.5], [3, 1.5, 1.5], [3, 2, 1]]


def test_friedmans_test_is_that_worked_by_hand():
    # six tasks, always the same order: 12 / (6 * 3 * 4) * (6^2 + 12^2 + 18^2) - 3 * 6 * 4 = 12, and
    # with two degrees of freedom p = exp(-12 / 2)
    assert friedman_p(np.array([[1.0, 2.0, 3.0]] * 6)) == pytest.approx(math.exp(-6))
    assert friedman_p(np.array([[1.0, 2.0]] * 6)) is None
    assert friedman_p(np.array([[2.0, 2.0, 2.0]] * 6)) is None
