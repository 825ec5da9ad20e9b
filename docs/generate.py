"""Writes the generated parts of the documents, or names stale documents.

    python docs/generate.py           writes them
    python docs/generate.py --check   exits with 1 if a document is stale

`commands.md` comes from the registry of commands, `keys.md` from the tables of keys,
the tables in `messages.md` from the actors, those in `protocol.md` from the types, the
rooms in `ARCHITECTURE.md` from the imports, the settings in `configuration.md` from
their structs, the examples that the documents quote from their files, and the
completion scripts from the parsers.
"""

from __future__ import annotations

import argparse
import ast
import gc
import json
import re
import sys
from pathlib import Path
from typing import Final

from backburner.actors import BashKind, SleepKind
from backburner.ui.chat.model import keymap
from backburner.ui.chat.update.panels import PANELS
from backburner.ui.dialogue.commands import REGISTRY
from backburner.ui.dialogue.registry import CommandSpec, synonyms
from backburner.ui.lines.json_lines import json_schema
from completion_scripts import completion_scripts
from house import house_section
from message_tables import messages_section
from settings_table import settings_section
from wire_tables import protocol_section

DOCS: Final = Path(__file__).parent
BEGIN: Final = "<!-- Written by `make docs`: -->"
END: Final = "<!-- The end of that. -->"
QUOTE: Final = re.compile(
    r"(<!-- (?P<file>examples/[\w/]+\.py)(: (?P<name>\w+))? -->\n```python\n).*?```\n",
    re.DOTALL,
)
"""A file, or one class or function of it, that a document quotes."""

INTRODUCTION: Final = """\
# Commands

Written by `make docs` from `ui/dialogue/commands/`; `/help` says the same.

A line that starts with `/` or `!` is a command. Any other line is a chat message, and
so is a line that starts with a path, such as `/etc/hosts is wrong`. `//` begins a
message that starts with a slash.

[check-project.chat](examples/check-project.chat) is a script of commands; run it with
`backburner < docs/examples/check-project.chat`."""


KEYS: Final = """\
# Keys of the chat

Written by `make docs` from `ui/chat/model/keymap.py`; `?` in an empty input, or F1,
says the same.

A key that ends or starts a task asks first: Enter confirms, any other key cancels.
A word that is typed in the task list or in an opened task goes to the input."""


def keys_document() -> str:
    """Return the document of all keys."""
    sections = [KEYS]
    for keys in (
        keymap.INPUT,
        *(panel.keys for panel in PANELS),
        keymap.TERMINAL,
        keymap.COMMON,
    ):
        rows = [f"| {key} | {meaning} |" for key, meaning in keys.meanings()]
        table = "\n".join(["| key | what it does |", "| --- | --- |", *rows])
        sections += [f"## {keys.title}", table]
    return "\n\n".join(sections) + "\n"


def commands_document() -> str:
    """Return the document of all commands."""
    sections = [INTRODUCTION]
    for spec in REGISTRY:
        sections += [f"## `{spec.heading}`", *_explanation(spec)]
    sections.append("## Kinds")
    kinds = (BashKind(), SleepKind())
    sections.append(
        "\n".join(f"- `{kind.name} {kind.usage}`: {kind.summary}" for kind in kinds)
    )
    return "\n\n".join(sections) + "\n"


def _explanation(spec: CommandSpec) -> list[str]:
    blocks = [spec.summary[0].upper() + spec.summary[1:] + "."]
    for line in spec.details:
        if line.startswith("  "):
            blocks.append("    " + line.strip())
        elif line.startswith("--"):
            option, _, summary = line.partition(": ")
            item = f"- `{option}`: {summary}"
            if blocks[-1].startswith("- "):
                blocks[-1] += "\n" + item
            else:
                blocks.append(item)
        elif line[0].isupper():
            blocks.append(line)
        else:
            blocks[-1] += " " + line
    if spec.synonyms:
        names = ", ".join(f"`{name}`" for name in synonyms(spec))
        blocks.append(f"Also: {names}.")
    return blocks


def with_section(document: str, section: str) -> str:
    """Return a document with the text between the two marks replaced.

    Raises:
        ValueError: If a mark is missing.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there must be a line {BEGIN} and, below, a line {END}")
    return f"{before}{BEGIN}\n\n{section}\n\n{END}{after}"


def with_quotes(document: str) -> str:
    """Return a document with every quoted example replaced by its current source.

    Raises:
        ValueError: If a quoted class or function doesn't exist.
    """

    def quote(match: re.Match[str]) -> str:
        source = (DOCS / match["file"]).read_text()
        return match[1] + _part(source, match["name"]).strip() + "\n```\n"

    return QUOTE.sub(quote, document)


def _part(source: str, name: str | None) -> str:
    if name is None:
        return source
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if node.name == name:
                return "\n".join(source.splitlines()[first - 1 : node.end_lineno])
    raise ValueError(f"no class or function {name} to quote")


def documents() -> dict[Path, str]:
    """Return the current text of all generated documents by path."""
    sections = {
        DOCS / "ARCHITECTURE.md": house_section(),
        DOCS / "messages.md": messages_section(),
        DOCS / "configuration.md": settings_section(),
        DOCS / "protocol.md": protocol_section(),
    }
    quoting = {
        path: with_quotes(path.read_text())
        for path in DOCS.glob("*.md")
        if QUOTE.search(path.read_text())
    }
    schema = json.dumps(json_schema(), indent=2)
    return {
        DOCS / "commands.md": commands_document(),
        DOCS / "keys.md": keys_document(),
        DOCS / "json.schema.json": f"{schema}\n",
        **{
            path: with_section(path.read_text(), section)
            for path, section in sections.items()
        },
        **quoting,
        **completion_scripts(),
    }


def main() -> int:
    """Write the documents, or check them; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    check: bool = parser.parse_args().check
    gc.disable()  # the trees of all files are kept
    stale = {
        path: text
        for path, text in documents().items()
        if not path.exists() or path.read_text() != text
    }
    for path, text in stale.items():
        if check:
            stale_one = path.relative_to(DOCS.parent)
            sys.stderr.write(f"{stale_one} is stale; run: make docs\n")
        else:
            path.write_text(text)
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
