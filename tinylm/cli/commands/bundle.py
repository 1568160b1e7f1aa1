"""`tinylm bundle show / verify / sign / card`: what is in a bundle, is it whole, who vouches for it, its model card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tinylm.cli.help import Command, Group
from tinylm.cli.options.bundle import BundleArgument, opened_bundle

bundle_app = typer.Typer(name="bundle", cls=Group, rich_markup_mode=None, help="Look into a bundle.")


@bundle_app.command(cls=Command, epilog="tinylm bundle show runs/NAME")
def show(bundle: BundleArgument = None) -> None:
    """Print what is in a bundle; its files are checked against the manifest."""
    from tinylm.text.languages import language_name

    opened = opened_bundle(bundle)
    manifest = opened.manifest
    model, origin = manifest.model, manifest.provenance
    print(f"{manifest.name} {manifest.version}  ({', '.join(map(language_name, manifest.languages))}; {opened.path})")
    print(f"  sha256      {opened.manifest_sha256}")
    print(
        f"  model       {model.architecture}, {manifest.quantization.parameters:,} parameters: {model.n_layer} layers,"
        f" d_model {model.d_model}, {model.n_head} heads ({model.n_kv_head} kv), d_ff {model.d_ff},"
        f" vocabulary {model.vocab_size}, context {model.context_length}"
    )
    embedding = manifest.quantization.embedding or manifest.quantization.scheme
    print(
        f"  weights     {manifest.quantization.scheme}, embedding {embedding}, cache {manifest.quantization.kv_cache},"
        f" activations {manifest.quantization.activations}"
    )
    template = manifest.chat_template
    chat = "no template: it continues text" if template is None else f"a template of {len(template):,} characters"
    print(f"  chat        {chat}")
    for language, quality in manifest.quality.items():
        print(
            f"  quality     {language}: {quality.bpb:.4f} bits per byte on {quality.bytes:,} bytes of held-out text,"
            f" perplexity {quality.shown('perplexity')}"
        )
        print(
            f"              against fp32: {quality.shown('bpb_increase')} bits per byte,"
            f" divergence {quality.shown('kl')} nats, same first choice {quality.shown('top1_agreement')}"
        )
    if any(quality.intervals for quality in manifest.quality.values()):
        print("              in brackets: 95 % confidence intervals")
    print(f"  trained     run {origin.run_id}, data {origin.dataset_hash} ({origin.data_licence})")
    libraries = ", ".join(f"{name} >= {least}" for name, least in manifest.minimum_versions.items())
    print(f"  needs       the native engine, or {libraries}")
    for name, entry in manifest.files.items():
        print(f"  file        {name:<16} {entry.bytes:>12,} bytes  {entry.sha256[:16]}")
    print(f"  size        {opened.size_bytes / 1e6:.3f} MB")


@bundle_app.command(cls=Command, epilog="tinylm bundle verify runs/NAME")
def verify(
    bundle: BundleArgument = None,
    signers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Refuse a bundle that nobody in this `allowed_signers` file has signed."),
    ] = None,
) -> None:
    """Check every file, that golden tokens, encodings and quality are reproduced here, and odd prompts answered."""
    from tinylm.base.errors import TinylmError
    from tinylm.base.numerals import change
    from tinylm.bundle.manifest import SIGNATURE
    from tinylm.bundle.signing import verify as verify_signature
    from tinylm.runtime.content_filter import load_filter
    from tinylm.runtime.engine import Engine
    from tinylm.runtime.measurement.golden import quality_differences, verify_golden
    from tinylm.runtime.measurement.odd_prompts import PROMPTS, odd_answers
    from tinylm.tokenizer.tokenizer import Tokenizer

    opened = opened_bundle(bundle, strict=True)
    signer = verify_signature(opened, signers) if signers else None
    with Engine(opened) as engine:
        tokenizer = Tokenizer(opened.tokenizer)
        found = verify_golden(opened, tokenizer, engine)
        odd = odd_answers(engine, tokenizer)
    differing = [*found.mismatches, *quality_differences(opened.golden(), found.held_out)]
    for mismatch in differing:
        print(f"differs: {mismatch}")
    for problem in odd:
        print(f"fails: {problem}")
    if differing or odd:
        failed = f" and fails at {len(odd)} odd prompts" if odd else ""
        raise TinylmError(
            f"`{opened.path}` does not reproduce {len(differing)} of its golden results on this machine{failed}",
            f"do not use this bundle here; report the processor and the engine, `{engine.software}`",
            exit_code=1,
        )
    print(f"files       {len(opened.manifest.files)} match their SHA-256")
    if signer:
        print(f"signature   by {signer.principal}, {signer.key}")
    elif (opened.path / SIGNATURE).exists():
        print("signature   there, by whom is not looked at without --signers")
    print(f"tokens      {found.tokens} golden tokens after {found.prompts} prompts are reproduced")
    print(f"tokenizer   {found.encodings} encodings are reproduced")
    for text in found.held_out:
        lost = change((text.bits - text.bits_fp32) / text.text_bytes)
        print(
            f"quality     {text.language}: {text.bits / text.text_bytes:.4f} bits per byte here on the"
            f" {text.text_bytes:,} bytes of golden.json, {lost} against the trained model"
        )
    print("            the bundle's own figures, on more text: `tinylm bundle show`")
    if filtered := load_filter(None):
        print(f"filter      {filtered.name}, {filtered.sha256[:16]}: this machine's, where none is named")
    print(f"prompts     {len(PROMPTS)} odd ones (empty, too long, unknown characters) are answered, all numbers finite")


@bundle_app.command(cls=Command, epilog="tinylm bundle sign runs/NAME --key ~/.ssh/id_ed25519")
def sign(
    bundle: BundleArgument = None,
    *,
    key: Annotated[
        Path, typer.Option(metavar="FILE", help="An ssh key; the `.pub` file of one that an agent or a token holds.")
    ],
) -> None:
    """Sign a bundle with an ssh key, for `bundle verify --signers`; a signature of before is replaced."""
    from tinylm.base.files import write_atomic
    from tinylm.bundle.manifest import SIGNATURE
    from tinylm.bundle.signing import sign as signature_of

    opened = opened_bundle(bundle, strict=True)
    write_atomic(opened.path / SIGNATURE, signature_of(opened, key.expanduser()))
    print(opened.path / SIGNATURE)


@bundle_app.command(cls=Command, epilog="tinylm bundle card > MODEL.md")
def card(bundle: BundleArgument = None) -> None:
    """Print a bundle's model card, as Markdown."""
    from tinylm.base.errors import TinylmError
    from tinylm.bundle.manifest import CARD

    opened = opened_bundle(bundle)
    try:
        text = (opened.path / CARD).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # it was not exported like that, and nothing else reads it
        raise TinylmError(f"`{opened.path / CARD}` cannot be read: {error}", "export the bundle again") from error
    print(text, end="")
