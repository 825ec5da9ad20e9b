PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SOURCE_LIST := $(VENV)/.sources
PARALLEL := -n 3 --dist worksteal

# The Pythons of test-pythons, by name or path; one that is not there is skipped.
PYTHONS ?= python3.11 python3.12 python3.13

.PHONY: run test test-package soak check format bench docs screenshots wheel
.PHONY: test-lowest test-pythons clean FORCE

# What make tells its own children is not meant for the make of a job.
OF_MAKE = MAKEFLAGS MAKEOVERRIDES MAKELEVEL MFLAGS MAKE_TERMOUT MAKE_TERMERR \
	$(foreach it,ARGS PYTHON PYTHONS VENV,$(if $(filter command,$(origin $(it))),$(it)))

run: $(INSTALLED)
	@env $(foreach it,$(OF_MAKE),-u $(it)) $(BIN)/backburner $(ARGS)

# Most tests wait more than they work; for one at a time: make test ARGS="-n 0".
test: $(INSTALLED)
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

# Builds the wheel and the source archive, and tries both in empty environments.
test-package: $(INSTALLED)
	$(BIN)/python -m pytest -m package $(ARGS)

# The fault tests in their long form: about ten minutes, with figures at the end.
soak: $(INSTALLED)
	BACKBURNER_SOAK=1 $(BIN)/python -m pytest tests/faults $(ARGS)

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Takes a quarter of an hour, and the machine should have nothing else to do.
bench: $(INSTALLED)
	PYTHONPATH=tests/helpers $(BIN)/python -m bench $(ARGS)

docs: $(INSTALLED)
	$(BIN)/python docs/generate.py

# The pictures of the README: the real program on a terminal that draws what it shows.
screenshots: $(INSTALLED)
	PYTHONPATH=tests/helpers $(BIN)/python docs/screenshots.py $(ARGS)

# The source archive first, and the wheel out of that: nothing old in build/ gets in.
wheel: $(INSTALLED)
	rm -rf dist
	$(BIN)/python -m build --no-isolation

# The tests of the installed wheel. Arguments: a Python, an environment to make with it,
# and further words for pip.
define test_wheel
$(1) -m venv --clear $(2) && \
$(2)/bin/python -m pip install --quiet --disable-pip-version-check \
	"$$(echo dist/*.whl)[dev]" $(3) && \
$(2)/bin/python -m pytest $(PARALLEL) $(ARGS)
endef

LOWEST := import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	print(*project["dependencies"], sep="\n")

# With the oldest dependencies that pyproject.toml admits.
test-lowest: wheel
	$(BIN)/python -c '$(LOWEST)' | sed 's/>=/==/' > dist/lowest.txt
	$(call test_wheel,$(PYTHON),.venv-lowest,--constraint dist/lowest.txt)

test-pythons: $(PYTHONS:%=test-on-%)

$(PYTHONS:%=test-on-%): test-on-%: wheel
	@if ! $* --version; then echo "$*: not here, skipped"; exit; fi; \
	$(call test_wheel,$*,.venv-$(notdir $*))

clean:
	rm -rf $(VENV) .venv-* build dist *.egg-info

COMPILED := 'import backburner.actors as a, backburner.ui as u; \
	print(*a.__path__, *u.__path__)'

# What is compiled already starts in half the time, the first time too.
# The strict mode lets type checkers follow the folders to their import names. It links
# every file on its own, so a file that is new or gone needs another installation.
$(INSTALLED): pyproject.toml $(SOURCE_LIST)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--editable '.[dev]' --config-settings editable_mode=strict
	$(BIN)/python -m compileall -q $$($(BIN)/python -c $(COMPILED))
	touch $@

$(SOURCE_LIST): FORCE
	@mkdir -p $(VENV)
	@find actors ui -name '*.py' | sort | cmp -s - $@ || find actors ui -name '*.py' | sort > $@

FORCE:
