"""Whether a model's validation text was held out of another's training."""

from __future__ import annotations

import pytest

from tinylm.evaluation.report import ModelDescription
from tinylm.pipeline.evaluated import EvaluatedModel, is_held_out_of_both

MODEL = ModelDescription(name="a", kind="bundle", description="", vocab_size=100, context_length=32, precision="int8")


def model(dataset: str | None, text: str | None) -> EvaluatedModel:
    def unused(*arguments: object, **named: object) -> object:
        raise AssertionError("nothing is measured")

    return EvaluatedModel(
        description=MODEL,
        dataset=dataset,
        validation_text=lambda: text,
        measure=unused,
        own_text=unused,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("dataset", "text", "held_out"),
    [
        ("d", None, True),
        (None, None, True),  # a saved report: nothing is known of it
        ("e", "t", True),  # the same text for another tokenizer
        ("e", "u", False),
        ("e", None, False),
    ],
)
def test_the_same_text_of_another_dataset_is_held_out(dataset: str | None, text: str | None, held_out: bool) -> None:
    assert is_held_out_of_both(model("d", "t"), model(dataset, text)) == held_out


def test_two_unknown_texts_are_not_the_same() -> None:
    assert not is_held_out_of_both(model("d", None), model("e", None))
