"""Names and beginnings in every language: addresses can be read, and nothing is cut within a letter."""

import pytest
import regex

from flask_revalidation import revalidate_everything, write
from models import Role, User
from models.text import first_words, shortened, slugify, storable, to_html

FAMILY, FLAG, ACCENT = "👨‍👩‍👧‍👦", "🇳🇴", "q\u0308\u0323"


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Before—after", "before-after"),
        ("one–two/three…four", "one-two-three-four"),
        ("Smørrebrød på Ærø", "smorrebrod-pa-aero"),
        ("Straße, Łódź", "strasse-lodz"),
        ("Ελλάδα", "ellada"),
        ("снег", "sneg"),
        ("C#", "c-sharp"),
        ("Ｃ＃ and F♯", "c-sharp-and-f-sharp"),
        ("C++", "c-plus-plus"),
        ("Issue #4", "issue-4"),
    ],
)
def test_title_of_any_language_can_be_read_in_its_address(title, slug):
    assert slugify(title) == slug


@pytest.mark.parametrize("title", ["東京", "서울", "القاهرة", "हिन्दी", "ไทย", "תל אביב", "Հայերեն"])
def test_title_without_latin_letters_has_an_address_of_its_own(title):
    assert regex.fullmatch("[a-z0-9]+(-[a-z0-9]+)*", slugify(title))
    assert slugify(title) not in ("post", slugify("大阪"))


def test_account_has_a_handle_of_its_name(app):
    with app.app_context(), write(by="test"):
        create = lambda name, email: User.create(name=name, email=email, role=Role.READER, password="p" * 12).handle  # noqa: E731

        assert create("佐藤", "s@x.example") == "zuoteng"
        assert create("…", "t@x.example") == "someone"
        revalidate_everything()


@pytest.mark.parametrize("letter", ["都", FAMILY, FLAG, ACCENT, "각"])
def test_text_without_spaces_is_cut_between_letters(letter):
    words = first_words(to_html(letter * 200))

    assert 140 < len(words) <= 180
    assert words.endswith("…")
    assert set(regex.findall(r"\X", words[:-1])) == {letter}


def test_text_is_cut_at_a_space_only_where_one_is_near():
    assert shortened("word " * 100, 20) == "word word word word…"
    assert shortened("a " + "都" * 100, 60) == "a " + "都" * 57 + "…"
    assert shortened("都" * 50, 50) == "都" * 50


def test_beginning_of_a_text_has_no_number_of_a_footnote():
    assert first_words(to_html("One[^1] two.\n\n[^1]: Three")) == "One two."


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;https://x.example\x07link\x1b]8;;\x07", "link"),
        ("bell\x07 nul\0 del\x7f nel\x85 \ufffd.", "bell nul del nel ."),
        ("a\r\nb\rc", "a\nb\nc"),
        ("e\u0301", "é"),
        ("\ud800x", "x"),
        ("tab\tline\n", "tab\tline\n"),
    ],
)
def test_text_of_a_machine_is_cleaned(sent, kept):
    assert storable(sent) == kept
