"""Measuring: probe processes, cold starts, memory by part, the state of the machine."""
