"""The client of an endpoint, over https with a certificate of the test's own."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest
from backburner.ui.partner.answer import EndpointError, Piece
from backburner.ui.partner.endpoint import Canceled, Completion, Endpoint
from patience import PATIENCE
from scripted_endpoint import HEAD, Exchange, ScriptedEndpoint, says

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl makes the certificates"
)


def openssl(folder: Path, *words: str) -> None:
    """Run openssl."""
    command = ["openssl", *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """Return the certificate of an authority that signed `server.pem`."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(
        tmp_path,
        *("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2"),
        *("-subj", "/CN=An authority"),
    )
    openssl(
        tmp_path,
        *("req", *key, "-keyout", "server.key", "-out", "server.csr"),
        *("-subj", "/CN=127.0.0.1"),
    )
    (tmp_path / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl(
        tmp_path,
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
        *("-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem"),
    )
    return tmp_path / "ca.pem"


@pytest.fixture
def server(authority: Path) -> Iterator[ScriptedEndpoint]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(
        authority.with_name("server.pem"), authority.with_name("server.key")
    )
    with ScriptedEndpoint(tls=tls) as server:
        yield server


def test_an_authority_named_by_the_environment_is_trusted(
    server: ScriptedEndpoint, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    server.add(says("Hel", "lo"))
    pieces: list[Piece] = []
    Completion(Endpoint(server.url, "m"), {"messages": []}).run(pieces.append)
    assert [it.text for it in pieces] == ["Hel", "lo"]


def test_an_untrusted_certificate_is_reported_in_one_line(
    server: ScriptedEndpoint,
) -> None:
    with pytest.raises(EndpointError, match=r"is not trusted.*SSL_CERT_FILE") as raised:
        Completion(Endpoint(server.url, "m", "secret"), {}).run(list[Piece]().append)
    assert "\n" not in str(raised.value)
    assert not server.exchanges


def test_cancel_ends_the_request_at_once(
    server: ScriptedEndpoint, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    gone = threading.Event()

    def stall(exchange: Exchange) -> None:
        exchange.send(HEAD)
        exchange.delta(content="I will")
        exchange.await_hang_up()
        gone.set()

    server.add(stall)
    completion = Completion(Endpoint(server.url, "m"), {})
    with pytest.raises(Canceled):
        completion.run(lambda _: threading.Thread(target=completion.cancel).start())
    assert gone.wait(PATIENCE)
