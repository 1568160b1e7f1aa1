"""A report for people and for CI: table, Markdown, JUnit, HTML.

wording.py    labels, numbers and sentences that every format shares
contents.py   the tables that every format draws
table.py      at a terminal;  markdown.py, junit.py: for CI;  page/: as one HTML page
explain.py    a budget in words
"""
