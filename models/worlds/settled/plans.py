"""What thieves do, as a table. Names are those of the fraud patterns of 2020 that fit people whom everybody knows."""

from typing import Literal, NamedTuple

from models.worlds.settled.log import DAY_MS, HOUR_MS, MINUTE_MS

Spend = Literal["shops", "buyer", "fan_out"]


class Plan(NamedTuple):
    """One typology; ranges are from … until before.

    `wallets` new ones are linked one after the other (0: the victim's own is used), `apart_ms` apart; the first debit
    comes `wait_ms` after the link; `tests` small debits come first; then `debits` large ones for each wallet.
    """

    typology: str
    help: str
    wallets: tuple[int, int]
    wait_ms: tuple[int, int]
    tests: tuple[int, int]
    debits: tuple[int, int]
    apart_ms: tuple[int, int]
    one_service: bool
    spend: Spend


SOON, ZERO, ONCE = (MINUTE_MS, 3 * HOUR_MS), (0, 1), (1, 2)
DRAIN, APART = (4, 11), (5 * MINUTE_MS, 6 * HOUR_MS)

#: Counts and waits are those of the press where it told any (a link is followed within minutes; a sleeper by days), and
#: assumed elsewhere: sums are smaller than in 2020, so there are more of them until a wallet's cap is near.
PLANS = (
    Plan("T1", "a wallet new to the account, drained soon", ONCE, SOON, ZERO, DRAIN, APART, True, "shops"),
    Plan("T6", "linked now, drained days later", ONCE, (DAY_MS, 20 * DAY_MS), ZERO, DRAIN, APART, True, "shops"),
    Plan("T7", "unlinked and linked to the next wallet", (2, 4), SOON, ZERO, (3, 7), APART, True, "shops"),
    Plan("T8", "the owner's wallet; a buyer spends it in shops", ZERO, SOON, ZERO, DRAIN, APART, True, "buyer"),
    Plan("T9", "the owner's wallet; sent on to a collector", ZERO, SOON, ZERO, DRAIN, APART, True, "fan_out"),
    Plan("T10", "wallets at several services in a day", (2, 5), SOON, ZERO, (1, 5), APART, False, "shops"),
    Plan("T11", "tests of small sums, then the drain", ZERO, SOON, (1, 3), DRAIN, APART, True, "shops"),
    Plan("T12", "the owner's wallet, drained", ZERO, SOON, ZERO, DRAIN, APART, True, "shops"),
)
