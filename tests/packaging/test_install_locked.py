"""Whatever keeps the lock from being installed ends in one line that says what to do."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NO_FILE = "0" * 64


@pytest.fixture(scope="module")
def installer():
    sys.path.insert(0, str(ROOT / "release"))
    try:
        import install_locked
    finally:
        sys.path.remove(str(ROOT / "release"))
    return install_locked


def installed(folder, lock, **settings):
    """Try to install a lock, and return the exit code and what was said."""
    path = folder / "lock.txt"
    path.write_text(lock, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, ROOT / "release" / "install_locked.py", path],
        env={
            **os.environ,
            "UV_HTTP_RETRIES": "0",
            "UV_CACHE_DIR": str(folder / "cache"),
            **settings,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return run.returncode, run.stderr


def wheel(folder):
    """Write the wheel of a package of nothing."""
    with zipfile.ZipFile(folder / "nothing_at_all-1.0-py3-none-any.whl", "w") as archive:
        info = "nothing_at_all-1.0.dist-info"
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: nothing-at-all\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")


@pytest.mark.slow
def test_an_index_that_cannot_be_reached(tmp_path):
    code, said = installed(
        tmp_path,
        f"nothing-at-all==1.0 --hash=sha256:{NO_FILE}\n",
        UV_DEFAULT_INDEX="http://127.0.0.1:1/simple",
    )
    assert code != 0
    assert said == (
        "Nothing was installed: the package index cannot be reached; check the network or the "
        "proxy, and run again\n"
    )


@pytest.mark.slow
def test_an_index_that_lacks_a_version(tmp_path):
    wheel(tmp_path)
    code, said = installed(
        tmp_path,
        f"nothing-at-all==2.0 --hash=sha256:{NO_FILE}\n",
        UV_NO_INDEX="1",
        UV_FIND_LINKS=str(tmp_path),
    )
    assert code != 0
    assert said == (
        "Nothing was installed: the package index does not have nothing-at-all==2.0; use one that "
        "does (PIP_INDEX_URL), or write a new lock with `make lock`\n"
    )


def test_an_index_with_other_files_than_those_that_were_tested(tmp_path):
    wheel(tmp_path)
    code, said = installed(
        tmp_path,
        f"nothing-at-all==1.0 --hash=sha256:{NO_FILE}\n",
        UV_NO_INDEX="1",
        UV_FIND_LINKS=str(tmp_path),
    )
    assert code != 0
    assert said == (
        "Nothing was installed: the package index serves other files than those that were tested "
        "(hashes differ); use another index (PIP_INDEX_URL), or write a new lock with `make lock`\n"
    )


@pytest.mark.parametrize("version", [(3, 9), (3, 15)])
def test_a_python_that_the_lock_is_not_for(installer, version):
    assert installer.unfit(version).startswith(
        f"the lock is for Python 3.10 to 3.14, and this is 3.{version[1]}; run `make clean`"
    )
    assert installer.unfit((3, 10)) == installer.unfit((3, 14)) == ""


def test_a_python_without_a_wheel(installer):
    said = "Because bottleneck==1.6.0 has no usable wheels and you require bottleneck==1.6.0, ..."
    assert installer.cause(said, (3, 14)).startswith(
        "bottleneck==1.6.0 has no wheel for Python 3.14 on this system; run `make clean`"
    )


def test_an_index_that_pip_cannot_reach(installer):
    said = (
        "ERROR: Could not find a version that satisfies the requirement uv==1 (from versions: none)"
        "\nERROR: No matching distribution found for uv==1\n"
    )
    assert installer.cause(said, (3, 12)).startswith("the package index cannot be reached")


def test_what_is_not_known_is_said_as_it_is(installer):
    assert installer.cause("error: disk full\n", (3, 12)) == "error: disk full"
