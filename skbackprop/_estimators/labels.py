"""Class labels: which classes there are, which loss fits them, and how they are encoded."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from numbers import Real
from typing import NamedTuple

import numpy as np
from scipy import sparse
from sklearn import get_config
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from .._hyperparameters import shortened
from .._typing import Matrix
from ..losses import Loss
from ..losses._resolve import resolve_loss
from .invalid_values import has_entries, is_missing

#: Labels with fewer samples per class than this on average are likely to be numbers or identifiers,
FEW_SAMPLES = 10
#: and are rejected if an epoch would compute more probabilities than this, one for each sample and class.
MAX_PROBABILITIES = 2**27
#: Number of labels that are encoded at a time.
CHUNK_SIZE = 2**16


def check_labels(labels, name: str) -> None:
    """Raise ValueError if a label is missing, or if some labels are strings and others are not.

    numpy would convert them to strings, "nan" included, or could not sort them; which of both depends on their order.
    """
    if labels is None or sparse.issparse(labels) or not has_entries(labels):
        return
    values = labels if isinstance(labels, (list, tuple)) else np.asarray(labels)
    if isinstance(values, np.ndarray):
        if values.dtype.kind == "M" and np.isnat(values).any():
            _raise_missing(name, "NaT", np.flatnonzero(np.isnat(values))[0])
        if values.dtype.kind != "O":
            return
        values = values.ravel().tolist()
    types = set(map(type, values))
    if types <= {str, np.str_} or types <= {bool, int} or (types <= {bool, int, float} and values is labels):
        return
    first: dict[str, object] = {}
    for sample, label in enumerate(values):
        if isinstance(label, (list, tuple)) or (isinstance(label, np.ndarray) and label.ndim):  # several labels
            first.setdefault("list", label)
            continue
        if is_missing(label):
            _raise_missing(name, label, sample)
        kind = next((kind for kind in (str, Real, np.bool_) if isinstance(label, kind)), type(label))
        first.setdefault("number" if kind in (Real, np.bool_) else kind.__name__, label)
    if set(first) == {"list"} and len(set(map(len, values))) > 1:
        raise ValueError(
            f"{name} has lists of different lengths. If samples have several labels, give each sample a 0 or a 1 for "
            "every label, as MultiLabelBinarizer of scikit-learn does."
        )
    if len(first) > 1:
        one, other, *_ = map(shortened, first.values())
        raise ValueError(f"{name} has labels of different types, such as {one} and {other}: make all of them strings.")


def _raise_missing(name: str, label: object, sample: int) -> None:
    raise ValueError(
        f"Input {name} contains NaN: {name} has a missing label ({label}) in sample {sample}: leave the sample out, or "
        "give the missing labels a name, which makes them a class."
    )


def is_multilabel(y) -> bool:
    """Return whether a sample can have several labels, and raise ValueError if `y` does not consist of labels."""
    try:
        check_classification_targets(y)
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{error} {_described_target(y)}") from error
    return type_of_target(y, input_name="y") == "multilabel-indicator"


def _described_target(y) -> str:
    """Return a sentence on the first number of y that is no class, or on what y begins with."""
    values = np.asarray(y)
    is_fraction = values != np.rint(values) if values.dtype.kind == "f" else np.zeros(values.shape, bool)
    if is_fraction.any():
        sample = np.argwhere(is_fraction)[0]
        place = f"sample {sample[0]}" if values.ndim == 1 else f"column {sample[1]} of sample {sample[0]}"
        return f"y has {values[tuple(sample)]:g} in {place}, which is no class: use BackpropRegressor for such numbers."
    label = values.ravel()[0]
    return f"y begins with {shortened(label)}, of type {type(label).__name__}: make all labels strings or integers."


def sorted_labels(labels, name: str) -> np.ndarray:
    """Return the distinct labels in sorted order."""
    if np.ndim(labels) != 1:
        raise ValueError(f"{name} must be a list of labels, got {shortened(labels)}.")
    try:
        return np.unique(labels)
    except (TypeError, ArithmeticError) as error:  # of a decimal NaN, for example
        raise ValueError(f"{name} has labels of different types, which cannot be sorted: {error}.") from error


def label_columns(y, classes) -> np.ndarray:
    """Return the classes of a multilabel `y`: the indices of its columns.

    Raises
    ------
    ValueError
        If `y` has other values than 0 and 1, or `classes` are given and are others.
    """
    check_indicators(y)
    if classes is not None:
        check_labels(classes, "classes")
    columns = np.arange(y.shape[1])
    if classes is not None and np.size(classes) and not np.array_equal(sorted_labels(classes, "classes"), columns):
        raise ValueError(
            f"classes={shortened(classes)} are not the columns of y, 0 to {len(columns) - 1}; leave them out."
        )
    return columns


def check_indicators(y: np.ndarray) -> None:
    """Raise ValueError if a multilabel `y` has other values than 0 and 1."""
    if y.dtype.kind in "US" or not np.isin(y, (0, 1)).all():
        raise ValueError("A multilabel y must contain only 0 and 1: 1 where a sample has the label.")


def label_matrix(has_label: np.ndarray, *, is_sparse: bool) -> Matrix:
    """Return several labels per sample as zeros and ones; like scikit-learn's classifiers, as CSR if y was sparse."""
    labels = has_label.astype(int, copy=False)
    if not is_sparse:
        return labels
    # scikit-learn has this option from version 1.9 on
    return sparse.csr_array(labels) if get_config().get("sparse_interface") == "sparray" else sparse.csr_matrix(labels)


