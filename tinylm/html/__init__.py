"""What every HTML page of tinylm is made of: one look, one way of escaping, no program and no address in it.

document.py   the whole page around its parts
elements.py   escaped text, sections, tables, charts
style.py      the style sheet, light and dark
"""
