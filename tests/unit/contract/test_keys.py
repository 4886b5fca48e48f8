import numpy as np
from support import events as make
from support.hops import any_events

from detector.contract.batch import OWN, RECEIVING, Batch
from detector.contract.codec import decode_account_events, decode_wallet_events
from detector.contract.hashing import P1, P2, P3
from detector.contract.keys import subject_key, wallet_key, wallet_keys
from detector.core.events import Events
from detector.core.forward import both_sides


def decoded(*events: dict[str, object]) -> Batch:
    decode = decode_account_events if "account" in events[0] else decode_wallet_events
    found = decode([make.message(e) for e in events], [make.key(e) for e in events], np.arange(len(events)))
    assert not found.rejected
    return found.batch


def test_a_wallet_is_keyed_with_its_service() -> None:
    assert "paypay/w-1" == wallet_key("paypay", "w-1")
    assert ["paypay/w-1", ""] == wallet_keys(["paypay", "paypay"], ["w-1", ""])


def test_an_alert_is_keyed_by_account_or_else_by_the_wallet_at_its_service() -> None:
    assert ("ab", "paypay/w-1") == (subject_key("ab", "paypay", "w-1"), subject_key("", "paypay", "w-1"))


def test_a_wallet_id_at_two_services_is_two_wallets() -> None:
    for event in (make.debit, make.payment):
        batch = decoded(event(), event(service="paypay"))
        assert batch.wallet[0] != batch.wallet[1]
    sent = decoded(make.transfer(), make.transfer(service="paypay"), make.payment(wallet="w-000002"))
    assert sent.counterparty[0] != sent.counterparty[1]
    assert sent.counterparty[0] == sent.wallet[2], "whoever is paid is a wallet of the same service"


def test_a_wallets_key_is_no_key_of_another_service() -> None:
    event = make.payment()
    found = decode_wallet_events([make.message(event)], [b"paypay/w-000001"], np.arange(1))
    assert ["key_mismatch"] == [rejected.reason for rejected in found.rejected]


def test_an_event_is_told_by_its_id_with_service_kind_and_account_or_wallet() -> None:
    accounts = [
        make.debit(),
        make.debit(event_id="e-2"),
        make.debit(service="paypay"),
        make.debit(service="new-pay"),
        make.link(),
        make.debit(account="0" * 16),
    ]
    assert 6 == len(set(decoded(*accounts).identity.tolist()))
    wallets = [make.payout(), make.payout(service="paypay"), make.payment(), make.payout(wallet="w-9")]
    assert 4 == len(set(decoded(*wallets).identity.tolist()))


def test_an_event_delivered_again_is_the_same() -> None:
    again = decoded(make.debit(), make.debit(amount_yen=7, source="", wallet="w-9"))
    assert again.identity[0] == again.identity[1], "other fields of an account's event are not part of its identity"


def test_both_sides_of_a_transfer_are_one_event_of_the_wallet_that_sends() -> None:
    two = both_sides(Events.fresh(decoded(make.transfer(), make.transfer(wallet="w-9")), 0)).batch
    assert [0, RECEIVING] * 2 == two.role.tolist()
    assert two.identity[0] == two.identity[1]
    assert two.wallet[1] == two.wallet[3]
    assert two.identity[1] != two.identity[3], "two wallets may send with one id to the same"


def test_what_has_no_id_has_no_identity() -> None:
    batch = decoded(make.debit())
    assert [0] == batch._replace(event_id=np.zeros(1, np.uint64)).identity.tolist()


def test_an_identity_is_what_it_always_was() -> None:
    # Rows keep identities of their last events: another one would take what comes again for new.
    batch = Batch(*map(np.array, any_events(2_000, 1, 5).batch))
    batch = batch._replace(role=np.where(np.arange(2_000) % 3 == 0, RECEIVING, OWN).astype(np.int8))
    batch.event_id[::7], batch.account[::5] = 0, 0
    whose = np.where(batch.role == RECEIVING, batch.counterparty, batch.subject)
    at = whose * P1 + (batch.service.astype(np.uint64) << np.uint64(8) | batch.kind.astype(np.uint64)) * P2
    own = batch.event_id ^ ((at ^ (at >> np.uint64(32))) * P3)
    assert np.where(batch.event_id != 0, own, 0).tolist() == batch.identity.tolist()
