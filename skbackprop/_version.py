"""The version of the package, and of the form that a fitted estimator is stored in."""

__version__ = "0.1.0"

#: Raised whenever an older version could not make sense of what this one stores.
STATE_FORMAT = 1


class StoredBy:
    """Which version stored an estimator, and in which form.

    It is the first thing stored, so it is read before anything else is made, which a form unknown here might not allow.
    """

    def __init__(self):
        self.version, self.form = __version__, STATE_FORMAT

    def __setstate__(self, state):
        """Take what was stored.

        Raises
        ------
        ValueError
            If that was by a later version in a form that this one does not know; the message names both versions.
        """
        vars(self).update(state)
        if self.form > STATE_FORMAT:
            raise ValueError(
                f"This estimator was stored by skbackprop {self.version}, in a form that {__version__} does not know: "
                f"install skbackprop {self.version} or later to load it."
            )
