"""The rules of the corpus, one test each, on trees of a few files."""

import sysconfig
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.errors import Unavailable
from bench_core.models import docstrings
from bench_core.models.docstrings import Pair, corpus, sha256

DOCUMENTED = 'def {name}():\n    """{name} of {where}.\n\n    The body of {name}.\n    """\n'


def write(folder: Path, path: str, text: str | None = None) -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(DOCUMENTED.format(name="f", where=path) if text is None else text)


def names(folder: Path) -> list[str]:
    return [pair.name for pair in corpus(folder)]


def test_a_pair_is_the_summary_and_what_follows_its_blank_line(tmp_path: Path) -> None:
    write(
        tmp_path,
        "m.py",
        'def f():\n    """\n    Sum.\n          \n    One.\n\n      Two.\n    """\n',
    )
    assert corpus(tmp_path) == (Pair("m.f", "Sum.", "One.\n\n  Two."),)


def test_a_summary_that_wraps_has_its_lines_joined(tmp_path: Path) -> None:
    write(tmp_path, "m.py", 'def f():\n    """Long\n      sum.\n\n    Body."""\n')
    assert [pair.summary for pair in corpus(tmp_path)] == ["Long sum."]


@pytest.mark.parametrize("docstring", ["Sum.", "Sum.\nMore.", "Sum.\n\n", ""])
def test_without_a_blank_line_and_a_body_there_is_no_pair(tmp_path: Path, docstring: str) -> None:
    write(tmp_path, "m.py", f'def f():\n    """{docstring}"""\n')
    assert names(tmp_path) == []


def test_without_a_docstring_there_is_no_pair(tmp_path: Path) -> None:
    write(tmp_path, "m.py", "def f():\n    pass\n")
    assert names(tmp_path) == []


def test_functions_methods_and_classes_are_taken_modules_are_not(tmp_path: Path) -> None:
    text = '"""{0}"""\nclass C:\n "{1}"\n def f(s): "{2}"\n class D: "{3}"\nasync def g(): "{4}"\n'
    write(tmp_path, "m.py", text.format(*(rf"Sum {i}.\n\nBody." for i in range(5))))
    assert names(tmp_path) == ["m.C", "m.C.f", "m.C.D", "m.g"]


def test_definitions_under_if_and_try_are_taken_those_in_functions_are_not(
    tmp_path: Path,
) -> None:
    doc = r'"{} sum.\n\nBody."'
    write(
        tmp_path,
        "m.py",
        f"if True:\n  def a(): {doc.format('a')}\nelse:\n  def b(): {doc.format('b')}\n"
        f"try:\n  def c(): {doc.format('c')}\nexcept OSError:\n  def d(): {doc.format('d')}\n"
        f"def e():\n  def f(): {doc.format('f')}\n",
    )
    assert names(tmp_path) == ["m.a", "m.b", "m.c", "m.d"]


@pytest.mark.parametrize("path", ["_m.py", "_p/m.py", "p/__main__.py", "p/_q/m.py"])
def test_private_modules_are_left_out(tmp_path: Path, path: str) -> None:
    write(tmp_path, path)
    assert names(tmp_path) == []


def test_private_functions_methods_and_classes_are_left_out(tmp_path: Path) -> None:
    doc = r'"{} sum.\n\nBody."'
    write(
        tmp_path,
        "m.py",
        f"def _f(): {doc.format(1)}\nclass _C:\n def f(s): {doc.format(2)}\n"
        f"class D:\n def _f(s): {doc.format(3)}\n def __len__(s): {doc.format(4)}\n",
    )
    assert names(tmp_path) == []


