"""The deployable folder: its manifest, reading and writing it, and where bundles and runs lie."""
