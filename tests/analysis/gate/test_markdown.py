"""A gate as a pull request shows it: whatever the names, its shape is ours."""

from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bench_core.analysis.gate.markdown import MOST_BYTES, code, render
from bench_core.analysis.gate.result import Side
from bench_core.analysis.gate.words import METRICS
from bench_core.analysis.verdict import KINDS, UNSURE, WITHIN, WORSE, Verdict
from bench_core.record import Interval
from invented_gate import calm, gate, latency
from strategies import gate_results

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OURS = {"<details>", "</details>"}
HOSTILE = [
    "a|b", r"a\|b", r"a\\|b|", "`", "``x``", "`|`", "\\", "\\`", "x`\n\n# H", "</code></details>",
    "<script>alert(1)</script>", "<!--", "@octocat", "#1", "octocat/hello#1", "$`x`$", "$$x$$",
    "https://evil.example", "www.evil.example", "a@evil.example", "[x](https://evil.example)",
    "![x](https://evil.example/x.png)", "**b**", "~~s~~", "&amp;&#124;", ":smile:", "- x\n- y",
    "|---|", "\r\n", "\u2028", "\x00", "\x1b[2J", "\ud800", " ", "", "x" * 10_000,
]  # fmt: skip


def tokens(text):
    return PARSER.parse(text)


def tables(text):
    """The rows of each table's body, each cell as its inline token."""
    found, rows = [], None
    for token in tokens(text):
        if token.type == "table_open":
            found.append(rows := [])
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows is not None and token.level > 3:
            rows[-1].append(token)
        elif token.type == "table_close":
            rows = None
    return [table[1:] for table in found]


def check_shape(text, shown):
    """Seven cells to a row, a row for each verdict, and nothing but code in what others named."""
    rows = [row for table in tables(text) for row in table]
    assert len(rows) == shown
    assert {len(row) for row in rows} <= {7}
    for token in tokens(text):
        assert token.type != "html_block" or all(
            line in OURS or line.startswith("<summary>") for line in token.content.split()[:1]
        )
        for part in token.children or ():
            assert part.type in ("text", "code_inline", "strong_open", "strong_close", "softbreak")
            if part.type == "text":
                assert not set("@#<>[]$`|\\~") & set(part.content), part.content
                assert "://" not in part.content and "www" not in part.content
    assert all(line.isprintable() for line in text.split("\n"))
    assert len(text.encode()) <= MOST_BYTES
    # Lines, since a name may be such a tag itself, in its code span.
    lines = text.split("\n")
    opened = lines.count("<details>")
    assert opened == lines.count("</details>") == sum(x.startswith("<summary>") for x in lines)


@settings(max_examples=200)
@given(gate_results())
def test_whatever_was_found_keeps_the_shape(result):
    check_shape(render(result), len(result.verdicts))


@given(st.text() | st.sampled_from(HOSTILE))
@example("`" * 300)
def test_a_quoted_text_is_one_code_span(text):
    (inline,) = [token for token in tokens(f"a {code(text)} b") if token.type == "inline"]
    kinds = [part.type for part in inline.children]
    assert kinds == (["text", "code_inline", "text"] if text else ["text"])


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_out(name):
    verdict = Verdict(name, "latency", WORSE, Interval(1.1, 1.0, 1.2), 0.05, reason=name)
    other = replace(verdict, metric="task", kind=WITHIN)
    result = gate(verdict, other, base=Side(name, name, dirty=True, environment=name))
    session = {"warnings": [name], "versions": {"torch": name}}
    result = replace(result, invalid=name, session=session, sentinels={name: (0.1,)})
    check_shape(render(result), 2)


def test_a_cell_is_read_back_from_its_row():
    (notable, inside) = tables(render(gate()))
    assert [cell.content for cell in notable[1]] == [
        "worse", "`minilm 128 · int8_dynamic`", "latency", "+9.8 % (+8.6 to +11.0)", "5 %", "6", "",
    ]  # fmt: skip
    assert len(notable) == 11
    assert len(inside) == 3


def test_the_first_line_is_the_verdict():
    first = render(gate()).splitlines()[0]
    assert first.startswith(
        "**Gate: worse.** 2 cells are slower than `origin/main`, by up to 23.0 %;"
    )
    assert first.endswith("(exit code 1)")


def test_too_many_rows_are_counted_and_the_gravest_kept():
    many = [latency(f"mode_{number:04}", KINDS[number % 8], 3.0) for number in range(3000)]
    text = render(gate(*many))
    kept = tables(text)
    assert len(text.encode()) <= MOST_BYTES
    left = sum(
        int(line.split()[0].replace(",", "")) for line in text.splitlines() if "left out" in line
    )
    assert left + sum(map(len, kept)) == 3000
    assert {row[0].content for row in kept[0]} == {"worse"}


def test_the_longest_names_of_everything_still_fit():
    long = "\U00020000|`" * 4000
    many = [
        Verdict(f"{long}{number}", metric, kind, Interval(1.1, 1.0, 1.2), 0.05, reason=long)
        for number in range(50) for metric in METRICS for kind in (KINDS[number % 8], WITHIN)
    ]  # fmt: skip
    session = {"warnings": [long] * 50, "versions": {"torch": long}}
    text = render(
        gate(
            *many, latency("x", UNSURE, 1), invalid=long, session=session,
            base=Side(long, long, dirty=True, environment=long),
            sentinels={f"{number}{long}": (0.1,) for number in range(50)},
        )
    )  # fmt: skip
    assert len(text.encode()) <= MOST_BYTES
    assert "left out for want of room" in text
    assert "more, in the JSON file" in text


def test_nothing_to_say_is_no_empty_table():
    text = render(calm(40))
    assert len(tables(text)) == 1
    assert "<summary>80 within their limits</summary>" in text
