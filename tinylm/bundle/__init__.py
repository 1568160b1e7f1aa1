"""The deployable folder: its manifest, its figures of quality, and where bundles and runs lie."""
