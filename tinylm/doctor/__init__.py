"""What this board is, and what will bite: facts are read once, findings are pure functions of them.

facts.py        everything that is known of a machine, as one object that goes to JSON and back
kernel_files.py small files of /proc and /sys
processor.py    board, cores, instruction sets, clock speeds
memory.py       memory, swap, limits
software.py     Python, C library, installed packages
trials.py       each import tried in a child process
firmware.py     what the Raspberry Pi's firmware says: throttling, voltage
storage.py      free space, kind and speed of the disk
surroundings.py clock, load, container
gather.py       all facts in order: `read_facts`
finding.py      what was found, why it matters, what to do
*_rules.py      the rules, by what they look at: hardware, system, software, bundle and budget
findings.py     all rules in order: `find_all`
report.py       facts and findings as JSON; exit code
table.py        the same for people
check.py        all of it in order: `examine`

Nothing here imports numpy, onnxruntime or sentencepiece: on a board where one of them dies, the doctor must not.
"""
