"""The native engine: a decoder, tokenizers and a program in C, and what Python needs to build and to load them.

engine/              the decoder in C; read tinylm.h, then transformer.c
tokenizer/           text to token ids and back in C; read tinylm_tokenizer.h
program/             the standalone program, which runs both; read main.c
image.py             a bundle's `model.onnx` becomes the block of memory that the decoder reads
library.py           loads the library through ctypes
payload.py           what follows the program in a standalone file
standalone_file.py   reads what such a file says of itself
targets.py           the processors that the C sources are compiled for, and the flags of every file
build.py             compiles them
"""