def known_classes(y, before: np.ndarray | None, classes) -> np.ndarray:
    """Return the sorted classes.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
    before : ndarray of shape (n_classes,) or None
        The classes of the first call, if this is a later one.
    classes : array-like of shape (n_classes,) or None
        What the user passed to `partial_fit`, ``()`` if nothing; None in `fit`.
    """
    if classes is not None:
        check_labels(classes, "classes")
    given = None if classes is None or np.size(classes) == 0 else sorted_labels(classes, "classes")
    if given is not None and given.dtype.kind == "f" and np.isnan(given).any():
        raise ValueError("classes has a missing label (nan): give the missing labels a name, which makes them a class.")
    if before is not None:
        if given is not None and not np.array_equal(given, before):
            raise ValueError(
                f"classes={shortened(classes)} differ from those of the first call, which were "
                f"{shortened(before.tolist())}."
            )
        return before
    if classes is None:
        return check_number_of_classes(sorted_labels(y, "y"), len(y))
    if given is None:
        raise ValueError(
            "classes must be passed on the first call to partial_fit: all classes, also those that come later."
        )
    return given


def check_number_of_classes(classes: np.ndarray, n_samples: int) -> np.ndarray:
    """Return the classes, and raise ValueError if they are likely to be numbers or identifiers."""
    if FEW_SAMPLES * len(classes) > n_samples and n_samples * len(classes) > MAX_PROBABILITIES:
        raise ValueError(
            f"y has {len(classes)} classes in {n_samples} samples, too few samples per class to learn from, and each "
            f"epoch would compute {n_samples * len(classes):.0e} probabilities. Use BackpropRegressor for numbers; "
            "identifiers are not class labels: group them, or leave rare ones out."
        )
    return classes


def are_known_classes(classes, known: np.ndarray) -> bool:
    """Return whether `classes` need no validation: the known ones in a list, tuple, range or array, or ``()``."""
    if type(classes) in (list, tuple, range):
        try:
            return not classes or set(classes) == set(known.tolist())
        except TypeError:  # not hashable
            return False
    return type(classes) is np.ndarray and np.array_equal(classes, known)


