"""Campaigns: which typologies are played when, at which services and banks, and for how much; as tables of waves."""

from dataclasses import dataclass, replace

import numpy as np

from detector.contract.vocabulary import MONTHLY_CAP_YEN
from producers.draws import stream
from producers.typologies.table import BY_ID, TYPOLOGIES

#: Cases by service, 16 Sep 2020 (press).
MOSTLY_DOCOMO = (("docomo_account", 0.80), ("paypay", 0.14), ("kyash", 0.03), ("linepay", 0.03))
DOCOMO = (("docomo_account", 1.0),)
JAPAN_POST_BANK = 9900
ANY_DAY = 1 << 20


@dataclass(frozen=True, slots=True)
class Targets:
    """Banks a wave hits: `banks` of those that link by PIN alone, chosen by the seed, few of them most.

    `hardest`: the code of a bank that gets `share` of the cases; the others are the same for all such waves.
    """

    banks: int = 11  # banks with cases on 10 September 2020 (press)
    hardest: int | None = None
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Wave:
    """Cases of one typology. `cases` is their weight among the waves of a campaign.

    They begin on `days` (first and last, counted from the campaign's first day), spread by `weights` from the first
    one on, the last weight going on. One drain yields `yen` (least, most). `narrowed` holds (parameter, low, high).
    """

    typology: str
    cases: float
    days: tuple[int, int] = (0, ANY_DAY)
    weights: tuple[float, ...] = (1.0,)
    services: tuple[tuple[str, float], ...] = MOSTLY_DOCOMO
    targets: Targets = Targets()
    yen: tuple[int, int] = (MONTHLY_CAP_YEN, MONTHLY_CAP_YEN)
    narrowed: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Campaign:
    """Waves, and the days (counted from the first) on which banks stop new links to Docomo wallets one by one."""

    waves: tuple[Wave, ...]
    stops: tuple[int, int] | None = None

    def only(self, typologies: tuple[str, ...]) -> "Campaign":
        """The waves of `typologies`, and a usual one for each that has none."""
        kept = [wave for wave in self.waves if wave.typology in typologies]
        missing = [name for name in typologies if name not in {wave.typology for wave in kept}]
        return replace(self, waves=(*kept, *usual(tuple(missing)).waves))


def usual(typologies: tuple[str, ...]) -> Campaign:
    """Each of the typologies on any day, with as many cases as show it well."""
    return Campaign(tuple(Wave(name, BY_ID[name].usual) for name in typologies))


