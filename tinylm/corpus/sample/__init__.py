"""The built-in corpus: graded-reader English and Spanish, generated here, so that training works offline.

for document in generate(seed=0): ...      about 3 MB, the same bytes everywhere
agreement.check("She have a cat.")         what a text gets wrong, as a list of sentences for people
"""

from tinylm.corpus.sample.generator import generate, sentences, statistics

__all__ = ["generate", "sentences", "statistics"]
