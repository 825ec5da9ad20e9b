"""How long the keeper waits before it starts another host."""

_SHORTEST_PAUSE = 0.1  # seconds, before a host that follows one that never served
_LONGEST_PAUSE = 30.0
_AT_ONCE = 20  # hosts that served and died that are replaced without a pause
_PAYS_BACK = 1.0  # seconds after which one more of them is
_LONGEST_AFTER_SERVICE = 2.0  # clients wait for the next


class Pauses:
    """The pauses between one host and the next."""

    def __init__(self) -> None:
        self.in_vain = 0
        """How many hosts have died one after the other that never served."""
        self._at_once = float(_AT_ONCE)

    def next(self, lived: float, *, served: bool) -> float:
        """Return the seconds until the host that has died is replaced.

        Clients wait for it: after one that served there is no pause, unless such hosts
        die faster than one a second for a while. After one that never served it is
        longer each time.
        """
        if not served:
            self.in_vain += 1
            longer = _SHORTEST_PAUSE * 2 ** min(self.in_vain - 1, 20)
            return min(longer, _LONGEST_PAUSE)
        self.in_vain = 0
        self._at_once = min(_AT_ONCE, self._at_once + lived / _PAYS_BACK) - 1
        return min(max(0.0, -self._at_once * _PAYS_BACK), _LONGEST_AFTER_SERVICE)
