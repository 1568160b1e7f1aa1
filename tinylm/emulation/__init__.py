"""Programs for other processors, run here under qemu's user emulation, with their instructions counted.

processors.py   the processors that can be imitated, and which of them a board has
program_file.py for which processor a program is
counter.py      the plugin that counts (counter.c), compiled when it is first needed
emulator.py     the command that runs a program so, and what it says when it has ended

A program alone is emulated, not a machine: no kernel, no boot, seconds instead of minutes, and processors for which
`tinylm.virtual_pi` has no machine. Its clock is its instruction count, as in there.
"""
