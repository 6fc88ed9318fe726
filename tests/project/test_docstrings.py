"""Every public object is documented in full, by the rules of numpydoc."""

from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, DocTestFinder, DocTestRunner
from importlib import import_module
from importlib.util import find_spec
from inspect import getattr_static, getdoc, isclass, isroutine
from io import StringIO

import pytest

from tests.project.surface import MODULES, load, public_names

validate = pytest.importorskip("numpydoc.validate").validate
if find_spec("sklearn.callback") is None:
    pytest.skip("skbackprop.callbacks needs scikit-learn 1.9", allow_module_level=True)

#: The checks of `numpydoc.validate` that every docstring passes. The others do not apply: ES01, because a summary is
#: enough for some objects; RT02, because return values have names, as in scikit-learn; GL09 and GL10, because no Sphinx
#: directives are used.
CHECKS = {
    "GL01": "text does not start in the first or second line",
    "GL02": "closing quotes are not in a line of their own",
    "GL03": "double blank line",
    "GL05": "tab",
    "GL06": "unknown section",
    "GL07": "sections in the wrong order",
    "GL08": "no docstring",
    "SS01": "no summary",
    "SS02": "summary does not start with a capital letter",
    "SS03": "summary does not end with a period",
    "SS04": "summary starts with whitespace",
    "SS05": "summary of a function does not start with an infinitive",
    "SS06": "summary is longer than a line",
    "PR01": "parameter is not documented",
    "PR02": "documented parameter does not exist",
    "PR03": "parameters in the wrong order",
    "PR04": "parameter without a type",
    "PR05": "type of a parameter ends with a period",
    "PR06": "type of a parameter is not a Python type",
    "PR07": "parameter without a description",
    "PR08": "description of a parameter does not start with a capital letter",
    "PR09": "description of a parameter does not end with a period",
    "PR10": "no space before the colon of a parameter",
    "RT01": "no Returns section",
    "RT03": "return value without a description",
    "RT04": "description of a return value does not start with a capital letter",
    "RT05": "description of a return value does not end with a period",
    "YD01": "no Yields section",
    "SA01": "no See Also section",
    "SA02": "description in See Also does not end with a period",
    "SA03": "description in See Also does not start with a capital letter",
    "SA04": "no description in See Also",
    "EX01": "no example",
}


#: The formulas for the compiled engine, which the Attributes section of their base class describes.
KERNEL_FORMS = {
    "loop_step",
    "loop_value_and_gradient",
    "scalar_derivative",
    "scalar_value",
    "scalar_value_and_gradient",
}


def members_of(name):
    """Yield the public methods and properties of a public class that are written in this package."""
    kind = load(name)
    if not isclass(kind):
        return
    for member in dir(kind):
        if member.startswith("_") or member in KERNEL_FORMS:
            continue
        value = getattr_static(kind, member)
        function = value.fget if isinstance(value, property) else getattr(kind, member, None)
        is_own = str(getattr(function, "__module__", "")).startswith("skbackprop")
        if is_own and (isroutine(function) or isinstance(value, property)):
            yield f"{name}.{member}", value, function


def members():
    """Return the public methods and properties of all public classes, each once.

    A method that several classes inherit is checked in the first of them.
    """
    seen, found = set(), []
    for name in public_names():
        for member, value, function in members_of(name):
            code = getattr(function, "__func__", function)
            if code not in seen:
                seen.add(code)
                found.append(pytest.param(member, isinstance(value, property), id=member))
    return found


def failures(name):
    """Return the code and the message of each check that the docstring fails."""
    return [(code, message) for code, message in validate(name)["errors"] if code in CHECKS]


def report(failed):
    return "\n".join(f"{code}: {message}" for code, message in failed)


@pytest.mark.parametrize("name", MODULES)
def test_module(name):
    # numpydoc 1.11 cannot validate a module in which nothing is defined, such as the face of a package.
    summary = import_module(name).__doc__.partition("\n")[0]
    assert summary[0].isupper()
    assert summary.endswith(".")


@pytest.mark.parametrize("name", public_names())
def test_class_or_function(name):
    failed = failures(name)
    assert not failed, report(failed)


@pytest.mark.parametrize(("name", "is_property"), members())
def test_member(name, is_property):
    owner, _, member = name.rpartition(".")
    exempt = set()
    if is_property:
        # A property is a fitted attribute, which the Attributes section of its class describes in its context.
        exempt |= {"SA01", "EX01"}
    elif f".{member}(" in load(owner).__doc__.partition("Examples\n")[2]:
        # A method is best shown among the calls before and after it, so an example of the class counts for it.
        exempt |= {"EX01"}
    failed = [(code, message) for code, message in failures(name) if code not in exempt]
    assert not failed, report(failed)


def methods_that_pytest_does_not_find():
    """Return the methods with an example whose class reports another module than the one that it is written in."""
    methods = []
    for name in public_names():
        kind = load(name)
        for attribute, method in vars(kind).items() if isclass(kind) else ():
            function = getattr(method, "__func__", method)  # of a class method or a static method
            is_public = isroutine(method) and not attribute.startswith("_")
            if is_public and function.__module__ != kind.__module__ and ">>>" in (function.__doc__ or ""):
                methods.append(pytest.param(function, id=f"{name}.{attribute}"))
    return methods


@pytest.mark.usefixtures("plt")
@pytest.mark.parametrize("method", methods_that_pytest_does_not_find())
def test_example_of_a_method(method):
    runner = DocTestRunner(optionflags=NORMALIZE_WHITESPACE | ELLIPSIS)
    (example,) = DocTestFinder(recurse=False).find(method, globs={})
    printed = StringIO()
    runner.run(example, out=printed.write)
    assert not runner.failures, printed.getvalue()


@pytest.mark.parametrize(
    "name", [name for name in public_names() if any(isinstance(value, property) for _, value, _ in members_of(name))]
)
def test_each_property_is_described_in_the_attributes_section_of_its_class(name):
    attributes = getdoc(load(name)).partition("\nAttributes\n")[2]
    for member, value, _ in members_of(name):
        if isinstance(value, property):
            assert f"\n{member.rpartition('.')[2]} : " in attributes, member
