PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUNS := $(VENV)/.runs
INSTALLED := $(VENV)/.installed
SOURCE_LIST := $(VENV)/.sources
PARALLEL := -n 6 --dist worksteal
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
TOOLS := --constraint tools.txt

# The Pythons of test-pythons, by name or path; a missing one is skipped.
PYTHONS ?= python3.11 python3.12 python3.13

.PHONY: help run test test-package soak check format bench docs site screenshots wheel
.PHONY: test-lowest test-pythons test-agents test-cluster test-mopidy bench-cluster tools clean FORCE

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.* ## /\1: /p' $(MAKEFILE_LIST) | awk -F': ' '{printf "  make %-14s %s\n", $$1, $$2}'

# Variables of this make, which must not reach a make that a job runs.
OF_MAKE = MAKEFLAGS MAKEOVERRIDES MAKELEVEL MFLAGS MAKE_TERMOUT MAKE_TERMERR \
	$(foreach it,ARGS PYTHON PYTHONS VENV,$(if $(filter command,$(origin $(it))),$(it)))

run: $(RUNS) ## open the program; ARGS="--session work" passes options
	@env $(foreach it,$(OF_MAKE),-u $(it)) $(BIN)/backburner $(ARGS)

# Most tests wait more than they compute; to run one at a time: make test ARGS="-n 0".
# Bytecode is written, so that the workers don't each compile the tests again.
test: $(INSTALLED) ## run the tests; ARGS="-n 0 tests/rules" passes options to pytest
	PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest $(PARALLEL) $(ARGS)

# Builds the wheel and the source archive, and tests both in empty environments.
test-package: $(INSTALLED) ## build the packages and test them in empty environments
	$(BIN)/python -m pytest -m package $(ARGS)

# Third-party programs that implement the protocols, each in its own environment. One
# that can't be installed is skipped, and its test says why.
PEERS := .venv-agents
PEER = test -e $(PEERS)/$(1)/.done || { rm -rf $(PEERS)/$(1); mkdir -p $(PEERS)/$(1); ( $(2) ); } \
	> $(PEERS)/$(1).log 2>&1 && touch $(PEERS)/$(1)/.done || echo "$(1): skipped, see $(PEERS)/$(1).log"
PYTHON_PEER = $(call PEER,$(1),$(PYTHON) -m venv $(PEERS)/$(1) && \
	timeout 300 $(PEERS)/$(1)/bin/python -m pip install --quiet --disable-pip-version-check $(2))

NPM_PEER = $(call PEER,$(1),cd $(PEERS)/$(1) && timeout 600 npm install --prefix . --no-audit \
	--no-fund --ignore-scripts $(2))

ACP := agent-client-protocol==0.12.1