def drawn(seed: int, days: int) -> Campaign:
    """All typologies, each with days, weight, services and banks drawn from `seed`."""
    rng = stream(seed, "campaign")
    waves = []
    for typology in TYPOLOGIES:
        first = int(rng.integers(0, max(1, days // 2)))
        waves.append(
            Wave(
                typology.id,
                typology.usual * float(rng.uniform(0.7, 2.0)),
                (0, ANY_DAY) if typology.id == "T2" else (first, first + days // 2),
                services=tuple((name, float(rng.uniform(0.0, 2.0)) * share) for name, share in MOSTLY_DOCOMO),
                targets=Targets(int(rng.integers(2, 12))),
            )
        )
    return Campaign(tuple(waves))


T1_ALONE = usual(("T1",))

#: More from day to day until banks stop new links, from the 5th on; *assumed*.
RISE = (0.5, 0.5, 0.8, 1.2, 1.5, 1.6, 1.6, 1.4, 1.0, 0.4)
GHOST_WALLETS = Campaign((Wave("T1", 1, weights=RISE),))

#: 82 of 143 Docomo cases were at Japan Post Bank, the others at 11 or more banks (press, 15 and 16 Sep).
_POST_AND_OTHERS = Targets(13, JAPAN_POST_BANK, 82 / 143)
_POST = Targets(1, JAPAN_POST_BANK, 1.0)
#: 26.76 million yen in 143 cases is 187,000 each: many accounts held less than the cap. Range *assumed* to that end.
_SHORT = (30_000, 195_000)

#: The reported cases are those whose money was taken; failed attempts are not among them.
_KNOWN_PINS = (("success", 0.95, 1.0),)


def _docomo(typology: str, cases: float, **columns: object) -> Wave:
    """A wave of Docomo wallets in September 2020: linked by the 9th, as all banks had stopped on the 10th."""
    usual: dict[str, object] = {"days": (0, 8), "weights": RISE, "services": DOCOMO, "targets": _POST_AND_OTHERS}
    return Wave(typology, cases, **(usual | columns))  # type: ignore[arg-type]


def _at_post_bank(typology: str, cases: float, service: str, yen: tuple[int, int], **columns: object) -> Wave:
    """A wave at another service, known on 16 Sep at Japan Post Bank; links went on until the 15th, *assumed*."""
    usual: dict[str, object] = {"days": (2, 14), "services": ((service, 1.0),), "targets": _POST, "yen": yen}
    return Wave(typology, cases, **(usual | columns))  # type: ignore[arg-type]


#: 143 cases with Docomo wallets (15 Sep) and 27 with others (16 Sep); the mix of typologies is *assumed*.
SEPTEMBER_2020 = Campaign(
    (
        _docomo("T1", 34),
        _docomo("T1", 30, yen=_SHORT),
        _docomo("T2", 1),  # the largest case, 600,000 yen; its first half lies in August
        _docomo("T3", 8, yen=_SHORT, days=(0, 1), targets=_POST, narrowed=(("days", 6, 9), ("accounts", 200, 2_000))),
        _docomo("T4", 16, yen=_SHORT, narrowed=_KNOWN_PINS),
        _docomo("T5", 24, yen=_SHORT),  # up to about 100 wallets a day (NHK, 11 Sep)
        _docomo("T6", 1, yen=_SHORT),  # the case after the stop (14 Sep)
        _docomo("T7", 1, narrowed=(("hops", 2, 2),)),
        _docomo("T8", 14),
        _docomo("T9", 6),
        _docomo("T10", 2, narrowed=(("services", 2, 3),), targets=_POST),
        _docomo("T11", 6, yen=_SHORT),
        _at_post_bank("T4", 17, "paypay", (20_000, 146_000), narrowed=_KNOWN_PINS),  # 1.415 million yen
        _at_post_bank("T1", 3, "merpay", (100_000, 232_000)),  # 0.498 million yen
        _at_post_bank("T1", 2, "linepay", (200_000, 298_000)),  # 0.498 million yen
        _at_post_bank("T1", 3, "kyash", (50_000, 104_000)),  # 0.23 million yen
        _at_post_bank(
            "T11", 2, "paypal", (5_000, 5_000), narrowed=(("tests", 1, 1), ("test_yen", 5_000, 5_000))
        ),  # 0.01 million yen
    ),
    stops=(4, 9),  # 5 to 10 September (press)
)
SEPTEMBER_CASES = 170

#: Verified subscribers' wallets at two banks of one group (press); which two, and how many cases, is *assumed*.
MAY_2019 = Campaign((Wave("T12", 1, services=DOCOMO, targets=Targets(2)),))
MAY_CASES = 20

#: A few cases of everything, *assumed*; enough of T13 to make a burst.
_FEW = {"T1": 4, "T4": 4, "T9": 4, "T13": 10}
QUIET_YEAR = Campaign(tuple(Wave(typology.id, _FEW.get(typology.id, 2)) for typology in TYPOLOGIES))
QUIET_CASES = int(sum(wave.cases for wave in QUIET_YEAR.waves))


def shares(waves: tuple[Wave, ...], cases: int) -> list[int]:
    """How many of `cases` each wave gets: by weight, by largest remainder, and one at least where there are enough."""
    weights = np.array([wave.cases for wave in waves], np.float64)
    least = np.full(len(waves), int(cases >= len(waves)))
    exact = weights / weights.sum() * cases
    counts = np.maximum(np.floor(exact).astype(np.int64), least)
    while counts.sum() < cases:
        counts[np.argmax(exact - counts)] += 1
    while counts.sum() > cases:
        counts[np.argmin(np.where(counts > least, exact - counts, np.inf))] -= 1
    return [int(count) for count in counts]
