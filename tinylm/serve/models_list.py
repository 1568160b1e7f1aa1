"""What /v1/models says of a bundle: OpenAI's names, and under `tinylm` what else people and programs ask."""

from __future__ import annotations

import dataclasses
from typing import Any

from tinylm.serve.served_model import ServedModel


def model_entry(model: ServedModel, *, created: int) -> dict[str, Any]:
    """One entry; `created` is when serving began, since a bundle has no time of its own."""
    manifest, content_filter = model.bundle.manifest, model.content_filter
    return {
        "id": model.name,
        "object": "model",
        "created": created,
        "owned_by": "tinylm",
        "tinylm": {
            "sha256": model.bundle.manifest_sha256,
            "version": manifest.version,
            "parameters": manifest.quantization.parameters,
            "context_length": model.context_length,
            "languages": list(manifest.languages),
            "base_model": manifest.chat_template is None,
            "filter": None
            if content_filter is None
            else {"name": content_filter.name, "sha256": content_filter.sha256},
            "generation": dataclasses.asdict(manifest.generation),
            "scheme": manifest.quantization.scheme,
            "engine": model.software,
        },
    }
