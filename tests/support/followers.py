"""Commands and programs that follow Kafka: what they have got, and what they said meanwhile."""

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

from detector.settings import Settings
from kozamori import AlertSubscriber, AsyncAlertSubscriber

AWAY, BACK = "cannot be reached", "answers again"


class Command:
    """A `kozamori` command; what it wrote lies in files."""

    def __init__(self, folder: Path, settings: Settings, name: str, *arguments: str) -> None:
        self.got, self.said = folder / f"{name}.out", folder / f"{name}.err"
        where = ["--bootstrap", settings.bootstrap[0], "--prefix", settings.prefix]
        with self.got.open("wb") as out, self.said.open("wb") as err:
            command = [sys.executable, "-m", "detector.cli.main", name, *arguments, *where]
            # As for a log collector: what is printed is seen at once.
            environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
            self.process = subprocess.Popen(command, stdout=out, stderr=err, env=environment)

    def has(self, text: str) -> bool:
        return text in self.got.read_text("utf-8")

    def lines(self) -> list[str]:
        return self.said.read_text("utf-8").splitlines()


class Program:
    """A desk's program: it goes on where its group stopped, and handles each alert by its id once."""

    def __init__(self, settings: Settings, group: str) -> None:
        self.handled: list[str] = []
        self._alerts = AlertSubscriber(settings.bootstrap[0], topic=settings.alerts, group=group, from_beginning=True)
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        with self._alerts as alerts:
            for alert in alerts:
                if alert.alert_id not in self.handled:
                    self.handled.append(alert.alert_id)

    def has(self, alert_id: str) -> bool:
        assert self._thread.is_alive()
        return alert_id in self.handled

    def close(self) -> None:
        self._alerts.stop()
        self._thread.join()


class AsyncProgram:
    """The same with asyncio, without a group."""

    def __init__(self, settings: Settings) -> None:
        self.handled: list[str] = []
        self._ends = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(settings),))
        self._thread.start()

    async def _run(self, settings: Settings) -> None:
        following = asyncio.ensure_future(self._follow(settings))
        await self._ends.wait()
        following.cancel()
        await asyncio.wait([following])

    async def _follow(self, settings: Settings) -> None:
        alerts = AsyncAlertSubscriber(settings.bootstrap[0], topic=settings.alerts, from_beginning=True)
        async with alerts:
            async for alert in alerts:
                self.handled.append(alert.alert_id)

    def has(self, alert_id: str) -> bool:
        assert self._thread.is_alive()
        return alert_id in self.handled

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._ends.set)
        self._thread.join()
        self._loop.close()
