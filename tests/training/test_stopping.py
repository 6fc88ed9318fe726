"""Early stopping: patience, the best weights, and what an early stopper keeps from epoch to epoch."""

import math
import pickle

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropRegressor
from skbackprop._training.state import TrainingState
from skbackprop._training.stopping import BestWeights, EarlyStopper, Patience
from tests.shared import BOTH, data


def new_state():
    return TrainingState(np.zeros(3), np.zeros((0, 3)), np.random.default_rng(0))


def updates(patience, numbers):
    return [patience.update(number) for number in numbers]


def round_trip(state_dict):
    return pickle.loads(pickle.dumps(state_dict))


class TestPatience:
    def test_runs_out_after_exactly_as_many_epochs_without_improvement_as_its_limit(self):
        assert updates(Patience(3, 0.1), (1.0, 0.5, 0.45, 0.44, 0.43)) == [False] * 4 + [True]

    def test_improvement_restarts_the_count(self):
        assert updates(Patience(2, 0.1), (1.0, 0.95, 0.5, 0.45, 0.44)) == [False] * 4 + [True]

    @pytest.mark.parametrize("follows_best", [True, False])
    @pytest.mark.parametrize(("second", "runs_out"), [(0.75, True), (0.7499, False)])
    def test_improvement_is_larger_than_the_minimum(self, second, runs_out, follows_best):
        patience = Patience(1, 0.25, follows_best=follows_best)
        assert updates(patience, (1.0, second)) == [False, runs_out]

    @pytest.mark.parametrize("follows_best", [True, False])
    def test_improvement_is_relative_to_the_best_and_not_to_the_last_number(self, follows_best):
        patience = Patience(3, follows_best=follows_best)
        assert updates(patience, (1.0, 3.0, 2.0, 1.5)) == [False] * 3 + [True]
        assert patience.best == 1.0

    def test_small_improvements_do_not_add_up_if_the_reference_follows_the_best(self):
        patience = Patience(3, 0.25)
        assert updates(patience, (1.0, 0.875, 0.75, 0.625)) == [False] * 3 + [True]
        assert patience.best == 0.625

    def test_small_improvements_add_up_if_the_reference_does_not_follow_the_best(self):
        patience = Patience(3, 0.25, follows_best=False)
        assert updates(patience, (1.0, 0.875, 0.75, 0.625, 0.5)) == [False] * 5
        assert (patience.best, patience.count) == (0.625, 1)

    @pytest.mark.parametrize("follows_best", [True, False])
    @pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
    def test_number_that_is_not_finite_is_no_verdict(self, number, follows_best):
        patience = Patience(2, follows_best=follows_best)
        assert updates(patience, [number] * 5) == [False] * 5
        assert (patience.best, patience.count) == (math.inf, 0)
        assert updates(patience, (1.0, number, 1.0, number, 1.0, number)) == [False] * 4 + [True] * 2
        assert patience.best == 1.0

    def test_infinite_limit_never_runs_out(self):
        assert not any(updates(Patience(math.inf), [1.0] * 100))

    @pytest.mark.parametrize("follows_best", [True, False])
    def test_stored_state_continues_the_count(self, follows_best):
        patience, resumed = (Patience(3, 0.1, follows_best=follows_best) for _ in range(2))
        updates(patience, (1.0, 0.95))
        resumed.load_state_dict(round_trip(patience.state_dict()))
        numbers = (0.92, 0.91, 0.5, 0.5, 0.5, 0.5)
        assert updates(resumed, numbers) == updates(patience, numbers)
        assert vars(resumed) == vars(patience)