def test_private_names_in_public_modules_are_the_other_corpus(tmp_path: Path) -> None:
    doc = r'"{} sum.\n\nBody."'
    public = f"def f(): {doc.format(1)}\nclass D:\n def g(s): {doc.format(2)}\n"
    inner = f" def __len__(s): {doc.format(3)}\n"
    private = f"def _f(): {doc.format(4)}\nclass _C:\n def f(s): {doc.format(5)}\n"
    write(tmp_path, "m.py", public + inner + private)
    write(tmp_path, "_m.py")
    write(tmp_path, "test/m.py")
    assert names(tmp_path) == ["m.f", "m.D.g"]
    others = [pair.name for pair in corpus(tmp_path, private=True)]
    assert others == ["m.D.__len__", "m._f", "m._C.f"]


def test_a_package_goes_by_its_own_name(tmp_path: Path) -> None:
    write(tmp_path, "p/__init__.py")
    assert names(tmp_path) == ["p.f"]


@pytest.mark.parametrize(
    "path",
    ["test/m.py", "p/tests/m.py", "p/test/m.py", "idlelib/idle_test/m.py", "test_m.py",
     "p/test_q/m.py", "m_test.py", "p/test.py"],
)  # fmt: skip
def test_tests_are_left_out(tmp_path: Path, path: str) -> None:
    write(tmp_path, path)
    assert names(tmp_path) == []


@pytest.mark.parametrize("path", ["doctest.py", "unittest/case.py", "testing.py", "latest.py"])
def test_what_is_only_called_like_tests_is_taken(tmp_path: Path, path: str) -> None:
    write(tmp_path, path)
    assert len(names(tmp_path)) == 1


@pytest.mark.parametrize("folder", ["site-packages", "dist-packages"])
def test_installed_packages_are_left_out(tmp_path: Path, folder: str) -> None:
    write(tmp_path, f"{folder}/p/m.py")
    assert names(tmp_path) == []


def test_of_equal_summaries_the_first_is_kept(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        write(tmp_path, f"{name}.py", f'def f():\n    """Sum.\n\n    Body of {name}.\n    """\n')
    assert [pair.body for pair in corpus(tmp_path)] == ["Body of a."]


@given(order=st.permutations(["a.py", "a/b.py", "aa.py", "B.py", "a/__init__.py", "z.py"]))
def test_the_order_is_that_of_the_paths_whoever_wrote_first(
    tmp_path_factory: pytest.TempPathFactory, order: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("library")
    for path in order:
        write(folder, path)
    # "a.py" and "a/__init__.py" are two files of one name; both are read.
    assert names(folder) == ["B.f", "a.f", "a.f", "a.b.f", "aa.f", "z.f"]


def test_a_file_that_is_not_python_is_named(tmp_path: Path) -> None:
    write(tmp_path, "broken.py", "def f(:\n")
    with pytest.raises(SyntaxError, match=r"broken\.py"):
        corpus(tmp_path)


texts = st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=4)


@given(texts, texts)
def test_the_hash_is_that_of_the_texts_and_their_order(
    some: list[tuple[str, str]], others: list[tuple[str, str]]
) -> None:
    def digest(texts: list[tuple[str, str]], name: str) -> str:
        return sha256(Pair(name, *text) for text in texts)

    assert (digest(some, "x") == digest(others, "y")) == (some == others)


def test_the_hash_keeps_the_texts_apart() -> None:
    assert sha256([Pair("", "ab", "c")]) != sha256([Pair("", "a", "bc")])


def test_the_real_library_has_over_two_thousand_pairs() -> None:
    if not (Path(sysconfig.get_path("stdlib")) / "idlelib").is_dir():
        pytest.skip("this Python's library was split into packages, not all of it is here")
    pairs = docstrings.standard_library()
    assert len(pairs) > 2000
    assert len({pair.summary for pair in pairs}) == len(pairs)
    assert all(pair.summary and pair.body for pair in pairs)
    assert {"json.load", "textwrap.dedent"} <= {pair.name for pair in pairs}


def test_a_python_without_sources_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    with pytest.raises(Unavailable, match=r"found no ast\.py"):
        docstrings.standard_library.__wrapped__()
