"""`tinylm corpus`: text in; a dataset that training takes as it is, and what it holds."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from tinylm.base.errors import say
from tinylm.cli.options.corpus import (
    ByteFallbackOption,
    CorpusOption,
    NearDuplicatesOption,
    TermsOption,
    TokenizerOption,
    TokenizerTypeOption,
    VocabSizeOption,
    check_tokenizer,
    taken_over,
    with_dataset_options,
)


def corpus(
    corpus: CorpusOption = None,
    near_duplicates: NearDuplicatesOption = None,
    vocab_size: VocabSizeOption = None,
    tokenizer_type: TokenizerTypeOption = None,
    byte_fallback: ByteFallbackOption = False,
    tokenizer: TokenizerOption = None,
    terms: TermsOption = None,
    force: Annotated[bool, typer.Option("--force", help="Build it again, also for the runs that share it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of tables.")] = False,
) -> None:
    """Build a dataset from text, in `datasets/HASH`: cleaned and split text, tokenizer and tokens.

    Training on the same text takes it as it is. The same command again skips what is done and continues what was
    interrupted.
    """
    from tinylm.base.errors import INTERRUPTED, TinylmError
    from tinylm.cli.terminal import console
    from tinylm.corpus import gutenberg
    from tinylm.dataset.build import make_dataset
    from tinylm.dataset.summary import print_tables, to_json
    from tinylm.settings.run import preset

    check_tokenizer(tokenizer, vocab_size=vocab_size, tokenizer_type=tokenizer_type, byte_fallback=byte_fallback)
    config = with_dataset_options(
        dataclasses.replace(preset("tiny"), corpus=tuple(corpus or ["sample"])),
        near_duplicates=near_duplicates,
        vocab_size=vocab_size,
        tokenizer_type=tokenizer_type,
        byte_fallback=byte_fallback,
    )
    try:
        with taken_over(tokenizer) as reuse:
            if "gutenberg" in config.corpus:
                gutenberg.fingerprint(progress=say)  # planning would download the books without a word
            dataset = make_dataset(config, reuse=reuse, terms=terms, force=force, progress=say)
    except KeyboardInterrupt:
        hint = f"run the same command again{' without --force' if force else ''} to continue"
        raise TinylmError("interrupted; finished parts are kept", hint, exit_code=INTERRUPTED) from None
    if as_json:
        print(to_json(dataset))
    else:
        print_tables(dataset, console())
