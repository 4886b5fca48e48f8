"""T8, mule buy-out: goods in payments below the bar-code limit; one buyer's phone pays from about twenty wallets."""

import numpy as np

from producers import events, jst, shops
from producers.draws import Rng
from producers.events import Events
from producers.typologies import acts, drain
from producers.typologies.plan import Parameter, Plan, between, bundles

PAYMENTS = Parameter("payments", 5, 20, "payments", "of a wallet within 24 h (INCIDENT T8)")
SPENT = Parameter("spent_percent", 85, 100, "%", "of what was charged, as far as the limit lets: assumed")
WALLETS = Parameter("wallets_per_device", 15, 25, "wallets", "about 20 in the arrests of January 2021; range assumed")
PARAMETERS = (
    acts.LINK_DELAY,
    acts.FIRST_CHARGE_DELAY,
    acts.GAP,
    acts.FAILED_PIN,
    PAYMENTS,
    SPENT,
    WALLETS,
)
SHOPS = ("convenience", "electronics")  # INCIDENT T8


def generate(rng: Rng, plan: Plan) -> Events:
    """The events of T8 for each case of `plan`."""
    device = np.zeros(plan.size, np.uint64)
    for members in bundles(rng, plan, WALLETS):
        device[members] = plan.supply.sources(1)[0]
    entered, linked = acts.enter(rng, plan)
    charged = acts.first_charge(rng, plan, linked)
    taking = drain.to_cap(rng, plan, charged)
    case = np.repeat(np.arange(plan.size), between(rng, plan, PAYMENTS, plan.size))
    yen = acts.parts(rng, case, taking.yen * between(rng, plan, SPENT, plan.size) // 100)
    moment = taking.done_ms[case] + rng.integers(5 * jst.MINUTE_MS, 23 * jst.HOUR_MS, len(case))
    shop = shops.of_category(rng, SHOPS, len(case), plan.accounts)
    buyer = plan._replace(source=device)
    bought = acts.payments(buyer, case, moment, np.minimum(yen, shops.MAX_PAYMENT_YEN), shop)
    return events.concatenate([entered, taking.events, bought])
