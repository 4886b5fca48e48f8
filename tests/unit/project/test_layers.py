import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_picture_of_the_layers_is_the_one_that_is_checked() -> None:
    checked = [
        layer.replace("(", "").replace(")", "") for layer in PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    ]
    picture = (ROOT / "detector" / "README.md").read_text().split("```")[1]
    drawn = [re.split(r"\s{3,}", line)[0] for line in picture.strip().splitlines()]
    assert checked == drawn


def test_every_module_of_the_detector_has_a_layer() -> None:
    layers = " ".join(PROJECT["tool"]["importlinter"]["contracts"][0]["layers"])
    modules = {path.stem for path in (ROOT / "detector").iterdir() if (path.suffix == ".py" or path.is_dir())}
    assert modules - {"__init__", "__pycache__"} == set(re.findall(r"detector\.(\w+)", layers))


def test_every_link_of_a_readme_leads_somewhere() -> None:
    readmes = [ROOT / "README.md", *ROOT.glob("[!.]*/**/README.md")]
    assert len(readmes) > 10
    links = [(readme, link) for readme in readmes for link in re.findall(r"\]\(([^)#:]+)\)", readme.read_text())]
    assert [] == [
        f"{readme.relative_to(ROOT)}: {link}" for readme, link in links if not (readme.parent / link).exists()
    ]
