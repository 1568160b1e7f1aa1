"""The processes that are measured: latency, memory, profile, golden tokens."""
