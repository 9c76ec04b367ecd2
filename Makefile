# 救助 Jiuzhu: everything is set up on first use; a machine needs Python >= 3.11, make and a network.
.DEFAULT_GOAL := help
.PHONY: help run test lint soak bench docs screens clean
.DELETE_ON_ERROR:

VENV := .venv
PY := $(VENV)/bin/python
JIUZHU := $(VENV)/bin/jiuzhu
READY := $(VENV)/.ready
EXTRAS ?= dev,sweep

# Which Python makes the virtual environment: `make run PYTHON=python3.12` says so, else the first that is new enough.
PYTHON ?=
CANDIDATES = $(or $(PYTHON),python3 python3.13 python3.12 python3.11 python3.14 python)
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
VERSION := import sys; print("%d.%d" % sys.version_info[:2])

help: ## 列出可用的命令 / list what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(READY) ## 认定一户示例家庭，然后启动服务，给出地址和密钥 / decide an example household, then serve: prints address and keys
	$(JIUZHU) decide docs/examples/family.yaml --on 2025-08-01 --policy minimum_living_allowance
	$(JIUZHU) serve

test: lint ## 运行全部检查 / run every check
	$(JIUZHU) check
	$(PY) -m pytest -n auto --dist loadgroup

lint: $(READY) ## 代码风格与类型 / style and types
	$(PY) -m ruff check .
	$(PY) -m mypy

soak: $(READY) ## 长时间随机测试 / the long random tests (JIUZHU_EXAMPLES says how long)
	JIUZHU_SLOW=1 JIUZHU_SOAK=1 JIUZHU_EXAMPLES=$${JIUZHU_EXAMPLES:-1000} JIUZHU_COMPLETIONS=100000 JIUZHU_KILLS=30 \
	JIUZHU_EVENTS_HOUSEHOLDS=20000 JIUZHU_WATCH_KILLS=50 JIUZHU_WATCH_EVENTS=1000000 JIUZHU_TAMPER=500 JIUZHU_FUZZ=25 JIUZHU_CELLS=1000000 JIUZHU_SPARK_EVERY=1 $(PY) -m pytest -n auto --dist loadgroup -m ""

bench: $(READY) $(VENV)/.ready-bench ## 性能测量 / measure, beside the peers a user would pick
	$(PY) -m bench

docs: $(READY) ## 由代码和规则生成的文档 / write the pages that are made from code and rules
	$(PY) -m engine.commands.reference docs
	$(JIUZHU) docs
	$(JIUZHU) schema

screens: $(READY) ## 页面截图（需要 chromium）/ pictures of the pages into docs/screens (needs chromium)
	$(PY) tests/web/screens.py docs/screens

clean: ## 删除生成的文件 / remove everything that was made here
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A virtual environment that works is kept; one that does not (half made, or its Python is gone) is made anew.
$(READY): pyproject.toml
	@$(PY) -c 'import pip; $(NEW_ENOUGH)' 2>/dev/null && exit 0; \
	found=; seen=; \
	for python in $(CANDIDATES); do \
	    version=$$($$python -c '$(VERSION)' 2>/dev/null) || continue; \
	    seen="$$seen  $$python ($$version)"; \
	    if $$python -c '$(NEW_ENOUGH)'; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	    echo "需要 Python 3.11 或更高版本。 Jiuzhu needs Python 3.11 or newer." >&2; \
	    echo "  looked for: $(CANDIDATES)" >&2; \
	    echo "  found:     $${seen:- none that runs}" >&2; \
	    echo "  Install one, or name one: make $(or $(MAKECMDGOALS),help) PYTHON=/path/to/python3.11" >&2; \
	    exit 1; \
	fi; \
	if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
	    echo "$$found ($$version) 缺少 venv 模块。 $$found ($$version) cannot make a virtual environment." >&2; \
	    echo "  On Debian and Ubuntu, as root: apt-get install python$$version-venv" >&2; \
	    exit 1; \
	fi; \
	echo "$$found -m venv $(VENV)"; \
	$$found -m venv --clear $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[$(EXTRAS)]'
	@$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[watch]' >$(VENV)/durable-rules.log 2>&1 \
	|| { echo "durable-rules 未能编译（见 $(VENV)/durable-rules.log）：预警只用认定引擎。"; \
	     echo "durable-rules was not built (see $(VENV)/durable-rules.log): the watch runs on the evaluator alone."; }
	@touch $@

$(VENV)/.ready-bench: $(READY)
	$(PY) -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@
