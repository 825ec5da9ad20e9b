PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SOURCE_LIST := $(VENV)/.sources

.PHONY: run test check format clean FORCE

run: $(INSTALLED)
	@$(BIN)/backburner $(ARGS)

test: $(INSTALLED)
	$(BIN)/python -m pytest $(ARGS)

check: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist *.egg-info

# The strict mode lets type checkers follow the folders to their import names. It links
# every file on its own, so a file that is new or gone needs another installation.
$(INSTALLED): pyproject.toml $(SOURCE_LIST)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--editable '.[dev]' --config-settings editable_mode=strict
	touch $@

$(SOURCE_LIST): FORCE
	@mkdir -p $(VENV)
	@find actors ui -name '*.py' | sort | cmp -s - $@ || find actors ui -name '*.py' | sort > $@

FORCE:
