"""`kozamori bench stream`: the same events on the same Kafka through every contestant, in turn, round by round."""

import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from detector.bench import worker
from detector.bench.child import Task, run_child
from detector.bench.clients import publish
from detector.bench.cluster import Say, address, cluster, make_changelog
from detector.bench.contestants import CONTESTANTS, NAMES, Contestant
from detector.bench.lap import Lap
from detector.bench.machine import machine
from detector.bench.profile import profile
from detector.bench.workload import ALERT_SHARE, simulate_events, train_models
from detector.core.chains import ACCOUNT_CHAIN, CHAINS, SOURCE_CHAIN, WALLET_CHAIN
from detector.core.stage import Chain
from detector.core.topology import topology_of
from detector.errors import KozamoriError
from detector.ops.reset import reset
from detector.settings import Settings

#: Time-out of a lap, generous for a slow machine.
LAP_TIMEOUT_S = 300.0
#: Contestants that are the product itself, by the chain of stages they run.
WORKERS = {"worker": ACCOUNT_CHAIN, "worker_wallets": WALLET_CHAIN, "worker_sources": SOURCE_CHAIN}
#: Those that are Faust as its documentation has it.
PLAIN_FAUST = ("faust_batched", "faust_per_event")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run; `accounts` None: as many as September 2020 needs for so many events."""

    events: int
    rounds: int
    partitions: int
    seed: int
    accounts: int | None = None
    only: Sequence[str] = NAMES
    bootstrap: str = ""
    profile: bool = False


def run(plan: Plan, say: Say) -> dict[str, Any]:
    """The report: medians over the rounds, with machine and seed. Raises KozamoriError when a contestant fails."""
    chosen = [contestant for contestant in CONTESTANTS if contestant.name in plan.only]
    with tempfile.TemporaryDirectory(prefix="kozamori-bench-") as scratch:
        folder = Path(scratch)
        say(f"simulating {plan.events} events, seed {plan.seed}")
        workload = simulate_events(plan.events, plan.accounts, plan.seed)
        say("training on simulated normal days")
        for chain in _chains(chosen):
            train_models(folder, plan.seed, plan.events, chain=chain, alert_share=ALERT_SHARE)
        with cluster(plan.bootstrap, plan.partitions, folder / ACCOUNT_CHAIN.name, say) as settings:
            say("publishing the events")
            publish(address(settings), settings.account_events, zip(workload.keys, workload.values, strict=True))
            race = _Race(plan, settings, folder)
            for number in range(plan.rounds):
                for contestant in chosen:
                    say(f"round {number + 1} of {plan.rounds}: {contestant.name}")
                    race.lap(contestant)
            report = {
                "machine": machine(),
                "events": plan.events,
                "rounds": plan.rounds,
                "seed": plan.seed,
                "accounts": len(set(workload.keys)),
                "partitions": plan.partitions,
                "results": [_result(contestant, race.laps[contestant.name]) for contestant in chosen],
            }
            if race.totals is not None:
                report["worker"] = race.totals._asdict()
            if race.laps["worker"] and race.laps["worker_wallets"]:
                report["second_stage"] = _second_stage(race.laps["worker"], race.laps["worker_wallets"])
            if plan.profile and race.totals is not None:
                say("looking where the worker's time goes")
                cpu_us = median(lap.cpu_us_per_event for lap in race.laps["worker"])
                report["profile"] = profile(race.settings, workload, cpu_us, race.totals)
    return report


def _chains(chosen: Sequence[Contestant]) -> list[Chain]:
    """Those of the workers that run, and the accounts', whose model all others have."""
    wanted = {ACCOUNT_CHAIN.name, *(WORKERS[one.name].name for one in chosen if one.name in WORKERS)}
    return [chain for chain in CHAINS if chain.name in wanted]


def ratios(report: dict[str, Any]) -> dict[str, float]:
    """How many times as fast the worker is as others that were run."""
    speed = {result["name"]: result["events_per_s"] for result in report["results"]}
    if "worker" not in speed:
        return {}
    plain = [speed[name] for name in PLAIN_FAUST if name in speed]
    others = {
        "the faster plain Faust": max(plain, default=0.0),
        "plain Faust per event": speed.get("faust_per_event", 0.0),
        "bare": speed.get("bare", 0.0),
    }
    return {name: speed["worker"] / other for name, other in others.items() if other}


class _Race:
    """The laps run so far; `totals` are the worker's own of its last lap."""

    def __init__(self, plan: Plan, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self.laps: dict[str, list[Lap]] = {name: [] for name in NAMES}
        self.totals: worker.Totals | None = None
        self._plan = plan
        self._folder = folder

    def lap(self, contestant: Contestant) -> None:
        """Run one lap of a contestant."""
        events = min(self._plan.events, contestant.at_most)
        log = self._folder / f"{contestant.name}.log"
        if contestant.name in WORKERS:
            chain = WORKERS[contestant.name]
            settings = self.settings.model_copy(update={"model": self._folder / chain.name})
            lap, totals = worker.measure(settings, topology_of(chain), events, log=log, timeout_s=LAP_TIMEOUT_S)
            if contestant.name == "worker":
                self.totals = totals
            reset(self.settings, "earliest")
        else:
            module, task = f"detector.bench.{contestant.name}", self._task(contestant.name, events)
            if contestant.name in PLAIN_FAUST:
                make_changelog(self.settings, task.group, task.partitions)
            lap = run_child(module, task, Lap, log=log, timeout_s=LAP_TIMEOUT_S)
        if lap.events < events:
            raise KozamoriError(f"{contestant.name} saw {lap.events} of {events} events")
        self.laps[contestant.name].append(lap)

    def _task(self, name: str, events: int) -> Task:
        return Task(
            bootstrap=address(self.settings),
            topic=self.settings.account_events,
            alerts=self.settings.alerts,
            group=f"{self.settings.deployment}-{name}-{secrets.token_hex(4)}",
            partitions=self._plan.partitions,
            events=events,
            folder=str(self._folder),
        )


def _second_stage(one: list[Lap], two: list[Lap]) -> dict[str, float]:
    """What the wallets cost beside accounts alone: CPU time an event, and the part of the throughput that is left."""
    cpu_us = [median(lap.cpu_us_per_event for lap in laps) for laps in (one, two)]
    speed = [median(lap.events_per_s for lap in laps) for laps in (one, two)]
    return {"cpu_us_per_event": round(cpu_us[1] - cpu_us[0], 2), "throughput_left": round(speed[1] / speed[0], 3)}


def _result(contestant: Contestant, laps: list[Lap]) -> dict[str, Any]:
    return {
        "name": contestant.name,
        "events_per_s": round(median(lap.events_per_s for lap in laps), 1),
        "cpu_us_per_event": round(median(lap.cpu_us_per_event for lap in laps), 2),
        "durable": contestant.durable,
        "events": laps[0].events,
        "each_round": [round(lap.events_per_s, 1) for lap in laps],
        "what": contestant.what,
    }
