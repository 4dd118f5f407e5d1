"""The report and the letters as pages: HTML, CSS and SVG in one file each, and no script.

Markup is built by :func:`~sesgame.reports.html.elements.element`, which closes every tag and
escapes every text that is not markup already, so that nothing a user has named can become markup.
That is all a template library would give here.
"""
