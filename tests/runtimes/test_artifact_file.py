"""A file's fingerprint is sha256sum's, kept until the file changes."""

import hashlib
import os

from bench_core.runtimes.artifact_file import fingerprint


def test_size_and_digest_of_the_content(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights")
    assert fingerprint(path) == (7, hashlib.sha256(b"weights").hexdigest())


def test_kept_until_the_file_changes(tmp_path, monkeypatch):
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights")
    first = fingerprint(path)
    with monkeypatch.context() as blocked:
        blocked.setattr(hashlib, "file_digest", None)
        assert fingerprint(path) == first
    path.write_bytes(b"WEIGHTS")
    os.utime(path, ns=(1, 1))
    assert fingerprint(path)[1] == hashlib.sha256(b"WEIGHTS").hexdigest()


def test_what_it_refers_to_counts_too_and_is_watched(tmp_path):
    path, beside = tmp_path / "model.onnx", tmp_path / "weights.bin"
    path.write_bytes(b"graph")
    beside.write_bytes(b"weights")
    assert fingerprint(path, beside) == (12, hashlib.sha256(b"graphweights").hexdigest())
    beside.write_bytes(b"WEIGHTS")
    os.utime(beside, ns=(1, 1))
    assert fingerprint(path, beside) == (12, hashlib.sha256(b"graphWEIGHTS").hexdigest())
    assert fingerprint(path) == (5, hashlib.sha256(b"graph").hexdigest())
