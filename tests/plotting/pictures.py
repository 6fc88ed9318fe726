"""Comparison of a drawing with its baseline image, which a person has checked.

``WRITE_PICTURES=1 python -m pytest tests/plotting`` creates the images again; look at them before you commit them. Text
is removed from the images, because its rendering changes between releases of matplotlib; its content has tests of its
own.
"""

import os
from pathlib import Path

BASELINES = Path(__file__).parent / "baseline_images"
#: Root mean square of the differences of all pixels, whose values go up to 255. matplotlib 3.8 and 3.11 draw lines and
#: shapes identically.
TOLERANCE = 0.1
#: The same for images, whose width differs by one pixel between releases.
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
