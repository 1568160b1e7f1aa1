"""What protects a run: checks before it, memory, roll-back, interruption, forgetting."""
