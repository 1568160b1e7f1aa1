"""A run on disk: checkpoints, metrics, logs, state to resume from."""
