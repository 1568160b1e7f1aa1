"""Where text comes from: the built-in sample, Project Gutenberg, or the user's own files; cleaned, split, counted.

`tinylm.corpus.building.build.build_corpus` does all of it; nothing is imported here so that a part can be used by
itself.
"""
