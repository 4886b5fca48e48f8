"""Table of experiments: each changes one thing in the training days, the judged days, or the model.

Values are named as the simulator's parameters (`producers/drift.py`, `producers/evasion.py`), which this package does
not import.
"""

from dataclasses import dataclass
from typing import Any

Values = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """What an experiment changes.

    `life`: of people, on all days; `drift`: of people, on the days judged alone; `thieves`: on the days judged;
    `hidden`: unlabelled cases in the training days, for each account; `disturbance`: of the training days, a name in
    `DISTURBANCES`; `without`: stages whose features are left out.
    """

    life: Values = ()
    drift: Values = ()
    thieves: Values = ()
    hidden: float = 0.0
    disturbance: str = ""
    without: tuple[str, ...] = ()

    @property
    def learns_as_usual(self) -> bool:
        """Whether the model is that of the usual training days."""
        return self == Setting(drift=self.drift, thieves=self.thieves)


USUAL = Setting()


@dataclass(frozen=True, slots=True)
class Question:
    """A section of the page; `text` says how it is answered."""

    name: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Experiment:
    """A row of a section's table."""

    name: str
    question: str
    help: str
    setting: Setting


SEEDS = Question(
    "seeds",
    "How much of it is chance",
    "Each seed has its own people, habits, thieves and model. All other sections use the first seed: differences within"
    " the range seen here mean nothing.",
)
TYPOLOGIES = Question(
    "typologies",
    "Which frauds are found, which are not",
    "Means over the seeds; in brackets the worst seed.",
)
DETECTORS = Question(
    "detectors",
    "What each detector adds",
    "The same trained detectors, their limits set anew on the same training days: all but one, whose part of the budget"
    " goes to the others of its kind, or to all; and each alone with the whole budget.",
)
GROUPS = Question(
    "groups",
    "What each stage's features add",
    "Trained anew without the features of a stage; detectors that need one of them are left out.",
)
FEATURES = Question(
    "features",
    "What each feature adds",
    "The values of one feature exchanged at random among the events of a kind, on the days that set the limits and on"
    " those judged: the model stays, the feature carries no information. Redundant features replace each other,"
    " so that a small loss does not mean that a feature is idle.",
)
NEWCOMERS = Question(
    "newcomers",
    "Honest people who charge at once",
    "Fraud hides among new wallets that are linked and charged within minutes by their owners. Their number is"
    " multiplied, on the training days too, or on the days judged only.",
)
DRIFT = Question(
    "drift",
    "When normal life drifts",
    "The model is that of the usual training days; the days judged are not as those were.",
)
THIEVES = Question(
    "thieves",
    "Thieves who evade detection",
    "The model is trained on usual thieves; those of the days judged evade it. T2 keeps to the turn of the month.",
)
TRAINING = Question(
    "training",
    "When the training days are not clean",
    "Fraud among the training days that nobody labelled, events that come twice, a day that fails.",
)
#: In the order of the page.
QUESTIONS = (SEEDS, TYPOLOGIES, DETECTORS, GROUPS, FEATURES, NEWCOMERS, DRIFT, THIEVES, TRAINING)

_ONE_TRY = (("tries_a_day", 1.0, 1.0), ("failed_pin_share", 0.0, 0.0))
_SMALL, _WAIT, _SLOW, _VERIFIED = (
    (("most_yen", 80_000),),
    (("wait_h", 12.0),),
    (("pause_h", 24.0), ("narrowed", _ONE_TRY)),
    (("verified", True),),
)


def _without(name: str, text: str, *stages: str) -> Experiment:
    return Experiment(name, GROUPS.name, text, Setting(without=stages))


def _newcomers(times: float) -> Experiment:
    return Experiment(f"newcomers ×{times:g}", NEWCOMERS.name, "on all days", Setting(life=(("newcomers", times),)))


def _drift(name: str, text: str, *values: tuple[str, float], question: Question = DRIFT) -> Experiment:
    return Experiment(name, question.name, text, Setting(drift=values))


def _thieves(name: str, text: str, values: Values) -> Experiment:
    return Experiment(name, THIEVES.name, text, Setting(thieves=values))


def _hidden(share: float) -> Experiment:
    return Experiment(f"fraud {share:.1%}", TRAINING.name, "unlabelled cases, of the accounts", Setting(hidden=share))


def _disturbed(name: str, text: str) -> Experiment:
    return Experiment(name, TRAINING.name, text, Setting(disturbance=name))


EXPERIMENTS = (
    _without("without account", "wallet and source stage alone", "account"),
    _without("without wallet", "account and source stage alone", "wallet"),
    _without("without source", "account and wallet stage alone", "source"),
    _without("account alone", "as for a bank that sees no wallet events", "wallet", "source"),
    _newcomers(0.5),
    _newcomers(2.0),
    _newcomers(4.0),
    _drift("newcomers ×2, unseen", "on the days judged alone", ("newcomers", 2.0), question=NEWCOMERS),
    _drift("charges ×1.5", "people charge more often", ("charges", 1.5)),
    _drift("yen ×1.5", "people charge more at once", ("yen", 1.5)),
    _drift("6 h later", "people charge at other hours", ("later_h", 6.0)),
    _drift("all three", "more often, more, and later", ("charges", 1.5), ("yen", 1.5), ("later_h", 6.0)),
    _thieves("small sums", "at most 80,000 yen from an account through a wallet", _SMALL),
    _thieves("small debits", "20,000 yen at once, all the same to the cap", (("debit_yen", 20_000),)),
    _thieves("wait 12 h", "from the link to the first debit", _WAIT),
    _thieves("one a day", "debits a day apart, one try of a PIN a day", _SLOW),
    _thieves("verified", "wallets of identity-checked subscribers", _VERIFIED),
    _thieves("all but small debits", "small sums, patience and verified wallets", _SMALL + _WAIT + _SLOW + _VERIFIED),
    _hidden(0.001),
    _hidden(0.003),
    _hidden(0.01),
    _disturbed("twice", "one event in a hundred delivered again, up to hours later"),
    _disturbed("held", "a day's events come after the next day's, in one heap"),
    _disturbed("lost", "a day's events never come"),
)
