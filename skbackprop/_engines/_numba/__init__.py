"""The compiled kernel. Importing any module of it imports numba."""
