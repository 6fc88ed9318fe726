"""The drawing of a network: the numbers are correct, nothing overlaps, and wide layers are truncated."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from sklearn.datasets import load_iris

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._estimators.fitted_model import fitted_model
from skbackprop.inspection._trace import trace_sample
from skbackprop.plotting import NetworkDisplay
from skbackprop.plotting._network_drawing import MIN_POINTS
from skbackprop.plotting._network_layout import Sizes, arrange, shown_units
from tests.lecture import COEFS, INTERCEPTS, TARGET, X
from tests.plotting.pictures import compare
from tests.shared import FEW, data

MINUS = "\N{MINUS SIGN}"


@pytest.fixture(scope="module")
def lecture():
    network = BackpropRegressor(
        2,
        activation="logistic",
        output_activation="logistic",
        init=(COEFS, INTERCEPTS),
        learning_rate=1e-12,
        standardize=False,
    )
    return network.partial_fit(X, TARGET)


def network_of(*layer_sizes):
    """Weights of a network with layers of these sizes, all of them different, negative ones among them."""
    rng = np.random.default_rng(0)
    sizes = list(pairwise(layer_sizes))
    return {"coefs": [rng.normal(size=size) for size in sizes], "intercepts": [rng.normal(size=m) for _, m in sizes]}


def written(texts):
    return [text.get_text() for text in np.ravel(texts)]


def numbers(array, form=".3g"):
    return [format(value, form).replace("-", MINUS) for value in np.ravel(array)]


class TestLayout:
    @pytest.mark.parametrize("layer_sizes", [(1, 1), (2, 2, 2), (5, 1, 4), (1, 6, 1), (4, 5, 3), (20, 7, 20)], ids=str)
    def test_values_do_not_overlap_each_other_or_the_nodes(self, layer_sizes):
        sizes = Sizes(radius=0.3, below=0.1, value_width=0.5, value_height=0.2)
        layout = arrange(layer_sizes, 8, sizes)
        for gap, (left, right) in enumerate(pairwise(layout.columns)):
            x, heights = layout.value_places(gap)
            assert heights.shape == (len(left.units) + 1, len(right.units))
            assert left.x + 0.3 + 0.25 < x < right.x - 0.3 - 0.25
            assert np.diff(np.sort(heights.ravel())).min(initial=np.inf) > 0.2
            # each value is on its edge
            fraction = (x - left.x) / (right.x - left.x)
            for source, target in np.ndindex(heights.shape):
                start, end = [*left.y, left.bias_y][source], right.y[target]
                assert heights[source, target] == pytest.approx(start + fraction * (end - start))

    @pytest.mark.parametrize("layer_sizes", [(1, 1), (2, 9, 3), (64, 32, 10)], ids=str)
    def test_units_of_a_column_do_not_overlap(self, layer_sizes):
        for column in arrange(layer_sizes, 6, Sizes(0.3, 0.1, 0.0, 0.0)).columns:
            heights = [y for y in (*column.y, column.bias_y, column.ellipsis_y) if y is not None]
            assert np.diff(np.sort(heights)).min(initial=np.inf) > 2 * 0.3 + 0.1
            assert np.all(np.diff(column.y) < 0)
            assert max(heights) == pytest.approx(-min(heights))
            assert column.bias_y in (None, min(heights))

    @pytest.mark.parametrize(
        ("n_units", "max_units", "units", "ellipsis"),
        [
            (8, 8, range(8), None),
            (9, 8, [0, 1, 2, 6, 7, 8], 3),
            (100, 7, [0, 1, 2, 97, 98, 99], 3),
            (4, 3, [0, 3], 1),
        ],
    )
    def test_first_and_last_units_of_a_wide_layer_are_shown(self, n_units, max_units, units, ellipsis):
        shown, place = shown_units(n_units, max_units)
        assert (shown.tolist(), place) == (list(units), ellipsis)


@pytest.mark.usefixtures("plt")
class TestNumbers:
    def test_forward_and_backward_numbers_are_the_lectures(self, lecture):
        display = NetworkDisplay.from_estimator(lecture, X, TARGET, values_format=".4f")
        inside = [[written(texts) for texts in layer] for layer in display.node_texts_]
        assert inside[0][0] == ["$i_{1}$", "0.0500", "dE/di 0.0049"]
        assert inside[1][0] == ["$h_{1}$", "net 0.3775", "out 0.5933", "δ 0.0111"]
        assert inside[2][0] == ["$o_{1}$", "net 0.5546", "out 0.6352", "target 0.0100", "δ 0.2897"]
        assert inside[2][1][1:3] == ["net 0.7188", "out 0.6723"]
        assert display.gradient_texts_[1][0, 0].get_text() == "0.1719"
        assert "E = 0.4918" in display.ax_.texts[-1].get_text()

    @pytest.mark.parametrize("with_target", [False, True])
    def test_every_weight_and_derivative_is_written_at_its_place(self, lecture, with_target):
        display = NetworkDisplay.from_estimator(lecture, X, TARGET if with_target else None, values_format=".6g")
        trace = trace_sample(lecture, X, TARGET)
        assert len(display.weight_texts_) == 2
        assert len(display.gradient_texts_) == 2 * with_target
        for level, texts in enumerate(display.weight_texts_):
            assert written(texts) == numbers(np.vstack([COEFS[level], INTERCEPTS[level]]), ".6g")
            if with_target:
                gradient = np.vstack([trace.backward.dE_dW[level], trace.backward.dE_db[level]])
                assert written(display.gradient_texts_[level]) == numbers(gradient, ".6g")
                assert display.gradient_texts_[level][0, 0].get_color() != texts[0, 0].get_color()

    def test_zero_has_no_minus_sign(self):
        coefs, intercepts = [-np.eye(2), np.eye(2)], [-np.ones(2), np.ones(2)]
        network = BackpropRegressor(2, init=(coefs, intercepts), learning_rate=1e-12, standardize=False)
        network.partial_fit([[1.0, 2.0]], [[3.0, 3.0]])  # both units are off
        display = NetworkDisplay.from_estimator(network, [1.0, 2.0], [3.0, 3.0])
        texts = [text for level in display.node_texts_ for text in written(level)]
        texts += written(display.gradient_texts_[0])
        assert not [text for text in texts if text.endswith(f"{MINUS}0")]

    def test_names_of_inputs_classes_and_activations(self):
        frame, y = load_iris(return_X_y=True, as_frame=True)
        frame = frame.rename(columns={"petal width (cm)": "a very long name of a $column$"})
        labels = np.array(["setosa", "versicolor", "virginica"])[y]
        network = BackpropClassifier((3, 2), activation=("tanh", "relu"), **FEW).fit(frame, labels)
        display = NetworkDisplay.from_estimator(network, frame.iloc[[0]], labels[0])
        assert [layer[0][0].get_text() for layer in display.node_texts_] == [
            "$i_{1}$", "$h^{(1)}_{1}$", "$h^{(2)}_{1}$", "$o_{1}$"
        ]  # fmt: skip
        outputs = [next(text for text in written(texts) if "target" in text) for texts in display.node_texts_[-1]]
        assert outputs == ["setosa\ntarget 1", "versicolor\ntarget 0", "virginica\ntarget 0"]
        assert "sepal length (cm)" in written(display.node_texts_[0][0])
        assert "a very long name of…" in written(display.node_texts_[0][3])
        words = written(display.ax_.texts)
        assert {"4 inputs", "3 units\ntanh", "2 units\nrelu", "3 outputs\nsoftmax"} <= set(words)

    def test_one_output_for_two_classes_has_the_name_of_the_second(self):
        X, y = data(BackpropClassifier)
        network = BackpropClassifier((), **FEW).fit(X, np.where(y > 0, "yes", "no"))
        display = NetworkDisplay.from_estimator(network)
        assert written(display.node_texts_[-1][0]) == ["$o_{1}$", "yes"]

    def test_weights_for_standardized_data_are_drawn_unless_there_is_a_sample(self):
        X, y = load_iris(return_X_y=True)
        network = BackpropClassifier(3, **FEW).fit(X, y)
        layers = fitted_model(network).internal_layers()
        for given, expected in [
            ({}, layers[0].W),
            ({"standardized": True}, layers[0].W),
            ({"standardized": False}, network.coefs_[0]),
            ({"x": X[0]}, network.coefs_[0]),
        ]:
            display = NetworkDisplay.from_estimator(network, **given)
            assert written(display.weight_texts_[0][:-1]) == numbers(expected)

    def test_wide_layers_show_their_first_and_last_units_and_the_number_of_units(self):
        weights = network_of(30, 12, 4)
        display = NetworkDisplay(**weights).plot(max_units=7)
        assert [len(nodes) for nodes in display.nodes_] == [6, 6, 4]
        assert [len(edges.get_segments()) for edges in display.edges_] == [7 * 6, 7 * 4]
        assert written(display.ax_.texts).count("⋮") == 2
        assert {"30 inputs", "12 units", "4 outputs"} <= set(written(display.ax_.texts))
        assert display.node_texts_[0][5][0].get_text() == "$i_{30}$"
        assert display.weight_texts_ == []
        shown, W, b = [0, 1, 2, 9, 10, 11], *(weights[name][0] for name in ("coefs", "intercepts"))
        expected = [*W[[0, 1, 2, 27, 28, 29]][:, shown].ravel(), *b[shown]]
        np.testing.assert_array_equal(display.edges_[0].get_array(), sorted(expected, key=abs))
        written_anyway = NetworkDisplay(**weights).plot(max_units=7, values=True)
        assert written_anyway.weight_texts_[0][5, 4].get_text() == numbers(weights["coefs"][0][29, 10])[0]


@pytest.mark.usefixtures("plt")
class TestDrawing:
    @pytest.mark.parametrize("layer_sizes", [(2, 2, 2), (4, 3, 3), (3, 1), (1, 5, 4, 1), (6, 4, 6), (30, 12)], ids=str)
    @pytest.mark.parametrize("size", [None, (12, 3), (3, 3)], ids=["new figure", "wide axes", "small axes"])
    def test_no_text_overlaps_another_or_leaves_the_figure(self, layer_sizes, size, plt):
        weights, names = network_of(*layer_sizes), [f"the input {i}" for i in range(layer_sizes[0])]
        ax = None if size is None else plt.figure(figsize=size).add_axes((0, 0, 1, 1))
        display = NetworkDisplay(**weights, feature_names=names).plot(ax)
        assert_legible(display)

    @pytest.mark.parametrize("form", [".2g", ".4g", ".6f"])
    def test_nothing_overlaps_with_all_numbers_of_a_sample(self, lecture, form):
        assert_legible(NetworkDisplay.from_estimator(lecture, X, TARGET, values_format=form))

    def test_the_legend_of_a_narrow_network_is_inside_the_figure(self):
        network = BackpropRegressor((), init=([[[0.5]]], [[1.0]]), learning_rate=1e-12, standardize=False)
        network.partial_fit([[1.0]], [2.0])
        assert_legible(NetworkDisplay.from_estimator(network, [1.0], 2.0, values_format=".9f", colorbar=False))

    def test_nothing_overlaps_under_a_layout_engine(self, lecture, plt):
        figure, axes = plt.subplots(1, 2, figsize=(18, 4), layout="constrained")
        figure.suptitle("high" + 8 * "\n")  # leaves half of the height
        display = NetworkDisplay.from_estimator(lecture, X, TARGET, ax=axes[0])
        assert display.figure_ is figure
        assert_legible(display)

    @pytest.mark.parametrize("layer_sizes", [(4, 8, 4, 3), (64, 32, 16, 10), (10, 1), (30, 100, 100, 1)], ids=str)
    def test_text_on_axes_of_a_grid_of_figures_is_easy_to_read(self, layer_sizes, plt):
        axes = plt.figure(figsize=(11, 6), layout="constrained").subplots(2, 3)
        display = NetworkDisplay(**network_of(*layer_sizes), activations=["relu"] * (len(layer_sizes) - 1))
        display.plot(axes[0, 0])
        assert min(text.get_fontsize() for text in display.ax_.texts) >= MIN_POINTS
        assert_legible(display)
        assert [len(nodes) for nodes in display.nodes_] == [n if n <= 8 else 6 for n in layer_sizes]

    def test_detail_goes_step_by_step_with_the_size_of_the_axes(self, plt):
        network, found = NetworkDisplay(**network_of(6, 3, 3)), []
        for size in [(9, 9), (3.6, 3.6), (2.4, 2.4), (3, 1.3)]:
            display = network.plot(plt.figure(figsize=size).add_axes((0, 0, 1, 1)))
            n_units = max(map(len, display.nodes_))
            found.append((len(display.weight_texts_), bool(written(display.node_texts_[1][0])), n_units))
            assert_legible(display)
        assert found == [(2, True, 6), (0, True, 6), (0, False, 6), (0, False, 3)]

    def test_values_that_were_asked_for_are_written_on_small_axes(self, plt):
        display = NetworkDisplay(**network_of(4, 8, 3)).plot(plt.figure(figsize=(2, 2)).subplots(), values=True)
        assert len(display.weight_texts_) == 2

    def test_numbers_of_a_sample_are_written_on_small_axes(self, lecture, plt):
        display = NetworkDisplay.from_estimator(lecture, X, TARGET, ax=plt.figure(figsize=(3, 3)).subplots())
        assert "net 0.377" in written(display.node_texts_[1][0])
        assert_legible(display)

    def test_color_and_width_follow_the_weight(self):
        weights = network_of(3, 2)
        weights["intercepts"][0][:] = 100.0, 0.1  # intercepts do not set the scale
        display = NetworkDisplay(**weights).plot()
        (edges,) = display.edges_
        W, b = weights["coefs"][0], weights["intercepts"][0]
        (source, target) = np.unravel_index(np.argmax(np.abs(W)), W.shape)
        start, end = edges.get_segments()[-2]  # the largest weight, below the largest intercept
        assert start[1] == display.nodes_[0][source].center[1]
        assert end[1] == display.nodes_[1][target].center[1]
        np.testing.assert_array_equal(edges.get_array(), sorted([*W.ravel(), *b], key=abs))
        assert edges.get_clim() == (-np.abs(W).max(), np.abs(W).max())
        widths = np.array(edges.get_linewidths())
        assert np.all(np.diff(widths[:-1]) > 0)
        assert widths[-1] == widths[-2]
        assert display.colorbar_.extend == "both"
        assert NetworkDisplay(**network_of(3, 2)).plot(colorbar=False).colorbar_ is None

    def test_keywords_reach_edges_nodes_and_text(self):
        kw = {"edge_kw": {"alpha": 0.5}, "node_kw": {"facecolor": "yellow"}, "text_kw": {"fontweight": "bold"}}
        display = NetworkDisplay(**network_of(2, 2)).plot(cmap="PiYG", **kw)
        assert display.edges_[0].get_alpha() == 0.5
        assert display.edges_[0].get_cmap().name == "PiYG"
        assert display.nodes_[0][0].get_facecolor() == (1.0, 1.0, 0.0, 1.0)
        assert display.weight_texts_[0][0, 0].get_fontweight() == "bold"

    @pytest.mark.parametrize(
        ("names", "plot", "message"),
        [
            ({}, {"max_units": 2}, "max_units must be at least 3, .* got 2"),
            ({}, {"values": "all"}, "values must be True, False or 'auto', got 'all'"),
            ({"feature_names": ["a"]}, {}, "feature_names must contain 3 names, got 1"),
            ({"output_names": ["a"]}, {}, "output_names must contain 2 names, got 1"),
            ({"activations": []}, {}, "activations must contain 1 names, got 0"),
        ],
    )
    def test_invalid_parameters_are_refused(self, names, plot, message):
        with pytest.raises(ValueError, match=message):
            NetworkDisplay(**network_of(3, 2), **names).plot(**plot)

    def test_invalid_samples_are_refused(self, lecture):
        with pytest.raises(ValueError, match="pass the sample as well"):
            NetworkDisplay.from_estimator(lecture, y=TARGET)
        with pytest.raises(ValueError, match="omit x"):
            NetworkDisplay.from_estimator(lecture, X, standardized=True)

    def test_picture_of_the_lectures_network(self, lecture, tmp_path):
        display = NetworkDisplay.from_estimator(lecture, X, TARGET)
        compare(display.figure_, "network_lecture", tmp_path)

    def test_picture_of_a_wide_network(self, tmp_path):
        rows = np.arange(20)[:, np.newaxis]
        coefs = [np.cos(rows + np.arange(12)), np.sin(rows[:12] * np.arange(3))]
        display = NetworkDisplay(coefs=coefs, intercepts=[np.full(12, -0.5), np.zeros(3)]).plot(max_units=6)
        compare(display.figure_, "network_wide", tmp_path)


def assert_legible(display):
    """All text is inside the figure, and no piece of it overlaps another."""
    display.figure_.draw_without_rendering()
    texts = [text for text in display.ax_.texts if text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    width, height = display.figure_.bbox.size
    for text, box in zip(texts, boxes, strict=True):
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= width, text
        assert box.y1 <= height, text
    for (one, box), (other, other_box) in combinations(zip(texts, boxes, strict=True), 2):
        width = min(box.x1, other_box.x1) - max(box.x0, other_box.x0)
        height = min(box.y1, other_box.y1) - max(box.y0, other_box.y0)
        assert width <= 0.5 or height <= 0.2 * min(box.height, other_box.height), (one, other)
