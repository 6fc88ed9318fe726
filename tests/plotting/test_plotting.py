"""The displays of losses and weights: content, position and texts, and the errors for invalid input."""

import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._estimators.fitted_model import fitted_model
from skbackprop.ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor
from skbackprop.plotting import LossCurveDisplay, NetworkDisplay, WeightsDisplay
from tests.plotting.pictures import TOLERANCE_OF_IMAGES, compare
from tests.shared import BOTH, FEW, TRAINS_BRIEFLY, data

pytestmark = pytest.mark.usefixtures("plt")

LOSS, VALIDATION = [1.0, 0.5, 0.3, 0.2, 0.15], [1.1, 0.7, 0.5, 0.6, 0.8]
#: The curves of three networks, which were trained for different numbers of epochs.
SEVERAL = {
    "loss": [LOSS, [0.9, 0.6, 0.4], [1.2, 0.4, 0.25, 0.2]],
    "validation": [VALIDATION, [1.0, 0.9, 0.8], [1.3, 0.6, 0.65, 0.7]],
    "best_iter": [3, 3, 2],
}
ENSEMBLES = {BackpropRegressor: BackpropEnsembleRegressor, BackpropClassifier: BackpropEnsembleClassifier}
DISPLAYS = pytest.mark.parametrize("display", [LossCurveDisplay, NetworkDisplay, WeightsDisplay])


