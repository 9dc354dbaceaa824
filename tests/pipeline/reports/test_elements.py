"""What is put into HTML cannot become HTML."""

from pipeline.reports.elements import Html, breakable, details, element, figure, joined, table


def test_text_is_escaped_and_html_is_not() -> None:
    inside = element("b", "<script>", class_="a<b")
    assert element("p", "a & b", inside) == ('<p>a &amp; b<b class="a&lt;b">&lt;script&gt;</b></p>')


def test_an_attribute_cannot_be_left() -> None:
    assert element("img", alt='"><script>') == '<img alt="&quot;&gt;&lt;script&gt;">'


def test_names_of_attributes_have_hyphens() -> None:
    assert element("i", aria_label="x", class_="y") == '<i aria-label="x" class="y"></i>'


def test_joining_escapes_texts_alone() -> None:
    assert joined(["<", Html("<br>"), ">"], "&") == "&lt;&amp;<br>&amp;&gt;"


def test_a_long_name_breaks_behind_its_strokes_and_is_escaped() -> None:
    assert breakable("a/b_c--d<e") == "a/<wbr>b_<wbr>c--<wbr>d&lt;e"
    assert breakable("plain") == "plain"


def test_a_table_tells_texts_from_numbers_and_scrolls_in_its_own_box() -> None:
    found = table(("name", "count"), [("<x>", "3")], label="counts")
    assert '<th scope="row" class="text">&lt;x&gt;</th><td class="number">3</td>' in found
    assert found.startswith('<div class="scroll" role="region" aria-label="counts" tabindex="0">')


def test_numbers_of_a_chart_are_folded_below_it_where_there_are_some() -> None:
    chart, numbers = Html("<svg></svg>"), Html("<table></table>")
    assert details("Numbers", numbers) in figure(chart, "said", numbers=numbers)
    assert "details" not in figure(chart, "said")
