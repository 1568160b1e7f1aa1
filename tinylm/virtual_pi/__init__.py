"""An emulated Raspberry Pi: does a bundle run on ARM, with which tokens, in how much memory, in how many instructions?

boards.py       the boards that can be imitated: processor, cores, memory
releases.py     the Debian releases, and where their packages come from
packages.py     apt: which packages, with which hashes; download
root_tree.py    packages -> the files of a system that was never booted
initrd.py       the few drivers that find the disk, as a cpio archive
disk.py         files -> journalled ext4, without being root
image.py        all of it in order, cached by the content of its inputs: `build_image`
folders.py      where images and machines lie, and the locks on them
programs.py     the programs that this needs, and how to install them
qemu.py         the emulator's command line
machine.py      one running virtual Pi: start, wait, stop, clean up
remote.py       ssh and scp to it
runtime_files.py  the part of tinylm that a device runs, as one archive
check.py        the budget check on it: `check_on_virtual_pi`

Nothing here needs root, a kernel module or binfmt; see docs/virtual-pi.md.
"""
