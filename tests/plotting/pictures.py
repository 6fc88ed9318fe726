"""Comparing a drawing with the picture of it that a person has looked at.

``WRITE_PICTURES=1 python -m pytest tests/plotting`` makes the pictures anew; look at
them before you commit them. Text is left out, as its rendering changes between releases of matplotlib; what it says is
tested as text.
"""

import os
from pathlib import Path

BASELINES = Path(__file__).parent / "baseline_images"
#: Root mean square of the differences of all pixels, of 255. matplotlib 3.8 and 3.11 draw lines and shapes the same.
TOLERANCE = 0.1
#: But images one pixel wider or narrower.
TOLERANCE_OF_IMAGES = 8.0


def without_text(figure):
    from matplotlib.legend import Legend
    from matplotlib.text import Text

    figure.canvas.draw()
    for artist in figure.findobj(lambda artist: isinstance(artist, (Text, Legend))):
        artist.set_visible(False)
    return figure


def compare(figure, name, folder, tolerance=TOLERANCE):
    """Fail unless a figure looks like ``baseline_images/<name>.png``."""
    from matplotlib.testing.compare import compare_images

    baseline, actual = BASELINES / f"{name}.png", folder / f"{name}.png"
    without_text(figure).savefig(actual, dpi=60)
    if os.environ.get("WRITE_PICTURES"):
        baseline.write_bytes(actual.read_bytes())
    difference = compare_images(str(baseline), str(actual), tolerance)
    assert difference is None, difference
