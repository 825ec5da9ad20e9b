"""A client of a session's host in plain Python, written from docs/protocol.md alone.

It says hello, adds a task, sees its changes, and prints how it ended.
"""

import json
import os
import socket
import sys
from base64 import b64encode


def send(sock: socket.socket, **message: object) -> None:
    payload = json.dumps(message).encode()
    sock.sendall(len(payload).to_bytes(4, "big") + payload)


def receive(stream: "socket.SocketIO", count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = stream.read(count - len(data))
        if not piece:
            raise SystemExit("the host has closed the connection")
        data += piece
    return data


def main(folder: str, command: str) -> None:
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(f"{folder}/host.sock")
    stream = socket.SocketIO(sock, "r")
    variables = b"".join(k + b"=" + v + b"\0" for k, v in os.environb.items())
    version = {
        "directory": os.environ["PWD"],
        "environment": b64encode(variables).decode(),
    }
    send(sock, type="Hello", protocol=1, **version)
    request = {"description": "Foreign", "kind": "bash", "args": [command]}
    send(sock, type="Subscribe", subscriber=1)
    send(sock, type="AddTask", request=request, reply_to=2)
    added = None
    while True:
        length = int.from_bytes(receive(stream, 4), "big")
        message = json.loads(receive(stream, length))
        if message["type"] in {"Rejected", "Farewell"}:
            raise SystemExit(message["text"])
        if message["type"] != "Told":
            continue
        news = message["message"]
        if news["type"] == "TaskAdded":
            added = news["task"]["id"]
        elif news["type"] == "TaskChanged":
            task = news["task"]
            sys.stdout.write(f"{news['event']} {task['id']} {task['reason']}\n")
            if task["id"] == added and news["event"] in {"complete", "failed"}:
                send(sock, type="Farewell")
                return


main(sys.argv[1], sys.argv[2])
