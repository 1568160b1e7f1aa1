"""From a dataset to checkpoints: the loop, and around it what a step computes and what records and guards a run."""
