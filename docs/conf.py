"""The site: `sphinx-build -W -c docs . OUT` from the top of the checkout (extra `docs`), as `.ci/run` does.

The source is the whole checkout, so that a page may show or link what lies beside docs/ (results, the README). Pages of
the reference are made while the site is built: `generated.py` puts them where a page says `<!-- generated: NAME -->`.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx.application import Sphinx

sys.path.insert(0, str(Path(__file__).parent))

import generated

project = "subnormal"
author = copyright = "the subnormal founders"
release = version = installed_version("subnormal")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/*.md", "docs/**/*.md", "results/*/README.md"]
exclude_patterns = ["docs/README.md", "docs/unrefuted", ".*", "build", "dist", "venv", "tests", "*.egg-info"]

myst_heading_anchors = 3  # links such as mathematics.md#series work as they do in the repository
myst_enable_extensions = ["colon_fence"]
suppress_warnings = ["myst.header"]  # reports begin where their generator lets them

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "undoc-members": False}
python_use_unqualified_type_names = True

smartquotes = False  # a command is copied as it stands

html_theme = "furo"
html_title = "subnormal"
html_additional_pages = {"index": "redirect.html"}
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["static"]
html_css_files = ["site.css"]
templates_path = ["templates"]
pygments_style = "friendly"


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect("source-read", generated.fill)
    app.connect("build-finished", generated.finish)
    app.connect("autodoc-process-docstring", generated.as_restructured_text, priority=1)
