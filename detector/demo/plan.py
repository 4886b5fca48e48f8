"""What a run of the demo plays: sizes chosen so that two slow cores show everything in about two minutes."""

import datetime as dt
from dataclasses import dataclass, replace

from detector.errors import UserError
from detector.languages import Language
from producers import jst
from producers.scenarios import DEFAULT_SEED, SCENARIOS, Scenario

#: About 340,000 training events, trained on in seconds, and 50 honest wallets that charge at once for each case.
DEFAULT_ACCOUNTS = 40_000
#: With fewer, 30 days are too little life to learn from; with more, the demo is a bench.
MIN_ACCOUNTS, MAX_ACCOUNTS = 2_000, 500_000
DEFAULT_BUDGET = 20.0
DEFAULT_SECONDS = 40.0
TRAINING_DAYS = 30
#: One worker reads all of them; more than one, so that what is shown is not the special case of a single log.
PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """One run: `budget` in false alert groups a day over all banks, `seconds` of wall time for the ten days.

    Raises UserError for sizes that make no sense.
    """

    accounts: int = DEFAULT_ACCOUNTS
    budget: float = DEFAULT_BUDGET
    seconds: float = DEFAULT_SECONDS
    seed: int = DEFAULT_SEED
    language: Language = "en"

    def __post_init__(self) -> None:
        if not MIN_ACCOUNTS <= self.accounts <= MAX_ACCOUNTS:
            raise UserError(
                f"got {self.accounts} accounts, expected {MIN_ACCOUNTS:,} … {MAX_ACCOUNTS:,}: choose another --accounts"
            )
        if not 1 <= self.seconds <= 86_400:
            raise UserError(f"got {self.seconds:g} seconds, expected 1 … 86,400: choose another --seconds")

    @property
    def attack(self) -> Scenario:
        """The ten days with cases of T1 in them."""
        return self._sized(SCENARIOS["ghost-wallets"])

    @property
    def history(self) -> Scenario:
        """The normal days right before the attack, of the same people."""
        begins = self.attack.start - dt.timedelta(days=TRAINING_DAYS)
        return self._sized(replace(SCENARIOS["normal"], start=begins, days=TRAINING_DAYS))

    @property
    def speed(self) -> float:
        """Seconds of event time in a second of the replay."""
        return self.attack.days * jst.DAY_MS / 1000 / self.seconds

    def _sized(self, scenario: Scenario) -> Scenario:
        # Wallets are known by their links and debits; what they spend would double the time to publish.
        return replace(scenario, accounts=self.accounts, seed=self.seed, wallet_events=False)
