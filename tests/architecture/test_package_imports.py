"""The reader of imports finds what is planted, in whatever form, and nothing else."""

from textwrap import dedent

import pytest
from fixtures.package_imports import Package


@pytest.fixture
def planted(tmp_path):
    """Return what makes a package of the texts of its files."""

    def make(**files):
        folder = tmp_path / "house"
        for module, text in {"__init__": "", **files}.items():
            file = folder.joinpath(*module.split("__in__")).with_suffix(".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(text), encoding="utf-8")
        return Package(folder)

    return make


def edges(package):
    return {(found.source, found.target) for found in package.imports}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("import house.upper", id="import"),
        pytest.param("import json, house.upper as above", id="import as"),
        pytest.param("from house.upper import Name", id="from a module"),
        pytest.param("from house import upper", id="from the face"),
        pytest.param("from . import upper", id="relative"),
        pytest.param("from .upper import Name", id="relative, from a module"),
        pytest.param(
            """
            from typing import TYPE_CHECKING
            if TYPE_CHECKING:
                from house.upper import Name
            """,
            id="type-only",
        ),
        pytest.param(
            """
            class Early:
                def late(self):
                    from house.upper import Name
                    return Name
            """,
            id="late",
        ),
        pytest.param(
            """
            try:
                import numpy
            except ImportError:
                from house.upper import Name
            """,
            id="in a branch",
        ),
        pytest.param(
            """
            import importlib
            made = importlib.import_module("house.upper")
            """,
            id="by its text",
        ),
    ],
)
def test_an_import_is_found_in_every_form(planted, text):
    assert edges(planted(lower=text, upper="Name = 1")) == {("lower", "upper")}


def test_an_import_says_where_it_stands(planted):
    (found,) = planted(lower="\n\nfrom house.upper import Name", upper="Name = 1").imports
    assert str(found) == "lower:3 imports Name of upper"


@pytest.mark.parametrize(
    ("text", "late"),
    [
        pytest.param("def f():\n    import house.upper", True, id="function"),
        pytest.param(
            "class C:\n    async def f(self): from house.upper import N", True, id="method"
        ),
        pytest.param("f = lambda: __import__('house.upper')", True, id="lambda"),
        pytest.param("def f():\n    import json", False, id="another package"),
        pytest.param("if True:\n    import house.upper", False, id="in a branch"),
    ],
)
def test_a_late_import_is_one_inside_a_function(planted, text, late):
    assert bool(planted(lower=text, upper="N = 1").late_imports()) == late


def test_a_name_of_a_folder_is_an_import_of_its_init_and_a_module_one_of_the_module(planted):
    package = planted(
        room__in____init__="Name = 1",
        room__in__desk="",
        room__in__chair="from . import desk\nfrom .. import lamp\nfrom ..lamp import Bulb",
        lamp="Bulb = 1",
        reader="from house.room import Name, desk",
    )
    assert edges(package) == {
        ("reader", "room"),
        ("reader", "room.desk"),
        ("room.chair", "room.desk"),
        ("room.chair", "lamp"),
    }


def test_an_import_of_the_package_is_one_of_its_face(planted):
    package = planted(one="import house", two="from house import Name", three="import household")
    assert edges(package) == {("one", ""), ("two", "")}


def test_what_is_no_import_is_none(planted):
    text = '''
        """import house.upper"""
        # from house.upper import Name
        import json, housekeeping.upper
        from json import upper
        '''
    assert edges(planted(lower=text, upper="")) == set()


def test_a_loop_of_type_only_and_late_imports_is_found(planted):
    package = planted(
        a="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.b import B",
        b="def late():\n    import house.c",
        c="from house.a import A\nfrom house.d import D",
        d="import house.e",
        e="import json",
    )
    assert package.loops() == [["a", "b", "c"]]


def test_loops_apart_are_two_and_a_chain_is_none(planted):
    files = {"a": "import house.b", "b": "import house.a", "c": "import house.d"}
    assert planted(**files, d="").loops() == [["a", "b"]]
    assert planted(**files, d="from house.c import C").loops() == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize(
    ("text", "hides"),
    [
        pytest.param("from house.room.desk import lamp", True, id="import"),
        pytest.param("from house.room.desk import Lamp as lamp", True, id="import as"),
        pytest.param("def lamp(): ...", True, id="function"),
        pytest.param("try:\n    lamp, other = 1, 2\nfinally:\n    pass", True, id="assignment"),
        pytest.param("from house.room import lamp", False, id="the module itself"),
        pytest.param("from house.room.lamp import Bulb", False, id="what is in it"),
        pytest.param("def light():\n    lamp = 1", False, id="inside a function"),
    ],
)
def test_an_init_that_hides_a_module_is_found(planted, text, hides):
    package = planted(
        room__in____init__=text, room__in__desk="", room__in__lamp="", other="lamp = 1"
    )
    assert package.hidden_modules() == ["room binds the name of its module lamp"] * hides


def test_a_function_of_the_face_that_hides_a_module_is_found(planted):
    package = planted(__init__="from house.audit import audit", audit="def audit(): ...")
    assert package.hidden_modules() == ["the face binds the name of its module audit"]


def test_subclasses_are_found_through_others_and_through_modules(planted):
    package = planted(
        base="class Evidence: ...\nclass Other: ...",
        one="import house.base\nclass One(Generic[T], house.base.Evidence): ...",
        two="from house.one import One\nclass Two(One[int]): ...",
        three="class Three(Other): ...",
    )
    assert package.subclasses("Evidence") == {"One": "one", "Two": "two"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("from house.one import One", True, id="import"),
        pytest.param("from house.one import One as Uno", True, id="import as"),
        pytest.param("import house.one\nx = house.one.One", True, id="attribute"),
        pytest.param("def f(x: 'One'): ...", True, id="annotation"),
        pytest.param("match x:\n    case One(): ...", True, id="pattern"),
        pytest.param("type(x).__name__ == 'One'", True, id="text"),
        pytest.param("'''One of many.'''\nOnes = 1  # One", False, id="prose"),
    ],
)
def test_a_name_is_found_in_every_form(planted, text, named):
    package = planted(reader=text, one="class One: ...")
    assert bool(package.namings(["One"], ["reader"])) == named


def test_files_of_folders_are_not_at_the_top(planted):
    package = planted(one="", room__in__desk="")
    assert package.top_level() == ["__init__.py", "one.py"]
