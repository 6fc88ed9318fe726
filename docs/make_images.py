"""Make the pictures of the documentation: run examples and keep the last figure of each.

python docs/make_images.py
"""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples"
IMAGES = ["plot_solvers", "plot_quantiles", "plot_damage", "plot_saliency", "plot_network", "plot_watching"]


def main():
    """Run each example with `show` replaced by saving."""
    for name in IMAGES:
        path = HERE / "images" / f"{name.removeprefix('plot_')}.png"
        plt.show = lambda path=path: plt.gcf().savefig(path, dpi=110)
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")


if __name__ == "__main__":
    main()
