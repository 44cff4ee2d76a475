# SPDX-License-Identifier: BSD-2-Clause
"""A WebSocket client for tests of guest/websocket.c.

    websocket_client.py URL [unix:PATH] [--polite]

URL as in ws://127.0.0.1:8088/; the second argument is where to connect if
that differs. --polite leaves out what no client may do. Ends 0 when every exchange was as it must be; 77 when the library
is missing.
"""
import asyncio
import os
import socket
import struct
import sys

try:
    import websockets
except ImportError:
    sys.exit(77)

PATIENCE = 60 * float(os.environ.get("TKVM_SLOW", "1"))
URL = sys.argv[1]
WHERE = sys.argv[2] if len(sys.argv) > 2 else ""


def connect(**kw):
    kw.update(max_size=None, open_timeout=PATIENCE, ping_interval=None,
              close_timeout=PATIENCE, compression=None)
    if WHERE.startswith("unix:"):
        return websockets.unix_connect(WHERE[5:], URL, **kw)
    return websockets.connect(URL, **kw)


async def fragments(parts):
    for p in parts:
        yield p


async def echo():
    async with connect() as ws:
        for text in ("hello", "", "grüße \U0001f600", "x" * 125, "x" * 126,
                     "y" * 70000):
            await ws.send(text)
            assert await ws.recv() == text
        data = bytes(i * 7 % 256 for i in range(200000))
        await ws.send(data)
        assert await ws.recv() == data
        await ws.send(fragments(["one ", "two ", "", "three"]))
        assert await ws.recv() == "one two three"
        await asyncio.wait_for(await ws.ping(b"still there?"), PATIENCE)
        await ws.close(4001, "enough")
        assert ws.close_code == 4001, ws.close_code


async def many():
    async def one(i):
        async with connect() as ws:
            for k in range(10):
                await ws.send("%d %d" % (i, k))
                assert await ws.recv() == "%d %d" % (i, k)
    await asyncio.gather(*(one(i) for i in range(20)))


def raw():
    if WHERE.startswith("unix:"):
        s = socket.socket(socket.AF_UNIX)
        s.connect(WHERE[5:])
    else:
        host = URL.split("/")[2].split(":")
        s = socket.create_connection((host[0], int(host[1])))
    s.settimeout(PATIENCE)
    return s


def until(s, end):
    got = b""
    while not got.endswith(end):
        piece = s.recv(1)
        assert piece, got
        got += piece
    return got


def upgrade(s):
    # The key and its answer are those of RFC 6455, 1.3.
    s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
              b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
              b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    head = until(s, b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 101 "), head
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in head


def frame(first, data, mask=b"abcd"):
    n = len(data)
    bit = 0x80 if mask else 0
    if n < 126:
        head = bytes([first, bit | n])
    else:
        head = bytes([first, bit | 127]) + struct.pack(">Q", n)
    if not mask:
        return head + data
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))


def closes_with(code, *frames):
    s = raw()
    upgrade(s)
    s.sendall(b"".join(frames))
    want = b"\x88\x02" + struct.pack(">H", code)
    got = b""
    while len(got) < 4:
        piece = s.recv(4 - len(got))
        assert piece, (code, got)
        got += piece
    assert got == want, (code, got)
    s.close()


def bad_manners():
    closes_with(1002, frame(0x81, b"bare", None))
    closes_with(1002, frame(0xc1, b"reserved bit"))
    closes_with(1002, frame(0x80, b"goes on, but what?"))
    closes_with(1002, frame(0x01, b"a"), frame(0x81, b"b"))
    closes_with(1002, frame(0x83, b"no such kind"))
    closes_with(1002, frame(0x09, b"control in parts"))
    closes_with(1002, frame(0x88, b"x"))
    closes_with(1002, frame(0x88, b"\x03\xed"))         # 1005
    closes_with(1007, frame(0x81, b"\xff\xfe"))
    closes_with(1007, frame(0x81, b"\xed\xa0\x80"))     # half a pair
    closes_with(1007, frame(0x81, b"\xc0\x80"))         # too long a NUL
    closes_with(1009, b"\x82\xff" + struct.pack(">Q", 1 << 62) + b"abcd")
    closes_with(1009, b"\x82\xff" + struct.pack(">Q", (256 << 10) + 1))
    # A thousand small frames at once, one byte at a time behind them.
    s = raw()
    upgrade(s)
    s.sendall(frame(0x81, b"x") * 1000)
    for b in frame(0x81, b"end"):
        s.sendall(bytes([b]))
    assert until(s, b"\x81\x03end") == b"\x81\x01x" * 1000 + b"\x81\x03end"
    s.close()


def no_upgrade():
    for request, status in (
            (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"426"),
            (b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n"
             b"Sec-WebSocket-Version: 13\r\n\r\n", b"400"),
            (b"GET / HTTP/1.1\r\nX: " + b"x" * 9000, b"431")):
        s = raw()
        s.sendall(request)
        head = until(s, b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 " + status), head
        s.close()


asyncio.run(asyncio.wait_for(echo(), PATIENCE))
asyncio.run(asyncio.wait_for(many(), PATIENCE))
if "--polite" not in sys.argv:
    bad_manners()
    no_upgrade()
