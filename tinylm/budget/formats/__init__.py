"""A report for people and for CI: table, Markdown, JUnit, HTML."""
