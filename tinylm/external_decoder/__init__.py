"""A decoder that was exported elsewhere: its description and the form of its graph."""
