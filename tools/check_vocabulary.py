"""Find words that the project does not use, because the field has other words for the same things.

    python tools/check_vocabulary.py

Prints ``file:line: word (write ...)`` for each use in code, comments, docstrings and documentation, and exits with an
error if there is any. An underscore separates words, so `n_rows` is a use of "rows".
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PLACES = [
    "skbackprop",
    "docs",
    "examples",
    "benchmarks",
    "tests",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "RELEASING.md",
    "SECURITY.md",
]
#: Folders that Sphinx writes.
BUILT = {"_build", "auto_examples", "generated"}


class Rule(NamedTuple):
    """A word to avoid.

    Attributes
    ----------
    words : str
        Regular expression of the words. Letters on either side are not part of a match, and case is ignored.
    write : str
        What to write instead.
    unless : str or None
        Regular expression of lines on which the word has another, legitimate meaning.
    in_tests : bool
        Whether to check tests too, where words with legitimate uses are left to the reader.
    """

    words: str
    write: str
    unless: str | None = None
    in_tests: bool = True


RULES = [
    # tables, matrices, grids of plots and Parquet files (row groups) have rows; training data have samples
    Rule(
        "(?<!in a )rows?",
        "sample, or validation set",
        r"table|matri|column|row.group|n_cols|settings|row_products|\bcsr\b|log has one row",
        in_tests=False,
    ),
    # a forward or backward pass, and passing an argument, are the field's words
    Rule(
        r"(an?|one|each|every|the|this|last|next|first|whole|per|by|n|more|many|of) pass(es)?"
        r"|passes over (?!the vectors)",
        "epoch",
        r"passes? (through|it |them |to |on )|by passing",
        in_tests=False,
    ),
    Rule("rooms?", "buffer, or memory"),
    Rule("recipes?", "TrainingConfig", "Numerical Recipes"),
    Rule("sessions?", "Trainer", r"scope=\"session\""),
    Rule("outcomes?", "TrainingResult"),
    Rule("watch(e[sdr]|ers|ing)?", "early stopping, or the monitored loss or score"),
    Rule("told|hears?|heard|listen(s|ers?|ing)?", "observer"),
    Rule("unsee", "undo"),
    Rule("see weights|sees new|def see", "update", in_tests=False),
    # folds of a cross-validation are nouns
    Rule(r"(un)?fold(ed|ing)|unfolds?(?! scaling)|def fold(?! scaling)", "fold_scaling, unfold_scaling"),
    Rule("explo(de[sd]?|ding|sions?)", "diverge"),
    Rule("g(a|i)ves? up|giving up", "stop after the maximum number of backoffs"),
    Rule("sound", "valid", "sound_pressure"),
    Rule("(short|quick|full|long) way", "fast path"),
    Rule("plainly|is plain", "already validated"),
    # "record" is a verb too, and `LossRecorder` has records
    Rule(
        "(an?|the|each|every|of|one|for|this|frozen|small|public) records?(?!=)",
        "hyperparameter object",
        "recorder",
        in_tests=False,
    ),
    Rule("rules?", "optimizer", "chain.rule|stopping rule", in_tests=False),
    Rule(r"(optimizer|adam)('s)? memory|memory of (the )?(optimizer|adam)|new memory", "optimizer state"),
    # a window is what is in memory of data that do not fit, all at once; layers are views of theta
    Rule("windows? (of|on|into) (theta|the (vector|array|gradient|parameters))", "view"),
    Rule("net inputs?", "pre-activation"),
    Rule("first weights", "initial weights"),
    Rule("of (your|the user's) own|one's own", "custom"),
    Rule(r"derivatives? (of [\w ]{1,40} )?by (the|its|each|x|z)", "derivative with respect to"),
    Rule("nothing set", "with default parameters"),
    Rule("next to nothing|learn(s|ed)? nothing", "is no better than a constant prediction"),
    Rule(
        "(standard|initial|normal|penal|minim|maxim|optim|regular|vector|serial|general|summar|recogn|organ|random"
        "|real|parallel|special|emphas|util|categor|factor|symbol|central)is(e[sdr]?|ers|ing|able|ations?)",
        "American spelling: -ize",
    ),
    Rule(
        r"\w*(behaviour|colour|neighbour|favour|honour)\w*|cent(re[sd]?|ring)|labell\w+|modell\w+|cancell(ed|ing)"
        r"|analys(e[sd]?|ing)|ageing|artefacts?|storeys?|licence|whilst|per cent",
        "American spelling",
    ),
]

#: Uses that are justified: the file, what the line contains, and the reason.
ALLOWED = [
    ("tests/project/test_vocabulary.py", "", "the words to find"),
    ("skbackprop/_estimators/sparse_structure.py", r"\brows?\b", "names of scipy's attributes"),
]


def find(line: str, *, in_tests: bool = False) -> Iterator[tuple[str, str]]:
    """Yield each word to avoid in a line, and what to write instead."""
    line = re.sub(r"`\w+/test_\w+\.py[^`]*`", "", line)  # the name of a test, which is checked where it is defined
    text = line.replace("_", " ")
    for rule in RULES:
        if (in_tests and not rule.in_tests) or (rule.unless and re.search(rule.unless, line, re.IGNORECASE)):
            continue
        for match in re.finditer(rf"(?<![a-z])({rule.words})(?![a-z])", text, re.IGNORECASE):
            yield match[0], rule.write


def files() -> Iterator[Path]:
    """Yield the files to check."""
    for place in PLACES:
        path = ROOT / place
        paths = sorted(path.rglob("*")) if path.is_dir() else [path]
        paths = [file for file in paths if not BUILT.intersection(file.relative_to(ROOT).parts)]
        yield from (file for file in paths if file.suffix in (".py", ".md"))


def main() -> None:
    """Check all files, and exit with an error if a word is found."""
    found = []
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        allowed = [pattern for file, pattern, _ in ALLOWED if file == name]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not any(re.search(pattern, line) for pattern in allowed):
                uses = find(line, in_tests=name.startswith("tests/"))
                found += [f"{name}:{number}: {word} (write: {write})" for word, write in uses]
    if found:
        sys.exit("\n".join([*found, f"{len(found)} words to replace"]))


if __name__ == "__main__":
    main()
