"""How often training sees each source: `--weight SOURCE=2` shows its text twice as often as text of weight 1.

    weights = parse_weights(["es:novels=2"], sources=["en:novels", "es:novels"])

Weights change what training sees, never a dataset's text: they stand in the run's configuration, not in the dataset's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinylm.base.errors import TinylmError
from tinylm.base.records import nearest
from tinylm.corpus.building.build import source_name

LARGEST = 1000.0


def parse_weights(values: Sequence[str], sources: Sequence[str]) -> dict[str, float]:
    """The weight of each source that `SOURCE=NUMBER` names: as `--corpus` has it, or by its name in records.

    The keys are names as records have them, `es:novels` for `es:some/folder/novels`. TinylmError for anything that is
    not such a pair, a source that is not in `sources`, one that is named twice or is one of two of the same name, and a
    number that is not above 0 and at most `LARGEST`.
    """
    names = [source_name(source) for source in sources]
    weights: dict[str, float] = {}
    for value in values:
        source, equals, number = value.rpartition("=")
        if not equals or not source:
            raise TinylmError(f"--weight is `{value}`; SOURCE=NUMBER is needed", f"such as `--weight {names[0]}=2`")
        name = source if source in names else next((n for n, s in zip(names, sources, strict=True) if s == source), "")
        if not name:
            raise TinylmError(f"--weight names `{source}`, which is no source of the corpus", nearest(source, names))
        if names.count(name) > 1:
            raise TinylmError(
                f"--weight names `{name}`, and {names.count(name)} sources are called so", "rename one of the folders"
            )
        if name in weights:
            raise TinylmError(f"--weight names the source `{name}` twice", "give it one weight")
        weights[name] = _number(number, name)
    return weights


def _number(text: str, name: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number <= LARGEST:
        raise TinylmError(
            f"the weight of `{name}` is `{text}`; a number above 0 and at most {LARGEST:g} is needed",
            "leave a source out of --corpus to train without it",
        )
    return number