class LabelCounts(NamedTuple):
    """How often each label occurs. Samples of weight 0 have labels, but are not counted.

    Attributes
    ----------
    n_samples : int
    labels : ndarray
        The distinct labels in sorted order; of samples with several labels, the indices of the columns.
    counts : ndarray of int
        Number of samples with each, which may be 0.
    """

    n_samples: int
    labels: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, y: np.ndarray, multilabel: bool, sample_weight: np.ndarray | None = None) -> LabelCounts:
        """Return the counts of validated labels."""
        counted = y if sample_weight is None else y[sample_weight > 0]
        if multilabel:
            return cls(len(counted), np.arange(y.shape[1]), counted.sum(axis=0).astype(np.int64))
        labels = np.unique(y)
        counts = np.zeros(len(labels), np.int64)
        found, n_found = np.unique(counted, return_counts=True)
        counts[np.searchsorted(labels, found)] = n_found
        return cls(len(counted), labels, counts)

    def merge(self, other: LabelCounts) -> LabelCounts:
        """Return the counts of two sets of samples taken together.

        Raises
        ------
        ValueError
            If the labels cannot be compared.
        """
        is_text = [counts.labels.dtype.kind in "OUS" for counts in (self, other)]
        if is_text[0] != is_text[1]:
            raise ValueError(
                f"y has labels like {shortened(other.labels.tolist()[0])}, and those before are like "
                f"{shortened(self.labels.tolist()[0])}: all must be strings, or all numbers."
            )
        dtype = _common_dtype(self.labels, other.labels)
        both = np.concatenate([self.labels.astype(dtype), other.labels.astype(dtype)])
        labels, position = np.unique(both, return_inverse=True)
        counts = np.zeros(len(labels), np.int64)
        np.add.at(counts, position, np.concatenate([self.counts, other.counts]))
        return LabelCounts(self.n_samples + other.n_samples, labels, counts)


def _common_dtype(before: np.ndarray, now: np.ndarray) -> np.dtype:
    """Return a dtype that has the labels of both, which are sorted, exactly; integers stay integers.

    Raises
    ------
    ValueError
        If no dtype has them.
    """
    common = np.result_type(before, now)
    if before.dtype == now.dtype or common.kind not in "iuf":
        return common
    are_integers = before.dtype.kind != "f" and now.dtype.kind != "f"
    preferred = [] if are_integers and common.kind == "f" else [common]
    for dtype in (*preferred, np.dtype(np.int64), np.dtype(np.uint64)):
        if _has_exactly(dtype, before) and _has_exactly(dtype, now):
            return dtype
    raise ValueError(
        f"y has labels from {now[0]} to {now[-1]}, and those before are from {before[0]} to {before[-1]}: no dtype of "
        "numbers has all of them exactly; make all labels strings."
    )


def _has_exactly(dtype: np.dtype, labels: np.ndarray) -> bool:
    with np.errstate(invalid="ignore"):
        return bool(labels.astype(dtype).tolist() == labels.tolist())


