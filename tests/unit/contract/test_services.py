import re

import numpy as np
import pytest

from detector.contract.hashing import hash64
from detector.contract.services import (
    FIRST_UNKNOWN,
    NO_SERVICE,
    is_service,
    known_codes,
    known_service,
    service_codes,
)
from detector.contract.vocabulary import OTHER, SERVICE, SERVICES

NEXT_YEARS = ("new-pay", "2027.wallet", "_", "z" * 32)


def test_known_services_have_the_code_of_their_place() -> None:
    codes = service_codes(SERVICES)
    assert list(range(8)) == codes.tolist()
    assert np.uint16 == codes.dtype


def test_any_other_name_has_a_code_from_its_hash_whatever_else_is_in_the_chunk() -> None:
    expected = [256 + hash64(name) % (65_535 - 256) for name in NEXT_YEARS]
    assert expected == service_codes(NEXT_YEARS).tolist()
    assert [0, expected[0], 2] == service_codes(["docomo_account", "new-pay", "paypay"]).tolist()


def test_unknown_codes_are_spread_over_all_of_theirs_and_never_that_of_no_service() -> None:
    codes = service_codes([f"wallet-{i}" for i in range(200_000)])
    assert FIRST_UNKNOWN == codes.min()
    assert NO_SERVICE - 1 == codes.max()
    assert len(np.unique(codes)) > 0.94 * (NO_SERVICE - FIRST_UNKNOWN)


@pytest.mark.parametrize("name", ["", "z" * 33, "PayPay", "pay/pay", "pay pay", "paypay\n", "\uff50ay"])
def test_what_is_no_name_has_no_code(name: str) -> None:
    assert [NO_SERVICE] == service_codes([name]).tolist()
    assert not is_service(name)
    assert re.search(SERVICE, name) is None or name.endswith("\n")


def test_what_must_stay_few_has_other_for_all_that_are_not_known() -> None:
    assert ["paypay", "other", "other"] == [known_service(name) for name in ("paypay", "other", "new-pay")]
    assert [2, OTHER, OTHER] == known_codes(service_codes(["paypay", "other", "new-pay"])).tolist()
