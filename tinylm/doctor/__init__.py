"""What this board is, and what will bite: findings are pure functions of the facts in `tinylm.machine`.

finding.py      what was found, why it matters, what to do
*_rules.py      the rules, by what they look at: hardware, system, software, bundle and budget
findings.py     all rules in order: `find_all`
report.py       facts and findings as JSON; exit code
table.py        the same for people
check.py        all of it in order: `examine`
"""
