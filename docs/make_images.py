"""Make the images of the documentation: run the examples and save their figures.

python docs/make_images.py
"""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
IMAGES = [
    "plot_solvers",
    "plot_quantiles",
    "plot_damage",
    "plot_saliency",
    "plot_network",
    "plot_callbacks",
    "plot_stream",
    "plot_ensemble",
]


def main():
    """Run each example with a `plt.show` that saves the figure."""
    for name in IMAGES:
        paths = (HERE / "images" / f"{name.removeprefix('plot_')}{number}.png" for number in ("", *range(2, 9)))
        plt.show = lambda paths=paths: (plt.gcf().savefig(next(paths), dpi=110), plt.close("all"))
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")


if __name__ == "__main__":
    main()
