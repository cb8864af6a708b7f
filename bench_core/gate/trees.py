"""The two revisions of a gate as trees of files, at places whose names are equally long.

The length of a path, and of the environment, moves a program's stack and so its speed by
percents (Mytkowicz et al. 2009, doi:10.1145/1508244.1508275). So head too is laid out anew.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from bench_core.errors import UsageError


@dataclass(frozen=True)
class Tree:
    """One revision's files in `folder`, of the repository at `repository`.

    name: as it was asked for. dirty: with changes that nobody committed.
    """

    repository: Path
    folder: Path
    name: str
    revision: str
    dirty: bool


_GIT_LIMIT_S = 600.0
_JANITOR = """
import shutil, subprocess, sys
sys.stdin.read()
repository, folder = sys.argv[1:]
remove = ["git", "-C", repository, "worktree", "remove", "--force", folder + "/base"]
subprocess.run(remove, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
shutil.rmtree(folder, ignore_errors=True)
"""
"""Waits until whoever started it has ended, by whatever means, and takes the trees away."""


@contextmanager
def lay_out(cache: Path, base: str | None) -> Iterator[tuple[Tree, Tree]]:
    """The revision `base`, as a git worktree, and the working tree, copied as it stands.

    base: None for the working tree again (A/A). Both are gone afterwards, even if we are killed.
    Raises: UsageError outside of a git repository, and for a revision that is not there.
    """
    repository = root()
    revision = None if base is None else _commit(repository, base)
    place = sha256(str(repository).encode()).hexdigest()[:12]
    for left in (cache / "gate").glob(f"trees-{place}-*"):  # of a machine that lost its power
        shutil.rmtree(left, ignore_errors=True)
    folder = cache / "gate" / f"trees-{place}-{os.getpid()}"  # a janitor may be at the last one
    janitor = subprocess.Popen(
        [sys.executable, "-c", _JANITOR, str(repository), str(folder)],
        stdin=subprocess.PIPE,
        cwd=repository,
        start_new_session=True,  # Ctrl-C is for us; it must outlive us
    )
    try:
        folder.mkdir(parents=True)
        head = _copy(repository, folder / "head")
        if base is None or revision is None:
            yield _copy(repository, folder / "base"), head
        else:
            where = str(folder / "base")
            _git(repository, "worktree", "prune")
            _git(repository, "worktree", "add", "--detach", "--force", where, revision)
            yield Tree(repository, folder / "base", base, revision, dirty=False), head
    finally:
        janitor.communicate()  # closes its input, and waits


def root() -> Path:
    """Of the repository that we stand in. Raises: UsageError outside of one."""
    try:
        return Path(_git(Path.cwd(), "rev-parse", "--show-toplevel")).resolve()
    except UsageError as error:
        raise UsageError(
            f"expected a git repository here, to take the base from; {error}"
        ) from None


def missing_commits(base: Tree, head: Tree) -> int:
    """How many commits of base head does not have: their effect counts as head's, mirrored."""
    between = f"{head.revision}..{base.revision}"
    return int(_git(head.repository, "rev-list", "--count", between))


def _copy(repository: Path, folder: Path) -> Tree:
    """The working tree's files, tracked or new, that git does not ignore."""
    listed = _git(repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in dict.fromkeys(filter(None, listed.split("\0"))):
        source, copy = repository / name, folder / name
        if source.is_symlink() or source.is_file():  # else it is deleted, or a submodule
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, copy, follow_symlinks=False)
    dirty = bool(_git(repository, "status", "--porcelain"))
    return Tree(repository, folder, "the working tree", _commit(repository, "HEAD"), dirty)


def _commit(repository: Path, name: str) -> str:
    try:
        return _git(repository, "rev-parse", "--verify", "--end-of-options", f"{name}^{{commit}}")
    except UsageError:
        raise UsageError(
            f"expected a revision of this repository, found none called {name!r}; fetch it first "
            "(git fetch; in GitHub Actions: actions/checkout with fetch-depth: 0)"
        ) from None


def _git(folder: Path, *arguments: str) -> str:
    """Raises: UsageError with what git said."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            text=True,
            errors="surrogateescape",  # a file's name may be any bytes
            check=True,
            timeout=_GIT_LIMIT_S,
        )
    except FileNotFoundError:
        raise UsageError("expected git on this machine, found none; install it") from None
    except subprocess.CalledProcessError as error:
        raise UsageError(f"git {arguments[0]}: {error.stderr.strip()}") from None
    except subprocess.TimeoutExpired:
        raise UsageError(f"git {arguments[0]} took more than {_GIT_LIMIT_S:.0f} s") from None
    return done.stdout.strip("\n")
