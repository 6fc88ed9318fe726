"""mlflow saves and loads the estimators, and logs their parameters and their epochs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_iris
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.ensemble import BackpropEnsembleClassifier, BackpropEnsembleRegressor
from skbackprop.losses import Quantile
from skbackprop.optimizers import AdamW
from skbackprop.schedules import Cosine
from tests.shared import deployment_code

mlflow = pytest.importorskip("mlflow")
pytest.importorskip("skops")

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:::mlflow"),
]

FEW = {"max_iter": 3, "tol": None, "random_state": 0}
LABELS = np.column_stack([load_iris().target == 1, load_iris().data[:, 0] > 6]).astype(int)
MODELS = {
    "regressor": BackpropRegressor(8, loss=Quantile(0.9), optimizer=AdamW(), **FEW),
    "classifier": BackpropClassifier(8, **FEW),
    "several labels": BackpropClassifier(8, **FEW),
    "sparse labels": BackpropClassifier(8, **FEW),
    "stream of numbers": BackpropRegressor(8, learning_rate=Cosine(0.01, n_updates=28), random_state=0),
    "stream of classes": BackpropClassifier(8, optimizer="momentum", random_state=0),
    "pipeline": make_pipeline(StandardScaler(), BackpropClassifier((8, 4), activation=["tanh", "elu"], **FEW)),
    "ensemble of regressors": BackpropEnsembleRegressor(BackpropRegressor(8, **FEW), 2, random_state=0),
    "ensemble of classifiers": BackpropEnsembleClassifier(BackpropClassifier(8, **FEW), 2, random_state=0),
}
#: Explicit, because mlflow would start a process to find them, which takes long.
REQUIREMENTS = {"pip_requirements": ["scikit-learn", "skops"]}

LOAD = """
import json, sys
import mlflow, numpy as np
from scipy import sparse

def dense(predicted):
    return predicted.toarray() if sparse.issparse(predicted) else predicted

for place, path in json.loads(sys.argv[1]):
    X = np.load(path)
    predicted = dense(mlflow.sklearn.load_model(place).predict(X))
    np.save(place + "_predicted.npy", predicted)
    np.testing.assert_array_equal(dense(mlflow.pyfunc.load_model(place).predict(X)), predicted)
"""

#: Runs the code of the documentation, and what a user would do with it.
AUTOLOG = """
import json, sys
import mlflow, numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
import skbackprop
from skbackprop import BackpropClassifier

mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_experiment(sys.argv[2])
X, y = load_iris(return_X_y=True)
network = BackpropClassifier(8, max_iter=20, tol=None, random_state=0)
exec(sys.argv[3])
trusted = {"skops_trusted_types": skbackprop.TRUSTED_TYPES, "pip_requirements": ["scikit-learn", "skops"]}
mlflow.sklearn.save_model(model, sys.argv[4], **trusted)
np.save(sys.argv[5], X)
np.save(sys.argv[5] + "_expected.npy", model.predict(X))
print(json.dumps(model[-1].loss_curve_))
unfitted = make_pipeline(StandardScaler(), BackpropClassifier(8, max_iter=3, tol=None, random_state=0))
GridSearchCV(unfitted, {"backpropclassifier__optimizer__beta_2": [0.9, 0.99]}, cv=2).fit(X, y)
"""


def data(name, model):
    """Return samples and a target for one of the models."""
    if isinstance(model, (BackpropRegressor, BackpropEnsembleRegressor)):
        return load_diabetes(return_X_y=True)
    X, y = load_iris(return_X_y=True)
    return X, {"several labels": LABELS, "sparse labels": sparse.csr_array(LABELS)}.get(name, y)


def trained(name, model):
    """Return a copy of one of the models, fitted at once or by two calls of `partial_fit`."""
    X, y = data(name, model)
    if not name.startswith("stream"):
        return clone(model).fit(X, y)
    classes = {} if isinstance(model, BackpropRegressor) else {"classes": [0, 1, 2]}
    order = np.random.default_rng(0).permutation(len(X))
    half = len(X) // 2
    first, second = order[:half], order[half:]
    return clone(model).partial_fit(X[first], y[first], **classes).partial_fit(X[second], y[second])


def dense(predicted):
    return predicted.toarray() if sparse.issparse(predicted) else predicted


def run(program, *arguments):
    """Run a program in a fresh process that finds this package, and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(Path(skbackprop.__file__).parents[1])}
    command = [sys.executable, "-W", "ignore", "-c", program, *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, text=True).stdout


