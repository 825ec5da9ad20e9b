"""Decode keys, pastes and mouse events from the bytes of a terminal."""

from __future__ import annotations

import codecs
import re
import time
from typing import TYPE_CHECKING, Final

from .key_sequences import (
    ALT,
    ESC,
    SS3_NAMES,
    csi_event,
    key_of,
    modified,
    modifiers_of,
    terminal_answer,
)
from .keys import Event, Key
from .open_paste import OpenPaste

if TYPE_CHECKING:
    from collections.abc import Callable

ESCAPE_WAIT: Final = 0.1
"""Seconds after which a lone ESC is the Escape key; safe over ssh."""

SEQUENCE_WAIT: Final = 1.0
"""Seconds within which the rest of a sequence may follow its ESC on a slow line."""

PASTE_STALL: Final = 0.1
"""Seconds without input after which the end of a paste may be lost."""

_STRINGS: Final = "]PX^_"  # after ESC: OSC, DCS, SOS, PM and APC
_LONGEST_SEQUENCE: Final = 512
_PASTE_BEGINS: Final = "200"
_X10_REPORT: Final = len("\x1b[Mbxy")
# The start of a terminal's sequence; a person could not type it as fast.
_LATE_SEQUENCE: Final = re.compile(
    r"\x1b(?:\[[<=>?]?[0-9;:]*\$?|O[0-9;]*|\](?:[0-9]+(?:;[^\x00-\x1f]*)?)?)"
)
_LATE_OPENERS: Final = "[O]"
_LATE_DROPPED: Final = "~uycnRtMm"
_INTERRUPTS: Final = "\x03\x04\x1b"


