# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation as HTML: the Markdown pages of the repository, and the documentation of the plugins.

The session ``site`` of noxfile.py lays out what is read: a copy of the checkout, with ``index.md`` at its root, and in
``reference`` what antsibull-docs writes.
"""

from __future__ import annotations

from pathlib import Path

import yaml
from docutils import nodes
from sphinx import addnodes

galaxy = yaml.safe_load((Path(__file__).parents[2] / "galaxy.yml").read_text(encoding="utf-8"))

project = f"{galaxy['namespace']}.{galaxy['name']}"
copyright = galaxy["authors"][0]
extensions = ["myst_parser", "sphinx_antsibull_ext"]
include_patterns = ["*.md", "docs/**.md", "reference/*.rst", "roles/*/README.md", "extensions/patterns/*/README.md"]
exclude_patterns = ["docs/docsite"]
nitpicky = True
# As GitHub makes anchors of headings
myst_heading_anchors = 4

html_theme = "sphinx_ansible_theme"
html_theme_options = {
    "documentation_home_url": galaxy["repository"],  # where the logo leads to
    "topbar_links": {"Repository": galaxy["repository"]},
}
html_title = f"{project} {galaxy['version']}"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_use_index = False

# What the plugins' documentation refers to on Ansible's own site. Nothing is fetched to know where it is.
ANSIBLE = "https://docs.ansible.com/projects/ansible/latest"
ANSIBLE_PAGES = {
    "action_plugins": "plugins/action.html",
    "ansible_configuration_settings": "reference_appendices/config.html",
    "common_return_values": "reference_appendices/common_return_values.html",
}


def link_to_ansible(app, env, node, contnode):
    target = node["reftarget"]
    page = ANSIBLE_PAGES.get(target)
    if node["reftype"] == "envvar" and target.startswith("ANSIBLE_"):
        page = f"{ANSIBLE_PAGES['ansible_configuration_settings']}#envvar-{target}"
    return page and nodes.reference("", "", contnode, refuri=f"{ANSIBLE}/{page}")


def link_to_repository(app, doctree):
    """Replace links to files that are not pages of the site with links to the repository. Sphinx would offer copies of the files."""
    for node in list(doctree.findall(addnodes.download_reference)):
        path = app.env.relfn2path(node["reftarget"])[0]
        node.replace_self(nodes.reference("", "", *node.children, refuri=f"{galaxy['repository']}/blob/HEAD/{path}"))


def setup(app):
    app.connect("missing-reference", link_to_ansible)
    # Before Sphinx collects what it would copy
    app.connect("doctree-read", link_to_repository, priority=400)
