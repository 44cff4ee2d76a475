#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""http_server.py: a server on a free loopback port, which it prints, that
behaves as each path says. It ends when its input does."""
import http.server
import os
import sys
import threading
import time


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = self.path.lstrip("/")
        if path == "hello":
            self.answer(200, b"Hello", Content_Type="text/plain", ETag='"1"')
        elif path == "etag":
            if self.headers.get("If-None-Match") == '"1"':
                self.answer(304, ETag='"1"')
            else:
                self.answer(200, b"new", ETag='"1"')
        elif path.startswith("status/"):
            self.answer(int(path[7:]), b"status")
        elif path == "slow":
            time.sleep(30)
        elif path == "drip":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(0.05)
        elif path == "endless":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b"x" * 65536)
        elif path == "loop":
            self.answer(302, Location="/loop")
        elif path == "there":
            self.answer(302, b"moved", Location="/hello",
                        Content_Type="text/moved")
        elif path == "file":
            self.answer(302, Location="file:///etc/passwd")
        elif path == "short":
            self.answer(200, b"ab", Content_Length="100")
            self.close_connection = True
        elif path == "headers":
            self.answer(200, str(self.headers).encode())
        else:
            self.answer(404, b"no")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = self.path.lstrip("/")
        if path == "update":
            self.update(body)
        elif path == "taken":
            self.answer(201, b"Update successful (not stored)\n")
        elif path == "refused":
            self.answer(201, b"Not an ELF program\n")
        elif path == "moved":
            self.answer(307, Location="/update")
        elif path == "escapes":
            self.answer(400, b"one\r\n\x1b[2Jtwo\0\xff three\n")
        elif path in ("slow", "drip", "endless"):
            self.do_GET()
        else:
            self.answer(200, b"got " + body)

    def update(self, body):
        """A node with a live_update(), as far as its client can see."""
        if self.headers.get("X-Update-Key") != "secret key":
            self.answer(503, b"<html>Guru</html>",
                        Content_Type="text/html; charset=utf-8")
        elif not body.startswith(b"\x7fELF"):
            self.answer(400, b'{"updated":false,"message":"no program"}',
                        Content_Type="application/json")
        else:
            self.answer(201, b'{"updated":true,'
                        b'"message":"Update successful (stored)"}',
                        Content_Type="application/json")


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        pass    # clients of tests leave early


server = Server(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
os._exit(0)
