"""Own budgets of banks as people write them; without numpy, for settings."""

import re
from collections.abc import Iterable

from detector.errors import UserError

_OWN = re.compile(r"([0-9]{4})=([0-9]+(?:\.[0-9]+)?)")


def parse_own(given: Iterable[str]) -> dict[str, float]:
    """Own budgets by bank from texts such as `0116=2`; raises UserError if one is invalid or a bank is given twice."""
    own: dict[str, float] = {}
    for text in given:
        found = _OWN.fullmatch(text)
        if found is None or not float(found[2]) > 0 or found[1] in own:
            raise UserError(
                f"got the bank budget {text!r}, expected a four-digit code and false alert groups a day, each bank"
                " once, such as 0116=2"
            )
        own[found[1]] = float(found[2])
    return own
