"""Patience, and what a watch remembers from pass to pass."""

import numpy as np
import pytest

from skbackprop._training.state import TrainingState
from skbackprop._training.stopping import Patience, Watch


def new_state():
    return TrainingState(np.zeros(3), np.zeros((0, 3)), np.random.default_rng(0))


class TestPatience:
    def test_stops_after_exactly_n_iter_no_change_passes_without_gain(self):
        patience = Patience(tol=0.1, n_iter_no_change=3)
        assert [patience.is_over(loss) for loss in (1.0, 0.5, 0.45, 0.44, 0.43)] == [False] * 4 + [True]

    def test_a_gain_starts_the_count_again(self):
        patience = Patience(tol=0.1, n_iter_no_change=2)
        assert [patience.is_over(loss) for loss in (1.0, 0.95, 0.5, 0.45, 0.44)] == [False] * 4 + [True]

    @pytest.mark.parametrize(("second", "is_over"), [(0.75, True), (0.7499, False)])
    def test_a_gain_is_more_than_tol(self, second, is_over):
        patience = Patience(tol=0.25, n_iter_no_change=1)
        assert [patience.is_over(loss) for loss in (1.0, second)] == [False, is_over]

    def test_a_gain_is_over_the_best_and_not_over_the_last(self):
        patience = Patience(tol=0.0, n_iter_no_change=3)
        assert [patience.is_over(loss) for loss in (1.0, 3.0, 2.0, 1.5)] == [False] * 3 + [True]

    def test_small_gains_do_not_add_up(self):
        patience = Patience(tol=0.25, n_iter_no_change=3)
        assert [patience.is_over(loss) for loss in (1.0, 0.875, 0.75, 0.625)] == [False] * 3 + [True]

    def test_what_is_no_number_is_no_gain(self):
        patience = Patience(tol=0.0, n_iter_no_change=2)
        assert [patience.is_over(loss) for loss in (np.nan, np.inf)] == [False, True]

    def test_no_tol_never_stops(self):
        assert not any(Patience(None, 1).is_over(1.0) for _ in range(100))


class TestWatch:
    """Weights, loss and scores of pass number n are n, -n and as given."""

    @staticmethod
    def follow(watch, state, n_passes):
        """What the watch says of each of some passes."""
        said = []
        for _ in range(n_passes):
            state.n_iter += 1
            state.theta[:], state.mean_loss = state.n_iter, -float(state.n_iter)
            said.append(watch.on_epoch_end(state, state.mean_loss))
        return said

    @staticmethod
    def of(scores, patience=None):
        scores = iter(scores)
        return Watch(patience or Patience(None, 1), lambda: (7.0, next(scores)))

    @pytest.mark.parametrize(
        ("scores", "best"), [((0.5, 0.9, 0.9, 0.1), 2), ((np.nan, -3.0, np.nan, -2.0, -4.0), 4), ((0.0, -1.0), 1)]
    )
    def test_the_first_of_the_best_scores_has_the_weights(self, scores, best):
        watch, state = self.of(scores), new_state()
        said = self.follow(watch, state, len(scores))
        np.testing.assert_array_equal(said, [(-score, False) for score in scores])
        assert state.best_iter == best
        assert watch.restore_best(state) == []
        assert (state.best_iter, state.mean_loss, set(state.theta)) == (best, -best, {best})
        np.testing.assert_array_equal(state.validation_scores, scores)
        assert state.validation_loss_curve == [7.0] * len(scores)

    def test_no_score_is_a_number(self):
        watch, state = self.of([np.nan] * 3), new_state()
        self.follow(watch, state, 3)
        assert watch.restore_best(state) == [
            "No score of the held-out rows was a number: the weights are those of the last epoch. See scoring."
        ]
        assert (state.best_iter, set(state.theta)) == (3, {3})

    def test_no_held_out_rows_leave_the_last_weights(self):
        watch, state = Watch(Patience(0.0, 2)), new_state()
        assert self.follow(watch, state, 3) == [(-1.0, False), (-2.0, False), (-3.0, False)]
        assert watch.restore_best(state) == []
        assert (state.best_iter, state.mean_loss, set(state.theta)) == (3, -3.0, {3})

    def test_a_pass_undone_is_forgotten(self):
        watch, state = self.of([0.5, 0.9, 0.7, 0.6, 0.6], Patience(0.0, 2)), new_state()
        self.follow(watch, state, 2)
        watch.go_back()
        assert [stop for _, stop in self.follow(watch, state, 3)] == [False, False, True]
        watch.restore_best(state)
        assert state.best_iter == 3

    def test_the_count_of_a_pass_undone_is_taken_back(self):
        watch, state = self.of([0.5, 0.4, 0.4, 0.4], Patience(0.0, 2)), new_state()
        assert [stop for _, stop in self.follow(watch, state, 2)] == [False, False]
        watch.go_back()
        assert [stop for _, stop in self.follow(watch, state, 2)] == [False, True]
