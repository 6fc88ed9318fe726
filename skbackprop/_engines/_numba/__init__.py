"""The compiled kernel. Importing one of its modules imports numba, except `structures`."""
