"""The parts of the HTML page of a budget report; `tinylm.budget.html` puts them together."""
