"""Generated data. A generator makes samples from a random generator; a seed stands for one draw of everything."""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy import sparse
from sklearn.datasets import make_classification, make_friedman1
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import OneHotEncoder

from .data import Data


def draw(generator, n_train, n_test, seed, folder):
    """Return training and test samples of one draw."""
    X, y = generator(np.random.default_rng(seed), n_train + n_test)
    return Data(X[:n_train], y[:n_train], X[n_train:], y[n_train:])


def sigmoid(z):
    """Return the logistic function."""
    return 1 / (1 + np.exp(-z))


# Functions: many oscillations, no noise


def response(frequencies, amplitudes, resonances):
    """Return the logarithm of a frequency response, a sum of damped resonances."""
    pairs = zip(amplitudes, resonances, strict=True)
    return np.log10(abs(sum(a / (k**2 - frequencies**2 + 0.04j * k * frequencies) for a, k in pairs)))


def on_its_points(X, y):
    """Return data that are tested on the training samples: without noise, the question is whether they are fitted."""
    return Data(X, y, X, y)


def frequency_response(seed, folder):
    """Return three fixed peaks at 300 frequencies."""
    w = np.linspace(0.1, 10, 300)
    return on_its_points(w[:, None], response(w, (1, 1.5, 0.8), (2, 4.5, 7.5)))


def sine(seed, folder):
    """Return four periods at 250 points."""
    x = np.linspace(0, 1, 250)
    return on_its_points(x[:, None], np.sin(8 * np.pi * x))


def on_a_grid(function, n_train):
    """Return a function at equidistant points, and between them for the test."""
    x, between = np.linspace(0, 1, n_train), np.linspace(0.01, 0.99, 977)
    return Data(x[:, None], function(x), between[:, None], function(between))


def resonances(seed, folder):
    """Return four peaks at random frequencies."""
    rng = np.random.default_rng(seed)
    peaks, amplitudes = np.arange(1, 5) * 2 + rng.uniform(-0.7, 0.7, 4), rng.uniform(0.5, 2, 4)
    return on_a_grid(lambda x: response(0.1 + 9.9 * x, amplitudes, peaks), 400)


def sine_mixture(seed, folder):
    """Return three sines of two to seven periods and random phases."""
    rng = np.random.default_rng(seed)
    phases = rng.uniform(0, 2 * np.pi, 3)
    return on_a_grid(lambda x: sum(np.sin(2 * np.pi * k * x + p) for k, p in zip((2, 4, 7), phases, strict=True)), 350)


def chirp(rng, n):
    """Return five periods of increasing frequency."""
    x = rng.uniform(size=n)
    return x[:, None], np.sin(10 * np.pi * x**2)


def doppler(rng, n):
    """Return Donoho and Johnstone's function of decreasing frequency, from its tenth on."""
    x = rng.uniform(0.1, 1, n)
    return x[:, None], np.sqrt(x * (1 - x)) * np.sin(2.1 * np.pi / (x + 0.05))


def gabor(rng, n):
    """Return a wave in a Gaussian envelope, in two dimensions."""
    X = rng.uniform(-1, 1, (n, 2))
    return X, np.exp(-3 * (X**2).sum(axis=1)) * np.cos(2 * np.pi * (1.5 * X[:, 0] + X[:, 1]))


def ackley(rng, n):
    """Return a bowl with a regular pattern of local minima, in two dimensions."""
    X = rng.uniform(-3, 3, (n, 2))
    bowl = -20 * np.exp(-0.2 * np.sqrt((X**2).mean(axis=1)))
    return X, bowl - np.exp(np.cos(2 * np.pi * X).mean(axis=1))


# Interactions: no column says anything by itself


def parity(n_bits, seed, folder):
    """Return each combination of bits once, in random order; held-out samples say nothing about the others."""
    X = np.array(list(product((0.0, 1.0), repeat=n_bits)))
    X = np.random.default_rng(seed).permutation(X)
    return on_its_points(X, X.sum(axis=1).astype(int) % 2)


def parity_among_others(rng, n):
    """Return the parity of three of ten bits."""
    X = rng.integers(2, size=(n, 10)).astype(float)
    return X, X[:, :3].sum(axis=1).astype(int) % 2


def checkerboard(rng, n, n_fields, flipped=0.0):
    """Return fields of alternating classes, of which a share is flipped."""
    X = rng.uniform(size=(n, 2))
    y = np.floor(n_fields * X).sum(axis=1).astype(int) % 2
    return X, np.where(rng.uniform(size=n) < flipped, 1 - y, y)


