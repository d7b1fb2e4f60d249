"""What the docs say is so."""

import re

import pytest
from picture import chunks
from test_howto import BLOCK, Copy, follow
from test_structure import ROOT, TEACHING, code_lines

from settings import Settings

DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def named_files(text):
    return set(re.findall(r"`((?:[a-z0-9_]+/)*[\w.-]+\.(?:py|html|js|css|md|txt|in))`", text))


@pytest.mark.parametrize("doc", DOCS, ids=lambda path: path.name)
def test_every_file_and_link_it_names_is_there(doc):
    text = doc.read_text()
    links = {link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link}
    files = set() if "Status: superseded" in text else named_files(text)  # what is superseded tells of what was
    files -= {block["file"] for block in BLOCK.finditer(text)}  # what the reader makes is not there yet
    taken_out = {"xray", "labs"} - TEACHING
    files = {name for name in files if name.partition("/")[0] not in taken_out}

    assert [name for name in files if not list(ROOT.glob(f"**/{name}"))] == []
    assert [link for link in links if not (doc.parent / link).exists()] == []


DECISIONS = sorted((ROOT / "docs/decisions").glob("0*.md"))


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.name)
def test_decision_has_number_date_status_and_three_parts(decision):
    text = decision.read_text()
    title, _, status = text.splitlines()[:3]

    assert re.fullmatch(rf"# {decision.name[:4]} \S.*", title)
    assert re.match(r"Date: 20\d\d-(0[1-9]|1[0-2])\. Status: (accepted|superseded by \[\d{4}\]\()", status)
    assert [part for part in ("**Context.**", "**Decision.**", "**Consequences.**") if part not in text] == []
    assert len(text.splitlines()) < 60


def supersedings(text, words):
    status = text.partition("Status: ")[2].partition("\n\n")[0]
    return {name for part in status.split(";") if words in part for name in re.findall(r"\[(\d{4})\]", part)}


def test_what_supersedes_and_what_is_superseded_name_each_other():
    texts = {path.name[:4]: path.read_text() for path in DECISIONS}
    later = {(old, new) for new, text in texts.items() for old in supersedings(text, "supersedes")}
    earlier = {(old, new) for old, text in texts.items() for new in supersedings(text, "superseded by")}

    assert later
    assert later == earlier


def test_index_lists_every_decision_by_its_title():
    rows = [f"- [{path.name[:4]}]({path.name}) {path.read_text().splitlines()[0][7:]}" for path in DECISIONS]

    assert re.findall(r"^- .*", (ROOT / "docs/decisions/README.md").read_text(), re.MULTILINE) == rows


SECURITY = (ROOT / "docs/security.md").read_text()


@pytest.mark.parametrize("row", re.findall(r"^\|.*\| ([^|]*) \|$", SECURITY.partition("\n\n## The same")[0], re.M)[2:])
def test_row_of_what_is_defended_names_its_tests(row):
    assert re.fullmatch(r"`\w+\.py::\w+`(, `\w+\.py::\w+`)*", row)


@pytest.mark.parametrize(("file", "name"), sorted(set(re.findall(r"`(\w+\.py)::(\w+)`", SECURITY))))
def test_test_that_shows_what_is_defended_is_there(file, name):
    rooms = ("tests", "flask_revalidation/tests", "flask_server_actions/tests")
    texts = [(ROOT / room / file).read_text() for room in rooms if (ROOT / room / file).exists()]

    assert any(re.search(rf"^def {name}\(", text, re.MULTILINE) for text in texts)


def test_every_setting_has_its_row():
    text = (ROOT / "docs/self-hosting.md").read_text()

    assert set(re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE)) == {
        name.upper() for name in Settings.model_fields
    }


def test_quoted_code_is_the_code():
    files = [path for room in ("actions", "api", "templates") for path in (ROOT / room).glob("**/*.*")]
    code = "\n".join(path.read_text() for path in files if path.suffix in (".py", ".html"))
    blocks = re.findall(r"```(?:python|jinja)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    assert len(blocks) == 3
    for block in blocks:
        for piece in block.split(" … "):
            assert piece.strip() in code, piece


def test_every_command_of_the_docs_exists(app):
    text = "".join(doc.read_text() for doc in DOCS)
    commands = set(re.findall(r"`flask ([a-z]+(?: [a-z-]+)?)", text))

    assert len(commands) >= 5
    for command in commands:
        words = [word for word in command.split() if not word.isupper()]
        assert app.test_cli_runner().invoke(args=[*words, "--help"]).exit_code == 0, command


TRACK = (ROOT / "docs/reading-track.md").read_text()
STOPS = re.findall(r"`([\w/]+\.(?:py|html))`\s+\((\d+)\)", TRACK)


def lines_of(path):
    return code_lines(path) if path.suffix == ".py" else len([line for line in path.read_text().splitlines() if line])


@pytest.mark.parametrize(("file", "lines"), STOPS)
def test_file_of_the_reading_track_is_as_long_as_it_says(file, lines):
    assert lines_of(ROOT / file) == int(lines)


def test_reading_track_is_read_in_half_an_hour():
    assert len(STOPS) == 10
    assert sum(int(lines) for _, lines in STOPS) <= 700


def test_functions_named_in_the_reading_track_are_where_it_says():
    places = re.findall(r"`(\w+)`(?:\s+and\s+`\w+`)?\s+in\s+`([\w/]+\.py)", TRACK)

    assert len(places) >= 7
    for name, file in places:
        assert re.search(rf"\b(?:def|class) {name}\b", (ROOT / file).read_text()), (name, file)


def test_file_of_the_reading_track_says_what_it_promises():
    for file, _ in STOPS:
        assert file.endswith(".html") or (ROOT / file).read_text().startswith('"""'), file


def test_who_takes_the_libraries_along_gets_what_the_guide_promises(tmp_path):
    for library in ("flask_revalidation", "flask_server_actions"):
        (tmp_path / library).symlink_to(ROOT / library)
    copy = Copy(tmp_path)

    follow((ROOT / "docs/take-them-into-your-application.md").read_text(), copy)

    assert copy.tests_run == 3


def test_readme_shows_the_first_eight_seconds_of_the_tour():
    picture = ROOT / "docs/tour.png"
    parts = chunks(picture.read_bytes())
    waits = [int.from_bytes(data[20:22], "big") for name, data in parts if name == b"fcTL"]

    assert "(docs/tour.png)" in (ROOT / "README.md").read_text()
    assert picture.stat().st_size < 1_000_000
    assert (len(waits), sum(waits)) == (6, 8000)  # milliseconds
    numbers = [int.from_bytes(data[:4], "big") for name, data in parts if name in (b"fcTL", b"fdAT")]
    assert numbers == list(range(11))
