"""The picture is valid XML whatever names say, and shows each box with what it stands for."""

import xml.etree.ElementTree as ET

from hypothesis import given, settings

from bench_core.analysis.graph.boxes import Box
from bench_core.analysis.graph.svg import GONE, NEW, draw
from strategies import texts

SVG = "{http://www.w3.org/2000/svg}"


def drawn(boxes, title="net.onnx", look=NEW):
    return ET.fromstring(draw(boxes, title, look))


def said(page):
    return [element.text for element in page.iter(f"{SVG}text")]


@settings(max_examples=100)
@given(texts, texts, texts)
def test_any_name_is_text(title, operator, name):
    page = drawn([Box(operator, name, ()), Box("<script>", "", (0,))], title)
    assert not list(page.iter(f"{SVG}script"))
    assert len(list(page.iter(f"{SVG}g"))) == 2


def test_what_changed_is_coloured_and_counted():
    boxes = [Box("Conv", "one", ()), Box("Relu", "two", (0,), changed=1)]
    for look in (NEW, GONE):
        page = drawn(boxes, look=look)
        fills = [group.find(f"{SVG}rect").get("fill") for group in page.iter(f"{SVG}g")]
        assert [fill == look.fill for fill in fills] == [False, True]
        assert f"{look.meaning}: 1 of 2 nodes" in said(page)


def test_a_layer_says_how_many_nodes_it_stands_for():
    page = drawn([Box("layer.0", "12 Add, 3 more", (), nodes=15, changed=2)])
    assert {"layer.0", "2 of 15: 12 Add, 3 more"} <= set(said(page))
    (tip,) = (group.find(f"{SVG}title").text for group in page.iter(f"{SVG}g"))
    assert tip == "layer.0: 12 Add, 3 more; 15 nodes, 2 new against the other graph"


def test_of_a_long_name_the_end_is_shown_and_all_is_in_the_tip():
    name = "encoder.block.17.attention.self.query"
    page = drawn([Box(name, "", ())])
    assert "…7.attention.self.query"[-15:] in next(text for text in said(page) if "query" in text)
    assert name not in said(page)
    assert name in [element.text for element in page.iter(f"{SVG}title")]


def test_all_lies_on_the_page():
    page = drawn([Box(str(at), "", tuple(range(max(0, at - 2), at))) for at in range(30)])
    width, height = float(page.get("width")), float(page.get("height"))
    for box in page.iter(f"{SVG}rect"):
        assert float(box.get("x", 0)) >= 0 and float(box.get("y", 0)) >= 0
        assert float(box.get("x", 0)) + float(box.get("width")) <= width
        assert float(box.get("y", 0)) + float(box.get("height")) <= height
