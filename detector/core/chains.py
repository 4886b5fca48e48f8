"""The chains of stages that a model can be trained for."""

from detector.core.stage import Chain
from detector.core.stages.account import ACCOUNT
from detector.core.stages.source import SOURCE
from detector.core.stages.wallet import WALLET

#: Accounts alone: where no wallet events are to be had.
ACCOUNT_CHAIN = Chain((ACCOUNT,))
#: An account's event seen beside all that its wallet did.
WALLET_CHAIN = Chain((ACCOUNT, WALLET))
#: Beside that, what came from the same address or device.
SOURCE_CHAIN = Chain((ACCOUNT, WALLET, SOURCE))
#: From the shortest to the longest, which is the one to use.
CHAINS = (ACCOUNT_CHAIN, WALLET_CHAIN, SOURCE_CHAIN)


def chain_of(name: str) -> Chain:
    """The chain of that name; KeyError where there is none."""
    return {chain.name: chain for chain in CHAINS}[name]
