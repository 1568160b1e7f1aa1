"""From folders to served models: each bundle is verified, its memory is looked for, and then it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tinylm.base.errors import TinylmError, say
from tinylm.bundle.reading import Bundle, open_bundle
from tinylm.bundle.store import find_bundle
from tinylm.runtime.chat_template import ChatTemplate
from tinylm.runtime.content_filter import load_filter
from tinylm.runtime.print_text import parse_threads
from tinylm.serve.served_model import ServedModel, check_memory
from tinylm.serve.settings import ServeSettings


def open_models(named: Sequence[Path], settings: ServeSettings) -> dict[str, ServedModel]:
    """The bundles by the name that requests call them by, in their order; the latest run's when none is named.

    TinylmError for a bundle that cannot be used, and when there is no memory for all of them.
    """
    content_filter = load_filter(settings.filter)
    limit_mb = budget_mb(settings)
    limit_bytes = None if limit_mb is None else int(limit_mb * 1e6)
    threads = parse_threads(settings.threads)
    models: dict[str, ServedModel] = {}
    try:
        for path in named or (None,):
            bundle = open_bundle(find_bundle(path))
            if bundle.warning:
                say(bundle.warning)
            opened = {name: model.bundle.manifest for name, model in models.items()}
            check_memory(bundle.manifest, parallel=settings.parallel, limit_bytes=limit_bytes, opened=opened)
            name = _name(bundle, models)
            models[name] = ServedModel(
                bundle,
                name=name,
                parallel=settings.parallel,
                template=ChatTemplate(bundle.manifest.chat_template),
                content_filter=content_filter,
                threads=threads or _fastest(bundle, settings),
                backend=settings.backend,
            )
    except BaseException:
        for model in models.values():
            model.close()
        raise
    return models


def budget_mb(settings: ServeSettings) -> float | None:
    """The memory that the named budget allows; None without one."""
    if settings.budget is None:
        return None
    from tinylm.budget.spec.budget import load_budget  # takes memory, and most servers have no budget

    return load_budget(settings.budget).limits.peak_rss_mb


def _name(bundle: Bundle, models: dict[str, ServedModel]) -> str:
    """The bundle's own; of two that share one, the second gets its hash too."""
    name, sha256 = bundle.manifest.name, bundle.manifest_sha256
    for model in models.values():
        if model.bundle.manifest_sha256 == sha256:
            raise TinylmError(
                f"`{bundle.path}` holds the same bundle as `{model.bundle.path}`", "name each bundle once, and no copy"
            )
    return f"{name}-{sha256[:8]}" if name in models else name


def _fastest(bundle: Bundle, settings: ServeSettings) -> int:
    from tinylm.runtime.threads import calibrated_threads  # not loaded when a number is given

    return calibrated_threads(bundle, backend=settings.backend)
