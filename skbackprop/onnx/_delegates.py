"""The converters of what passes everything on to an estimator within it: `FrozenEstimator`, searches and Pipelines.

skl2onnx has converters for `GridSearchCV` and Pipelines, which remain in use if nothing within them is of this
package. The first makes further outputs of the graph if the search is in a Pipeline, and the second ignores the option
`raw_scores`.
"""

from __future__ import annotations

from typing import Any

from ._inner_estimators import contains_own, delegate_of


def parse_delegate(scope: Any, model: Any, inputs: list[Any], custom_parsers: Any = None) -> list[Any]:
    """Return the outputs of the estimator, which gets the options."""
    from skl2onnx._parse import _parse_sklearn

    estimator = delegate_of(model)
    scope.add_options(id(estimator), scope.get_options(model))
    return _parse_sklearn(scope, estimator, inputs, custom_parsers=custom_parsers)


def set_delegate_types(operator: Any) -> None:
    """Set the types of the outputs: those of the estimator."""
    from skl2onnx import get_model_alias
    from skl2onnx.common._registration import get_shape_calculator

    estimator = delegate_of(operator.raw_operator)
    alias = get_model_alias(type(estimator))
    of_estimator = operator.new_raw_operator(estimator, alias)
    get_shape_calculator(alias)(of_estimator)
    operator.outputs = of_estimator.outputs


def convert_delegate(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of the estimator."""
    from skl2onnx import get_model_alias

    estimator = delegate_of(operator.raw_operator)
    options = scope.get_options(operator.raw_operator)
    scope.add_options(id(estimator), options)
    container.add_options(id(estimator), options)
    inner = scope.declare_local_operator(get_model_alias(type(estimator)), estimator)
    inner.inputs = operator.inputs
    for output in operator.outputs:
        variable = scope.declare_local_variable(output.onnx_name, type=output.type)
        inner.outputs.append(variable)
        container.add_node(
            "Identity", [variable.full_name], [output.full_name], name=scope.get_unique_operator_name("Identity")
        )


def parse_grid_search(scope: Any, model: Any, inputs: list[Any], custom_parsers: Any = None) -> list[Any]:
    """Return the outputs of a `GridSearchCV`."""
    from skl2onnx._parse import _parse_sklearn_grid_search_cv

    parse = parse_delegate if contains_own(model) else _parse_sklearn_grid_search_cv
    return parse(scope, model, inputs, custom_parsers=custom_parsers)


def convert_grid_search(scope: Any, operator: Any, container: Any) -> None:
    """Add the operators of a `GridSearchCV`."""
    from skl2onnx.operator_converters.grid_search_cv import convert_sklearn_grid_search_cv

    has_own = contains_own(operator.raw_operator)
    (convert_delegate if has_own else convert_sklearn_grid_search_cv)(scope, operator, container)


def parse_pipeline(scope: Any, model: Any, inputs: list[Any], custom_parsers: Any = None) -> list[Any]:
    """Return the outputs of the last step, which gets the option `raw_scores`."""
    from skl2onnx._parse import _parse_sklearn_pipeline

    last = model.steps[-1][1]
    if contains_own(model) and scope.get_options(model).get("raw_scores", False):
        options = (scope.options or {}).get(id(last)) or {}
        scope.add_options(id(last), scope.get_options(model, {"zipmap": True}) | options)
    return _parse_sklearn_pipeline(scope, model, inputs, custom_parsers=custom_parsers)
