"""A set's file from the hub: out of its cache without a network, fetched from a hub, and why it cannot be had."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from huggingface_hub import constants, file_download

from sah_core.errors import ConfigError
from sah_tasks_longcontext.source import SetFile, read_set

from .files import json_lines, write_zip

RECORDS = [{"context": "c", "input": "?"}]
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ANSWERS = {
    "here": (200, ""),
    "gated": (403, "GatedRepo"),
    "unknown": (404, "RepoNotFound"),
    "other": (404, "EntryNotFound"),
    "moved": (404, "RevisionNotFound"),
    "odd": (418, ""),
}
"""What the hub says of the set of that name: the status, and its code for the error."""


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a download asks for."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, *, with_body: bool) -> None:
        status, code = ANSWERS[self.path.split("/")[3]]
        body = json_lines(RECORDS).encode() if status == 200 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hashlib.sha1(body).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        if with_body:
            self.wfile.write(body)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no proxy on the way to this machine itself."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A hub on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_ENABLE_HF_TRANSFER", False, raising=False)  # it needs a package
        here = f"http://127.0.0.1:{server.server_port}"
        monkeypatch.setattr(constants, "ENDPOINT", here)
        template = here + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        # Older versions keep a copy of it.
        monkeypatch.setattr(file_download, "HUGGINGFACE_CO_URL_TEMPLATE", template, raising=False)
        yield
        server.shutdown()
        thread.join()


def read(file: SetFile) -> list[dict[str, str]]:
    return [record.values for record in read_set(file, None, ["context"])]


def test_without_a_network_the_cache_is_read(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was fetched once needs no hub, under the newest revision and under the one that it has."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    kept = cache / "datasets--someone--set"
    write_zip(kept / "snapshots" / COMMIT / "data.zip", qasper=RECORDS)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(COMMIT)
    for revision in (None, COMMIT):
        assert read(SetFile("someone/set", "data.zip", "data/qasper.jsonl", revision)) == RECORDS


@pytest.mark.parametrize("reason", ["switched off", "nobody there"])
def test_without_a_network_and_without_the_file(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    """The sentence says which file to bring from where, and to where."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", reason == "switched off")
        with pytest.raises(ConfigError) as caught:
            read(SetFile("THUDM/LongBench", "data.zip", "data/qasper.jsonl"))
    assert str(caught.value) == (
        "data.zip of THUDM/LongBench cannot be fetched: the Hugging Face hub is out of reach, and its cache does not "
        "have the file; bring file data.zip (data/qasper.jsonl) from "
        "https://huggingface.co/datasets/THUDM/LongBench/resolve/main/data.zip into a folder, and name that folder "
        "with `path`"
    )


@pytest.mark.usefixtures("hub")
def test_a_file_is_fetched_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from the hub, and then out of the cache."""
    file = SetFile("someone/here", "questions.jsonl")
    assert read(file) == RECORDS
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert read(file) == RECORDS


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gated", "its authors ask to accept terms on the dataset's page first, and to log in with `hf auth login`"),
        ("unknown", "the hub knows no such dataset"),
        ("other", "the dataset has no such file"),
        ("moved", "the hub knows no such revision 'v1'"),
        ("odd", r"the Hugging Face hub did not give it \(.*418.*\), and its cache does not have the file"),
    ],
)
def test_what_the_hub_refuses(name: str, reason: str) -> None:
    """One sentence says why, and what to do instead."""
    said = rf"questions\.jsonl of someone/{name} cannot be fetched: {reason}; bring file questions\.jsonl from .*/v1/qu"
    with pytest.raises(ConfigError, match=said) as caught:
        read(SetFile(f"someone/{name}", "questions.jsonl", revision="v1"))
    assert "\n" not in str(caught.value)
