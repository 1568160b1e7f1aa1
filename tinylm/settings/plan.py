"""What a run does: its request, with everything that the request leaves open decided.

before = plan(request, facts)                # what a run is compared and named by
decided = plan(request, facts, measured)     # what it does: the run's `config.toml`
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tinylm.base.errors import TinylmError
from tinylm.base.records import read
from tinylm.settings.model import ModelConfig
from tinylm.settings.run import RunRequest, TokenizerConfig, TrainingConfig

SCHEMA = "1.0"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a plan depends on beside its request: the data, and the weights that training starts from."""

    dataset: str | None
    """Hash of the dataset folder."""
    validation_text: str | None
    """Hash of the text that is validated on, whatever the tokenizer; none in runs of an earlier tinylm."""
    tokenizer: TokenizerConfig
    """As it was learned or taken over."""
    model: ModelConfig | None = None
    """The shape of the weights that training starts from; none: the request's, with random weights."""


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """What can only be measured on the run's own model, and is measured once; none: not measured."""

    batch_size: int | None = None
    total_steps: int | None = None
    """What `minutes` come to."""
    epochs: int | None = None
    """The passes over the text that `total_steps` takes, the last one perhaps in part."""
    compiled: bool | None = None


UNMEASURED = Measurements()


@dataclass(frozen=True, kw_only=True)
class TrainingPlan(TrainingConfig):
    """The recipe as it is carried out; with `minutes`, `total_steps` and `epochs` are what the minutes came to."""

    batch_size: int = 32
    batch_size_auto: Literal["off", "wanted", "decided"] = "off"
    """Whether `batch_size` was asked for (`off`), is still to be measured (`wanted`), or was measured."""
    compiled: bool | None = None
    """Whether torch's compiler is used; none: not decided yet."""


@dataclass(frozen=True, kw_only=True)
class RunPlan(RunRequest):
    """The run's `config.toml`: everything that decides what the run computes.

    `tokenizer` and `model` have the number of pieces that was learned.
    """

    training: TrainingPlan = field(default_factory=TrainingPlan)
    dataset: str | None = None
    validation_text: str | None = None
    schema: str = SCHEMA

    def settings(self) -> dict[str, object]:
        """Every setting by its dotted name, such as `training.learning_rate`."""
        return dict(_flat(dataclasses.asdict(self)))

    @property
    def request(self) -> RunRequest:
        """What was asked for; in `facts` is what the text made of the vocabulary."""
        training = _shared(self.training, TrainingConfig)
        if self.training.batch_size_auto != "off":
            training["batch_size"] = None
        if self.training.minutes is not None:
            training["total_steps"] = None
        return RunRequest(**{**_shared(self, RunRequest), "training": TrainingConfig(**training)})

    @property
    def facts(self) -> Facts:
        return Facts(dataset=self.dataset, validation_text=self.validation_text, tokenizer=self.tokenizer)

    @property
    def measured(self) -> Measurements:
        training = self.training
        timed = training.minutes is not None and training.total_steps is not None
        return Measurements(
            batch_size=training.batch_size if training.batch_size_auto == "decided" else None,
            total_steps=training.total_steps if timed else None,
            epochs=training.epochs if timed else None,
            compiled=training.compiled,
        )


def plan(request: RunRequest, facts: Facts, measured: Measurements = UNMEASURED) -> RunPlan:
    """The plan of `request`.

    Three things are known only when the run's model has made some steps: the fastest batch size, how many steps
    `minutes` have room for, and whether compiling pays. So training plans again as they are measured, and a resumed
    run plans with what it recorded.
    """
    asked = request.training
    training: dict[str, Any] = {**_shared(asked, TrainingConfig), "compiled": measured.compiled}
    if asked.batch_size is None:
        training["batch_size"] = measured.batch_size or asked.accumulation_steps
        training["batch_size_auto"] = "decided" if measured.batch_size else "wanted"
    if asked.minutes is not None:
        training["total_steps"] = measured.total_steps
        training["epochs"] = measured.epochs or 1
    if facts.model is not None and facts.model.architecture == "classic":  # it counts positions from a row's beginning
        training["separate_documents"] = False
    model = facts.model or dataclasses.replace(request.model, vocab_size=facts.tokenizer.vocab_size)
    values = {
        **_shared(request, RunRequest),
        "model": model,
        "tokenizer": facts.tokenizer,
        "fitting_vocabulary": True,  # to whatever number the text supported
        "training": TrainingPlan(**training),
    }
    return RunPlan(**values, dataset=facts.dataset, validation_text=facts.validation_text)


def _shared(source: object, cls: type) -> dict[str, Any]:
    """The values that `source` has for the fields of its own or its base class `cls`."""
    return {each.name: getattr(source, each.name) for each in dataclasses.fields(cls)}


def _flat(table: dict[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def write_plan(plan: RunPlan, path: Path) -> None:
    """Write a run's `config.toml` (training side only: needs `tomli-w`)."""
    import tomli_w

    from tinylm.base.files import write_atomic

    table = {"schema": plan.schema, **_without_none(dataclasses.asdict(plan))}
    write_atomic(path, tomli_w.dumps(table).encode())


def read_plan(path: Path) -> RunPlan:
    """Read and check a run's `config.toml`."""
    import tomllib  # a device reads no TOML; 0.7 MB

    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise TinylmError(f"cannot read `{path}`: {error.strerror}", "is this a run folder?") from error
    except ValueError as error:
        raise TinylmError(
            f"`{path}` is not valid TOML: {error}", "correct it, or train the run again with --force"
        ) from error
    return read(RunPlan, data, f"`{path}`", major=1)


def _without_none(table: dict[str, object]) -> dict[str, object]:
    """TOML has no null: a setting that is none is left out and read back as its default."""
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if value is not None
    }
