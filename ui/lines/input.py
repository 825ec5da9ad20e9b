"""Read lines from a file descriptor, with a maximum length."""

from __future__ import annotations

import codecs
import os
from typing import Final

from ..dialogue.messages import BadInput, EndOfInput, InputLine

CHUNK: Final = 1 << 16
"""Maximum bytes of one read."""

LONGEST_LINE: Final = 1 << 20
"""Maximum length of a line, in bytes."""


class LineInput:
    """Splits the data of a file descriptor into lines."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._rest = bytearray()
        self._number = 0
        self._skipping = False

    def read(self) -> list[InputLine | BadInput | EndOfInput]:
        """Read once and return the complete lines.

        Blocks if there is nothing to read. The last line of a file is complete even
        without a line break; `EndOfInput` follows it, or the error of a failed read.
        """
        try:
            data = os.read(self.fd, CHUNK)
        except OSError as error:
            problem = f"can't read the input ({error.strerror}); no more is read"
            return [BadInput(problem), EndOfInput()]
        return self.take(data)

    def take(self, data: bytes) -> list[InputLine | BadInput | EndOfInput]:
        """Return the lines that data completes; empty data is the end."""
        if not data:
            last = bytes(self._rest)
            self._rest.clear()
            # Drop the end of a line that was too long.
            unread = [self._decode(last)] if last and not self._skipping else []
            return [*unread, EndOfInput()]
        self._rest += data
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest
        found: list[InputLine | BadInput | EndOfInput] = []
        for line in lines:
            if self._skipping:
                self._skipping = False
                continue
            found.append(self._decode(bytes(line)))
        if len(self._rest) > LONGEST_LINE:
            self._rest.clear()
            if not self._skipping:
                self._skipping = True
                found.append(self._too_long())
        return found

    def _decode(self, line: bytes) -> InputLine | BadInput:
        if len(line) > LONGEST_LINE:
            return self._too_long()
        self._number += 1
        if self._number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        try:
            return InputLine(line.decode().removesuffix("\r"))
        except UnicodeDecodeError as error:
            return BadInput(
                f"line {self._number} is not valid UTF-8 (byte {error.start + 1} is"
                f" 0x{line[error.start]:02x}); it was not run: save it as UTF-8"
            )

    def _too_long(self) -> BadInput:
        self._number += 1
        return BadInput(
            f"line {self._number} is longer than {LONGEST_LINE >> 20} MiB; it was not"
            " run: put the command into a script"
        )
