"""What this machine is and what state it is in: facts, without judgement. The budget check and the doctor read them.

    facts.py                everything that is known of a machine, as one object that goes to JSON and back
    gather.py               all of them in order: `read_facts`
    device.py               the nine that a report and a budget name: `device_facts`
    kernel_files.py         small files of /proc and /sys, and /proc/cpuinfo among them
    processor.py            board, cores, instruction sets, clock speeds
    memory.py               memory, swap, limits
    storage.py              free space, kind and speed of the disk
    surroundings.py         clock, load, container
    firmware.py             what the Raspberry Pi's firmware says: throttling, voltage
    software.py             Python, C library, installed packages
    trials.py               each import tried in a child process
    onnxruntime_version.py  which one is installed, without importing it

Nothing here imports numpy, onnxruntime or sentencepiece: on a board where one of them dies, this must not.
"""
