"""An RTSP server that shows a few uncompressed frames (RFC 4175) over TCP to one client, and then ends."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Thread

WIDTH, HEIGHT = 64, 48
RATE = 10
_SDP = f"""v=0
o=- 0 0 IN IP4 127.0.0.1
s=test
c=IN IP4 127.0.0.1
t=0 0
m=video 0 RTP/AVP 96
a=rtpmap:96 raw/90000
a=fmtp:96 sampling=YCbCr-4:2:2; width={WIDTH}; height={HEIGHT}; depth=8; colorimetry=BT601-5
a=framerate:{RATE}
a=control:video
""".replace("\n", "\r\n")


@contextmanager
def rtsp_server(greys: Sequence[int]) -> Iterator[int]:
    """Serves frames of one grey each; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=_serve, args=(listening, greys), daemon=True)
        thread.start()
        yield listening.getsockname()[1]
    thread.join(timeout=10)


def _serve(listening: socket.socket, greys: Sequence[int]) -> None:
    connection, _ = listening.accept()
    with connection, connection.makefile("rwb") as stream:
        while True:
            request = _request(stream)
            if not request:
                return
            method, number = request
            body = _SDP if method == "DESCRIBE" else ""
            lines = ["RTSP/1.0 200 OK", f"CSeq: {number}", "Session: 1;timeout=60"]
            if method == "SETUP":
                lines.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
            if body:
                lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}"]
            stream.write(("\r\n".join(lines) + "\r\n\r\n" + body).encode())
            if method == "PLAY":
                for index, grey in enumerate(greys):
                    packet = _packet(index, grey)
                    stream.write(b"$\x00" + struct.pack(">H", len(packet)) + packet)
                stream.flush()
                return
            stream.flush()


def _request(stream: socket.SocketIO) -> tuple[str, str] | None:
    """Method and sequence number of the next request; None at the end."""
    first, number = stream.readline().decode(), ""
    while (line := stream.readline().decode().strip()) != "":
        if line.lower().startswith("cseq:"):
            number = line.partition(":")[2].strip()
    return (first.split()[0], number) if first else None


def _packet(index: int, grey: int) -> bytes:
    """A frame in one RTP packet."""
    head = struct.pack(">BBHII", 0x80, 0x80 | 96, index, index * 90000 // RATE, 1)
    line_bytes = 2 * WIDTH
    lines = b"".join(
        struct.pack(">HHH", line_bytes, line, 0x8000 if line < HEIGHT - 1 else 0) for line in range(HEIGHT)
    )
    return head + b"\x00\x00" + lines + bytes((128, grey)) * (WIDTH * HEIGHT)
