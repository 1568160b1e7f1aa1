"""`tinylm evaluate`: how well a checkpoint or a bundle predicts a text, and which of two does it better."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tinylm.base.errors import say
from tinylm.cli.options.output import Json


def evaluate(
    models: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="MODEL",
            help="A run (its best checkpoint), a checkpoint such as `runs/NAME/checkpoints/final`, a bundle, or what"
            " --json printed about one of them; the latest run when left out. A second one is compared with the first.",
        ),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="[LANGUAGE:]PATH of text, JSON, .gz, .xz, or a folder of them; repeat for more.",
            show_default="the first model's validation text; of a bundle, its held-out text",
        ),
    ] = None,
    json: Json = False,
    fail_if_worse: Annotated[
        bool, typer.Option("--fail-if-worse", help="Exit code 1 when the second is significantly worse.")
    ] = False,
) -> None:
    """Loss, perplexity and bits per byte on a text, by language and document length; two models by a paired test.

    Exit code 0, also when the second is worse, unless --fail-if-worse. 2: a model or text cannot be used.
    """
    # Before torch is loaded, as in `train-pipeline`: threads that wait by spinning are slow beside other work.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    from contextlib import ExitStack

    from tinylm.base.errors import TinylmError
    from tinylm.evaluation.documents import read_documents
    from tinylm.evaluation.report import make_report, to_json
    from tinylm.pipeline.evaluated import is_held_out_of_both, open_model

    if models and len(models) > 2:
        raise TinylmError(f"{len(models)} models were named; two can be compared", "name one or two")
    if fail_if_worse and len(models or ()) != 2:
        raise TinylmError("--fail-if-worse compares two models", "name the one to keep, then the new one")
    if text:  # before a model is loaded: it may not be there
        name, documents = ", ".join(text), read_documents(text, say=say)
    named: Sequence[Path | None] = models or [None]
    with ExitStack() as stack:
        opened = [stack.enter_context(open_model(path)) for path in named]
        if not text:
            name, documents = opened[0].own_text()
            if not all(is_held_out_of_both(opened[0], model) for model in opened):
                say("note: the second model was trained on another dataset, which may contain this text; use --text")
        measured = []
        for model in opened:
            noun = "document" if len(documents) == 1 else "documents"
            say(f"evaluating {model.description.name} on {len(documents):,} {noun}")
            measured.append((model.description, model.measure(documents, say=say)))
    report = make_report(name, measured)
    if json:
        print(to_json(report))
    else:
        from tinylm.cli.terminal import console
        from tinylm.evaluation.table import print_report

        print_report(report, console())
    if fail_if_worse and report.is_worse:
        raise typer.Exit(1)
