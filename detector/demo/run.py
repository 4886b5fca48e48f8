"""The demo from nothing to its summary, step by step; what it started is gone when it returns or is interrupted."""

import datetime as dt
import json
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd

from detector.demo.cluster import Cluster, existing_cluster, own_cluster
from detector.demo.evaluation import Evaluation, evaluate
from detector.demo.interrupts import Interrupts
from detector.demo.picture import draw
from detector.demo.plan import Plan
from detector.demo.preparation import Days, simulated, trained
from detector.demo.publishing import Publisher
from detector.demo.replay import REFRESH_S, Scene, play, warm_up
from detector.demo.screen import Screen
from detector.demo.worker import Worker
from detector.errors import UserError
from detector.kafka.errors import quiet
from detector.paths import write_whole
from producers import jst
from producers.files import read_events, read_labels
from producers.pace import Pace
from producers.scenarios import Scenario

PICTURE, FIGURES = "report.png", "summary.json"
#: A guard looks five times a second whether its process has ended.
GUARD_NOTICES_S = 0.5


def run(plan: Plan, screen: Screen, folder: Path, *, bootstrap: str | None, keep: bool) -> dict[str, Any]:
    """Play the demo and return its figures; picture and figures are written into `folder`.

    `bootstrap` names an existing cluster, None: one of its own. With `keep` everything runs on until Ctrl-C, which is
    then the good end. Raises UserError where something cannot be had, KeyboardInterrupt for Ctrl-C.
    """
    started = time.monotonic()
    _require_writable(folder)
    with quiet(), Interrupts() as interrupts, interrupts.tidy() as stack:
        where = existing_cluster(bootstrap, screen, interrupts) if bootstrap else own_cluster(screen, interrupts)
        cluster = stack.enter_context(where)
        history = _simulate("30 normal days", plan.history, cluster.folder / "history", screen)
        attack = _simulate("1-10 September 2020", plan.attack, cluster.folder / "attack", screen)
        model = _train(history, cluster.folder / "model", plan, screen)
        # Now, so that the events are in Kafka when the worker starts.
        publisher = stack.enter_context(Publisher(history.events, cluster.settings, Pace()))
        scene = _start_worker(cluster, model, screen, interrupts, stack)
        try:
            _warm_up(scene, publisher, history, screen)
            evaluation = _replay(scene, attack, plan, screen)
        except UserError:
            # A part that ended shows only as a client's time-out.
            time.sleep(GUARD_NOTICES_S)
            scene.require_all_well()
            raise
        figures = {
            **evaluation.figures(),
            "budget_per_day": plan.budget,
            "accounts": plan.accounts,
            "training_events": history.size,
            "seconds": round(time.monotonic() - started, 1),
            "metrics": scene.worker.metrics_url,
            "picture": str(folder / PICTURE),
        }
        draw(evaluation, jst.midnight_ms(plan.attack.start), plan, folder / PICTURE)
        write_whole(folder / FIGURES, json.dumps(figures, indent=2).encode() + b"\n")
        screen.summary(evaluation, plan.budget)
        screen.print(f"Picture: {folder / PICTURE}, figures: {folder / FIGURES}; all this took {figures['seconds']} s")
        if keep:
            _keep(scene, plan, screen)
        else:
            screen.print("Metrics and topics are gone with Kafka; `kozamori demo --keep` leaves them to look at.")
    return figures


def _simulate(what: str, scenario: Scenario, folder: Path, screen: Screen) -> Days:
    with screen.step(f"Simulating {what}") as step:
        days = simulated(scenario, folder, step.advance)
        hidden = f", {days.cases} cases of fraud hidden among them" if days.cases else ""
        step.say(f"{what} simulated: {days.size:,} events of {scenario.accounts:,} accounts{hidden}")
    return days


def _train(history: Days, folder: Path, plan: Plan, screen: Screen) -> Path:
    with screen.step("Training the model") as step:
        model = trained(history.events, folder, plan, step.advance)
        step.say(f"Model {model.version} trained on the normal days: {plan.budget:g} false alert groups a day")
    return folder


def _start_worker(cluster: Cluster, model: Path, screen: Screen, interrupts: Interrupts, stack: ExitStack) -> Scene:
    with screen.step("Starting the worker") as step:
        settings = cluster.settings.model_copy(update={"model": model})
        with interrupts.held():
            worker = Worker(settings, cluster.folder / "worker.log")
            stack.callback(_end, worker, cluster)
        worker.wait_until_ready(interrupts.check)
        step.say(f"Worker started, metrics on {worker.metrics_url}")
    return Scene(cluster, worker, interrupts.check)


def _end(worker: Worker, cluster: Cluster) -> None:
    """Let the worker finish, unless there is no Kafka to finish with: it would wait half a minute for an answer."""
    try:
        cluster.require_running()
    except UserError:
        worker.kill()
    else:
        worker.close()


def _warm_up(scene: Scene, publisher: Publisher, history: Days, screen: Screen) -> None:
    with screen.step("Warming up: the worker reads the normal days") as step:
        warm_up(scene, publisher, history.size, step)
        step.say("Worker warmed up: it has read the normal days and knows the accounts; alerts on them are not shown")


def _replay(scene: Scene, attack: Days, plan: Plan, screen: Screen) -> Evaluation:
    screen.print(f"Now 1-10 September 2020, {plan.speed:,.0f} times as fast:")
    alerts = play(scene, attack, plan, screen)
    events = pd.concat(read_events(attack.events), ignore_index=True)
    return evaluate(read_labels(attack.labels), events, alerts, plan.attack.days)


def _keep(scene: Scene, plan: Plan, screen: Screen) -> None:
    """Say what can be tried, and wait for Ctrl-C."""
    settings = scene.cluster.settings
    kafka = f"--bootstrap {','.join(settings.bootstrap)}" + (f" --prefix {settings.prefix}" if settings.prefix else "")
    after = plan.attack.start + dt.timedelta(days=plan.attack.days)
    days = f"--scenario ghost-wallets --accounts {plan.accounts} --seed {plan.seed} --start {after}"
    screen.print(
        "\nStill running until Ctrl-C; try in another terminal:\n"
        f"  kozamori alerts {kafka} --follow --lang ja\n"
        f"  kozamori produce {kafka} {days} --speed 3600x\n"
        f"  kozamori state show {kafka} --deployment {settings.deployment}\n"
        f"  curl {scene.worker.metrics_url}"
    )
    try:
        while True:
            scene.require_all_well()
            time.sleep(REFRESH_S)
    except KeyboardInterrupt:
        screen.print("Stopping")


def _require_writable(folder: Path) -> None:
    """Raise UserError before the long work if the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"cannot write to {folder} ({error.strerror}): choose another folder with -o") from None
