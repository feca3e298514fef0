# Copyright: Contributors to the edgecache.cloudflare collection
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

.PHONY: demo simulator test test-all clean

nox = .venv/bin/python -m nox

demo simulator: .venv/nox
	$(nox) --session $@

# What most changes can break.
test: .venv/nox
	@.venv/bin/python tests/tools/sessions.py test

# Everything that "make test" leaves out.
test-all: .venv/nox
	@.venv/bin/python tests/tools/sessions.py rest

clean:
	rm -rf .build/* .build .nox .venv

# Runs each candidate: a version manager's shim may exist and run nothing.
.venv/nox: tests/requirements/constraints.txt
	@for python in python3.14 python3.13 python3.12 python3.11 python3; do \
	  $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	  set -ex; $$python -m venv --clear .venv; .venv/bin/python -m pip install -q --disable-pip-version-check -c $< nox; touch $@; exit; \
	done; echo 'Python 3.11 or newer, with venv, is needed and was not found' >&2; exit 1
