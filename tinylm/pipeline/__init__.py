"""Stages put together: from text to a checked bundle, and what a run or an evaluation starts from."""
