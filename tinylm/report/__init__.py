"""The training report: what a run did, how well it went, and what to do about it, as one HTML page.

run.py         a run folder to a `Run`: everything checked, what is missing named
text.py        samples.txt, and the words of the training text
curves.py      figures over steps, tokens and time; many points to few, extremes kept
stability.py   spikes of the gradient norm, and the verdict
diagnosis.py   what went wrong, why, and what to do
figures.py     the figures that a run comes down to
page.py        one run as a page;  charts.py, origin.py: its parts
comparison.py  several runs: which settings differ, which is best;  comparison_page.py: as a page
outputs.py     writes pages, and the figures as JSON

page, result = write_report(Path("runs/tiny"))
"""
