"""Chains of stages: found by name, their features side by side, no two of one name."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from detector.core.chains import CHAINS, WALLET_CHAIN, chain_of
from detector.core.stage import Chain, Stage
from detector.core.stages.account import ACCOUNT
from detector.core.stages.wallet import WALLET


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_chains_are_found_by_name(chain: Chain) -> None:
    assert chain is chain_of(chain.name)


def test_an_unknown_chain_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        chain_of("wallet")


def renamed(stage: Stage) -> Stage:
    return replace(stage, name="again")


@pytest.mark.parametrize("twice", [lambda: Chain((ACCOUNT, renamed(ACCOUNT))), lambda: Chain((WALLET, WALLET))])
def test_two_features_of_one_name_are_refused(twice: Callable[[], Chain]) -> None:
    with pytest.raises(ValueError, match="features of one name"):
        twice()


def test_the_width_of_the_first_stages_adds_up() -> None:
    assert [0, len(ACCOUNT.features), len(WALLET_CHAIN.features)] == [WALLET_CHAIN.width(n) for n in range(3)]
    assert WALLET_CHAIN.feature_names == (*ACCOUNT.feature_names, *WALLET.feature_names)
