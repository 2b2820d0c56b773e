import hashlib
import json
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

from text_recognizer.data import download
from text_recognizer.data.download import (
    ATTEMPTS,
    CACHE_SETTING,
    MIRROR_SETTING,
    DataFile,
    data_file,
    fetch,
    made_once,
)
from text_recognizer.errors import UserError

CONTENT = np.random.default_rng(0).bytes(100_000)
HALF = len(CONTENT) // 2
CRUMB = 5000
SHA256 = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


GOOD: dict[str, object] = {"filename": "a.bin", "url": "a.bin", "sha256": SHA256[7:]}


def toml_of(entry: dict[str, object]) -> str:
    return "\n".join(["[[files]]", *(f"{key} = {json.dumps(value)}" for key, value in entry.items())])


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT; the first part of the path says how badly."""

    address = "a.bin"  # in the metadata

    def do_GET(self) -> None:
        sent_range = self.headers["Range"]
        self.server.requests.append((self.path, sent_range))  # type: ignore[attr-defined]
        if self.path.endswith(".toml"):
            return self.reply(
                200, json.dumps(GOOD | {"url": self.address}).join(["files = [", "]"]).replace('": ', '" = ').encode()
            )
        start = int(re.findall(r"\d+", sent_range)[0]) if sent_range else 0
        behaviour = self.path.split("/")[1]
        attempt = len(self.server.requests)  # type: ignore[attr-defined]
        if behaviour == "busy" and attempt < ATTEMPTS:
            return self.reply(503, b"", retry_after="0")
        if behaviour == "drops" and attempt < ATTEMPTS:
            return None  # the connection is closed without an answer
        if behaviour == "crumbs" and start < HALF:
            return self.reply(
                206 if start else 200,
                CONTENT[start : start + CRUMB],
                len(CONTENT) - start,
                f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}",
            )
        if behaviour == "down":
            return self.reply(503, b"")
        if behaviour == "missing":
            return self.send_error(404)
        if behaviour == "web_page":
            return self.reply(200, b"\n<!DOCTYPE html><title>Log in</title>")
        if behaviour == "truncated":
            return self.reply(200, CONTENT[:HALF])
        if behaviour == "altered":
            return self.reply(200, CONTENT[:-1] + b"?")
        if behaviour == "breaks" and not start:
            return self.reply(200, CONTENT[:HALF], length=len(CONTENT))
        if start >= len(CONTENT):
            return self.send_error(416)
        if start and behaviour != "without_range":
            return self.reply(206, CONTENT[start:], content_range=f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        return self.reply(200, CONTENT)

    def reply(
        self, status: int, body: bytes, length: int | None = None, content_range: str = "", retry_after: str = ""
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length or len(body)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        if content_range:
            self.send_header("Content-Range", content_range)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"

    def file(self, *behaviours: str, checksums: tuple[str, ...] = (SHA256,)) -> DataFile:
        return DataFile("set", "a.bin", tuple(f"{self.url}/{behaviour}/a.bin" for behaviour in behaviours), checksums)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CACHE_SETTING, str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv(MIRROR_SETTING, raising=False)
    monkeypatch.setattr(download, "PAUSE", 0)
    monkeypatch.setattr(download, "CHUNK_SIZE", 1000)


def part_of(file: DataFile, content: bytes) -> Path:
    part = file.cached_path.with_name("a.bin.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(content)
    return part


def test_a_file_is_fetched_once_and_again_when_it_was_altered(server: Server) -> None:
    file = server.file("good")
    path = file.fetch()
    assert path.read_bytes() == CONTENT
    file.fetch()
    assert len(server.requests) == 1
    path.write_bytes(CONTENT[:HALF])
    assert file.fetch().read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_a_transfer_that_breaks_is_resumed(server: Server) -> None:
    assert server.file("breaks").fetch().read_bytes() == CONTENT
    assert server.requests == [("/breaks/a.bin", None), ("/breaks/a.bin", f"bytes={HALF}-")]


@pytest.mark.parametrize("behaviour", ["busy", "drops"])
def test_a_server_that_fails_at_first_is_asked_again(server: Server, behaviour: str) -> None:
    assert server.file(behaviour).fetch().read_bytes() == CONTENT
    assert len(server.requests) == ATTEMPTS


def test_attempts_that_bring_something_do_not_count(server: Server) -> None:
    assert server.file("crumbs").fetch().read_bytes() == CONTENT
    assert len(server.requests) == HALF // CRUMB + 1 > ATTEMPTS


@pytest.mark.parametrize("behaviour", ["good", "without_range"])
def test_a_transfer_of_an_earlier_run_is_resumed(server: Server, behaviour: str) -> None:
    file = server.file(behaviour)
    part = part_of(file, CONTENT[:HALF])
    assert file.fetch().read_bytes() == CONTENT
    assert server.requests == [(f"/{behaviour}/a.bin", f"bytes={HALF}-")]
    assert not part.exists()


@pytest.mark.parametrize("rest", [b"?" * HALF, CONTENT + b"?"])
def test_a_wrong_rest_of_an_earlier_run_is_dropped(server: Server, rest: bytes) -> None:
    file = server.file("good")
    part_of(file, rest)
    assert file.fetch().read_bytes() == CONTENT


@pytest.mark.parametrize("behaviour", ["missing", "altered", "truncated"])
def test_the_second_address_is_used_when_the_first_fails(server: Server, behaviour: str) -> None:
    assert server.file(behaviour, "good").fetch().read_bytes() == CONTENT
    assert [path for path, _ in server.requests] == [f"/{behaviour}/a.bin", "/good/a.bin"]


@pytest.mark.parametrize("behaviour", ["missing", "altered"])
def test_brown_comes_from_its_second_address_when_the_first_fails(behaviour: str, server: Server) -> None:
    official = data_file("brown", "brown.zip")
    first, second = map(urlsplit, official.addresses)
    assert (first.netloc, second.netloc) == ("raw.githubusercontent.com", "www.nltk.org")
    addresses = (f"{server.url}/{behaviour}{first.path}", f"{server.url}/good{second.path}")
    assert replace(official, addresses=addresses, checksums=(SHA256,)).fetch().read_bytes() == CONTENT


@pytest.mark.parametrize(("behaviour", "attempts"), [("missing", 1), ("down", ATTEMPTS)])
def test_emnist_comes_from_its_older_address_when_the_present_one_fails(
    server: Server, behaviour: str, attempts: int
) -> None:
    official = data_file("emnist", "gzip.zip")
    assert official.addresses == (
        "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
        "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
    )
    present, older = (urlsplit(address).path for address in official.addresses)
    addresses = (f"{server.url}/{behaviour}{present}", f"{server.url}/good{older}")
    assert replace(official, addresses=addresses, checksums=(SHA256,)).fetch().read_bytes() == CONTENT
    assert [path for path, _ in server.requests] == [f"/{behaviour}{present}"] * attempts + [f"/good{older}"]


def test_a_web_page_is_no_file(server: Server) -> None:
    with pytest.raises(UserError, match="a web page came in place of the file"):
        server.file("web_page").fetch()


def test_any_of_several_checksums_is_right(server: Server) -> None:
    md5 = hashlib.md5(CONTENT).hexdigest()
    assert server.file("good", checksums=(f"md5:{'0' * 32}", f"md5:{md5}")).fetch().read_bytes() == CONTENT


def test_when_nothing_works_the_error_says_what_was_tried_and_what_helps(server: Server) -> None:
    file = server.file("missing", "altered", "truncated")
    file = DataFile(file.dataset, file.filename, (*file.addresses, "http://127.0.0.1:9/a.bin"), file.checksums)
    with pytest.raises(UserError) as caught:
        file.fetch()
    message = str(caught.value)
    offline = ("--data_class=PenStrokes", "--data_class=EMNISTLines --glyphs=strokes --text=builtin")
    for expected in (*file.addresses, "404", "altered", MIRROR_SETTING, *offline):
        assert expected in message
    assert not list(file.cached_path.parent.glob("a.bin*[!k]"))  # nothing but the lock
    path = Path(re.findall(r'curl .*-o "(.*?)"', message)[0])
    path.write_bytes(CONTENT)
    assert file.fetch() == path


def test_a_cache_folder_that_cannot_be_written(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("not a folder")
    with pytest.raises(UserError, match=rf"Cannot write .*(?s:.)*{CACHE_SETTING}"):
        server.file("good").fetch()


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_full_disk(server: Server) -> None:
    file = server.file("good")
    part = file.cached_path.with_name("a.bin.part")
    part.parent.mkdir(parents=True)
    part.symlink_to("/dev/full")
    with pytest.raises(UserError, match="No space left"):
        file.fetch()
    assert not file.cached_path.exists()
    assert not part.is_symlink()


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_mirror_folder_is_used_in_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scheme: str) -> None:
    folder = tmp_path / "a mirror" / "emnist"
    folder.mkdir(parents=True)
    (folder / "metadata.toml").write_text(f'[[files]]\nfilename = "gzip.zip"\nurl = "z"\nsha256 = "{SHA256[7:]}"')
    (folder / "z").write_bytes(CONTENT)
    address = folder.parent.as_uri() if scheme else str(folder.parent)
    monkeypatch.setenv(MIRROR_SETTING, address)
    assert fetch("emnist", "gzip.zip") == folder / "z"
    (folder / "z").write_bytes(CONTENT[:HALF])
    with pytest.raises(UserError, match="truncated or altered"):
        fetch("emnist", "gzip.zip")
    with pytest.raises(UserError, match=r"does not describe other\.zip"):
        fetch("emnist", "other.zip")
    with pytest.raises(UserError, match=rf"brown.metadata\.toml.*(?s:.)*unset {MIRROR_SETTING}"):
        fetch("brown", "brown.zip")


WRONG = [
    {"sha256": "../../x"},
    {"sha256": SHA256[7:] + "/../x"},
    {"sha256": ""},
    {"sha256": []},
    {"sha256": [1]},
    {"sha256": 1},
    {"url": ""},
    {"url": 5},
    {"url": []},
    {"url": [], "page": ""},
    {"page": 5},
    {"url": "a\x00"},
    {"filename": "../a.bin"},
    {"filename": 1},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_metadata_that_are_wrong_are_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wrong: dict[str, object]
) -> None:
    check_refused(monkeypatch, tmp_path, toml_of(GOOD | wrong))


@pytest.mark.parametrize("text", ["", "files = 1", "files = [1]", "[files]", "[[files", "\x00", "files = []"])
def test_metadata_without_entries_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    check_refused(monkeypatch, tmp_path, text)


def check_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    (tmp_path / "mirror" / "emnist").mkdir(parents=True)
    (tmp_path / "mirror" / "emnist" / "metadata.toml").write_text(text)
    monkeypatch.setenv(MIRROR_SETTING, str(tmp_path / "mirror"))
    with pytest.raises(UserError, match=r"does not describe a\.bin: it needs a \[\[files\]\] table"):
        fetch("emnist", "a.bin")
    assert not (tmp_path / "cache").exists()


def test_a_mirror_elsewhere_cannot_name_files_of_this_machine(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "private").write_bytes(CONTENT)
    monkeypatch.setattr(Handler, "address", (tmp_path / "private").as_uri())
    monkeypatch.setenv(MIRROR_SETTING, server.url)
    with pytest.raises(UserError, match="not an http or https address"):
        fetch("emnist", "a.bin")


def test_a_mirror_url_takes_precedence(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MIRROR_SETTING, f"{server.url}/good/")
    assert fetch("emnist", "a.bin").read_bytes() == CONTENT
    assert [path for path, _ in server.requests] == ["/good/emnist/metadata.toml", "/good/emnist/a.bin"]


def mirror_of(folder: Path, urls: list[str]) -> str:
    (folder / "emnist").mkdir(parents=True, exist_ok=True)
    (folder / "emnist" / "a.bin").write_bytes(CONTENT)
    (folder / "emnist" / "metadata.toml").write_text(toml_of(GOOD | {"url": urls}))
    return str(folder)


def test_addresses_of_a_mirror_folder_are_tried_in_turn(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    there = tmp_path / "mirror" / "emnist" / "a.bin"
    good, missing = f"{server.url}/good/a.bin", f"{server.url}/missing/a.bin"
    for urls in (["none.bin", "a.bin"], [missing, "a.bin"], [str(there)], [there.as_uri()]):
        monkeypatch.setenv(MIRROR_SETTING, mirror_of(tmp_path / "mirror", urls))
        assert data_file("emnist", "a.bin").is_at_hand
        assert fetch("emnist", "a.bin") == there
    assert server.requests == []
    monkeypatch.setenv(MIRROR_SETTING, mirror_of(tmp_path / "mirror", ["none.bin", good]))
    assert not data_file("emnist", "a.bin").is_at_hand
    assert fetch("emnist", "a.bin").read_bytes() == CONTENT
    monkeypatch.setenv(MIRROR_SETTING, mirror_of(tmp_path / "mirror", ["none.bin"]))
    with pytest.raises(UserError, match=r"none\.bin, but there is no such file"):
        fetch("emnist", "a.bin")


def test_a_length_that_is_no_number_does_not_matter(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    send = Handler.send_header
    monkeypatch.setattr(
        Handler,
        "send_header",
        lambda self, name, value: send(self, name, "many" if name == "Content-Length" else value),
    )
    assert server.file("good").fetch().read_bytes() == CONTENT


@pytest.mark.parametrize(("dataset", "name"), [("fonts", "handwriting-fonts.zip"), ("unipen", "unipen-english.tar.xz")])
def test_what_has_no_address_of_its_own_is_made_for_a_mirror(dataset: str, name: str) -> None:
    file = data_file(dataset, name)
    assert not file.is_at_hand
    with pytest.raises(UserError) as caught:
        file.fetch()
    [readme] = re.findall(r"as (.*) says, for a mirror", str(caught.value))
    assert name in Path(readme).read_text(encoding="utf-8")
    assert "curl" not in str(caught.value)
    assert "--fonts=builtin --pen=builtin" in str(caught.value)
    file = replace(file, checksums=(SHA256,))
    file.cached_path.parent.mkdir(parents=True)
    file.cached_path.write_bytes(CONTENT)
    assert file.fetch() == file.cached_path


def test_official_files_are_described() -> None:
    files = [data_file("emnist", "gzip.zip"), data_file("brown", "brown.zip")]
    files += [
        data_file("mnist", f"{part}-{kind}-ubyte.gz")
        for part in ("train", "t10k")
        for kind in ("images-idx3", "labels-idx1")
    ]
    for file in files:
        assert all(re.fullmatch(rf"https://.*/{file.filename}", address) for address in file.addresses)
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}", checksum) for checksum in file.checksums)
    assert len({file.key for file in files}) == len(files)


def test_a_folder_is_made_once_and_what_a_killed_process_left_goes(tmp_path: Path) -> None:
    folder, made = tmp_path / "cache" / "set-1", list[Path]()
    (tmp_path / "cache" / "set-1.part").mkdir(parents=True)
    (tmp_path / "cache" / "set-1.part" / "half").touch()

    def fill(empty: Path) -> None:
        assert list(empty.iterdir()) == []
        made.append(empty)
        (empty / "whole").write_bytes(CONTENT)

    assert made_once(folder, fill) == made_once(folder, fill) == folder
    assert len(made) == 1
    assert [path.name for path in sorted(folder.parent.iterdir())] == ["set-1", "set-1.lock"]
    assert [path.name for path in folder.iterdir()] == ["whole"]


def test_what_fails_leaves_no_folder(tmp_path: Path) -> None:
    def fill(empty: Path) -> None:
        (empty / "half").touch()
        raise UserError("no archive")

    with pytest.raises(UserError, match="no archive"):
        made_once(tmp_path / "set-1", fill)
    assert [path.name for path in tmp_path.iterdir()] == ["set-1.lock"]