def signs(rng, n, n_signs):
    """Return the product of the signs of some of six columns, with noise."""
    X = rng.normal(size=(n, 6))
    return X, np.sign(X[:, :n_signs]).prod(axis=1) + rng.normal(scale=0.3, size=n)


# Low signal


def flipped_labels(rng, n):
    """Return clusters in 8 of 30 columns, and 40 % random labels."""
    seed = int(rng.integers(2**31))
    return make_classification(n, 30, n_informative=8, flip_y=0.4, random_state=seed)


def line(rng, n, signal):
    """Return a linear function of ten columns with noise of variance 1."""
    X = rng.normal(size=(n, 10))
    return X, signal * X[:, 0] - signal / 2 * X[:, 1] + rng.normal(size=n)


def correlated_line(rng, n):
    """Return a linear function of ten correlated columns that explains half of the variance."""
    X = rng.normal(size=(n, 10)) @ rng.normal(size=(10, 10))
    signal = X @ rng.normal(size=10)
    return X, signal + signal.std() * rng.normal(size=n)


def faint_labels(rng, n, n_classes=2):
    """Return classes whose probabilities depend weakly on 20 columns, mostly linearly."""
    X = rng.normal(size=(n, 20))
    scores = X @ rng.normal(scale=0.2, size=(20, n_classes)) + 0.4 * np.outer(X[:, 0] * X[:, 1], np.arange(n_classes))
    return X, (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)


def friedman(rng, n, noise, n_columns=5):
    """Return Friedman's first function of five columns."""
    return make_friedman1(n, n_columns, noise=noise, random_state=int(rng.integers(2**31)))


# Categories


def categories(rng, n, n_levels, labels=True):
    """Return categories of unequal frequency, encoded as one-hot, and three numbers; each level has its effect."""
    codes = np.stack([(k * rng.uniform(size=n) ** 2).astype(int) for k in n_levels], axis=1)
    numbers = rng.normal(size=(n, 3))
    effects = sum(rng.normal(scale=0.7, size=k)[code] for k, code in zip(n_levels, codes.T, strict=True))
    score = effects + np.tanh(numbers[:, 0]) + 0.5 * numbers[:, 1]
    X = np.hstack([OneHotEncoder(sparse_output=False).fit_transform(codes), numbers])
    if labels:
        return X, (rng.uniform(size=n) < sigmoid(score)).astype(int)
    return X, score + rng.normal(size=n)


# Counts and amounts


def counts(rng, n, n_columns=5, intercept=-2.6):
    """Return rare counts, log-linear in one of the columns."""
    X = rng.normal(size=(n, n_columns))
    return X, rng.poisson(np.exp(intercept + 0.6 * X[:, 0])).astype(float)


def curved_counts(rng, n):
    """Return counts whose logarithm of the mean is not linear."""
    X = rng.normal(size=(n, 6))
    return X, rng.poisson(np.exp(0.5 + np.sin(2 * X[:, 0]) + 0.5 * X[:, 1] * X[:, 2])).astype(float)


def amounts(rng, n, intercept=-1.5):
    """Return sums of a rare number of gamma variables, most of them zero."""
    X = rng.normal(size=(n, 6))
    number = rng.poisson(np.exp(intercept + 0.5 * X[:, 0] - 0.3 * X[:, 1]))
    return X, rng.gamma(np.where(number == 0, 1, 2.0 * number), 50.0) * (number > 0)


# Heavy tails and outliers


def from_normal(rng, z, labels):
    """Return a target that is smooth in normal variables: labels, or values."""
    score = z[:, 0] + z[:, 1] - np.sin(2 * z[:, 2]) + 0.5 * z[:, 3] ** 2 - 0.5
    if labels:
        return (score > 0).astype(int)
    return score + rng.normal(scale=0.2, size=len(z))


def normal(rng, n):
    """Return normal columns, each of which matters for the class."""
    X = rng.normal(size=(n, 4))
    return X, from_normal(rng, X, True)


def one_cell(seed, folder):
    """Return normal columns with one cell of 1e9."""
    clean = draw(normal, 1500, 2000, seed, folder)
    X = clean.X.copy()
    X[7, 0] = 1e9
    return clean._replace(X=X, clean_X=clean.X, clean_y=clean.y)


