"""How files come in: which are read, in what form and encoding, and what is said about the others.

`tinylm.corpus.files` is the way in.
"""
