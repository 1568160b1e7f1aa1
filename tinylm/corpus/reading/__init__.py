"""How files come in: which are read, in what form and encoding, and what is said about the others.

`tinylm.corpus.reading.files` is the way in.
"""
