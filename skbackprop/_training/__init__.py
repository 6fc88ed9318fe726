"""Training: configuration, state, trainers, stopping and observers."""
