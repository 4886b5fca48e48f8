"""Links of owners: new wallets, new phones, and the consent that a service asks for again each year."""

import numpy as np

from detector.contract.vocabulary import LINK, OK, OPEN, UNLINK
from models.worlds.settled.episodes import NEVER
from models.worlds.settled.habits import moments
from models.worlds.settled.log import DAY_MS, MINUTE_MS, Ints, Log, Rng, join, log, with_mistakes
from models.worlds.settled.town import Town

#: With a new phone a wallet is linked again within three days; one in four is unlinked first. Assumed.
RELINKED, RELINKED_MS, UNLINKED_FIRST = 0.8, 3 * DAY_MS, 0.25
#: The consent to debit an account lasts a year at most services. Assumed.
CONSENT_DAYS = 365


def owners_links(town: Town, rng: Rng) -> Log:
    """Opens, links and unlinks of owners."""
    return join(_new_wallets(town, rng), _new_phones(town, rng), _consents(town, rng))


def _new_wallets(town: Town, rng: Rng) -> Log:
    wallets = town.wallets
    begins_ms = town.days[0] * DAY_MS
    new, linked = np.flatnonzero(wallets.opened_ms > begins_ms), np.flatnonzero(wallets.linked_ms > begins_ms)
    source = town.sources(wallets.account[new], wallets.opened_ms[new], rng)
    opens = log(wallets.opened_ms[new], OPEN, wallet=new, source=source)
    return join(opens, _links(town, wallets.linked_ms[linked], linked, rng))


def _new_phones(town: Town, rng: Rng) -> Log:
    people, phone = town.people, town.episodes.new_phone
    wallet = np.flatnonzero((phone[town.wallets.account] < NEVER) & (rng.random(town.wallets.size) < RELINKED))
    account = town.wallets.account[wallet]
    at_ms = (phone[account] * DAY_MS).astype(np.int64) + rng.integers(0, RELINKED_MS, len(wallet))
    wallet, at_ms, account = (column[at_ms > town.wallets.linked_ms[wallet]] for column in (wallet, at_ms, account))
    region = town.whereabouts.regions_of(account, at_ms)
    source = np.where(
        rng.random(len(wallet)) < people.at_home[account],
        town.whereabouts.home(account, at_ms),
        town.whereabouts.carrier(region, account, at_ms),
    )
    links = log(at_ms, LINK, account=account, wallet=wallet, source=source, result=OK)
    first = links.where(rng.random(links.size) < UNLINKED_FIRST)
    unlinks = log(first.at_ms - 5 * MINUTE_MS, UNLINK, account=first.account, wallet=first.wallet, source=first.source)
    return join(with_mistakes(links, rng), unlinks)


def _consents(town: Town, rng: Rng) -> Log:
    first, last = town.days
    wallet = np.flatnonzero(rng.random(town.wallets.size) < (last - first) / CONSENT_DAYS)
    day = rng.integers(first, last, len(wallet))
    at_ms = moments(town.people, town.episodes, town.wallets.account[wallet], day, rng)
    later = at_ms > town.wallets.linked_ms[wallet]
    return _links(town, at_ms[later], wallet[later], rng)


def _links(town: Town, at_ms: Ints, wallet: Ints, rng: Rng) -> Log:
    account = town.wallets.account[wallet]
    source = town.sources(account, at_ms, rng)
    return with_mistakes(log(at_ms, LINK, account=account, wallet=wallet, source=source, result=OK), rng)
