"""What this board is, and what will bite: findings are pure functions of the facts in `tinylm.machine`.

examination.py  all of it in order: `examine`; as JSON
*_rules.py      the rules, by what they look at: hardware, system, software, bundle and budget
finding.py      what was found, why it matters, what to do
table.py        the examination for people
"""