class TestAll:
    @DISPLAYS
    @pytest.mark.parametrize("given", [False, True], ids=["new figure", "axes given"])
    def test_display_draws_again_and_returns_itself(self, display, given, plt):
        X, y = data(BackpropRegressor)
        shown = display.from_estimator(BackpropRegressor(3, **FEW).fit(X, y))
        first = shown.figure_
        axes = plt.figure().subplots() if given else None
        assert shown.plot(axes) is shown
        assert shown.figure_ is not first
        if given:
            assert (shown.bounding_ax_ if display is WeightsDisplay else shown.ax_) is axes

    @DISPLAYS
    def test_other_estimators_are_refused_with_a_remedy(self, display):
        with pytest.raises(NotFittedError):
            display.from_estimator(BackpropRegressor())
        X, y = data(BackpropRegressor)
        with pytest.raises(TypeError, match="last step"):
            display.from_estimator(make_pipeline(BackpropRegressor(3, **FEW)).fit(X, y))

    @TRAINS_BRIEFLY
    @pytest.mark.parametrize("display", [NetworkDisplay, WeightsDisplay])
    def test_an_ensemble_is_refused_where_one_network_is_drawn(self, display):
        X, y = data(BackpropRegressor)
        ensemble = BackpropEnsembleRegressor(BackpropRegressor(3, **FEW), n_estimators=2, random_state=0).fit(X, y)
        with pytest.raises(TypeError, match="got BackpropEnsembleRegressor; pass one of its estimators_"):
            display.from_estimator(ensemble)
        display.from_estimator(ensemble.estimators_[0])

    def test_without_matplotlib_the_message_says_what_to_install(self):
        code = (
            "import sys; sys.modules['matplotlib'] = None\n"
            "from skbackprop.plotting import LossCurveDisplay\n"
            "LossCurveDisplay(loss=[1.0]).plot()"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        last = done.stderr.strip().rpartition("\n")[2]
        assert last == 'ImportError: LossCurveDisplay.plot needs matplotlib: pip install "skbackprop[plot]".'


class TestLossCurves:
    @BOTH
    def test_curves_of_an_estimator_and_its_best_epoch(self, estimator):
        X, y = data(estimator)
        network = estimator(5, early_stopping=True, max_iter=12, tol=None, random_state=0).fit(X, y)
        display = LossCurveDisplay.from_estimator(network)
        losses = np.subtract(network.loss_curve_, network.penalty_curve_)
        np.testing.assert_array_equal(display.training_line_.get_xydata().T, [np.arange(1, 13), losses])
        np.testing.assert_array_equal(display.validation_line_.get_ydata(), network.validation_loss_curve_)
        best = network.best_iter_
        np.testing.assert_array_equal(display.best_.get_xydata(), [[best, network.validation_loss_curve_[best - 1]]])
        assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("epoch", "loss")
        words = [text.get_text() for text in display.ax_.get_legend().get_texts()]
        assert words == ["training", "validation", f"best epoch: {best}"]

    @TRAINS_BRIEFLY
    @BOTH
    def test_training_and_validation_losses_of_the_same_samples_are_equal(self, estimator):
        X, y = data(estimator)
        network = estimator((), solver="batch", optimizer="gd", learning_rate=1e-12, alpha=10.0, max_iter=3, tol=None)
        display = LossCurveDisplay.from_estimator(network.fit(X, y, X_val=X, y_val=y))
        assert min(network.penalty_curve_) > 0.01
        training, validation = display.training_line_.get_ydata(), display.validation_line_.get_ydata()
        np.testing.assert_allclose(training, validation, rtol=1e-6)

    def test_validation_starts_where_the_last_fit_did(self):
        X, y = data(BackpropRegressor)
        network = BackpropRegressor(5, warm_start=True, early_stopping=True, **FEW).fit(X, y).fit(X, y)
        display = LossCurveDisplay.from_estimator(network)
        np.testing.assert_array_equal(display.training_line_.get_xdata(), np.arange(1, 9))
        np.testing.assert_array_equal(display.validation_line_.get_xdata(), np.arange(5, 9))
        assert display.best_.get_xydata().tolist() == [
            [network.best_iter_, network.validation_loss_curve_[network.best_iter_ - 5]]
        ]

    def test_losses_that_a_long_stream_no_longer_keeps_leave_a_gap(self, monkeypatch):
        monkeypatch.setattr("skbackprop._training.state.KEPT_EPOCHS", 3)
        X, y = data(BackpropRegressor)
        network = BackpropRegressor(5, warm_start=True, **FEW)
        for _ in range(8):
            network.partial_fit(X, y)
        display = LossCurveDisplay.from_estimator(network.set_params(early_stopping=True).fit(X, y))
        np.testing.assert_array_equal(display.training_line_.get_xdata(), np.arange(4, 13))
        np.testing.assert_array_equal(display.validation_line_.get_xdata(), np.arange(9, 13))

    def test_no_best_epoch_is_marked_after_epochs_without_validation(self):
        X, y = data(BackpropRegressor)
        network = BackpropRegressor(5, early_stopping=True, **FEW).fit(X, y).partial_fit(X, y)
        display = LossCurveDisplay.from_estimator(network)
        np.testing.assert_array_equal(display.training_line_.get_xdata(), np.arange(1, 6))
        np.testing.assert_array_equal(display.validation_line_.get_xdata(), np.arange(1, 5))
        assert display.best_ is None

    def test_best_epoch_of_a_training_curve_alone(self):
        display = LossCurveDisplay.from_curves(LOSS, best_iter=4)
        assert display.validation_line_ is None
        assert display.best_.get_xydata().tolist() == [[4, 0.2]]

    def test_a_single_epoch_is_visible(self):
        display = LossCurveDisplay.from_curves([1.0], [2.0])
        assert [line.get_marker() for line in display.ax_.lines] == [".", "."]

    def test_several_fits_on_one_axes_have_different_colors_and_names(self):
        first = LossCurveDisplay.from_curves(LOSS, VALIDATION, 3, name="small")
        second = LossCurveDisplay.from_curves(VALIDATION, name="large", ax=first.ax_)
        assert second.figure_ is first.figure_
        words = [text.get_text() for text in first.ax_.get_legend().get_texts()]
        assert words == ["small, training", "small, validation", "small, best epoch: 3", "large, training"]
        assert first.validation_line_.get_color() == first.training_line_.get_color()
        assert second.training_line_.get_color() != first.training_line_.get_color()

    def test_keywords_reach_the_lines(self):
        kw = {"training_kw": {"color": "k"}, "validation_kw": {"linewidth": 5}, "best_kw": {"marker": "*"}}
        display = LossCurveDisplay.from_curves(LOSS, VALIDATION, 3, **kw)
        lines = display.training_line_, display.validation_line_, display.best_
        assert [line.get_color() for line in lines] == ["k"] * 3
        assert lines[1].get_linewidth() == 5
        assert lines[2].get_marker() == "*"

    def test_short_names_of_keywords_reach_the_lines(self):
        display = LossCurveDisplay.from_curves(LOSS, VALIDATION, 3, training_kw={"c": "k"}, validation_kw={"ls": ":"})
        assert [line.get_color() for line in display.ax_.lines] == ["k"] * 3
        assert display.validation_line_.get_linestyle() == ":"

    @pytest.mark.parametrize("log_scale", [False, True])
    def test_scale_of_the_losses(self, log_scale):
        display = LossCurveDisplay.from_curves(LOSS, log_scale=log_scale)
        assert display.ax_.get_yscale() == ("log" if log_scale else "linear")

    @pytest.mark.parametrize(
        ("curves", "plot", "message"),
        [
            ({"loss": []}, {}, r"loss must be one-dimensional with at least one value, got shape \(0,\)"),
            ({"loss": LOSS, "validation": [LOSS]}, {}, r"validation must be .* got shape \(1, 5\)"),
            ({"loss": LOSS, "best_iter": 0}, {}, "best_iter=0 must be an epoch of the training curve, from 1 to 5"),
            ({"loss": LOSS, "best_iter": 6}, {}, "best_iter=6"),
            (
                {"loss": LOSS, "validation": [1.0], "validation_start": 4, "best_iter": 4},
                {},
                "the validation curve, from 5 to 5",
            ),
            ({"loss": LOSS, "validation": [0.0]}, {"log_scale": True}, "cannot show a loss of 0; use log_scale=False"),
            ({"loss": [LOSS, []]}, {}, r"loss must be one-dimensional with at least one value, got shape \(0,\)"),
            ({"loss": [LOSS, LOSS], "best_iter": [1, 6]}, {}, "best_iter=6 must be an epoch of the training curve"),
            (
                {"loss": [LOSS, LOSS], "validation": [LOSS]},
                {},
                "curves of 2 networks; the other lists need as many",
            ),
        ],
    )
    def test_invalid_curves_are_refused(self, curves, plot, message):
        with pytest.raises(ValueError, match=message):
            LossCurveDisplay(**curves).plot(**plot)

    def test_picture(self, plt, tmp_path):
        display = LossCurveDisplay.from_curves(LOSS, VALIDATION, 3, ax=plt.figure(figsize=(4, 3)).subplots())
        compare(display.figure_, "loss_curve", tmp_path)

    @TRAINS_BRIEFLY
    @BOTH
    def test_curves_of_all_networks_of_an_ensemble(self, estimator):
        X, y = data(estimator)
        network = estimator(5, max_iter=5, tol=None, early_stopping=True)
        ensemble = ENSEMBLES[estimator](network, n_estimators=3, candidates=None, random_state=0).fit(X, y)
        display = LossCurveDisplay.from_estimator(ensemble, name="three")
        best = [network.best_iter_ for network in ensemble.estimators_]
        for network, training, validation in zip(
            ensemble.estimators_, display.training_line_, display.validation_line_, strict=True
        ):
            losses = np.subtract(network.loss_curve_, network.penalty_curve_)
            np.testing.assert_array_equal(training.get_xydata().T, [np.arange(1, 6), losses])
            np.testing.assert_array_equal(validation.get_ydata(), network.validation_loss_curve_)
        losses = [network.validation_loss_curve_[network.best_iter_ - 1] for network in ensemble.estimators_]
        np.testing.assert_array_equal(display.best_.get_xydata().T, [best, losses])

    @TRAINS_BRIEFLY
    def test_curves_of_pipelines_are_those_of_their_networks(self):
        X, y = data(BackpropRegressor)
        ensemble = BackpropEnsembleRegressor(make_pipeline(BackpropRegressor(3, **FEW)), 2, random_state=0).fit(X, y)
        display = LossCurveDisplay.from_estimator(ensemble)
        for member, line in zip(ensemble.estimators_, display.training_line_, strict=True):
            losses = np.subtract(member[-1].loss_curve_, member[-1].penalty_curve_)
            np.testing.assert_array_equal(line.get_ydata(), losses)

    @TRAINS_BRIEFLY
    def test_networks_that_are_not_validated_have_training_curves_only(self):
        X, y = data(BackpropRegressor)
        network = BackpropRegressor(3, **FEW)
        ensemble = BackpropEnsembleRegressor(network, 2, strategy="seeds", random_state=0).fit(X, y)
        display = LossCurveDisplay.from_estimator(ensemble)
        assert len(display.training_line_) == 2
        assert display.validation_line_ is None
        assert display.best_ is None

    def test_several_networks_have_two_colors_and_an_entry_in_the_legend_for_each_kind_of_curve(self):
        display = LossCurveDisplay(**SEVERAL).plot()
        words = [text.get_text() for text in display.ax_.get_legend().get_texts()]
        assert words == ["training", "validation", "best epochs: 2 to 3"]
        (training,) = {line.get_color() for line in display.training_line_}
        (validation,) = {line.get_color() for line in display.validation_line_}
        assert training != validation
        assert display.best_.get_color() == validation
        single = LossCurveDisplay(loss=LOSS).plot().training_line_
        assert all(line.get_linewidth() < single.get_linewidth() for line in display.training_line_)

    def test_networks_with_the_same_best_epoch(self):
        display = LossCurveDisplay.from_curves([LOSS, VALIDATION, LOSS], best_iter=[2, 2, None])
        assert display.best_.get_label() == "best epoch: 2"
        assert display.best_.get_xydata().tolist() == [[2, 0.5], [2, 0.7]]

    def test_keywords_reach_the_lines_of_all_networks(self):
        kw = {"training_kw": {"c": "k", "label": "mine"}, "validation_kw": {"lw": 5}, "best_kw": {"ms": 9}}
        display = LossCurveDisplay(**SEVERAL).plot(**kw)
        assert {line.get_color() for line in display.training_line_} == {"k"}
        assert {line.get_linewidth() for line in display.validation_line_} == {5.0}
        assert display.best_.get_markersize() == 9
        assert [text.get_text() for text in display.ax_.get_legend().get_texts()][:2] == ["mine", "validation"]

    def test_picture_of_several_networks(self, plt, tmp_path):
        display = LossCurveDisplay(**SEVERAL).plot(plt.figure(figsize=(4, 3)).subplots())
        compare(display.figure_, "loss_curve_ensemble", tmp_path)


class TestWeights:
    COEFS = (np.linspace(-1, 2, 6).reshape(3, 2), np.array([[3.0], [-4.0]]))

    def test_histograms_count_every_weight_of_each_layer(self):
        display = WeightsDisplay(coefs=self.COEFS).plot(hist_kw={"bins": 5})
        assert display.axes_.shape == (1, 2)
        assert [ax.get_title() for ax in display.axes_.flat] == ["layer 1: 3 by 2", "layer 2: 2 by 1"]
        assert [sum(bar.get_height() for bar in bars) for bars in display.histograms_] == [6, 2]
        assert [len(bars) for bars in display.histograms_] == [5, 5]
        assert display.images_ is None

    def test_images_are_the_weights_into_the_units_on_one_symmetric_scale(self):
        display = WeightsDisplay(coefs=self.COEFS, image_shape=(1, 3)).plot()
        for unit, image in enumerate(display.images_):
            np.testing.assert_array_equal(image.get_array(), [self.COEFS[0][:, unit]])
            assert image.get_clim() == (-2.0, 2.0)
        assert display.colorbar_ is not None
        assert display.histograms_ is None

    def test_units_and_number_of_columns_can_be_chosen(self):
        W = np.random.default_rng(0).normal(size=(4, 20))
        assert len(WeightsDisplay(coefs=[W], image_shape=(2, 2)).plot(colorbar=False).images_) == 16
        display = WeightsDisplay(coefs=[W], image_shape=(2, 2)).plot(units=[19, 0, 5], n_cols=2)
        assert display.axes_.shape == (2, 2)
        assert display.axes_[1, 1] is None
        np.testing.assert_array_equal(display.images_[0].get_array().ravel(), W[:, 19])
        assert display.axes_[1, 0].get_title() == "unit 5"
        drawn_over = WeightsDisplay(coefs=[W], image_shape=(2, 2)).plot(display.axes_, units=[1, 2, 3])
        assert display.axes_[1, 0].get_title() == "unit 3"
        assert drawn_over.axes_[1, 1] is None

    @pytest.mark.parametrize("standardized", [False, True])
    def test_weights_are_for_standardized_or_for_original_data(self, standardized):
        X, y = load_digits(return_X_y=True)
        network = BackpropClassifier(3, **FEW).fit(X[:200], y[:200])
        display = WeightsDisplay.from_estimator(network, standardized=standardized, image_shape=(8, 8))
        layers = fitted_model(network).internal_layers()
        expected = layers[0].W if standardized else network.coefs_[0]
        np.testing.assert_array_equal(display.images_[2].get_array().ravel(), expected[:, 2])
        assert not np.allclose(layers[0].W, network.coefs_[0])

    def test_given_axes_are_used_unchanged(self, plt):
        axes = plt.figure().subplots(2, 1)
        display = WeightsDisplay(coefs=self.COEFS).plot(axes)
        assert display.axes_.shape == (2,)
        assert display.bounding_ax_ is None
        assert axes[1].get_title() == "layer 2: 2 by 1"
        again = WeightsDisplay(coefs=self.COEFS).plot(display.axes_)
        assert again.figure_ is display.figure_

    @pytest.mark.parametrize("layout", [None, "constrained"])
    @pytest.mark.parametrize("figsize", [(6.4, 4.8), (3.2, 2.4), (8, 2)], ids=str)
    @pytest.mark.parametrize("image_shape", [None, (4, 4)], ids=["histograms", "images"])
    def test_panels_of_one_axes_do_not_overlap(self, figsize, layout, image_shape, plt):
        rng = np.random.default_rng(0)
        coefs = [rng.normal(size=size) for size in [(16, 12), (12, 12), (12, 10), (10, 1)]]
        ax = plt.figure(figsize=figsize, layout=layout).subplots()
        display = WeightsDisplay(coefs=coefs, image_shape=image_shape).plot(ax)
        display.figure_.draw_without_rendering()
        boxes = [panel.get_window_extent() for panel in display.axes_.flat if panel is not None]
        boxes += [panel.title.get_window_extent() for panel in display.axes_.flat if panel is not None]
        for (index, box), (other_index, other) in combinations(enumerate(boxes), 2):
            width, height = (min(box.max[i], other.max[i]) - max(box.min[i], other.min[i]) for i in (0, 1))
            assert width <= 1 or height <= 1, (index, other_index)

    def test_an_axes_is_divided_into_the_columns_with_the_largest_panels(self, plt):
        display = WeightsDisplay(coefs=[np.ones((4, 4))] * 4)
        shapes = [display.plot(plt.figure(figsize=size).subplots()).axes_.shape for size in [(12, 2), (4, 4), (2, 12)]]
        assert shapes == [(1, 4), (2, 2), (4, 1)]
        assert display.plot(plt.figure(figsize=(12, 2)).subplots(), n_cols=1).axes_.shape == (4, 1)

    def test_an_axes_that_is_already_divided_is_refused(self):
        display = WeightsDisplay(coefs=self.COEFS).plot()
        with pytest.raises(ValueError, match=r"pass ax=display\.axes_"):
            display.plot(display.bounding_ax_)

    def test_an_axes_without_a_grid_is_refused_with_a_remedy(self, plt):
        with pytest.raises(ValueError, match=r"create it with plt\.subplots"):
            WeightsDisplay(coefs=self.COEFS).plot(plt.figure().add_axes((0, 0, 1, 1)))

    @pytest.mark.parametrize(
        ("image_shape", "plot", "message"),
        [
            ((2, 2), {}, r"image_shape=\(2, 2\) has 4 pixels, but the network has 3 inputs"),
            ((3, 1), {"units": [2]}, r"first layer, from 0 to 1, got \[2\]"),
            ((3, 1), {"units": []}, "units must contain at least one"),
            (None, {"ax": [None] * 3}, "ax contains 0 axes for 2 panels"),
        ],
    )
    def test_invalid_parameters_are_refused(self, image_shape, plot, message):
        with pytest.raises(ValueError, match=message):
            WeightsDisplay(coefs=self.COEFS, image_shape=image_shape).plot(**plot)

    def test_picture_of_histograms(self, plt, tmp_path):
        display = WeightsDisplay(coefs=self.COEFS).plot(plt.figure(figsize=(5, 2)).subplots(1, 2))
        compare(display.figure_, "weights_histograms", tmp_path)

    def test_picture_of_images(self, plt, tmp_path):
        display = WeightsDisplay(coefs=self.COEFS, image_shape=(1, 3))
        display.plot(plt.figure(figsize=(4, 2)).subplots(), n_cols=1)
        compare(display.figure_, "weights_images", tmp_path, TOLERANCE_OF_IMAGES)
