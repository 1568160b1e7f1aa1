"""Does a bundle fit a device? Measure it in fresh processes, decide with declared confidence, and say on what basis.

spec.py         budgets/NAME.toml -> Budget
candidate.py    what is checked: a bundle, or a decoder that was exported elsewhere
prompts.py      the fixed prompts of the certified request
device.py       what this machine is, and whether it is the budget's device
probing.py      starts the probe processes and collects what they measured
statistics.py   exact binomial confidence for quantiles
validity.py     what contention, throttling and swap do to the numbers
verdict.py      measurements + limits -> one verdict per limit
estimate.py     milliseconds from an emulator's instruction counts, with error bars
report.py       the result: JSON contract, exit code
table.py        the report for people
check.py        all of it in order: `check_bundle`, `check_candidate`
"""
