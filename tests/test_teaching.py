"""What teaches is a demo's alone, and can be taken out: each package is mounted where it is there and wanted."""

import sys

import pytest
from test_settings import GOOD

from web import assets

PACKAGE = """
def init_app(app):
    app.add_url_rule("/{name}", "{name}", lambda: "{name} is here")
"""
TEACHING = ("xray", "labs")
ADDRESSES = ("/xray", "/lab", "/labs")


@pytest.fixture
def folders(filled_directory, tmp_path, monkeypatch):
    """Stand for the folder of the application, with two packages that teach."""
    for name in TEACHING:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(PACKAGE.format(name=name))
        for module in [module for module in sys.modules if module.partition(".")[0] == name]:
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(assets, "ROOT", tmp_path)
    yield tmp_path
    for name in TEACHING:
        sys.modules.pop(name, None)


@pytest.fixture
def mounted(make_app, monkeypatch):
    """Make an application, and return which of the packages answer."""

    def start(**environment):
        client = make_app(**environment).test_client()
        return [name for name in TEACHING if client.get(f"/{name}").status_code == 200]

    return start


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"XRAY": "", "LABS": ""}, ["xray", "labs"]),
        ({"XRAY": "1", "LABS": "0"}, ["xray"]),
        ({"XRAY": "0", "LABS": "1"}, ["labs"]),
        ({"XRAY": "0", "LABS": "0"}, []),
    ],
)
def test_demo_has_what_teaches_unless_it_is_switched_off(folders, mounted, environment, expected):
    assert mounted(**environment) == expected


def test_demo_starts_without_the_folders_and_has_none_of_their_addresses(folders, make_app):
    for name in TEACHING:
        (folders / name / "__init__.py").unlink()  # what Python has compiled stays behind

    app = make_app(XRAY="1", LABS="1")

    assert app.test_client().get("/").status_code == 200
    assert [rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith(ADDRESSES)] == []


def test_production_has_nothing_that_teaches(make_app):
    app = make_app(XRAY="", LABS="", **GOOD)

    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith(ADDRESSES)]
    modules = {view.__module__.partition(".")[0] for view in app.view_functions.values()}

    assert rules == []
    assert modules.isdisjoint(TEACHING)


def test_each_release_name_tells_what_is_mounted(folders, make_app):
    choices = [{"XRAY": "0", "LABS": "0"}, {"XRAY": "1", "LABS": "0"}, {"XRAY": "", "LABS": ""}, GOOD]

    names = {make_app(**choice).extensions["revalidation"].release for choice in choices}

    assert len(names) == 4  # a browser's copy of a page with the panel is none of the page without
