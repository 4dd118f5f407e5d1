"""Files that are written as one, all or none, and none over an input or over each other."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import BinaryIO
from unicodedata import normalize

from sesgame.errors import SesgameError

__all__ = ["STANDARD_OUTPUT", "OutputFiles", "as_bytes", "folded", "written"]

STANDARD_OUTPUT = Path("-")
"""Instead of a file; ``./-`` is a file of that name."""


class OutputFiles:
    """Files that are known to be writable before anything is computed for them.

    Parameters
    ----------
    paths : iterable of Path
        Where to write. Folders are made. A device or a pipe is written to, and so is
        :data:`STANDARD_OUTPUT`; a link is replaced, and what it leads to stays as it is.
    inputs : iterable of Path
        What is not to be overwritten, under whatever name.

    Raises
    ------
    SesgameError
        One cannot be written, is a folder or an input, or two are one file, also where only
        capitals tell them apart.
    """

    def __init__(self, paths: Iterable[Path], inputs: Iterable[Path] = ()) -> None:
        self._paths: list[Path] = []
        self.add(paths)
        self.spare(inputs)

    def add(self, paths: Iterable[Path]) -> None:
        """Add files to those that are to be written; errors as for the first."""
        folders = {path.parent: path.parent.resolve() for path in self._paths}
        for path in paths:
            with _told(f"nothing can be written to the folder {path.parent}"):
                if path == STANDARD_OUTPUT:
                    if sys.stdout is None:
                        raise SesgameError(
                            "nothing can be written to standard output: it is closed"
                        )
                elif path.is_dir():
                    raise SesgameError(
                        f"nothing can be written to the folder {path.parent}: {path} is a folder"
                    )
                elif not _is_stream(path):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    if path.parent not in folders:
                        self._probe(path.parent)
                if path.parent not in folders:
                    folders[path.parent] = path.parent.resolve()
            self._paths.append(path)
        whose: dict[tuple[Path, str], Path] = {}
        for path in self._paths:
            first = whose.setdefault((folders[path.parent], folded(path.name)), path)
            if first is not path:
                where = "standard output" if path == STANDARD_OUTPUT else f"{first} and {path}"
                raise SesgameError(f"two results would be one file: {where}; give each its own")

    def spare(self, inputs: Iterable[Path]) -> None:
        """Refuse to write over what is read.

        Raises
        ------
        SesgameError
            A file is an input, maybe by a link.
        """
        inputs = list(inputs)
        for path in self._paths:
            if _is_stream(path):
                continue
            for source in inputs:
                if is_same(path, source):
                    raise SesgameError(
                        f"{path} is the input {source}, which is never overwritten; "
                        f"write to another place"
                    )

    def _probe(self, folder: Path) -> None:
        probe = folder / f".sesgame-{secrets.token_hex(4)}"
        probe.touch()
        probe.unlink()

    def write(
        self, contents: Mapping[Path, str | bytes], obsolete: Iterable[Path] = ()
    ) -> list[Path]:
        """Write files and remove others, all or none of it; return what is written.

        All is written beside its place first, so that a disk that is full leaves what was there. A
        process that is killed while the files are put in place leaves some of either.

        Raises
        ------
        SesgameError
            A file cannot be written; then everything is as it was.
        """
        data = {path: as_bytes(text, path) for path, text in contents.items()}
        streams = {path for path in data if _is_stream(path)}
        folders = dict.fromkeys(
            path.parent for path in chain(data, obsolete) if path not in streams
        )
        asides = {folder: folder / f".sesgame-{secrets.token_hex(8)}" for folder in folders}
        try:
            moves: list[tuple[Path | None, Path]] = []
            for number, (path, content) in enumerate(data.items()):
                with _told(f"{path} cannot be written"):
                    if path not in streams:
                        moves.append((_staged(asides[path.parent], number, path, content), path))
            unread = None
            for path in streams:
                with _told(f"{_name(path)} cannot be written"):
                    try:
                        _pour(path, data[path])
                    except BrokenPipeError as error:
                        unread = error  # files are kept, also where nobody reads the output
            moves += [(None, path) for path in obsolete]
            _put_in_place(moves, asides)
            if unread is not None:
                raise unread
        except _UnrestoredError as error:
            del asides[error.folder]
            raise
        finally:
            for aside in asides.values():
                shutil.rmtree(aside, ignore_errors=True)
        return list(data)


def written(text: str, path: str | os.PathLike[str] | None) -> str:
    """Return a text, and write it where a path is given.

    Raises
    ------
    SesgameError
        The file cannot be written.
    """
    if path is not None:
        OutputFiles(()).write({Path(path): text})
    return text


def folded(name: str) -> str:
    """Return what is the same for names that some systems take for one."""
    return normalize("NFKC", normalize("NFKC", name).casefold())


def is_same(path: Path, other: Path) -> bool:
    """Return whether two paths are one file that is there."""
    try:
        return path.samefile(other)
    except OSError:
        return False


def as_bytes(text: str | bytes, path: Path) -> bytes:
    """Return text in UTF-8.

    Raises
    ------
    SesgameError
        A surrogate without its other half, which is no character.
    """
    if isinstance(text, bytes):
        return text
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        half = text[error.start : error.end][:1]
        raise SesgameError(
            f"{_name(path)} cannot be written: a name in it has {half!a}, half of a character, "
            f"which no file in UTF-8 holds"
        ) from error


def _name(path: Path) -> str:
    return "standard output" if path == STANDARD_OUTPUT else str(path)


def _is_stream(path: Path) -> bool:
    """Return whether a path is written to as it is: a device, a pipe, our own output."""
    if path == STANDARD_OUTPUT:
        return True
    try:
        found = path.stat()
    except OSError:
        return False
    if stat.S_ISREG(found.st_mode):
        return _printed(found) is not None
    return not stat.S_ISDIR(found.st_mode)


def _printed(found: os.stat_result) -> BinaryIO | None:
    """Return standard output or error, if it goes to that file."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):  # closed, or none of the system's
            if os.path.samestat(os.fstat(stream.fileno()), found):
                buffer: BinaryIO = stream.buffer
                return buffer
    return None


