"""One call of `fit`: which members are trained, on what, and with which penalty."""

import numpy as np
import pytest
from sklearn.datasets import make_friedman1

from skbackprop import BackpropRegressor
from skbackprop.ensemble import BackpropEnsembleRegressor
from skbackprop.ensemble._folds import make_folds
from skbackprop.ensemble._members import new_member, prior_of
from skbackprop.ensemble._training import Candidate, MemberTrainer, Samples, _train_next


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("are_many", [False, True])
def test_with_many_samples_the_penalty_is_searched_on_the_first_fold_only(monkeypatch, are_many):
    X, y = make_friedman1(200, random_state=0)
    monkeypatch.setattr("skbackprop.ensemble._training.MANY_SAMPLES", 200 if are_many else 201)
    folds = make_folds(None, 2, y, None, None, 0, is_stratified=False)
    trainer = MemberTrainer(BackpropEnsembleRegressor(), Samples(X, y, None, folds, 2), None)
    rng = np.random.RandomState(0)
    candidate = Candidate("network", [new_member(BackpropRegressor(4, max_iter=5), rng) for _ in folds])
    _train_next(trainer, [(candidate, 1)])
    _train_next(trainer, [(candidate, 1)])
    first, second = (trained.member for trained in candidate.trained)
    assert first.alpha_search_ is not None
    assert (second.alpha_search_ is None) == are_many
    if are_many:
        assert prior_of(second) == prior_of(first)