class TestBestWeights:
    @staticmethod
    def updated(*scores):
        """Return the best of some epochs, whose weights and loss are their numbers."""
        best, state = BestWeights(), new_state()
        is_best = []
        for n_iter, score in enumerate(scores, 1):
            state.theta[...] = state.mean_loss = n_iter
            is_best.append(best.update(score, state, n_iter))
        return best, is_best

    def test_first_of_several_equal_scores_is_the_best(self):
        best, is_best = self.updated(0.5, 0.9, 0.9, 0.1)
        assert is_best == [True, True, False, False]
        assert (best.score, best.n_iter, best.mean_loss, set(best.theta)) == (0.9, 2, 2, {2})

    def test_score_that_is_not_a_number_is_never_the_best(self):
        best, is_best = self.updated(np.nan, -3.0, np.nan, np.inf, -2.0, -np.inf)
        assert is_best == [False, True, False, False, True, False]
        assert best.n_iter == 5

    def test_weights_are_copies_and_are_restored_in_place(self):
        best, _ = self.updated(0.9, 0.5)
        state = new_state()
        theta = state.theta
        assert best.restore(state)
        assert state.theta is theta
        assert (set(theta), state.best_iter, state.mean_loss) == ({1}, 1, 1)
        theta[...] = 7
        assert set(best.theta) == {1}

    def test_nothing_is_restored_without_a_score(self):
        best, _ = self.updated(np.nan)
        state = new_state()
        assert not best.restore(state)
        assert (set(state.theta), state.best_iter) == ({0}, 0)

    @pytest.mark.parametrize("scores", [(), (0.5, 0.9, 0.1)])
    def test_stored_state_is_restored(self, scores):
        best, _ = self.updated(*scores)
        resumed = BestWeights()
        resumed.load_state_dict(round_trip(best.state_dict()))
        np.testing.assert_equal(vars(resumed), vars(best))


class TestEarlyStopper:
    @staticmethod
    def run(stopper, state, n_epochs):
        """Return what the stopper answers after each of some epochs; weights and loss of epoch n are n and -n."""
        answers = []
        for _ in range(n_epochs):
            state.n_iter += 1
            state.theta[:] = state.n_iter
            state.mean_loss = -float(state.n_iter)
            answers.append(stopper.on_epoch_end(state, state.mean_loss))
        return answers

    @staticmethod
    def with_scores(scores, patience=None):
        scores = iter(scores)
        return EarlyStopper(patience or Patience(math.inf), lambda: (7.0, next(scores)))

    @pytest.mark.parametrize(
        ("scores", "best"), [((0.5, 0.9, 0.9, 0.1), 2), ((np.nan, -3.0, np.nan, -2.0, -4.0), 4), ((0.0, -1.0), 1)]
    )
    def test_weights_of_the_best_score_are_restored(self, scores, best):
        stopper, state = self.with_scores(scores), new_state()
        answers = self.run(stopper, state, len(scores))
        np.testing.assert_array_equal(answers, [(-score, False) for score in scores])
        assert state.best_iter == best
        n_missing = np.isnan(scores).sum()
        assert [message[:6] for message in stopper.restore_best(state)] == ([f"{n_missing} of 5"] if n_missing else [])
        assert (state.best_iter, state.mean_loss, set(state.theta)) == (best, -best, {best})
        np.testing.assert_array_equal(state.validation_scores, scores)
        assert state.validation_loss_curve == [7.0] * len(scores)

    def test_last_weights_stay_if_no_score_is_a_number(self):
        stopper, state = self.with_scores([np.nan] * 3), new_state()
        self.run(stopper, state, 3)
        assert stopper.restore_best(state) == [
            "No score of the validation set was a finite number, so there was no early stopping, and the weights are "
            "those of the last epoch. Validate with more samples, or with another scoring."
        ]
        assert (state.best_iter, set(state.theta)) == (3, {3})

    def test_last_weights_stay_without_a_validation_set(self):
        stopper, state = EarlyStopper(Patience(2)), new_state()
        assert self.run(stopper, state, 3) == [(-1.0, False), (-2.0, False), (-3.0, False)]
        assert stopper.restore_best(state) == []
        assert (state.best_iter, state.mean_loss, set(state.theta)) == (3, -3.0, {3})

    def test_undone_epoch_is_not_the_best(self):
        stopper, state = self.with_scores([0.5, 0.9, 0.7, 0.6, 0.6], Patience(2)), new_state()
        self.run(stopper, state, 2)
        stopper.undo_epoch()
        assert [stop for _, stop in self.run(stopper, state, 3)] == [False, False, True]
        stopper.restore_best(state)
        assert state.best_iter == 3

    def test_undone_epoch_is_not_counted(self):
        stopper, state = self.with_scores([0.5, 0.4, 0.4, 0.4], Patience(2)), new_state()
        assert [stop for _, stop in self.run(stopper, state, 2)] == [False, False]
        stopper.undo_epoch()
        assert [stop for _, stop in self.run(stopper, state, 2)] == [False, True]

    def test_stored_state_continues(self):
        scores = (0.5, 0.9, 0.8, 0.7, 0.6)
        stopper, state = self.with_scores(scores, Patience(3)), new_state()
        self.run(stopper, state, 3)
        resumed, resumed_state = self.with_scores(scores[3:], Patience(3)), new_state()
        resumed.load_state_dict(round_trip(stopper.state_dict()))
        resumed_state.n_iter = 3
        assert self.run(resumed, resumed_state, 2) == self.run(stopper, state, 2) == [(-0.7, False), (-0.6, True)]
        assert resumed.has_ended
        resumed.restore_best(resumed_state)
        assert (resumed_state.best_iter, set(resumed_state.theta)) == (2, {2})


