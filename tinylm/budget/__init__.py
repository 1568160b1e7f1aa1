"""Does a bundle fit a device? Measure it in fresh processes, decide with declared confidence, and say on what basis.

check.py        all of it in order: `check_candidate`, `check_bundle`
spec/           what is asked: budgets/NAME.toml -> Budget, the device, the candidate, the prompts of the request
measure/        probes are started and read; cold starts, memory by part, the state of the machine
statistics/     confidence for quantiles, and for the ratio of two reports' times
judge/          measurements + limits -> validity and one verdict per limit
estimate/       another machine's times from instructions and bytes
soak.py         sustained load; enforce.py: the kernel's own memory limit
report.py       the result: JSON contract, exit code
advice.py       what would pass instead of a failed limit
compare/        two reports of one device against each other
formats/        a report for people and for CI
"""
