"""What one step computes: loss, optimizer, learning rate, averaging, evaluation."""
