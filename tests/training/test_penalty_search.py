"""The search for the c of ``alpha="auto"``: which values it tries, and which it returns."""

import math

import numpy as np
import pytest

from skbackprop._core.dataset import Dataset
from skbackprop._core.network import Network
from skbackprop._core.objective import Objective
from skbackprop._training import penalty_search
from skbackprop._training.config import TrainingConfig
from skbackprop._training.penalty_search import FACTOR, MIDDLE, STEPS, PenaltySearch
from skbackprop.losses import LOSSES
from skbackprop.optimizers import Adam
from skbackprop.schedules import Constant

#: How much larger than the best c of short fits the chosen one is.
CORRECTION = FACTOR**penalty_search.CORRECTION
CONFIG = TrainingConfig(
    Objective(Network((1, 1), ()), LOSSES["squared_error", "identity"]), Adam(), Constant(0.1), None, False, 10
)


@pytest.fixture
def search(monkeypatch):
    """Return a function that searches with given validation losses instead of training."""

    def run(loss_of, too_strong=(), n_validation=20):
        monkeypatch.setattr(PenaltySearch, "_fit", lambda self, prior: loss_of(prior))
        made = PenaltySearch(
            None, CONFIG, None, None, Dataset(np.zeros((n_validation, 1)), np.zeros((n_validation, 1)))
        )
        made._too_strong.update(too_strong)
        return made.best_prior(), made.losses

    return run


@pytest.mark.parametrize("best", [0.15, 0.2, 0.6, 3.0, 20.0, 25.0, 70.0])
def test_a_parabola_in_the_logarithm_of_c_has_its_minimum_found_from_above(search, best):
    chosen, tried = search(lambda c: 2.0 + math.log(c / best) ** 2)
    assert chosen == pytest.approx(CORRECTION * best)
    assert len(tried) <= 5


@pytest.mark.parametrize(("best", "below"), [(0.3, 0.2), (1.8, 1.0), (40.0, 25.0)])
def test_a_minimum_above_the_best_of_the_grid_is_not_approached(search, best, below):
    """Slightly too strong a penalty makes the network constant."""
    chosen, _ = search(lambda c: math.log(c / best) ** 2)
    assert chosen == pytest.approx(CORRECTION * below)


def test_a_penalty_is_not_raised_where_the_next_is_too_strong_to_learn(search):
    losses = {1.0: 0.2, 5.0: 0.1, 25.0: 1.0}.get
    assert search(lambda c: losses(round(c, 2), 2.0))[0] == pytest.approx(CORRECTION * 5.0, rel=0.5)
    assert search(lambda c: losses(round(c, 2), 2.0), too_strong=[25.0])[0] <= 5.0
    assert search(lambda c: (math.log(c) - math.log(20.0)) ** 2, too_strong=[125.0])[0] == pytest.approx(25.0)


@pytest.mark.parametrize(("direction", "end"), [(1, max(STEPS) - 1), (-1, min(STEPS))])
def test_a_loss_that_falls_to_the_end_of_the_grid_chooses_its_end(search, direction, end):
    chosen, tried = search(lambda c: -direction * math.log(c))
    assert chosen == pytest.approx(CORRECTION * MIDDLE * FACTOR**end)
    assert len(tried) == 5


def test_the_search_looks_to_both_sides_of_a_plateau(search):
    """With a strong penalty nothing is learned, so that the middle of the grid may look worse than a stronger one."""
    losses = {0.04: 0.2, 0.2: 0.1, 1.0: 0.5, 5.0: 1.01, 25.0: 1.0, 125.0: 1.0}
    chosen, _ = search(lambda c: losses[round(c, 2)])
    assert 0.1 < chosen / CORRECTION < 0.4


@pytest.mark.parametrize(
    ("losses", "best", "n_fits"),
    [
        ({1.0: 0.744, 5.0: 0.699, 25.0: 0.714, 125.0: 0.558, 625.0: 0.566}, 125.0, 5),
        ({0.2: 0.5, 1.0: 0.3, 5.0: 0.4, 25.0: 0.2, 125.0: 0.3}, 25.0, 4),  # the best of the first three has both
        ({1.0: 0.744, 5.0: 0.699, 25.0: 0.714, 125.0: 0.75}, 5.0, 4),  # no better behind it
        ({1.0: 0.8, 5.0: 0.5, 25.0: 0.6, 125.0: 0.4}, 5.0, 3),  # clearly worse
        ({0.2: 0.5, 1.0: 0.72, 5.0: 0.7, 25.0: 0.9}, 5.0, 3),  # a weaker penalty
        ({1.0: 0.9, 5.0: 0.5, 25.0: 0.3, 125.0: 0.32, 625.0: 0.2}, 25.0, 4),  # the end of the grid
    ],
)
def test_a_stronger_penalty_that_is_hardly_worse_does_not_hide_a_better_one(search, losses, best, n_fits):
    """Short fits are noisy: now and then, the best penalty lies behind one that seems a little worse."""
    chosen, tried = search(lambda c: losses.get(round(c, 2), 1.0))
    assert chosen == pytest.approx(CORRECTION * best, rel=0.7)
    assert len(tried) == n_fits


def test_without_a_difference_the_middle_is_chosen(search):
    chosen, tried = search(lambda c: 1.0)
    assert chosen == pytest.approx(CORRECTION * MIDDLE)
    assert len(tried) == 3


def test_without_a_finite_loss_the_smallest_is_chosen(search):
    assert search(lambda c: math.inf)[0] == pytest.approx(MIDDLE * FACTOR ** min(STEPS), rel=0.5)


def test_guessing_is_not_chosen_because_of_a_few_samples(search):
    """With few samples of parity, or with much noise, guessing may be better than anything that can be learned."""
    too_strong = [1.0, 5.0, 25.0, 125.0, 625.0]
    chosen, _ = search(lambda c: {0.2: 0.8}.get(round(c, 2), 0.7), too_strong=too_strong)
    assert chosen <= 0.2 * CORRECTION
    too_strong = [125.0, 625.0]
    chosen, _ = search(lambda c: 1.0 / c, too_strong=too_strong)
    assert chosen <= 25.0
    chosen, _ = search(lambda c: 1.0 / c, too_strong=too_strong, n_validation=100)
    assert chosen == pytest.approx(125.0)


def test_a_diverged_neighbor_does_not_move_the_minimum(search):
    chosen, _ = search(lambda c: {5.0: 1.0, 25.0: 2.0}.get(round(c, 2), math.inf))
    assert chosen == pytest.approx(CORRECTION * MIDDLE)


@pytest.mark.parametrize("triple", [(2.0, 1.0, 1.5), (1.0, 1.0, 3.0), (1.2, 1.0, 9.0)])
def test_the_vertex_is_that_of_the_parabola_and_no_more_than_half_a_step_away(triple):
    vertex = penalty_search._vertex(*triple)
    a, b, _ = np.polyfit([-1, 0, 1], triple, 2)
    assert vertex == pytest.approx(-b / (2 * a))
    assert abs(vertex) <= 0.5