@pytest.fixture(scope="module")
def tracking(tmp_path_factory):
    """A store of runs, with an experiment that is the active one."""
    folder = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{folder}/runs.db"
    mlflow.set_tracking_uri(uri)
    mlflow.create_experiment("tests", artifact_location=(folder / "artifacts").as_uri())
    mlflow.set_experiment("tests")
    yield uri
    mlflow.set_tracking_uri(None)


class TestSaving:
    def test_models_predict_the_same_in_a_fresh_process(self, tmp_path):
        files, expected = [], {}
        for name, model in MODELS.items():
            X = data(name, model)[0][:20]
            place, samples = str(tmp_path / name.replace(" ", "_")), str(tmp_path / f"{name}.npy")
            np.save(samples, X)
            fitted = trained(name, model)
            expected[place] = dense(fitted.predict(X))
            mlflow.sklearn.save_model(fitted, place, skops_trusted_types=skbackprop.TRUSTED_TYPES, **REQUIREMENTS)
            assert (Path(place) / "model.skops").exists()
            files.append((place, samples))
        run(LOAD, json.dumps(files))
        for place, prediction in expected.items():
            np.testing.assert_array_equal(np.load(f"{place}_predicted.npy"), prediction)

    def test_the_types_are_needed(self, tmp_path):
        network = BackpropClassifier(8, **FEW).fit(*load_iris(return_X_y=True))
        with pytest.raises(mlflow.MlflowException, match="skops_trusted_types"):
            mlflow.sklearn.save_model(network, tmp_path / "model", **REQUIREMENTS)

    def test_a_logged_model_has_the_signature_of_its_example(self, tracking):
        X, y = load_iris(return_X_y=True, as_frame=True)
        network = BackpropClassifier(8, **FEW).fit(X, y)
        with mlflow.start_run():
            logged = mlflow.sklearn.log_model(
                network,
                name="network",
                input_example=X[:2],
                skops_trusted_types=skbackprop.TRUSTED_TYPES,
                **REQUIREMENTS,
            )
        assert logged.signature.inputs.input_names() == X.columns.tolist()
        loaded = mlflow.pyfunc.load_model(logged.model_uri)
        np.testing.assert_array_equal(loaded.predict(X), network.predict(X))


class TestEpochs:
    def test_records_after_the_fit(self, tracking):
        pytest.importorskip("sklearn.callback")
        from skbackprop.callbacks import LossRecorder

        X, y = load_diabetes(return_X_y=True)
        recorder = LossRecorder()
        network = BackpropRegressor(8, early_stopping=True, **FEW).set_callbacks(recorder)
        with mlflow.start_run() as active:
            mlflow.log_params(network.get_params())
            network.fit(X, y)
            for record in recorder.records_:
                mlflow.log_metrics(record, step=record["epoch"])
        logged = mlflow.get_run(active.info.run_id).data
        assert logged.params["hidden_layer_sizes"] == "8"
        history = mlflow.MlflowClient().get_metric_history(active.info.run_id, "validation_loss")
        np.testing.assert_allclose([metric.value for metric in history], network.validation_loss_curve_)
        assert [metric.step for metric in history] == [1, 2, 3]

    def test_autolog_logs_a_pipeline_and_the_callback_of_the_documentation_its_epochs(self, tracking, tmp_path):
        pytest.importorskip("sklearn.callback")
        code = deployment_code("MLflow")
        assert "class MLflowLogger(Callback)" in code
        place, samples = str(tmp_path / "model"), str(tmp_path / "samples.npy")
        losses = json.loads(run(AUTOLOG, tracking, "tests", code, place, samples).splitlines()[-1])
        run(LOAD, json.dumps([(place, samples)]))
        np.testing.assert_array_equal(np.load(f"{place}_predicted.npy"), np.load(f"{samples}_expected.npy"))
        runs = mlflow.search_runs(filter_string="tags.estimator_name = 'Pipeline'", output_format="list")
        (single,) = [logged for logged in runs if "loss" in logged.data.metrics]
        assert single.data.params["backpropclassifier__max_iter"] == "20"
        assert single.data.metrics["training_accuracy_score"] > 0.8
        history = mlflow.MlflowClient().get_metric_history(single.info.run_id, "loss")
        np.testing.assert_allclose([metric.value for metric in history], losses)
        assert [metric.step for metric in history] == list(range(1, 21))
        (search,) = mlflow.search_runs(filter_string="tags.estimator_name = 'GridSearchCV'", output_format="list")
        assert search.data.params["best_backpropclassifier__optimizer__beta_2"] in ("0.9", "0.99")
