"""The two libraries as others get them: as wheels, in an environment that holds what they declare and nothing else."""

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable
from email.parser import HeaderParser
from functools import partial
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LIBRARIES = ("flask_revalidation", "flask_server_actions")

# Sends the first form of the front page, as a browser does: once plain, once by htmx, and looks at what comes back.
TRIAL = r"""
import html, re, sys
from importlib import import_module
from flask import Flask
module, environment = sys.argv[1:]
app = next(thing for thing in vars(import_module(module)).values() if isinstance(thing, Flask))
client, page = app.test_client(), "http://localhost/"
def send(text, **more):
    tag, inside = re.search(r"<form([^>]*)>(.*?)</form>", client.get(page).text, re.DOTALL).groups()
    address = re.search(r' action="([^"]*)"', tag)
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin", "Referer": page, **more}
    field = re.search(r'<input[^>]*name="(\w+)"', inside)[1]
    return client.post(html.unescape(address[1]) if address else page, data={field: text}, headers=headers)
plain = send("tea")
assert plain.status_code in (302, 303), (plain.status_code, plain.text)
assert "tea" in client.get(page).text and "tea" in app.test_client().get(page).text
htmx = send("jam", **{"HX-Request": "true", "HX-Current-URL": page})
assert htmx.status_code in (302, 303) or "jam" in htmx.text, (htmx.status_code, htmx.text)
assert "jam" in app.test_client().get(page).text
ours = [m.__file__ for n, m in sys.modules.items() if n in ("flask_revalidation", "flask_server_actions")]
assert ours and all(file.startswith(environment) for file in ours), ours
print("works")
"""


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that bin/wheels fills."""
    folder = tmp_path_factory.mktemp("dist")
    missing = [name for name in LIBRARIES if not (ROOT / name / "README.md").exists()]
    assert not missing, f"no README.md in {missing}; a wheel shows it as its description"
    subprocess.run([ROOT / "bin/wheels", folder], check=True, capture_output=True, text=True)
    return folder


def wheel_of(dist: Path, library: str) -> Path:
    (wheel,) = dist.glob(f"{library}-*.whl")
    return wheel


def needed(names: Iterable[str]) -> set[str]:
    """Return the names of all distributions that these need, with their own."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name not in found:
            found.add(name)
            requirements = map(Requirement, distribution(name).requires or [])
            waiting += [r.name for r in requirements if r.marker is None or r.marker.evaluate({"extra": ""})]
    return found


def declared(wheel: Path) -> list[Requirement]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        metadata = HeaderParser().parsestr(archive.read(name).decode())
    return [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]


def new_environment(folder: Path, wheels: Iterable[Path], *others: str) -> Path:
    """Return the Python of a new environment: the wheels, what they declare and `others`, as installed here."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--no-index"]
    subprocess.run([*install, "--python", folder / "bin/python", *wheels], check=True)
    ours = [name.replace("_", "-") for name in LIBRARIES]
    wanted = [r.name for wheel in wheels for r in declared(wheel) if r.name not in ours]
    for name in needed([*wanted, *others]):
        files = distribution(name).files or []
        for top in {file.parts[0] for file in files if file.parts[0] not in ("..", "__pycache__")}:
            (packages / top).symlink_to(Path(str(distribution(name).locate_file(top))).resolve())
    return folder / "bin/python"


def python_blocks(library: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / library / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def applications(library: str) -> list[str]:
    return [block for block in python_blocks(library) if "Flask(__name__)" in block]


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., str]:
    """Save an application as its README says, drive it in a new environment, and return what that printed."""

    def run_application(wheels: list[Path], library: str, code: str, *others: str) -> str:
        python = new_environment(tmp_path / "env", wheels, *others)
        module = re.findall(r"[Ss]ave it as `(\w+)\.py`", (ROOT / library / "README.md").read_text())[0]
        (tmp_path / f"{module}.py").write_text(code)
        command = [python, "-c", TRIAL, module, tmp_path / "env"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        return done.stdout + done.stderr

    return run_application


@pytest.mark.parametrize("library", LIBRARIES)
def test_readme_application_works_from_the_wheel(dist, run, library):
    (code, *_) = applications(library)

    assert len([line for line in code.splitlines() if line.strip()]) <= 25
    assert run([wheel_of(dist, library)], library, code, "flask-sqlalchemy") == "works\n"


def test_both_wheels_work_together(dist, run):
    code = applications("flask_server_actions")[0]
    code = code.replace("from flask_server", "from flask_revalidation import Revalidation\nfrom flask_server", 1)
    code = re.sub(r"^(ServerActions\()", r"Revalidation(app, db)\n\1", code, count=1, flags=re.MULTILINE)

    assert run([wheel_of(dist, name) for name in LIBRARIES], "flask_server_actions", code) == "works\n"


def test_server_actions_work_alone_on_sqlalchemy(dist, run):
    code = applications("flask_server_actions")[1]
    wheel = wheel_of(dist, "flask_server_actions")

    assert not needed(r.name for r in declared(wheel)) & {"flask-sqlalchemy", "cachetools"}
    assert run([wheel], "flask_server_actions", code) == "works\n"


@pytest.mark.parametrize("library", LIBRARIES)
def test_wheel_declares_what_it_imports(dist, library):
    def imported(tree: ast.Module) -> set[str]:
        nodes = list(ast.walk(tree))
        names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
        return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {library}

    found = {name for file in (ROOT / library).glob("*.py") for name in imported(ast.parse(file.read_text()))}
    requirements = declared(wheel_of(dist, library))
    there = {file.parts[0] for name in needed(r.name for r in requirements) for file in distribution(name).files or []}

    assert found
    assert found - {Path(name).stem for name in there} == set()
    assert all(str(r.specifier).startswith(">=") for r in requirements)


@pytest.mark.parametrize("library", LIBRARIES)
def test_wheel_holds_all_of_the_library_and_nothing_else(dist, library):
    kept = partial(re.compile(r"^(tests/|pyproject\.toml$|README\.md$|.*__pycache__)").match)
    folder = ROOT / library
    files = {path.relative_to(folder).as_posix() for path in folder.glob("**/*") if path.is_file()}
    with zipfile.ZipFile(wheel_of(dist, library)) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
        metadata = archive.read(f"{wheel_of(dist, library).name.removesuffix('-py3-none-any.whl')}.dist-info/METADATA")

    assert packed == {f"{library}/{name}" for name in [*files, "LICENSE", "py.typed"] if not kept(name)}
    assert b"License-Expression: MIT" in metadata
    assert (folder / "README.md").read_bytes().strip() in metadata
