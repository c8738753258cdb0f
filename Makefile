# Everything is done by packaging/bootstrap.py, which also runs where there is no make.
# Arguments go along in ARGS:  make run ARGS="--no-browser"   make test ARGS="-k chat"

PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo $$name; break; fi; done)
COMMANDS := run tray hub setup test test-slow check bench lock types wheel package test-package

.PHONY: help $(COMMANDS)
.DEFAULT_GOAL := help

help:
	@echo "make run        start the agent (the first time: install everything before)"
	@echo "make tray       the window and the icon in the tray"
	@echo "make hub        the team's server      make hub ARGS=\"doctor\" and so on"
	@echo "make setup      prepare .venv and the page, nothing else"
	@echo "make test       the default tests        make test-slow   the slow ones"
	@echo "make check      linters, types, layers   make bench       the measurements"
	@echo "make wheel      a wheel with the page    make lock        write the locks anew"
	@echo "make types      write the page's types of the API anew"
	@echo "make package    packages, tried out            make test-package   used in a clean system"

$(COMMANDS):
	@test -n "$(PYTHON)" || { echo "Orca Agents needs Python 3.11 or newer, and there is none." >&2; exit 1; }
	@$(PYTHON) packaging/bootstrap.py $@ $(ARGS)
