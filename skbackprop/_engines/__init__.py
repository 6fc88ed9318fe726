"""The engines, which compute an epoch: with numpy, or with a kernel that numba compiles."""
