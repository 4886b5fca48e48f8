"""The canary: events of a reserved bank that always alert, to prove the path from topic to alert.

They are events as any other and touch rows of their own alone: reserved accounts, wallets of a reserved service, no
source. Their alerts go to nobody who did not ask for the reserved bank.
"""

from detector.contract.events import Link

#: No bank has this Zengin code.
BANK = "9998"
SERVICE = "canary"
#: One a minute, each again after 25 hours: within 24 a second alert of an account would be an update of its case.
ACCOUNTS = 1_500
MINUTE_MS = 60_000
_FIRST = 0xCA4A_0000_0000_0000
_PREFIX = f"{_FIRST:016x}"[:12].encode()


def is_canary(account: bytes) -> bool:
    """Whether an account is one of the reserved ones; of keyed hashes one in 2^48 would be taken for one."""
    return account.startswith(_PREFIX)


def canary_of(minute: int) -> Link:
    """The event of that minute since 1970: a link that failed, in which no money is."""
    number, at_ms = minute % ACCOUNTS, minute * MINUTE_MS
    wallet = f"canary-{number}"
    account = f"{_FIRST + number:016x}"
    opened_ms = at_ms - MINUTE_MS
    return Link(
        f"canary-{minute}", at_ms, SERVICE, wallet, opened_ms, False, "", BANK, account, "pin4", "wrong_credentials"
    )
