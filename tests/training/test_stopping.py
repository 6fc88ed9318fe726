"""Early stopping: patience, the best weights, and what an early stopper keeps from epoch to epoch."""

import math
import pickle

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropRegressor
from skbackprop._training.state import TrainingState
from skbackprop._training.stopping import BestWeights, EarlyStopper, Patience
from tests.shared import FEW, data


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
    def test_number_that_is_not_finite_is_no_improvement(self, follows_best):
        patience = Patience(2, follows_best=follows_best)
        assert updates(patience, (np.nan, np.inf)) == [False, True]
        assert patience.best == math.inf

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
        best, is_best = self.updated(np.nan, -3.0, np.nan, -2.0)
        assert is_best == [False, True, False, True]
        assert best.n_iter == 4

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
        assert stopper.restore_best(state) == []
        assert (state.best_iter, state.mean_loss, set(state.theta)) == (best, -best, {best})
        np.testing.assert_array_equal(state.validation_scores, scores)
        assert state.validation_loss_curve == [7.0] * len(scores)

    def test_last_weights_stay_if_no_score_is_a_number(self):
        stopper, state = self.with_scores([np.nan] * 3), new_state()
        self.run(stopper, state, 3)
        assert stopper.restore_best(state) == [
            "No score of the validation set was a number: the weights are those of the last epoch. See scoring."
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


def test_scores_that_are_not_numbers_give_a_warning():
    X, y = data(BackpropRegressor)
    network = BackpropRegressor(5, scoring=lambda estimator, X, y: np.nan, early_stopping=True, **FEW)
    with pytest.warns(ConvergenceWarning, match="No score of the validation set was a number"):
        network.fit(X, y)
    assert network.best_iter_ == network.n_iter_ == 4
