"""How thieves spend what they took: in shops, through a buyer, or by wallets that send it on to a collector."""

import numpy as np

from detector.contract.vocabulary import OK, PAYMENT, TRANSFER
from models.worlds.settled.log import DAY_MS, HOUR_MS, MINUTE_MS, NONE, Ints, Log, Rng, join, log
from models.worlds.settled.people import OLD_DAYS, together, wallets
from models.worlds.settled.plans import PLANS
from models.worlds.settled.spending import any_shops
from models.worlds.settled.thieves import Thefts
from models.worlds.settled.town import Town

#: Spending begins within 5 minutes to 6 hours of the last debit, and nine tenths are spent, as owners spend. Assumed.
AFTER_MS, SPENT = (5 * MINUTE_MS, 6 * HOUR_MS), 0.9
#: In shops one to four payments; a buyer makes 5 to 15 within a day (arrests of January 2021), each of at most 49,999
#: yen, the limit of a barcode payment.
PAYMENTS, BUYERS_PAYMENTS, MOST_YEN = (1, 5), (5, 16), 49_999
#: A first report of 2020 tells of wallets that sent money on to two to six others, and those to one collector.
FAN = (2, 7)


def thieves_spending(thefts: Thefts, debits: Log, rng: Rng) -> tuple[Town, Log]:
    """What became of the successful `debits`; the town with the wallets of those who received."""
    town = thefts.town
    stolen = debits.where((debits.case >= 0) & (debits.result == OK))
    spending: list[Log] = [log(np.empty(0, np.int64), PAYMENT)]
    for case, wallet in np.unique(np.stack([stolen.case, stolen.wallet]), axis=1).T.tolist():
        of_it = stolen.where((stolen.case == case) & (stolen.wallet == wallet))
        begin_ms = int(of_it.at_ms.max() + rng.integers(*AFTER_MS))
        yen = int(SPENT * of_it.amount_yen.sum())
        common = {"case": case, "wallet": wallet, "source": int(thefts.sources[case])}
        spend = PLANS[thefts.plans[case]].spend
        if spend == "fan_out":
            town, fan = _fan(town, begin_ms, yen, common, rng)
            spending.append(fan)
        elif spend == "buyer":
            common["source"] = _phone(town, case, begin_ms, rng)
            spending.append(_payments(town, begin_ms, _parts(yen, BUYERS_PAYMENTS, rng), DAY_MS, common, rng))
        else:
            spending.append(_payments(town, begin_ms, _parts(yen, PAYMENTS, rng), AFTER_MS[1], common, rng))
    return town, join(*spending)


def _phone(town: Town, case: int, at_ms: int, rng: Rng) -> int:
    """The carrier's address of the buyer's phone."""
    region = rng.integers(0, town.whereabouts.regions, 1)
    return int(town.whereabouts.carrier(region, np.array([case]), np.array([at_ms]))[0])


def _parts(yen: int, count: tuple[int, int], rng: Rng) -> Ints:
    part = rng.dirichlet(np.full(rng.integers(*count), 3.0))
    return np.maximum(1, yen * part).astype(np.int64)


def _payments(town: Town, begin_ms: int, yen: Ints, within_ms: int, common: dict[str, int], rng: Rng) -> Log:
    at_ms = begin_ms + np.sort(rng.integers(0, within_ms, len(yen)))
    return log(at_ms, PAYMENT, amount_yen=np.minimum(yen, MOST_YEN), shop=any_shops(town, len(yen), rng), **common)


def _fan(town: Town, begin_ms: int, yen: int, common: dict[str, int], rng: Rng) -> tuple[Town, Log]:
    """Transfers to wallets of years ago, lent by their owners, and on from them to the last one."""
    parts = _parts(yen, FAN, rng)
    n = len(parts)
    service = np.full(n + 1, town.wallets.service[common["wallet"]])
    opened = -rng.integers(OLD_DAYS[0] * DAY_MS, OLD_DAYS[1] * DAY_MS, n + 1)
    lent = town.wallets.size + np.arange(n)
    town = town._replace(wallets=together(town.wallets, wallets(np.full(n + 1, NONE), service, opened, opened, rng)))
    at_ms = begin_ms + np.sort(rng.integers(0, HOUR_MS, n))
    out = log(at_ms, TRANSFER, amount_yen=parts, counterparty=lent, **common)
    later_ms = at_ms + rng.integers(*AFTER_MS, n)
    lenders = rng.integers(0, town.people.size, n)
    on = log(
        later_ms,
        TRANSFER,
        amount_yen=parts,
        wallet=lent,
        source=town.whereabouts.home(lenders, later_ms),
        counterparty=town.wallets.size - 1,
        case=common["case"],
    )
    return town, join(out, on)
