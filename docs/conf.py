"""How Sphinx builds the documents: ``make docs``. Nothing of it needs a network, neither to build nor to read."""

project = "Text Recognizer"
html_title = project
extensions = ["myst_parser"]
myst_heading_anchors = 4
myst_enable_extensions = ["html_image"]
highlight_language = "text"
html_theme = "furo"
html_show_sphinx = False
html_copy_source = False