test-agents: $(INSTALLED) ## test MCP server and partner with third-party programs (a few minutes)
	@mkdir -p $(PEERS)
	@$(call PYTHON_PEER,official-1,mcp==1.30.0)
	@$(call PYTHON_PEER,official-2,mcp==2.3.0)
	@$(call PYTHON_PEER,fastmcp,fastmcp==4.1.4 fastmcp-tasks==4.1.4)
	@$(call PEER,typescript,cd $(PEERS)/typescript && timeout 300 npm install --prefix . --no-audit \
		--no-fund @modelcontextprotocol/client@2.4.0 @modelcontextprotocol/ext-tasks@0.2.2 zod@4)
	@$(call PEER,acp,$(PYTHON) -m venv $(PEERS)/acp && cd $(PEERS)/acp && \
		timeout 300 bin/python -m pip install $(ACP) && timeout 300 bin/python -m pip download \
		--no-deps --no-binary agent-client-protocol --dest sdist $(ACP) && \
		tar xzf sdist/*.tar.gz --strip-components=1)
	@$(call NPM_PEER,opencode,opencode-ai@1.18.33)
	@$(call NPM_PEER,claude,@anthropic-ai/claude-code@2.1.332 @agentclientprotocol/claude-agent-acp@0.101.0)
	@$(call NPM_PEER,codex,@openai/codex@0.166.0 @agentclientprotocol/codex-acp@2.6.0)
	@$(call NPM_PEER,gemini,@google/gemini-cli@0.61.0)
	BACKBURNER_PEERS=$(PEERS) timeout 900 $(BIN)/python -m pytest -m agents tests/ui/agents $(ARGS)

# A Ray cluster of two nodes on this machine, 127.0.0.2 and 127.0.0.3. Ray takes half a
# gigabyte, in its own environment. Skipped with a message if it can't be installed.
RAY := .venv-ray
RAY_PIP := $(RAY)/bin/python -m pip install --quiet --disable-pip-version-check

$(RAY)/.installed: pyproject.toml $(SOURCE_LIST)
	test -x $(RAY)/bin/python || $(PYTHON) -m venv $(RAY)
	$(RAY_PIP) $(TOOLS) pip
	timeout 600 $(RAY_PIP) $(TOOLS) 'ray>=2.40,<3' --group test
	PYTHONWARNINGS=ignore $(RAY_PIP) --editable . --config-settings editable_mode=strict
	touch $@

test-cluster: $(INSTALLED) ## run jobs on a Ray cluster of two nodes (a few minutes)
	@if $(MAKE) --no-print-directory $(RAY)/.installed > $(VENV)/.ray.log 2>&1; then \
		timeout 1200 $(RAY)/bin/python -m tests.cluster.ray_nodes \
			$(RAY)/bin/python -m pytest -m cluster tests/cluster $(ARGS); \
	else tail -3 $(VENV)/.ray.log; echo "test-cluster: Ray can't be installed, skipped"; fi

bench-cluster: $(INSTALLED) ## measure jobs on a Ray cluster of two nodes
	@$(MAKE) --no-print-directory $(RAY)/.installed > $(VENV)/.ray.log 2>&1 || { tail -3 $(VENV)/.ray.log; exit 1; }
	$(RAY)/bin/python -m tests.cluster.ray_nodes $(RAY)/bin/python -m bench.cluster

# A real Mopidy 4 in a Debian 13 chroot of half a gigabyte, since older systems lack its
# GStreamer 1.26. It needs root; its processes end with the step.
MOPIDY := .venv-mopidy
IN_MOPIDY := unshare --fork --mount --pid --kill-child --mount-proc=$(MOPIDY)/proc \
	chroot $(MOPIDY) env LANG=C.UTF-8 PIP_DISABLE_PIP_VERSION_CHECK=1
FOR_MOPIDY := ca-certificates,python3-venv,python3-gst-1.0,gstreamer1.0-plugins-base,gstreamer1.0-plugins-good

$(MOPIDY)/.made:
	rm -rf $(MOPIDY)
	timeout 900 mmdebstrap --mode=root --variant=apt --include=$(FOR_MOPIDY) trixie $(MOPIDY)
	cp -L /etc/resolv.conf $(MOPIDY)/etc/
	-cp -L /etc/ssl/certs/ca-certificates.crt $(MOPIDY)/etc/ssl/certs/
	$(IN_MOPIDY) python3 -m venv --system-site-packages /opt/mopidy
	timeout 600 $(IN_MOPIDY) /opt/mopidy/bin/python -m pip install --quiet 'mopidy>=4,<5'
	touch $@

test-mopidy: wheel ## run the example frontend in a real Mopidy 4 (as root; some minutes)
	@if $(MAKE) --no-print-directory $(MOPIDY)/.made > $(VENV)/.mopidy.log 2>&1; then \
		rm -rf $(MOPIDY)/src && mkdir $(MOPIDY)/src && \
		cp -r dist tests docs pyproject.toml $(MOPIDY)/src && \
		$(IN_MOPIDY) sh -ec 'cd /src; /opt/mopidy/bin/python -m pip install --quiet \
			--force-reinstall --no-deps dist/*.whl; \
			/opt/mopidy/bin/python -m pip install --quiet dist/*.whl --group test; \
			MOPIDY_PYTHON=/opt/mopidy/bin/python timeout 300 /opt/mopidy/bin/python -m pytest \
			-n 0 tests/docs/test_examples.py -k "mopidy or frontend" $(ARGS)'; \
	else tail -3 $(VENV)/.mopidy.log; echo "test-mopidy: no Debian 13 can be unpacked, skipped"; fi

# The fault tests in their long form, with figures at the end: about 15 minutes.
soak: $(INSTALLED) ## run the fault tests in their long form, and property tests with new examples
	BACKBURNER_SOAK=1 $(BIN)/python -m pytest tests/faults tests/keeper tests/security tests/system/test_memory.py \
		tests/host/test_starting.py tests/processes/test_family.py tests/ui/chat/test_first_frame.py \
		tests/runtime/test_dispatcher.py tests/ui/partner/test_kills.py $(ARGS)
	BACKBURNER_SOAK=1 $(BIN)/python -m pytest $(PARALLEL) -m hypothesis $(ARGS)

check: $(INSTALLED) ## lint, check format, types, layers and generated documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports --no-cache > $(VENV)/.layers || { cat $(VENV)/.layers; exit 1; }
	$(BIN)/python docs/generate.py --check

format: $(INSTALLED) ## format the code and apply safe fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(INSTALLED) ## measure performance (15 minutes, on an otherwise idle machine)
	PYTHONPATH=tests/helpers $(BIN)/python -m bench $(ARGS)

docs: $(INSTALLED) ## write the generated parts of the documents
	$(BIN)/python docs/generate.py

# Warnings are errors: a dead link, or a missing name of the API.
site: $(INSTALLED) ## build the documents as a web site in build/site
	$(PIP) install $(TOOLS) --group site
	$(BIN)/python -m mkdocs build --quiet

# The pictures of the README: the real program on a terminal emulator.
screenshots: $(INSTALLED) ## draw the pictures of the documents
	PYTHONPATH=tests/helpers $(BIN)/python docs/screenshots.py $(ARGS)

# The wheel is built from the source archive, so that no old file in build/ gets in.
wheel: $(INSTALLED) ## build the source archive and the wheel
	rm -rf dist
	$(BIN)/python -m build --no-isolation

# Test the installed wheel. Arguments: a Python, the environment to create with it, and
# further arguments for pip.
define test_wheel
$(1) -m venv --clear $(2) && \
$(2)/bin/python -m pip install --quiet --disable-pip-version-check $(TOOLS) pip && \
$(2)/bin/python -m pip install --quiet --disable-pip-version-check $(TOOLS) \
	dist/*.whl --group test $(3) && \
$(2)/bin/python -m pytest $(PARALLEL) $(ARGS)
endef

LOWEST := import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	print(*project["dependencies"], sep="\n")

test-lowest: wheel ## run the tests with the oldest supported dependencies
	$(BIN)/python -c '$(LOWEST)' | sed 's/>=/==/' > dist/lowest.txt
	$(call test_wheel,$(PYTHON),.venv-lowest,--constraint dist/lowest.txt)

test-pythons: $(PYTHONS:%=test-on-%) ## run the tests on every supported Python

$(PYTHONS:%=test-on-%): test-on-%: wheel
	@if ! $* --version; then echo "$*: not found, skipped"; exit; fi; \
	$(call test_wheel,$*,.venv-$(notdir $*))

clean: ## remove environments and build files
	rm -rf $(VENV) .venv-* build dist *.egg-info

COMPILED := 'import backburner.actors as a, backburner.ui as u; \
	print(*a.__path__, *u.__path__)'

# Only what runs the program. Compiled modules halve the time of the first start. Strict
# mode lets type checkers resolve the import names of the folders. It links each file, so
# a new or deleted file needs a new installation.
$(RUNS): pyproject.toml $(SOURCE_LIST)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	PYTHONWARNINGS=ignore $(PIP) install --editable . --config-settings editable_mode=strict
	$(BIN)/python -m compileall -q $$($(BIN)/python -c $(COMPILED))
	touch $@

# The development tools, in the versions pinned in tools.txt. Dependency groups need pip
# 25.1 or newer. Collecting compiles the tests once; otherwise each worker of `make test`
# compiles all of them. pytest reports a test that can't be loaded when it runs.
$(INSTALLED): $(RUNS) tools.txt
	$(PIP) install $(TOOLS) pip
	$(PIP) install $(TOOLS) --group dev
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --collect-only -qq > /dev/null 2>&1 || true
	touch $@

tools: ## pin the newest versions of the development tools in tools.txt
	rm -rf .venv-tools
	$(PYTHON) -m venv .venv-tools
	.venv-tools/bin/python -m pip install --quiet --upgrade pip
	.venv-tools/bin/python -m pip install --quiet --group dev --group site
	.venv-tools/bin/python -m pip freeze --all \
		| grep -Ev '^(pykka|blessed|msgspec|wcwidth|cronsim|tzlocal)==' > tools.txt # the program's own dependencies are not pinned
	rm -rf .venv-tools

SOURCES = find package actors ui -name '*.py' -o -path '*/scripts/*' | sort

$(SOURCE_LIST): FORCE
	@mkdir -p $(VENV)
	@$(SOURCES) | cmp -s - $@ || $(SOURCES) > $@

FORCE:
