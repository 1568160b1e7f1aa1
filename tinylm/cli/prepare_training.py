"""From what the command line says to a training that is ready to begin."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tinylm.base.errors import INTERRUPTED, TinylmError, say
from tinylm.base.progress import ProgressBar
from tinylm.cli.options.configure import configure, flag
from tinylm.cli.options.corpus import check_tokenizer
from tinylm.cli.options.training import TrainingOptions

if TYPE_CHECKING:
    from tinylm.pipeline.train_pipeline import Job
    from tinylm.settings.run import RunRequest


_BROUGHT = ("vocab_size", "tokenizer_type", "byte_fallback", "tokenizer", "max_seq_length", "sliding_window")
"""What `--init-from` brings with it."""


def asked(options: TrainingOptions) -> RunRequest:
    """The preset, or what the resumed run was asked for, with what the command line says."""
    from tinylm.bundle.store import CONFIG, find_run
    from tinylm.corpus.reading.source_names import BUILT_IN, escaped, source_mode
    from tinylm.settings.plan import read_plan
    from tinylm.settings.run import preset

    if options.resume and options.force:
        raise TinylmError("--resume continues a run and --force starts it over", "give one of them")
    if options.resume:
        return configure(options, read_plan(find_run(options.output_dir) / CONFIG).request)
    for name in _BROUGHT:
        if options.init_from is not None and getattr(options, name):
            raise TinylmError(
                f"--init-from brings its tokenizer and its shape, and {flag(name)} describes another",
                "give one of them",
            )
    check_tokenizer(options)
    for source in options.corpus or ():
        if (name := escaped(source)) != source:
            raise TinylmError(
                f"the name `{name}` is not UTF-8, as a run's `config.toml` must be",
                "rename it, or call tinylm inside the folder with --corpus .",
            )
    request = configure(options, preset(options.preset or "tiny"))
    for source in options.corpus or ():
        if source not in BUILT_IN:
            source_mode(source)  # a mistyped name is told before torch is loaded
    return dataclasses.replace(
        request,
        corpus=tuple(options.corpus or ["sample"]),
        init_from=None if options.init_from is None else str(options.init_from),
    )


@contextlib.contextmanager
def opened(
    options: TrainingOptions,
    request: RunRequest,
    *,
    dataset: str | None = None,
    corpus: bool = True,
    tokenizer: bool = True,
) -> Iterator[Job]:
    """The training of `request`; inside the context Ctrl-C ends with code 130.

    Of `dataset`, a hash or `latest`, the `corpus` and the `tokenizer` are taken over.
    """
    # OpenMP's threads wait by spinning, unless this stands in the environment before torch is loaded. Next to any other
    # work that cost a factor of 2.5 to 30 on two cores, and sleeping cost nothing on an idle machine (measured).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

    with ProgressBar("loading torch", say=say):  # which takes long from a cold disk
        from tinylm.pipeline.train_pipeline import Job

    from tinylm.bundle.store import find_run
    from tinylm.pipeline.init_from import open_sources, recorded_sources
    from tinylm.training.guards.interruption import Interrupted
    from tinylm.training.run.trackers import require_trackers

    if options.tokenizer is not None and dataset is not None:
        raise TinylmError(
            "--tokenizer and --dataset, --skip-corpus or --skip-tokenizer both say which tokenizer", "give one of them"
        )
    trackers = (*(["tensorboard"] if options.tensorboard else []), *(options.track or []))
    require_trackers(trackers)  # a missing package is told before anything takes time
    try:
        with contextlib.ExitStack() as stack:
            folder = options.output_dir
            if options.resume:
                folder = find_run(folder)
                sources = recorded_sources(request, folder)
            else:
                sources = stack.enter_context(
                    open_sources(
                        request,
                        dataset=dataset,
                        corpus=corpus,
                        tokenizer=tokenizer,
                        tokenizer_file=options.tokenizer,
                        weights=options.weight or (),
                        progress=say,
                    )
                )
            yield Job(
                request=sources.request,
                folder=folder,
                reuse=sources.reuse,
                initial=sources.initial,
                trackers=trackers,
                terms=options.terms,
                force=options.force,
                resume=options.resume,
                further=options.further,
            )
    except KeyboardInterrupt as stop:
        kept = "a checkpoint was saved" if isinstance(stop, Interrupted) else "finished stages are kept"
        hint = f"run the same command again{' without --force' if options.force else ''} to continue"
        raise TinylmError(f"interrupted; {kept}", hint, exit_code=INTERRUPTED) from None
