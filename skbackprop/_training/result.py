"""`TrainingResult`: how a call that trains has ended."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class TrainingResult:
    """How a call has ended, and what the user should know.

    Attributes
    ----------
    stopped : bool
        Whether a stopping rule ended the training before the last epoch.
    diverged : bool
        Whether training ended because it still diverged after the last reduction of the learning rate.
    n_backoffs : int
        Number of times that training went back to earlier weights with a lower learning rate.
    messages : list of str
        The warnings about the training of this call.
    data_messages : list of str
        The warnings about samples that are not learned from, or too few for what was asked.
    ineffective : list of str
        The warnings about settings that had no effect.
    """

    stopped: bool = False
    diverged: bool = False
    n_backoffs: int = 0
    messages: list[str] = field(default_factory=list)
    data_messages: list[str] = field(default_factory=list)
    ineffective: list[str] = field(default_factory=list)
