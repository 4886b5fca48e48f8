"""Builds the bulletins of a chunk from the rows that tell something: a pure function of the log."""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np

from detector.contract.batch import Batch
from detector.contract.bulletins import SCHEMA, Bulletin, Indicator, State, campaign_id
from detector.contract.vocabulary import ABSENT, OTHER, SERVICES
from detector.core.alerting import Topics, position_of
from detector.core.pipeline import Outcome
from detector.core.stages.campaign_patterns import KEYS, QUIET_S, SERVICE, SHOP, SOURCE, Pattern, patterns_of
from detector.core.stages.campaigns_kernel import BEGUN, CLOSED, CONCERNS, NEWS
from detector.core.stages.campaigns_row import about

#: Of a source's link attempts, in a campaign: with more failures it guesses (T3), with fewer it knows the PINs (T4);
#: an honest person fails once in ten, a spray succeeds once in a hundred, the operator spoke of more than 80 %.
GUESSES, KNOWS = 0.5, 0.2
#: In words, a service whose name is not known: names travel with links and debits alone.
UNNAMED_EN, UNNAMED_JA = "a payment service", "決済サービス"


class Told(NamedTuple):
    """A bulletin for all (`bank` is ""), or one for a bank of its own account; `row`: the event's index."""

    bulletin: Bulletin
    bank: str
    row: int


def bulletins(outcome: Outcome, topics: Topics, banks: Collection[str]) -> Iterator[Told]:
    """What the events of a chunk tell, in their order: the bulletin for all first, then the bank's own.

    Nothing where the node takes no snapshots. Of the `banks` alone is there one's own, where events have strings; it
    has one account, never of another bank.
    """
    if outcome.snapshots is None:
        return
    events, news = outcome.events, outcome.snapshots["news"].astype(np.int64)
    batch, strings = events.batch, events.strings
    for_all = news & ~CONCERNS != 0
    own = (news & CONCERNS != 0) & np.isin(batch.bank, [int(bank) for bank in banks]) & (strings is not None)
    for i in np.flatnonzero(for_all | own).tolist():
        service = "" if strings is None else strings.service.text(i)
        service = service or SERVICES[min(int(batch.service[i]), OTHER)]
        told = _bulletin(outcome.snapshots[i], batch, i, service, topics)
        if for_all[i]:
            yield Told(told, "", i)
        if own[i] and strings is not None:
            at = told.position
            own_id = f"{told.campaign_id}-at-{at.topic}-{at.partition}-{at.offset}"
            accounts = [strings.account.text(i)]
            yield Told(msgspec.structs.replace(told, bulletin_id=own_id, accounts=accounts), f"{batch.bank[i]:04}", i)


def _bulletin(row: Any, batch: Batch, i: int, service: str, topics: Topics) -> Bulletin:
    role, bits = int(row["role"]), int(row["news"])
    found = patterns_of(role, int(row["patterns"]))
    first = position_of(int(row["origin"]), int(row["origin_offset"]), topics)
    bank = "" if batch.bank[i] == ABSENT else f"{batch.bank[i]:04}"
    campaign, number = campaign_id(KEYS[role], first), int(row["updates"]) - (not bits & CLOSED)
    unnamed = service == SERVICES[OTHER]
    words_en = {"bank": bank, "service": UNNAMED_EN if unnamed else service}
    words_ja = {"bank": bank, "service": UNNAMED_JA if unnamed else service}
    main = found[0]
    return Bulletin(
        schema=SCHEMA,
        bulletin_id=f"{campaign}-{number}",
        campaign_id=campaign,
        number=number,
        state=_state(bits),
        news=[name for bit, name in enumerate(NEWS) if bits >> bit & 1],
        patterns=[pattern.name for pattern in found],
        typologies=typologies(found, int(row["failures"]), int(row["linked"])),
        indicator=Indicator(KEYS[role], _value(role, batch, i, bank, service)),
        service=service,
        banks=[f"{code - 1:04}" for code in row["banks"][: row["banks_named"]].tolist()],
        began_at_ms=int(row["began_ms"]),
        occurred_at_ms=int(batch.occurred_at_ms[i]),
        first_yen_at_ms=1000 * int(row["first_yen_s"]) or None,
        quiet_at_ms=1000 * (int(row["hot_s"]) + int(QUIET_S[role])),
        accounts_about=about(row["accounts"]),
        alerts=int(row["alerts"]),
        failures=int(row["failures"]),
        linked=int(row["linked"]),
        opened=int(row["opened"]),
        yen_taken=int(row["yen_taken"]),
        yen_at_risk=int(row["yen_at_risk"]),
        text_en=main.what_en.format(**words_en),
        text_ja=main.what_ja.format(**words_ja),
        advice_en=main.advice_en.format(**words_en),
        advice_ja=main.advice_ja.format(**words_ja),
        position=position_of(int(batch.origin[i]), int(batch.origin_offset[i]), topics),
    )


def typologies(found: list[Pattern], failures: int, linked: int) -> list[str]:
    """The typologies of the patterns, the likeliest first: what link attempts came to goes before the table."""
    named = [name for pattern in found for name in pattern.typologies]
    share = failures / (failures + linked) if failures + linked else None
    by_links = [] if share is None else ["T3"] * (share > GUESSES) + ["T4"] * (share < KNOWS and "T4" in named)
    return list(dict.fromkeys([*by_links, *named]))


def _state(bits: int) -> State:
    if bits & CLOSED:
        return "closed"
    return "begun" if bits & BEGUN else "grown"


def _value(role: int, batch: Batch, i: int, bank: str, service: str) -> str:
    if role == SOURCE:
        return f"{batch.source[i]:016x}"
    if role == SHOP:
        return f"{batch.shop[i]:016x}"
    return service if role == SERVICE else f"{bank}/{service}"
