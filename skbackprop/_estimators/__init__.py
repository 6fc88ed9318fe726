"""The scikit-learn boundary: parameters, validation, fitting, fitted attributes and predictions."""
