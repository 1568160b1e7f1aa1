"""The deployable folder: its manifest, reading and writing it, and where bundles and runs lie.

manifest.py    the files of a bundle and the types of its JSON, with each field's meaning, unit and range
reading.py     open and verify: `open_bundle`
writing.py     all of it or none: `write_bundle`
identity.py    what tells a bundle from any other, for a deployment
store.py       which bundle or run a command works on
"""
