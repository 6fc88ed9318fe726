"""What a call that fails must leave as it was."""

from copy import deepcopy


def snapshot(network):
    """Return a copy of all that a fitted estimator has learned; comparable by `numpy.testing.assert_equal`.

    The counts of rejected samples are not part of it.
    """
    fitted = {name: deepcopy(value) for name, value in vars(network).items() if name.endswith("_")}
    state = {name: value for name, value in vars(network._state).items() if name not in ("n_rejections", "n_rejected")}
    state["rng"] = state["rng"].bit_generator.state
    if state["standardizer"] is not None:
        state["standardizer"] = state["standardizer"].state_dict()
    state["change_detector"] = state["change_detector"].state_dict()
    return fitted | deepcopy(state)
