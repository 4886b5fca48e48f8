"""T10, multi-service sweep: one account debited through several services within a day, each below its own cap."""

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import SERVICES
from producers import events, jst
from producers.draws import Rng
from producers.events import Events
from producers.typologies import acts
from producers.typologies.plan import Parameter, Plan, between

SERVICES_USED = Parameter("services", 2, 5, "services", "on one account in a day: Japan Post Bank; number assumed")
SERVICE_YEN = Parameter("service_yen", 40_000, 250_000, "yen", "through one service, below its cap: assumed")
CHARGE_YEN = Parameter("charge_yen", 50_000, 50_000, "yen", "a charge, the last one less: assumed")
SPREAD = Parameter("spread_h", 1, 20, "h", "first wallet opened to last one: assumed, within a day (INCIDENT T10)")
PAYOUTS = Parameter("payouts", 0, acts.PAYOUTS_A_MONTH, "payouts", "of 20,000 yen a month: the limit (INCIDENT)")
PARAMETERS = (
    acts.LINK_DELAY,
    acts.FIRST_CHARGE_DELAY,
    acts.GAP,
    acts.FAILED_PIN,
    SERVICES_USED,
    SERVICE_YEN,
    CHARGE_YEN,
    SPREAD,
    PAYOUTS,
    acts.PURCHASES,
    acts.PURCHASE_YEN,
)
SWEPT = SERVICES.index("other")  # those before it


def generate(rng: Rng, plan: Plan) -> Events:
    """The events of T10 for each case of `plan`; its service is the first one swept."""
    used = between(rng, plan, SERVICES_USED, plan.size)
    services = _services(rng, plan)
    spread_ms = between(rng, plan, SPREAD, plan.size) * jst.HOUR_MS
    played = []
    for turn in range(int(used.max(initial=0))):
        active = np.flatnonzero(used > turn)
        later = rng.random(len(active)) if turn else np.zeros(len(active))
        wallet = plan.wallet[active] if turn == 0 else plan.supply.wallets(len(active))
        of = plan.select(active)._replace(
            service=services[active, turn],
            wallet=wallet,
            begins_ms=plan.begins_ms[active] + (later * spread_ms[active]).astype(np.int64),
        )
        played.append(_through_one(rng, of))
    return events.concatenate(played)


def _services(rng: Rng, plan: Plan) -> npt.NDArray[np.int8]:
    """The services of each case in random order, shape `(n, all)`, its own one first."""
    key = rng.random((plan.size, SWEPT))
    key[np.arange(plan.size), plan.service] = -1.0
    return np.argsort(key, axis=1).astype(np.int8)


def _through_one(rng: Rng, plan: Plan) -> Events:
    """One service's part: a wallet, its link, charges, payouts and goods."""
    entered, linked = acts.enter(rng, plan)
    charged = acts.first_charge(rng, plan, linked)
    size = int(plan.range_of(CHARGE_YEN)[0])
    total = between(rng, plan, SERVICE_YEN, plan.size) // 10_000 * 10_000
    most = int(plan.range_of(SERVICE_YEN)[1]) // size + 1
    wanted = np.clip(total[:, None] - size * np.arange(most), 0, size)
    taking = acts.charges(rng, plan, charged, wanted)
    count = np.minimum(between(rng, plan, PAYOUTS, plan.size), taking.yen // acts.PAYOUT_YEN)
    case = np.repeat(np.arange(plan.size), count)
    moment = taking.done_ms[case] + rng.integers(10 * jst.MINUTE_MS, 20 * jst.HOUR_MS, len(case))
    paid_out = acts.payouts(plan, case, moment)
    bought = acts.goods(rng, plan, charged, taking.yen - count * acts.PAYOUT_YEN)
    return events.concatenate([entered, taking.events, paid_out, bought])