def three_cells(seed, folder):
    """Return a regression with three cells of 1e7 and more, of both signs."""
    clean = draw(lambda rng, n: friedman(rng, n, 1.0, 8), 1500, 2000, seed, folder)
    X = clean.X.copy()
    X[[3, 50, 700], [0, 3, 6]] = 1e7, -1e8, 1e12
    return clean._replace(X=X, clean_X=clean.X, clean_y=clean.y)


def log_normal(rng, n, s, labels=True):
    """Return columns exp(s * z)."""
    z = rng.normal(size=(n, 6))
    return np.exp(s * z), from_normal(rng, z, labels)


def student(rng, n):
    """Return columns of Student's distribution with 1.2 degrees of freedom, whose bulk decides on the class."""
    X = rng.standard_t(1.2, size=(n, 6))
    return X, from_normal(rng, np.arcsinh(X), True)


def line_for_outliers(rng, n):
    """Return a linear function of eight columns with little noise."""
    X = rng.normal(size=(n, 8))
    return X, X @ rng.uniform(0.5, 2, 8) + rng.normal(size=n)


def with_outliers(seed, folder, n_outliers, size):
    """Return a linear function with gross errors among the training targets."""
    clean = draw(line_for_outliers, 1000, 2000, seed, folder)
    y, rng = clean.y.copy(), np.random.default_rng(seed)
    y[rng.choice(len(y), n_outliers, replace=False)] += size * rng.uniform(0.5, 1, n_outliers)
    return clean._replace(y=y, clean_X=clean.X, clean_y=clean.y)


def gross_errors(seed, folder):
    """Return a linear function with 1 % gross errors, up to some hundred times the scale of the target."""
    return with_outliers(seed, folder, 10, 1000.0)


def one_target(seed, folder):
    """Return a linear function with one target of about 1e6."""
    return with_outliers(seed, folder, 1, 1e6)


# Text


N_VOCABULARY = 15_000


def frequencies(power):
    """Return word frequencies that decrease as a power of the rank."""
    common = np.arange(1, N_VOCABULARY + 1) ** -power
    return common / common.sum()


def tf_idf(rng, n, n_words, probabilities):
    """Return the TF-IDF of documents with random words of their class, in CSR, and the classes."""
    y = rng.integers(len(probabilities), size=n)
    documents = np.repeat(np.arange(n), 3 + rng.poisson(n_words, size=n))
    words = np.empty(len(documents), dtype=int)
    for label, of_class in enumerate(probabilities):
        is_of_class = y[documents] == label
        words[is_of_class] = rng.choice(N_VOCABULARY, size=is_of_class.sum(), p=of_class)
    occurrences = sparse.csr_matrix((np.ones(len(words)), (documents, words)), shape=(n, N_VOCABULARY))
    return TfidfTransformer().fit_transform(occurrences), y


def words_of_topics(rng, n, n_classes, n_words, n_own=1000, share=0.2):
    """Return documents in which a fifth of the words belong to the class."""
    probabilities = np.tile((1 - share) * frequencies(0.9), (n_classes, 1))
    for of_class in probabilities:
        weights = rng.gamma(0.5, size=n_own)
        of_class[rng.choice(N_VOCABULARY, n_own, replace=False)] += share * weights / weights.sum()
    return tf_idf(rng, n, n_words, probabilities)


def dense_words(rng, n, n_classes, n_words, spread, power):
    """Return documents in which the frequency of every word depends on the class, mostly of rare words."""
    probabilities = frequencies(power) * np.exp(spread * rng.normal(size=(n_classes, N_VOCABULARY)))
    return tf_idf(rng, n, n_words, probabilities / probabilities.sum(axis=1, keepdims=True))


# Wide data


def wide(rng, n, labels=False, n_columns=5000, n_factors=10):
    """Return many columns that are mixtures of a few factors and noise."""
    factors = rng.normal(size=(n, n_factors))
    X = 0.3 * factors @ rng.normal(size=(n_factors, n_columns)) + rng.normal(size=(n, n_columns))
    score = np.tanh(factors[:, 0]) + 0.5 * factors[:, 1] * factors[:, 2] + factors[:, 3]
    score += rng.normal(scale=0.1, size=n)
    return X, (score > 0).astype(int) if labels else score


# Many samples


def smooth(rng, n, n_columns, noise):
    """Return a smooth function of a few columns with noise."""
    X = rng.uniform(-1, 1, (n, n_columns))
    hidden = np.tanh(X @ rng.normal(scale=2.0, size=(n_columns, 8)))
    return X, hidden @ rng.normal(size=8) + noise * rng.normal(size=n)