def _pour(path: Path, content: bytes) -> None:
    if path == STANDARD_OUTPUT:
        buffer = getattr(sys.stdout, "buffer", None)
        if buffer is None:  # text is all it takes, as in a notebook
            sys.stdout.write(content.decode())
            sys.stdout.flush()
            return
    else:
        buffer = _printed(path.stat())
    if buffer is None:
        with path.open("wb") as file:
            file.write(content)
    else:
        buffer.write(content)
        buffer.flush()


def _staged(aside: Path, number: int, path: Path, content: bytes) -> Path:
    """Write a file beside its place, as readable as the one that it will replace."""
    aside.mkdir(exist_ok=True)
    staged = aside / str(number)
    staged.write_bytes(content)
    if path.is_file() and not path.is_symlink():
        shutil.copymode(path, staged)
    return staged


def _put_in_place(moves: list[tuple[Path | None, Path]], asides: Mapping[Path, Path]) -> None:
    """Move files to their places, and others away; undo what is done where one cannot be moved."""
    done: list[tuple[Path, Path, bool]] = []
    try:
        for number, (staged, path) in enumerate(moves):
            aside = asides[path.parent]
            with _told(f"{path} cannot be written"):
                if path.is_dir() and not path.is_symlink():
                    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
                aside.mkdir(exist_ok=True)
                old = aside / f"{number}.old"
                done.append((path, old, os.path.lexists(path)))
                _keep(path, old)
                if staged is None:
                    path.unlink(missing_ok=True)
                else:
                    os.replace(staged, path)
    except BaseException as error:
        for path, old, was_there in reversed(done):
            _put_back(path, old, error, was_there=was_there)
        raise


def _put_back(path: Path, old: Path, error: BaseException, *, was_there: bool) -> None:
    """Make a file what it was."""
    try:
        if os.path.lexists(old):
            os.replace(old, path)
        elif not was_there:
            path.unlink(missing_ok=True)
    except OSError as failure:
        raise _UnrestoredError(path, old, failure) from error


class _UnrestoredError(SesgameError):
    """A file could not be put back to where it was."""

    def __init__(self, path: Path, old: Path, failure: OSError) -> None:
        super().__init__(
            f"{path} cannot be written, nor put back as it was ({failure.strerror or failure}); "
            f"what was there is in {old.parent}"
        )
        self.folder = path.parent


def _keep(path: Path, old: Path) -> None:
    """Give a file, if it is there, a second name or, where that cannot be, another one."""
    try:
        os.link(path, old, follow_symlinks=False)
    except FileNotFoundError:
        return
    except (OSError, NotImplementedError):
        os.rename(path, old)


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Say in one line what the system refuses."""
    try:
        yield
    except BrokenPipeError:
        raise  # nobody reads any more
    except OSError as error:
        raise SesgameError(f"{what}: {error.strerror or error}") from error
    except ValueError as error:  # no name of a file, in the encoding of this system
        raise SesgameError(f"{what}: {error}") from error
