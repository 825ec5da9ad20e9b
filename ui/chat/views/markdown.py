"""Render Markdown as rows, for the answers of models.

Supports headings, lists, quotes, code, tables, rules, bold, italic and links. Other
syntax is shown unchanged. A link shows its target.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ....actors.rules.safe_text import safe_lines
from ...text.cells import clip_row, cut, pad, row_width, width
from ...text.rows import Row, Span, Style
from .paint import wrap_spans

if TYPE_CHECKING:
    from ...text.theme import Look

_FENCE: Final = re.compile(r"\s*(`{3,}|~{3,})\s*([^`]*)$")
_HEADING: Final = re.compile(r" {0,3}(#{1,6})(?:\s+(.*?))?(?:\s+#+)?\s*$")
_RULE: Final = re.compile(r" {0,3}([-*_])(?:\s*\1){2,}\s*$")
_QUOTE: Final = re.compile(r" {0,3}> ?(.*)$")
_ITEM: Final = re.compile(r"(\s*)([-*+]|\d{1,9}[.)])\s+(\S.*)$")
_DELIMITER: Final = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_CODE_INDENT: Final = "    "
_DEEPEST: Final = 8
_LEAST_COLUMN: Final = 6
# Bounded, so that an unmatched marker scans only the text nearby.
_INLINE: Final = re.compile(
    r"\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|(?P<ticks>`+)(?P<code>[^`].{0,400}?)(?<!`)(?P=ticks)(?!`)"
    r"|(?P<strong>\*\*|__)(?=\S)(?P<bold>.{1,400}?)(?<=\S)(?P=strong)"
    r"|\*(?=[^\s*])(?P<italic>.{1,400}?)(?<=[^\s*])\*(?!\*)"
    r"|(?<!\w)_(?=[^\s_])(?P<slanted>.{1,400}?)(?<=[^\s_])_(?!\w)"
    r"|~~(?=\S)(?P<struck>.{1,400}?)(?<=\S)~~"
    r"|!?\[(?P<label>[^\[\]]{0,300})\]\((?P<target>[^()\s]{1,500})(?:\s[^()]{0,100})?\)"
    r"|<(?P<address>https?://[^<>\s]{1,500})>"
)

_EMPHASIS: Final = {
    "bold": {"bold": True},
    "italic": {"italic": True},
    "slanted": {"italic": True},
    "struck": {"dim": True},
}
"""The groups of `_INLINE` that contain emphasized text, and its style."""


def markdown_rows(text: str, look: Look, columns: int) -> list[Row]:
    """Return the rows of a Markdown text, at least one. The text needn't be safe."""
    rows = _Blocks(look, max(1, columns)).rows(safe_lines(text))
    return rows or [()]


