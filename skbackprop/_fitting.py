"""One call of `fit` or `partial_fit`: from X and y as they come, by checked rows and a recipe, to trained weights.

What goes wrong on the way leaves the estimator as it was.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from copy import deepcopy

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import validate_data

from ._engines import choose_engine
from ._fitted import FittedNetwork
from ._inputs import Snapshot, is_plain
from ._parameters import check_weights
from ._recipes import make_recipe, resume, start
from ._state import TrainingState
from ._training import Outcome, Session
from ._validation import Rows, Target, hold_out, product, watcher
from ._watch import Patience, Watch
from .optimizers import LBFGS


class Fitting(FittedNetwork):
    """How an estimator is trained: its parameters are read here and its fitted attributes set."""

    _read_often: tuple[str, ...]

    @abstractmethod
    def _learn_target(self, y, dtype: np.dtype, resume: bool, classes) -> Target:
        """Check `y` and say what it is."""

    @abstractmethod
    def _plain_target(self, y, n_rows: int, classes) -> np.ndarray | None:
        """Return `y` as the network sees it, or None if it is not plainly fine."""

    def _partial_fit(self, X, y, sample_weight, classes=None):
        with np.errstate(all="ignore"):  # what overflows is looked at
            outcome = self._go_on(X, y, sample_weight, classes)
        if outcome is None:
            self._validate_params()
            outcome = self._train(X, y, sample_weight, partial=True, classes=classes)
        if outcome.messages:
            self._warn(outcome)
        return self

    def _warn(self, outcome: Outcome) -> None:
        for message in outcome.messages:
            warnings.warn(message, ConvergenceWarning, stacklevel=4)

    def _go_on(self, X, y, sample_weight, classes) -> Outcome | None:
        """Take the short way if rows like those of the last call come and nothing else changed, else return None."""
        session, parameters = vars(self).get("_session", (None, None))
        if (
            session is None
            or session.state is not self._state
            or sample_weight is not None
            or "feature_names_in_" in vars(self)
            or not parameters.is_still(self._parameters())
            or not is_plain(X, self._state.theta.dtype, session.shape)
        ):
            return None
        y = self._plain_target(y, len(X), classes)
        return None if y is None else session.train(X, y, None, 1, None, self._report)

    def _parameters(self):
        return map(vars(self).__getitem__, self._read_often)

    def _train(self, X, y, sample_weight, *, held_out=(None, None, None), partial=False, classes=None) -> Outcome:
        """Start or go on training.

        What goes wrong leaves the estimator as it was; an interrupt leaves it with the last whole pass, if there was
        one.
        """
        going_on = self.__sklearn_is_fitted__() and (partial or self.warm_start)
        n_iter, before = (self._state.n_iter if going_on else 0), vars(self).copy()
        if going_on and not partial:
            self._state = deepcopy(self._state)  # many passes cannot be undone in place
        try:
            with np.errstate(all="ignore"):  # what overflows is looked at
                return self._check_and_train(X, y, sample_weight, held_out, partial, going_on, classes)
        except BaseException as error:
            made = "_state" in vars(self) and self._state.n_iter > n_iter
            if not (made and isinstance(error, KeyboardInterrupt)):
                vars(self).clear()
                vars(self).update(before)
            raise

    def _check_and_train(self, X, y, sample_weight, held_out, partial, going_on, classes) -> Outcome:
        X, y = self._check_rows(X, y, going_on)
        target = self._learn_target(y, X.dtype, going_on, classes)
        encoded, class_weight = target.encode(y)
        score_weight = check_weights(sample_weight, X)
        rows = Rows(X, y, encoded, product(score_weight, class_weight), score_weight)
        seed = self._state.seed if going_on else check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        if partial:
            return self._make_one_pass(self._prepare(rows, target, seed, going_on), rows)
        rows, rest, message = hold_out(self, rows, target, seed, *held_out)
        outcome = self._make_passes(self._prepare(rows, target, seed, going_on), rows, rest)
        outcome.messages += [] if message is None else [message]
        return outcome

    def _check_rows(self, X, y, going_on):
        keeps_order = self.solver == "batch" and self.engine != "numba"
        return validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=self._state.theta.dtype if going_on else (np.float64, np.float32),
            order=None if keeps_order else "C",  # shuffled rows are gathered, which wants each in one piece
            multi_output=True,
            reset=not going_on,
        )

    def _prepare(self, rows: Rows, target: Target, seed: int, going_on: bool) -> Session:
        """Set what is known before the first pass, and return what makes the passes."""
        X, encoded, weight = rows.X, rows.encoded, rows.weight
        recipe = make_recipe(self, *X.shape, encoded.shape[1], target.loss)
        engine = choose_engine(self.engine, recipe, X)
        if going_on:
            state = resume(self, recipe, self._recipe, self._state)
        else:
            state = start(self, recipe, seed, X, encoded, weight)
        for name, value in target.learned.items():
            setattr(self, name, value)
        self._recipe, self._state, self._session = recipe, state, (None, None)
        self.n_layers_ = len(recipe.objective.network.sizes)
        self.n_outputs_ = encoded.shape[1]
        self.out_activation_ = target.loss.output_activation
        return Session(engine, recipe, state, X, encoded, weight)

    def _make_one_pass(self, session: Session, rows: Rows) -> Outcome:
        parameters = Snapshot(self._parameters())
        self._session = (session if parameters.is_plain and rows.weight is None else None), parameters
        return session.train(rows.X, rows.encoded, rows.weight, 1, None, self._report)

    def _make_passes(self, session: Session, rows: Rows, rest: Rows | None) -> Outcome:
        recipe, state = session.recipe, session.state
        state.n_rows = 0  # sample weights are relative to the mean of these rows
        state.validation_loss_curve, state.validation_scores = [], []
        watched = None if rest is None else watcher(self, recipe.objective, state, rest)
        runs_to_its_end = watched is None and recipe.schedule.has_end and not isinstance(recipe.optimizer, LBFGS)
        watch = Watch(Patience(None if runs_to_its_end else self.tol, self.n_iter_no_change), watched)
        return session.train(rows.X, rows.encoded, rows.weight, self.max_iter, watch, self._report)

    def _report(self, state: TrainingState) -> None:
        if self.verbose:
            print(f"Epoch {state.n_iter}: loss {state.loss_curve[-1]:.6g}")  # noqa: T201, that is what verbose asks for
