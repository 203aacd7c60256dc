# `make run` and `make test` do all the set-up; nothing is left outside this folder.
.PHONY: run test format page
PYTHON := .venv/bin/python
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export XDG_CACHE_HOME := $(CURDIR)/.cache
export MPLCONFIGDIR := $(CURDIR)/.cache/matplotlib

run: .venv/run.stamp
	@$(PYTHON) -m bench run --suite long-memory; outcome=$$?; \
	case $$outcome in 0|2) ;; *) exit $$outcome;; esac; \
	folder=$$($(PYTHON) -m bench report --suite long-memory) || exit 1; \
	echo "the report: $(CURDIR)/$$folder/index.html"; exit $$outcome

test: .venv/test.stamp
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	.venv/bin/basedpyright
	.venv/bin/lint-imports
	$(PYTHON) -m pytest --numprocesses=auto --basetemp=.cache/pytest

page: .venv/run.stamp
	$(PYTHON) -m bench report --results results/recorded --out reports --into README.md

format: .venv/test.stamp
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

# Debian's python3 comes without ensurepip, so the pip that is there installs the first things, with
# them a pip for what the reader wants to add.
.venv/run.stamp: pyproject.toml constraints.txt
	python3 -m venv --without-pip .venv
	python3 -m pip --python $(PYTHON) install --quiet pip --editable .
	@touch $@

.venv/test.stamp: .venv/run.stamp
	python3 -m pip --python $(PYTHON) install --quiet --editable '.[dev]'
	@touch $@
