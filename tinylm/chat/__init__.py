"""A conversation in the terminal, with a bundle here or with a running server by its address.

Needs the extra `serve`. This package imports nothing by itself.
"""
