"""The process that learns a SentencePiece model: its memory goes back when it ends, and it can be stopped at once.

`python -m tinylm.tokenizer_child SETTINGS < lines > tokenizer.model`, where SETTINGS is the trainer's, as JSON. Exit
code 1 with SentencePiece's complaint on stderr.
"""

from __future__ import annotations

import io
import json
import signal
import sys

import sentencepiece


def main() -> None:
    """Learn from the lines on stdin."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own handler waits until native code returns
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=(line.removesuffix(b"\n").decode() for line in sys.stdin.buffer),
            model_writer=model,
            **json.loads(sys.argv[1]),
        )
    except RuntimeError as error:
        raise SystemExit(str(error)) from error
    sys.stdout.buffer.write(model.getvalue())


if __name__ == "__main__":
    main()
