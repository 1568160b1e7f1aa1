"""What runs and datasets there are, what they take, and what of it can go. Imports no torch."""