def _positions(y: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the positions of labels among the classes, which have all of them.

    In their dtype, because a search converts labels of another to a common one, in which they may be equal.
    """
    return np.searchsorted(classes, y.astype(classes.dtype, copy=False))


def class_weight_function(
    class_weight, count: Callable[[], LabelCounts] | None, classes: np.ndarray, multilabel: bool
) -> Callable[[np.ndarray], np.ndarray] | None:
    """Return a function that maps labels to sample weights, or None without class weights.

    "balanced" is computed from the counts that `count` returns; in a stream, where it is None, it is an error. With
    several labels per sample, weights that are given as dicts are multiplied, as by scikit-learn; the product of many
    balanced weights would leave nearly all weight to a few samples.

    Raises
    ------
    ValueError
        If a key of a dict is not among the classes, or "balanced" is requested for a stream.
    """
    if class_weight is None:
        return None
    if isinstance(class_weight, str):
        given = []
    elif isinstance(class_weight, dict):
        given = [class_weight]
    else:
        given = class_weight
    is_list = isinstance(class_weight, list)
    if (is_list and not (multilabel and given)) or not all(isinstance(weights, dict) for weights in given):
        raise ValueError(
            f"class_weight={shortened(class_weight)} must be 'balanced', a dict, or a list of dicts, one for each "
            "label."
        )
    numbers: list[float] = [number for weights in given for number in weights.values()]
    if not all(isinstance(number, Real) and 0 <= number < np.inf for number in numbers):
        raise ValueError(f"class_weight={shortened(class_weight)} must have finite numbers of at least 0.")
    if count is None and isinstance(class_weight, str):
        raise ValueError(
            f"class_weight={shortened(class_weight)} does not work with partial_fit, which does not see all labels at "
            "once. Pass a dict instead, for example from sklearn.utils.class_weight.compute_class_weight."
        )
    if multilabel:
        if count is not None and class_weight == "balanced":
            return _balanced_columns(count())
        return lambda y: compute_sample_weight(class_weight, y)
    weight = np.ones(len(classes))
    if count is not None and class_weight == "balanced":
        n_samples, labels, counts = count()
        labels, counts = labels[counts > 0], counts[counts > 0]
        weight[_positions(labels, classes)] = n_samples / (len(labels) * counts)  # as scikit-learn does
    else:
        unknown = [label for label in class_weight if label not in classes]
        if unknown:
            raise ValueError(
                f"class_weight={shortened(class_weight)} has labels {shortened(unknown)} that are not among the "
                f"classes {shortened(classes.tolist())}."
            )
        weight[:] = compute_class_weight(class_weight, classes=classes, y=classes)
    return lambda y: weight[_positions(y, classes)]


def _balanced_columns(counts: LabelCounts) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that maps several labels per sample to the mean of their balanced weights.

    The weight of a label, and of its absence, is inverse to its frequency. The loss of a sample is the sum over its
    labels, and has one weight; the mean comes closest to a weight for each term of the sum.
    """
    n_samples, _, n_present = counts
    both = np.array([n_samples - n_present, n_present])
    n_values = np.count_nonzero(both, axis=0)
    absent, present = n_samples / (n_values * np.maximum(both, 1))
    return lambda y: np.where(y, present, absent).mean(axis=1)


def smooth_labels(target: np.ndarray, label_smoothing: float, n_values: int) -> np.ndarray:
    """Return targets of 0 and 1 with a share of `label_smoothing` spread evenly (Szegedy et al. 2016).

    If the outputs of a sample are a distribution, the share is spread over all classes, otherwise over 0 and 1.
    """
    return target * (1 - label_smoothing) + label_smoothing / n_values if label_smoothing else target


def classification_loss(loss, output_activation: str, n_classes: int, multilabel: bool) -> Loss:
    """Return the loss, whose outputs must be probabilities."""
    log_loss_output = "logistic" if multilabel or n_classes == 2 else "softmax"
    loss = resolve_loss(loss, output_activation, {"log_loss": log_loss_output, "squared_error": "logistic"})
    if loss.link.sums_to_one and multilabel:
        raise ValueError(
            "output_activation='softmax' means one label per sample, and y has several; use 'auto' or 'logistic'."
        )
    if not loss.link.is_probability:
        remedy = "a classifier takes 'auto', 'logistic' or 'softmax'."
        if output_activation == "auto":  # that of a custom loss
            name = type(loss).__name__
            remedy = f"derive {name} from Loss and set output_activation = 'logistic' or 'softmax' in the class."
        raise ValueError(f"output_activation={loss.output_activation!r} gives no probabilities; {remedy}")
    return loss


def class_codes(y, classes: np.ndarray, dtype: np.dtype, name: str = "y") -> np.ndarray:
    """Return the position of each label among the classes, of shape (n_samples, 1).

    Raises
    ------
    ValueError
        If a label is not among the classes, or there are more classes than the dtype has integers.
    """
    if len(classes) > 2 / float(np.finfo(dtype).eps):
        raise ValueError(
            f"{len(classes)} classes cannot be distinguished in {np.dtype(dtype).name}; pass X in float64."
        )
    known = set(classes.tolist())
    codes = np.empty((len(y), 1), dtype)
    for start in range(0, len(y), CHUNK_SIZE):
        chunk = slice(start, start + CHUNK_SIZE)
        # a list, because a comparison of arrays could cast different labels to equal ones
        labels = sorted_labels(y[chunk], name).tolist()
        unseen = [label for label in labels if not isinstance(label, Hashable) or label not in known]
        if unseen:
            raise ValueError(
                f"{name} contains previously unseen labels {shortened(unseen[:5])}; the classes are "
                f"{shortened(classes.tolist())}."
            )
        codes[chunk, 0] = _positions(y[chunk], classes)
    return codes
