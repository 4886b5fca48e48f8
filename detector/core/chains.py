"""The chains of stages that a model can be trained for."""

from detector.core.stage import Chain
from detector.core.stages.account import ACCOUNT

#: Accounts alone, from the account events. Later stages are added behind it.
ACCOUNT_CHAIN = Chain((ACCOUNT,))
CHAINS = (ACCOUNT_CHAIN,)


def chain_of(name: str) -> Chain:
    """The chain of that name; KeyError where there is none."""
    return {chain.name: chain for chain in CHAINS}[name]
