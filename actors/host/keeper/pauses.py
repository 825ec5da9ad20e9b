"""The pauses before the keeper starts another host."""

_SHORTEST_PAUSE = 0.1  # seconds, after a host that never served
_LONGEST_PAUSE = 30.0
_AT_ONCE = 20  # hosts that served and died that are replaced without a pause
_PAYS_BACK = 1.0  # seconds of a host's life that earn one more of them
_LONGEST_AFTER_SERVICE = 2.0  # seconds; clients wait for the next host


class Pauses:
    """Computes the pauses between one host and the next."""

    def __init__(self) -> None:
        self.in_vain = 0
        """Number of consecutive hosts that died without having served."""
        self._at_once = float(_AT_ONCE)

    def next(self, lived: float, *, served: bool) -> float:
        """Return the seconds until the host that has died is replaced.

        Clients wait for it: after a host that served there is no pause, unless such
        hosts die faster than one per second for a while. After hosts that never served
        the pause grows each time.
        """
        if not served:
            self.in_vain += 1
            longer = _SHORTEST_PAUSE * 2 ** min(self.in_vain - 1, 20)
            return min(longer, _LONGEST_PAUSE)
        self.in_vain = 0
        self._at_once = min(_AT_ONCE, self._at_once + lived / _PAYS_BACK) - 1
        return min(max(0.0, -self._at_once * _PAYS_BACK), _LONGEST_AFTER_SERVICE)