class KeyDecoder:
    """Decodes the bytes of a terminal into events; reads may split sequences anywhere.

    Takes linear time, and buffers less than a kilobyte, except for a paste. Unknown
    sequences are dropped; invalid UTF-8 is replaced.

    A lone ESC is the Escape key after `ESCAPE_WAIT`. If it was the first byte of a
    sequence on a slow line, the rest is still decoded as this sequence within
    `SEQUENCE_WAIT`, not as typed text. A paste that has lost its end is ended by
    Ctrl+C, Ctrl+D or Escape, pressed while no other input arrives.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._clock = clock
        self._held = ""
        self._late = False  # an Escape was returned before the held characters
        self._late_until = 0.0
        self._paste: OpenPaste | None = None
        self._interrupt = ""
        self._fed = 0.0
        self._deadline: float | None = None
        self._events: list[Event] = []

    @property
    def deadline(self) -> float | None:
        """The time to call `flush` unless input arrives earlier; None for never."""
        return self._deadline

    def feed(self, data: bytes) -> list[Event]:
        """Decode bytes; return the complete events."""
        now = self._clock()
        text = self._decoder.decode(data)
        if self._paste and self._interrupts(text, now):
            return []
        text, self._interrupt = self._interrupt + text, ""
        if text and self._late_until:
            if now <= self._late_until and text[0] in _LATE_OPENERS:
                self._held, self._late = ESC, True
            self._late_until = 0.0
        at = 0
        while at < len(text):
            if self._paste:
                at = self._take_pasted(self._paste, text, at)
            elif self._held:
                self._take_held(text[at])
                at += 1
            else:
                self._take_char(text[at])
                at += 1
        self._fed = now
        wait = self._patience(text)
        self._deadline = None if wait is None else now + wait
        return self._taken()

    def flush(self) -> list[Event]:
        """Return the events of held characters, since no input has followed in time."""
        self._deadline = None
        if self._interrupt and self._paste:
            self._events.append(self._paste.close())
            self._paste = None
            text, self._interrupt = self._interrupt, ""
            for char in text:
                if self._held:
                    self._take_held(char)
                else:
                    self._take_char(char)
        if self._is_pending:
            self._late_until = self._clock() + SEQUENCE_WAIT if self._is_escape else 0.0
            self._give_up()
        return self._taken()

    @property
    def _is_escape(self) -> bool:
        return self._held == ESC and not self._late

    @property
    def _is_pending(self) -> bool:
        # Only keys that a person can have typed: a longer sequence comes from the
        # terminal, and its end will follow.
        return bool(self._held) and (self._late or len(self._held) <= len("\x1b["))

    def _patience(self, text: str) -> float | None:
        """Return how many seconds to wait for more input; None for no limit."""
        if self._paste:
            # A paste ends with its end marker, unless the marker is lost.
            lost = text.endswith(("\x03", "\x04")) and not self._paste.is_ending
            self._interrupt = self._paste.take_back(_INTERRUPTS[:2]) if lost else ""
            return SEQUENCE_WAIT if lost else None
        if not self._is_pending:
            return None
        is_key = self._held == ESC or self._held[1] not in _LATE_OPENERS
        return ESCAPE_WAIT if is_key and not self._late else SEQUENCE_WAIT

    def _interrupts(self, text: str, now: float) -> bool:
        """Return whether the input looks like a key that ends a stuck paste."""
        pressed = self._interrupt + text
        if not text or pressed.strip(_INTERRUPTS) or now - self._fed < PASTE_STALL:
            return False
        self._interrupt = pressed
        self._deadline = now + ESCAPE_WAIT
        return True

    def _taken(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    def _take_char(self, char: str) -> None:
        if char == ESC:
            self._held = ESC
        elif key := key_of(char):
            self._events.append(key)

    def _take_held(self, char: str) -> None:
        """Add a character to a sequence that began with ESC."""
        held = self._held
        if self._late:
            self._take_late(char)
        elif len(held) == 1:
            self._take_second(char)
        elif held[1] in _STRINGS:
            self._take_string(char)
        elif held.startswith("\x1b[M"):
            self._held = held + char
            if len(self._held) == _X10_REPORT:
                self._held = ""
        elif char < " " or char > "~" or len(held) == _LONGEST_SEQUENCE:
            self._give_up()
            self._take_char(char)
        elif held[1] == "O":
            self._take_ss3(char)
        else:
            self._take_csi(char)

    def _take_late(self, char: str) -> None:
        """Add a character to a sequence whose ESC was returned as a key."""
        held = self._held + char
        if len(held) > _LONGEST_SEQUENCE:
            self._give_up()
            self._take_char(char)
        elif _LATE_SEQUENCE.fullmatch(held):
            self._held = held
        elif held[1] == "]" and (char == "\a" or held.endswith("\x1b\\")):
            self._late = False
            self._take_string(char)
        elif held[1] == "]" and char == ESC:
            self._held = held
        elif held[1] != "]" and _LATE_SEQUENCE.fullmatch(self._held):
            self._end_late(held, char)
        else:
            self._give_up()
            self._take_char(char)

    def _end_late(self, held: str, final: str) -> None:
        parameters = held[2:-1]
        known = final in _LATE_DROPPED and parameters.strip("<=>?$")
        if held[1] == "O":
            known = final in SS3_NAMES
        elif final != "M" or parameters:
            known = known or csi_event(parameters, final) is not None
        if not known:
            self._give_up()
            self._take_char(final)
            return
        self._late = False
        if held[1] == "O":
            self._take_ss3(final)
        else:
            self._take_csi(final)

    def _take_second(self, char: str) -> None:
        if char == ESC:
            self._events.append(Key("escape"))
        elif char in f"[O{_STRINGS}":
            self._held += char
        else:
            self._held = ""
            if key := key_of(char):
                self._events.append(Key(modified(key.name, ALT)))

    def _take_string(self, char: str) -> None:
        ended = self._held.endswith(ESC)
        if char == "\a" or (ended and char == "\\"):
            if answer := terminal_answer(self._held):
                self._events.append(answer)
            self._held = ""
        elif ended:
            self._held = ESC
            self._take_held(char)
        elif (
            (char < " " and char != ESC)
            or len(self._held) == _LONGEST_SEQUENCE
            or (self._held == "\x1b]" and not char.isalnum())
        ):
            self._give_up()
            self._take_char(char)
        else:
            self._held += char

    def _take_ss3(self, char: str) -> None:
        if char in "0123456789;":
            self._held += char
            return
        modifiers = self._held[2:].rpartition(";")[2]
        name = SS3_NAMES.get(char)
        if name is None:
            self._give_up()
            self._take_char(char)
            return
        self._held = ""
        self._events.append(Key(modified(name, modifiers_of(modifiers))))

    def _take_csi(self, char: str) -> None:
        if char < "@" or (char == "[" and len(self._held) == len("\x1b[")):
            self._held += char
            return
        parameters = self._held[2:]
        self._held = ""
        if char == "M" and not parameters:
            self._held = "\x1b[M"
        elif char == "~" and parameters == _PASTE_BEGINS:
            self._paste = OpenPaste()
        elif event := csi_event(parameters, char):
            self._events.append(event)

    def _take_pasted(self, paste: OpenPaste, text: str, at: int) -> int:
        at, ended = paste.take(text, at)
        if ended:
            self._events.append(paste.close())
            self._paste = None
        return at

    def _give_up(self) -> None:
        """Decode the held characters as typed keys, if possible."""
        held, self._held = self._held, ""
        late, self._late = self._late, False
        if late:
            # The Escape key was returned before.
            self._events += [key for char in held[1:] if (key := key_of(char))]
        elif held == ESC:
            self._events.append(Key("escape"))
        elif len(held) == len("\x1b["):
            self._events.append(Key(f"alt-{held[1]}"))
