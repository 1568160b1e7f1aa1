"""The process that learns a SentencePiece model: its memory goes back when it ends, and it can be stopped at once.

`python -m tinylm.tokenizer.training_process SETTINGS < lines > tokenizer.model`, where SETTINGS is the trainer's, as
JSON. Exit code `COMPLAINT` with what SentencePiece has against it on stderr.
"""

from __future__ import annotations

import io
import json
import signal
import sys

import sentencepiece

from tinylm.base.termination import end_with_parent

COMPLAINT = 3


def main() -> None:
    """Learn from the lines on stdin."""
    end_with_parent()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # which waits until native code returns
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(line.removesuffix(b"\n").decode() for line in sys.stdin.buffer),
            model_writer=model,
            **json.loads(sys.argv[1]),
        )
    except RuntimeError as error:
        print(error, file=sys.stderr)
        raise SystemExit(COMPLAINT) from error
    sys.stdout.buffer.write(model.getvalue())


if __name__ == "__main__":
    main()
