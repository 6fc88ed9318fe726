"""placeholder until merged."""


def automatic_candidates(network, X):
    return {"plain": network}
