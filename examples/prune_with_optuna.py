"""
Prune a search with Optuna
==========================

Most candidates of a search are visibly bad after a few epochs. ``TrialPruning`` reports the score on a validation set
to Optuna after every epoch, and Optuna ends the fits whose scores are below those of earlier ones.
"""

import optuna
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skbackprop import BackpropClassifier
from skbackprop.callbacks import TrialPruning

optuna.logging.set_verbosity(optuna.logging.WARNING)
X, X_test, y, y_test = train_test_split(*load_digits(return_X_y=True), test_size=0.25, random_state=0)
X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.25, random_state=0)

# %%
# The objective function makes a network with parameters that Optuna suggests, and returns its score. Each trial has a
# new callback. With early stopping, the fit scores every epoch itself, and the callback reports that score; otherwise,
# ``TrialPruning(trial, X_val, y_val)`` computes it. Log loss tells networks apart sooner than accuracy.
N_EPOCHS = 20


def make_network(trial):
    """Return a network with the parameters of a trial."""
    return BackpropClassifier(
        hidden_layer_sizes=trial.suggest_int("hidden_layer_sizes", 5, 100, log=True),
        learning_rate=trial.suggest_float("learning_rate", 1e-5, 0.1, log=True),
        dropout=trial.suggest_float("dropout", 0.0, 0.5),
        max_iter=N_EPOCHS,
        early_stopping=True,
        scoring="neg_log_loss",
        tol=None,
        random_state=0,
    )


def objective(trial):
    """Return the best score on the validation set."""
    network = make_network(trial).set_callbacks(TrialPruning(trial))
    network.fit(X_train, y_train, X_val=X_val, y_val=y_val)
    return max(network.validation_scores_)


# %%
# Scores are the higher the better, so the study maximizes. After 5 trials, its pruner ends each fit that is below the
# median of the others; it lets them make 3 epochs first.
study = optuna.create_study(
    direction="maximize",
    sampler=optuna.samplers.TPESampler(seed=0),
    pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2),
)
study.optimize(objective, n_trials=20)
for trial in study.trials:
    values = list(trial.intermediate_values.values())
    print(f"trial {trial.number:2}: {trial.state.name:8} after {len(values):2} epochs, best score {max(values):7.3f}")

# %%
# The fits that were pruned have saved most of their epochs.
n_epochs = sum(len(trial.intermediate_values) for trial in study.trials)
print(f"{n_epochs} epochs instead of {N_EPOCHS * len(study.trials)}")

# %%
# The best network is fitted once more, without the callback.
network = make_network(optuna.trial.FixedTrial(study.best_params)).fit(X_train, y_train, X_val=X_val, y_val=y_val)
print(f"best: {study.best_params}")
print(f"accuracy on the test set: {network.score(X_test, y_test):.3f}")
