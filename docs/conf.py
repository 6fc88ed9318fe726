"""Configuration of the documentation: ``nox -s docs`` builds it into docs/_build."""

from importlib.metadata import version as installed_version

import matplotlib

matplotlib.use("agg")

project = "skbackprop"
author = "The skbackprop developers"
copyright = "2026, The skbackprop developers"
release = installed_version("skbackprop")
version = release

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "sphinx-mathjax-offline",
]
exclude_patterns = ["_build", "_templates"]
templates_path = ["_templates"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
suppress_warnings = ["config.cache"]  # the order of the gallery is a function, which Sphinx cannot store

# The reference: a page for each object in the __all__ of a public module.
autosummary_generate = True
autosummary_ignore_module_all = False
autosummary_imported_members = True
autodoc_typehints = "none"  # the docstrings describe the types in words
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

#: The order of the examples: from the basics to special cases.
EXAMPLES = [
    "quickstart.py",
    "plot_lecture.py",
    "plot_solvers.py",
    "plot_network.py",
    "plot_pipeline.py",
    "plot_mixed_table.py",
    "plot_imbalanced.py",
    "plot_quantiles.py",
    "plot_ensemble.py",
    "plot_callbacks.py",
    "plot_online.py",
    "plot_stream.py",
    "plot_memory_map.py",
    "plot_saliency.py",
    "plot_damage.py",
    "plot_onnx.py",
    "persistence.py",
    "prune_with_optuna.py",
    "search_with_dask.py",
]


def position(filename):
    """Return the position of an example in the gallery."""
    return EXAMPLES.index(filename)


# The gallery: examples whose names begin with plot_ are run, others are shown.
sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "auto_examples",
    "within_subsection_order": position,
    "download_all_examples": False,
    "abort_on_example_error": True,
    "doc_module": ("skbackprop",),
    "backreferences_dir": "generated/backreferences",
}

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_title = f"skbackprop {release}"
html_show_sourcelink = False
html_sidebars = {page: [] for page in ("index", "getting_started", "mathematics")}  # they belong to no section
html_theme_options = {
    "navigation_depth": 3,
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
}


def skip_member(app, what, name, obj, skip, options):
    """Leave out what scikit-learn documents on its own site, and attributes, which docstrings of classes describe."""
    is_from_sklearn = str(getattr(obj, "__module__", None)).startswith("sklearn.")
    is_attribute = isinstance(obj, property) and name.endswith("_")
    return skip or is_from_sklearn or is_attribute or name.endswith("_request")


def setup(app):
    """Connect the functions of this file."""
    app.connect("autodoc-skip-member", skip_member)
