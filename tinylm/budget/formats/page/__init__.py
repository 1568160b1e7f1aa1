"""The parts of the HTML page of a budget report; `tinylm.budget.formats.page.html` puts them together."""
