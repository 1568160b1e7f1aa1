"""What is timed before a run is fixed: batch size, compilation, number of steps."""
