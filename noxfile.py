"""The suite on every Python and on the oldest releases, its coverage, and mutation testing: ``nox -l`` lists them."""

import nox

nox.options.sessions = ["lint", "tests", "oldest"]


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def tests(session):
    """Run the whole suite on the newest releases."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-q", "-n", "auto", *session.posargs)


@nox.session(python="3.11")
def oldest(session):
    """Run the suite on the oldest supported releases, without numba and the examples."""
    session.install("-r", "tests/oldest.txt")
    session.install("--no-deps", "-e", ".")
    session.run("pytest", "-q", "-n", "auto", "--ignore", "tests/project/test_examples.py", *session.posargs)


@nox.session(python="3.11")
def integrations(session):
    """Run the tests with packages for storing, explaining and drawing models, which are skipped without these."""
    session.install("-e", ".[dev]", "mlflow", "mapie>=1", "shap", "yellowbrick>=1.5")
    tests = (
        "tests/export",
        "tests/inspection/test_shap.py",
        "tests/estimators/test_feature_selection.py",
        "tests/estimators/test_mapie.py",
        "tests/estimators/test_storage.py",
        "tests/estimators/test_yellowbrick.py",
    )
    session.run("pytest", "-q", "-n", "auto", *(session.posargs or tests))


@nox.session(python="3.11")
def docs(session):
    """Build the documentation into docs/_build and treat warnings as errors."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", "docs/_build", *session.posargs)


@nox.session(python="3.11")
def lint(session):
    """Check style, types and vocabulary."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("codespell")
    session.run("python", "tools/check_vocabulary.py")


@nox.session(python="3.11")
def coverage(session):
    """Measure the coverage of lines and branches, with the kernel once more as plain Python."""
    session.install("-e", ".[dev]")
    measure = ("pytest", "-q", "--cov=skbackprop", "--cov-branch", "--cov-report=")
    session.run(*measure, "-n", "auto", *session.posargs)
    plain = ("-p", "tests.engines.plain_kernel", "tests/engines")
    session.run(*measure, "--cov-append", *plain)
    session.run("coverage", "report", "--fail-under=97")


@nox.session(python="3.11")
def mutation(session):
    """Run mutation testing on the formulas and the training: docs/developers/mutation.md."""
    session.install("-e", ".[dev]", "mutmut>=3.8")
    session.run("mutmut", "run", *session.posargs, env={"OMP_NUM_THREADS": "1"})
