"""The reference of settings and metrics, drawn from their tables: `python -m detector.observe.reference` prints it."""

from detector.contract.dead_letters import REASONS
from detector.observe.catalogue import METRICS, NOTIFY, OUTSIDE, STAGE, Metric
from detector.settings import CONFIG_VARIABLE, Settings, environment_name, expected_text

HEAD = f"""# Settings and metrics

Written by `python -m detector.observe.reference`; a test fails when this page is stale.

## Settings

A flag wins over the environment, which wins over the TOML file (`--config`, or `{CONFIG_VARIABLE}`), which wins over
the default. An unknown key in the file is refused, and so is a value that makes no sense, with exit status 2. In the
file a setting has its plain name, at the top level: `checkpoint_interval_ms = 300`.

"""


def render() -> str:
    """The page, in Markdown."""
    settings = _table(
        ("setting", "default", "accepts", "what it is", "environment"),
        [
            (f"`{name}`", _default(field.default), expected_text(name), str(field.description), environment_name(name))
            for name, field in Settings.model_fields.items()
        ],
    )
    reasons = _table(("reason", "what it is"), [(f"`{code}`", text) for code, text in REASONS.items()])
    return (
        f"{HEAD}{settings}\n## Metrics\n\n"
        "On `http://metrics_host:metrics_port/metrics`, beside those of the process and of Python's memory.\n\n"
        f"{STAGE}\n\n{_metrics(METRICS)}\n### Reasons of `kozamori_dead_letters_total`\n\n{reasons}\n"
        f"### Of `kozamori canary`\n\n{_metrics(OUTSIDE)}\n"
        f"### Of `kozamori notify`\n\n{_metrics(NOTIFY)}"
    )


def _metrics(metrics: tuple[Metric, ...]) -> str:
    return _table(
        ("metric", "type", "labels", "what it is"),
        [(f"`{metric.name}`", metric.type, ", ".join(metric.labels), metric.help) for metric in metrics],
    )


def _default(value: object) -> str:
    text = ",".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
    return f"`{text.lower() if isinstance(value, bool) else text}`" if text else ""


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    print(render(), end="")  # noqa: T201 - printing is what it is for
