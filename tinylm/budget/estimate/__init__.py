"""A device's times from instructions and bytes."""
