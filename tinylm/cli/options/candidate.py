"""What a command checks: a bundle, a standalone program, or a decoder from elsewhere, by what the user names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tinylm.cli.options.bundle import opened_bundle

if TYPE_CHECKING:
    from tinylm.budget.spec.candidate import Candidate


def find_candidate(named: Path | None, *, strict: bool) -> Candidate:
    """What is named, opened; the latest run's bundle when nothing is. TinylmError when it is none of the three, and
    with `strict` as in `open_bundle`."""
    from tinylm.budget.spec.candidate import bundle_candidate, decoder_candidate, program_candidate
    from tinylm.emulation.program_file import family_of
    from tinylm.external_decoder.description import find_decoder, open_decoder
    from tinylm.native.standalone_file import read_standalone

    if named is not None and family_of(named) is not None:
        return program_candidate(read_standalone(named))
    if description := find_decoder(named):
        return decoder_candidate(open_decoder(description))
    return bundle_candidate(opened_bundle(named, strict=strict))