class _Blocks:
    def __init__(self, look: Look, columns: int, depth: int = 0) -> None:
        self._look = look
        self._columns = columns
        self._depth = depth
        self._rows: list[Row] = []
        self._paragraph: list[str] = []
        self._item: tuple[int, str] | None = None  # indentation and marker of an item
        self._loose = False  # whether a blank line precedes the next block
        self._in_list = False

    def rows(self, lines: list[str]) -> list[Row]:
        """Return the rows of lines, which must be safe to show."""
        at = 0
        while at < len(lines):
            at = self._take(lines, at)
        self._end_paragraph()
        return self._rows

    def _take(self, lines: list[str], at: int) -> int:
        """Draw the block or the line at an index; return the index after it."""
        line = lines[at]
        if not line.strip():
            self._end_paragraph()
            self._loose = True
            return at + 1
        if (fence := _FENCE.match(line)) is not None:
            return self._code(lines, at, fence[1])
        if (heading := _HEADING.match(line)) is not None:
            self._begin(loose=True)
            style = replace(self._look.theme.title, bold=True)
            self._wrap(_inline(heading[2] or "", style, self._look))
            return at + 1
        if (quote := _QUOTE.match(line)) is not None and self._depth < _DEEPEST:
            return self._quote(lines, at, quote[1])
        is_table = "|" in line and at + 1 < len(lines) and "|" in lines[at + 1]
        if is_table and not self._paragraph and _DELIMITER.match(lines[at + 1]):
            return self._table(lines, at)
        if _RULE.match(line) and not (self._paragraph and line.strip()[0] == "-"):
            self._begin()
            self._rows.append(
                (Span(self._look.signs.rule * self._columns, self._look.theme.rule),)
            )
            return at + 1
        if (item := _ITEM.match(line)) is not None:
            self._end_paragraph()
            if not self._in_list or self._loose:
                self._begin()
            self._in_list = True
            self._item = (len(item[1].expandtabs(4)), item[2])
            self._paragraph = [item[3]]
            return at + 1
        is_code = line.startswith(_CODE_INDENT) and not self._paragraph
        if is_code and not self._in_list:
            return self._indented(lines, at)
        if not self._paragraph and self._item is None:
            self._begin()
            if self._in_list and line[:1].isspace():
                # A further paragraph of a list item.
                self._item = (len(line) - len(line.lstrip()), "")
            else:
                self._in_list = False
        self._paragraph.append(line)
        return at + 1

    def _begin(self, *, loose: bool = False) -> None:
        """Begin a block, with an empty row before it unless it is the first."""
        self._end_paragraph()
        if self._rows and (self._loose or loose):
            self._rows.append(())
        self._loose = False

    def _wrap(self, spans: list[Span], lead: str = "", hang: int = 0) -> None:
        room = max(1, self._columns - hang)
        rows = wrap_spans(spans, room) or [()]
        blank = Span(" " * hang)
        first = Span(pad(lead, hang), self._look.theme.faint)
        for number, row in enumerate(rows):
            before = (first if number == 0 else blank,) if hang else ()
            self._rows.append((*before, *row))

    def _end_paragraph(self) -> None:
        if not self._paragraph and self._item is None:
            return
        lines, self._paragraph = self._paragraph, []
        item, self._item = self._item, None
        hang, lead = 0, ""
        if item is not None:
            indent, marker = item
            if marker in {"-", "*", "+"}:
                marker = "-" if self._look.is_ascii else "•"
            lead = " " * min(indent, self._columns // 4) + marker
            hang = width(lead) + (1 if marker else 0)
        if hang > self._columns // 2:
            hang, lead = 0, ""
        for part in _joined(lines):
            self._wrap(_inline(part, self._look.theme.text, self._look), lead, hang)
            lead = ""

    def _code(self, lines: list[str], at: int, mark: str) -> int:
        self._begin(loose=not self._in_list)
        indent = len(lines[at]) - len(lines[at].lstrip())
        at += 1
        while at < len(lines):
            line = lines[at]
            at += 1
            closing = _FENCE.match(line)
            if closing and closing[1].startswith(mark) and not closing[2].strip():
                break
            spaces = len(line) - len(line.lstrip())
            self._code_line(line[min(indent, spaces) :])
        self._loose = True
        return at

    def _indented(self, lines: list[str], at: int) -> int:
        self._begin()
        while at < len(lines) and lines[at].startswith(_CODE_INDENT):
            self._code_line(lines[at].removeprefix(_CODE_INDENT))
            at += 1
        return at

    def _code_line(self, line: str) -> None:
        indent = 2 if self._columns > 2 * _LEAST_COLUMN else 0
        style = self._look.theme.command
        for part in cut(line.rstrip(), self._columns - indent) or [""]:
            self._rows.append((Span(" " * indent), Span(part, style)))

    def _quote(self, lines: list[str], at: int, first: str) -> int:
        self._begin()
        inside = [first]
        at += 1
        while at < len(lines) and (quote := _QUOTE.match(lines[at])) is not None:
            inside.append(quote[1])
            at += 1
        # Without room for the edge and a wide character, omit the edge.
        edge = f"{self._look.signs.edge} " if self._columns >= _LEAST_COLUMN else ""
        columns = self._columns - width(edge)
        blocks = _Blocks(self._look, columns, self._depth + 1)
        span = Span(edge, self._look.theme.faint)
        self._rows += [(span, *row) for row in blocks.rows(inside)]
        return at

    def _table(self, lines: list[str], at: int) -> int:
        self._begin(loose=True)
        table = [_cells(lines[at])]
        at += 2
        while at < len(lines) and "|" in lines[at]:
            table.append(_cells(lines[at]))
            at += 1
        count = len(table[0])
        look = self._look
        head = replace(look.theme.title, bold=True)
        drawn = [
            [
                _inline(it, look.theme.text if number else head, look)
                for it in (row + [""] * count)[:count]
            ]
            for number, row in enumerate(table)
        ]
        widths = self._column_widths(drawn)
        for number, row in enumerate(drawn):
            self._table_row(row, widths)
            if number == 0:
                rules = [look.signs.rule * it for it in widths]
                rule = (look.signs.rule + "+" + look.signs.rule).join(rules)
                joint = "+" if look.is_ascii else "┼"
                ruled = (Span(rule.replace("+", joint), look.theme.rule),)
                self._rows.append(clip_row(ruled, self._columns))
        self._loose = True
        return at

    def _column_widths(self, drawn: list[list[list[Span]]]) -> list[int]:
        widths = [
            max(1, *(row_width(row[column]) for row in drawn))
            for column in range(len(drawn[0]))
        ]
        room = self._columns - 3 * (len(widths) - 1)
        while sum(widths) > room and max(widths) > _LEAST_COLUMN:
            # Shrink the widest column to the width of the next.
            widest = max(widths)
            next_one = max((it for it in widths if it < widest), default=_LEAST_COLUMN)
            over, many = sum(widths) - room, widths.count(widest)
            less = max(next_one, _LEAST_COLUMN, widest - -(-over // many))
            widths = [less if it == widest else it for it in widths]
        return widths

    def _table_row(self, row: list[list[Span]], widths: list[int]) -> None:
        look = self._look
        cells = [
            wrap_spans(spans, it) or [()] for spans, it in zip(row, widths, strict=True)
        ]
        bar = Span(f" {look.signs.edge} ", look.theme.rule)
        for number in range(max(map(len, cells))):
            spans: list[Span] = []
            for column, cell in enumerate(cells):
                if column:
                    spans.append(bar)
                part = cell[number] if number < len(cell) else ()
                rest = widths[column] - row_width(part)
                spans += [*part, Span(" " * rest)]
            self._rows.append(clip_row(tuple(spans), self._columns))


def _joined(lines: list[str]) -> list[str]:
    """Join the lines of a paragraph, except at hard breaks."""
    parts = [""]
    for number, line in enumerate(lines):
        text = line.strip()
        hard = line.endswith("  ") or text.endswith("\\")
        parts[-1] += (" " if parts[-1] else "") + text.removesuffix(
            "\\" if hard else ""
        )
        if hard and number + 1 < len(lines):
            parts.append("")
    return parts


def _cells(line: str) -> list[str]:
    text = line.strip().removeprefix("|")
    if text.endswith("|") and not text.endswith("\\|"):
        text = text[:-1]
    cells = [""]
    for part in re.split(r"(\\\||`[^`]*`|\|)", text):
        if part == "|":
            cells.append("")
        else:
            cells[-1] += "|" if part == "\\|" else part
    return [it.strip() for it in cells]


def _inline(text: str, style: Style, look: Look, depth: int = 0) -> list[Span]:
    """Return the styled parts of a line of text."""
    spans: list[Span] = []
    at = 0
    if depth < _DEEPEST:
        for match in _INLINE.finditer(text):
            if match.start() > at:
                spans.append(Span(text[at : match.start()], style))
            spans += _part(match, style, look, depth)
            at = match.end()
    if at < len(text):
        spans.append(Span(text[at:], style))
    return spans


def _part(match: re.Match[str], style: Style, look: Look, depth: int) -> list[Span]:
    for name, change in _EMPHASIS.items():
        if match[name] is not None:
            return _inline(match[name], replace(style, **change), look, depth + 1)
    if match["escaped"] is not None:
        return [Span(match["escaped"], style)]
    if match["code"] is not None:
        code = match["code"]
        if code.startswith(" ") and code.endswith(" ") and code.strip():
            code = code[1:-1]
        return [Span(code, look.theme.command)]
    if match["address"] is not None:
        return [Span(match["address"], replace(style, underline=True))]
    target, label = match["target"], match["label"]
    link = _inline(label, replace(style, underline=True), look, depth + 1)
    if label == target or not label:
        return [Span(target, replace(style, underline=True))]
    return [*link, Span(f" ({target})", look.theme.faint)]
