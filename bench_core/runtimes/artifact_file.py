"""Size and SHA-256 of an artefact on disk."""

import hashlib
from pathlib import Path


def fingerprint(path: Path, *others: Path) -> tuple[int, str]:
    """Bytes and SHA-256 of the file, followed by the others that must be shipped with it.

    The digest is kept beside it and taken again only when a size or a modification time has
    changed: hashing 90 MB is 80 ms, and would be charged to every start that loads it.
    """
    files = (path, *others)
    stats = [file.stat() for file in files]
    stamp = " ".join(f"{stat.st_size} {stat.st_mtime_ns}" for stat in stats)
    size = sum(stat.st_size for stat in stats)
    kept = path.with_name(f"{path.name}.sha256")
    if kept.exists():
        digest, _, of = kept.read_text().partition(" ")
        if of == stamp:
            return size, digest
    running = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            hashlib.file_digest(stream, lambda: running)
    part = kept.with_name(f"part-{kept.name}")
    part.write_text(f"{running.hexdigest()} {stamp}")
    part.replace(kept)
    return size, running.hexdigest()
