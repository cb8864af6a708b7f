"""Size and SHA-256 of an artefact on disk."""

import hashlib
from pathlib import Path


def fingerprint(path: Path) -> tuple[int, str]:
    """Bytes and SHA-256 of the file.

    The digest is kept beside it and taken again only when size or modification time have
    changed: hashing 90 MB is 80 ms, and would be charged to every start that loads it.
    """
    stat = path.stat()
    stamp = f"{stat.st_size} {stat.st_mtime_ns}"
    kept = path.with_name(f"{path.name}.sha256")
    if kept.exists():
        digest, _, of = kept.read_text().partition(" ")
        if of == stamp:
            return stat.st_size, digest
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    part = kept.with_name(f"part-{kept.name}")
    part.write_text(f"{digest} {stamp}")
    part.replace(kept)
    return stat.st_size, digest
