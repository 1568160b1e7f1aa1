"""From what the command line says to what a training needs: configuration, text, tokenizer, first weights."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tinylm.base.errors import say
from tinylm.base.progress import ProgressBar
from tinylm.cli.options.configure import configure
from tinylm.cli.options.corpus import check_tokenizer, taken_over
from tinylm.cli.options.training import TrainingOptions

if TYPE_CHECKING:
    from tinylm.dataset.build import Reuse
    from tinylm.settings.run import RunConfig
    from tinylm.training.guards.forgetting import Initial


@dataclass(frozen=True, kw_only=True)
class Ready:
    """What a training starts from."""

    config: RunConfig
    folder: Path | None
    reuse: Reuse | None
    initial: Initial | None
    trackers: tuple[str, ...]


def asked_config(options: TrainingOptions) -> RunConfig:
    """The preset, or what the resumed run recorded, with what the command line says."""
    from tinylm.base.errors import TinylmError
    from tinylm.bundle.store import CONFIG, find_run
    from tinylm.corpus.reading.source_names import BUILT_IN, escaped, source_mode
    from tinylm.settings.run import preset, read_config

    if options.resume and options.force:
        raise TinylmError("--resume continues a run and --force starts it over", "give one of them")
    if options.resume:
        return configure(options, read_config(find_run(options.output_dir) / CONFIG))
    given = {
        "--vocab-size": options.vocab_size,
        "--tokenizer-type": options.tokenizer_type,
        "--byte-fallback": options.byte_fallback or None,
        "--tokenizer": options.tokenizer,
        "--max-seq-length": options.max_seq_length,
        "--sliding-window": options.sliding_window,
    }
    for flag, value in given.items():
        if options.init_from is not None and value is not None:
            raise TinylmError(
                f"--init-from brings its tokenizer and its shape, and {flag} describes another", "give one of them"
            )
    check_tokenizer(
        options.tokenizer,
        vocab_size=options.vocab_size,
        tokenizer_type=options.tokenizer_type,
        byte_fallback=options.byte_fallback,
    )
    for source in options.corpus or ():
        if (name := escaped(source)) != source:
            raise TinylmError(
                f"the name `{name}` is not UTF-8, as a run's `config.toml` must be",
                "rename it, or call tinylm inside the folder with --corpus .",
            )
    config = configure(options, preset(options.preset or "tiny"))
    for source in options.corpus or ():
        if source not in BUILT_IN:
            source_mode(source)  # a mistyped name is told before torch is loaded
    return dataclasses.replace(
        config,
        corpus=tuple(options.corpus or ["sample"]),
        init_from=None if options.init_from is None else str(options.init_from),
    )


@contextlib.contextmanager
def prepared(
    options: TrainingOptions,
    config: RunConfig,
    *,
    skip_corpus: bool = False,
    skip_tokenizer: bool = False,
    dataset: str | None = None,
) -> Iterator[Ready]:
    """`dataset` is a hash or `latest`: its text and its tokenizer. Inside the context Ctrl-C ends with code 130."""
    # OpenMP's threads wait by spinning, unless this stands in the environment before torch is loaded. Next to any other
    # work that cost a factor of 2.5 to 30 on two cores, and sleeping cost nothing on an idle machine (measured).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    with ProgressBar("loading torch", say=say):  # which takes long from a cold disk
        import tinylm.pipeline.train_pipeline  # noqa: F401

    from tinylm.base.errors import INTERRUPTED, TinylmError
    from tinylm.bundle.store import find_run
    from tinylm.corpus import gutenberg
    from tinylm.corpus.building.weights import parse_weights
    from tinylm.dataset.build import Reuse, latest_dataset, open_dataset
    from tinylm.training.run.trackers import require_trackers
    from tinylm.training.trainer import Interrupted

    if options.tokenizer is not None and (dataset is not None or skip_corpus or skip_tokenizer):
        raise TinylmError(
            "--tokenizer and --dataset, --skip-corpus or --skip-tokenizer both say which tokenizer", "give one of them"
        )
    trackers = (*(["tensorboard"] if options.tensorboard else []), *(options.track or []))
    require_trackers(trackers)  # a missing package is told before anything takes time

    reuse = initial = None
    try:
        with contextlib.ExitStack() as stack:
            if options.resume and config.dataset:
                reuse = Reuse(dataset=open_dataset(config.dataset), corpus=True, tokenizer=True)
            elif dataset is not None:
                found = latest_dataset() if dataset == "latest" else open_dataset(dataset)
                reuse = Reuse(dataset=found, corpus=True, tokenizer=True)
            elif skip_corpus or skip_tokenizer:
                reuse = Reuse(dataset=latest_dataset(), corpus=skip_corpus, tokenizer=skip_tokenizer)
            else:
                reuse = stack.enter_context(taken_over(options.tokenizer))
            if reuse is not None and reuse.corpus and not options.resume:
                record = reuse.dataset.record
                names = tuple(source.name for source in record.sources)
                config = dataclasses.replace(config, corpus=names, near_duplicates=record.near_duplicates)
            if options.weight:
                training = dataclasses.replace(
                    config.training, source_weights=parse_weights(options.weight, config.corpus)
                )
                config = dataclasses.replace(config, training=training)
            if config.init_from is not None and not options.resume:
                from tinylm.pipeline.init_from import open_initial

                initial, tokenizer = stack.enter_context(open_initial(Path(config.init_from)))
                reuse = _with_tokenizer(reuse, tokenizer)
                training = config.training
                if initial.model.architecture == "classic":  # it counts positions from the beginning of a row
                    training = dataclasses.replace(training, separate_documents=False)
                config = dataclasses.replace(config, model=initial.model, training=training)
            if config.training.source_weights and not config.training.separate_documents:
                raise TinylmError(
                    "--weight needs documents that are kept apart, and the model `classic` reads across them",
                    "leave out --weight, or take another preset",
                )
            if "gutenberg" in config.corpus and not (reuse and reuse.corpus):
                # The dataset's name is the hash of the texts: planning it would download them without a word.
                gutenberg.fingerprint(progress=say)
            folder = find_run(options.output_dir) if options.resume else options.output_dir
            yield Ready(config=config, folder=folder, reuse=reuse, initial=initial, trackers=trackers)
    except KeyboardInterrupt as stop:
        kept = "a checkpoint was saved" if isinstance(stop, Interrupted) else "finished stages are kept"
        hint = f"run the same command again{' without --force' if options.force else ''} to continue"
        raise TinylmError(f"interrupted; {kept}", hint, exit_code=INTERRUPTED) from None


def _with_tokenizer(reuse: Reuse | None, tokenizer: Reuse) -> Reuse:
    """The text of `reuse` cannot be taken over with another dataset's tokenizer: one of the two is made anew."""
    from tinylm.base.errors import TinylmError

    if reuse is not None and reuse.dataset.path.resolve() != tokenizer.dataset.path.resolve():
        raise TinylmError(
            "--init-from brings its tokenizer, and a dataset that was made with another is asked for",
            "name the text with --corpus",
        )
    return reuse or tokenizer
