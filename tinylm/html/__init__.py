"""What every HTML page of tinylm is made of: one look, one way of escaping, no program and no address in it.

elements.py      the page around its parts; escaped text, sections, tables, lists
style.css        the style sheet, light and dark
charts.py        line charts, histograms and bars as SVG text
chart_frame.py   heading, legend and axes of a chart
axes.py          scales, ticks and their labels
svg.py           lines, boxes, letters, colours
"""
