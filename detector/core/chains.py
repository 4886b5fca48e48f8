"""The chains of stages that a model can be trained for."""

from detector.core.stage import Chain
from detector.core.stages.account import ACCOUNT
from detector.core.stages.source import SOURCE
from detector.core.stages.wallet import WALLET

#: Accounts only, if there are no wallet events.
ACCOUNT_CHAIN = Chain((ACCOUNT,))
#: Also the history of the event's wallet.
WALLET_CHAIN = Chain((ACCOUNT, WALLET))
#: Also the events from the same address or device.
SOURCE_CHAIN = Chain((ACCOUNT, WALLET, SOURCE))
#: Shortest first; the longest is the default.
CHAINS = (ACCOUNT_CHAIN, WALLET_CHAIN, SOURCE_CHAIN)


def chain_of(name: str) -> Chain:
    """The chain of that name; KeyError if there is none."""
    return {chain.name: chain for chain in CHAINS}[name]
