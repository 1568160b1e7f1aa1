"""`tinylm corpus`: text in; a dataset that training takes as it is, and what it holds."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Annotated

import typer

from tinylm.base.errors import INTERRUPTED, TinylmError, say
from tinylm.cli.options.corpus import DatasetOptions, check_tokenizer, with_dataset_options
from tinylm.cli.options.option import takes_options


@takes_options
def corpus(
    options: DatasetOptions,
    force: Annotated[bool, typer.Option("--force", help="Build it again, also for the runs that share it.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document instead of tables.")] = False,
) -> None:
    """Build a dataset from text, in `datasets/HASH`: cleaned and split text, tokenizer and tokens.

    Training on the same text takes it as it is. The same command again skips what is done and continues what was
    interrupted.
    """
    from tinylm.cli.terminal import console
    from tinylm.corpus import gutenberg
    from tinylm.dataset.build import make_dataset, taken_over
    from tinylm.dataset.summary import print_tables, to_json
    from tinylm.settings.run import preset

    check_tokenizer(options)
    request = dataclasses.replace(preset("tiny"), corpus=tuple(options.corpus or ["sample"]))
    request = with_dataset_options(request, options)
    try:
        with contextlib.nullcontext() if options.tokenizer is None else taken_over(options.tokenizer) as reuse:
            if "gutenberg" in request.corpus:
                gutenberg.fingerprint(progress=say)  # planning would download the books without a word
            dataset = make_dataset(request, reuse=reuse, terms=options.terms, force=force, progress=say)
    except KeyboardInterrupt:
        hint = f"run the same command again{' without --force' if force else ''} to continue"
        raise TinylmError("interrupted; finished parts are kept", hint, exit_code=INTERRUPTED) from None
    if as_json:
        print(to_json(dataset))
    else:
        print_tables(dataset, console())