@BOTH
@pytest.mark.parametrize("score", [np.nan, np.inf, -np.inf])
def test_training_does_not_end_early_if_no_score_is_a_number(estimator, score):
    X, y = data(estimator)
    network = estimator(
        5, scoring=lambda estimator, X, y: score, early_stopping=True, n_iter_no_change=2, max_iter=9, random_state=0
    )
    with pytest.warns(
        ConvergenceWarning, match="No score .* finite number.*more samples, or with another scoring"
    ) as w:
        network.fit(X, y)
    assert len(w) == 1
    assert network.best_iter_ == network.n_iter_ == 9


@pytest.mark.filterwarnings("ignore:R.2 score is not well-defined", "ignore:.*no better than a constant")
@pytest.mark.parametrize("n_samples", [3, 10])
def test_score_of_a_single_sample_does_not_end_training(n_samples):
    X, y = data(BackpropRegressor)
    chosen = slice(None, None, 150 // n_samples)
    network = BackpropRegressor(early_stopping=True, scoring="r2", max_iter=50, random_state=0)
    with pytest.warns(ConvergenceWarning, match="No score of the validation set was a finite number"):
        network.fit(X[chosen], y[chosen])
    assert network.n_iter_ == 50


def test_epochs_without_a_score_do_not_count_against_patience():
    X, y = data(BackpropRegressor)
    scores = iter([0.5, np.nan, np.nan, np.nan, 0.4, np.nan, 0.3, *[1.0] * 9])
    network = BackpropRegressor(
        5, scoring=lambda *args: next(scores), early_stopping=True, n_iter_no_change=2, random_state=0
    )
    with pytest.warns(ConvergenceWarning, match="4 of 7 scores of the validation set were not finite numbers"):
        network.fit(X, y)
    assert (network.n_iter_, network.best_iter_) == (7, 1)


def test_validation_loss_that_overflows_is_no_verdict():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(5, n_iter_no_change=2, max_iter=9, standardize=False, random_state=0)
    with pytest.warns(ConvergenceWarning, match="No score of the validation set was a finite number"):
        network.fit(X, y, X_val=1e200 * X[:20], y_val=y[:20])
    assert network.n_iter_ == 9
    assert not np.isfinite(network.validation_loss_curve_).any()


def test_scores_that_are_not_numbers_do_not_hide_that_the_others_still_rose():
    X, y = data(BackpropRegressor)
    scores = iter([np.nan, 1.0, 2.0, 3.0, 4.0, 5.0])
    network = BackpropRegressor(5, scoring=lambda *args: next(scores), early_stopping=True, max_iter=6, random_state=0)
    with pytest.warns(ConvergenceWarning) as caught:
        network.fit(X, y)
    assert [str(warning.message)[:24] for warning in caught] == ["1 of 6 scores of the val", "Maximum number of epochs"]
