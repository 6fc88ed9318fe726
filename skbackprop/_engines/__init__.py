"""What computes an epoch: numpy, or a kernel that numba compiles."""
