"""A small client of the YAML language server: it says over stdio what an editor says while someone types."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from pathlib import Path
from typing import Any

PATIENCE = 20.0
"""Seconds after which an answer is missed."""

CAPABILITIES = {
    "workspace": {"configuration": True, "workspaceFolders": True},
    "textDocument": {
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {},
    },
}
SETTINGS = {
    "yaml.schemaStore.enable": False,
    "yaml.schemaStore.url": "",
}
"""What no test wants: a look-up on the web."""


class LanguageServer:
    """A server with the workspace `folder` and the settings of an editor (`yaml.schemas` and the like).

    `errors` collects what the server logs or reports as an internal error.
    """

    def __init__(self, command: list[str], folder: Path, settings: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.settings = SETTINGS | (settings or {})
        self.errors: list[str] = []
        self._reports: queue.Queue[tuple[str, list[dict[str, Any]]]] = queue.Queue()
        self._answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self._count = 0
        self._version = 0
        self._process = subprocess.Popen([*command, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        threading.Thread(target=self._listen, daemon=True).start()
        workspace = {"uri": folder.as_uri(), "name": folder.name}
        self._ask(
            "initialize",
            {
                "processId": os.getpid(),
                "rootUri": workspace["uri"],
                "workspaceFolders": [workspace],
                "capabilities": CAPABILITIES,
            },
        )
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": None})

    def diagnostics(self, *paths: Path) -> dict[Path, list[dict[str, Any]]]:
        """Open files, and return what the server says of each. All at once: it waits a moment before it answers."""
        waiting = {path.as_uri(): path for path in paths}
        for path in paths:
            self._open(path, path.read_text(encoding="utf-8"))
        found: dict[Path, list[dict[str, Any]]] = {}
        while waiting:
            uri, report = self._reports.get(timeout=PATIENCE)
            if path := waiting.pop(uri, None):
                found[path] = report
        return found

    def completions(self, path: Path, text: str, line: int, column: int) -> list[dict[str, Any]]:
        """What is offered in a file with this text, at a place counted from 0."""
        return self._at("textDocument/completion", path, text, line, column)["items"]  # type: ignore[no-any-return]

    def hover(self, path: Path, text: str, line: int, column: int) -> str:
        """What is shown when the pointer rests at a place, counted from 0; "" for nothing."""
        answer = self._at("textDocument/hover", path, text, line, column)
        return str(answer["contents"]["value"]) if answer else ""

    def close(self) -> None:
        """End the server."""
        self._ask("shutdown", None)
        self._tell("exit", None)
        self._process.wait(PATIENCE)

    def _at(self, method: str, path: Path, text: str, line: int, column: int) -> Any:
        self._open(path, text)
        place = {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": column}}
        answer = self._ask(method, place)
        self._tell("textDocument/didClose", {"textDocument": {"uri": path.as_uri()}})
        return answer

    def _open(self, path: Path, text: str) -> None:
        self._version += 1
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": self._version, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})

    def _ask(self, method: str, params: Any) -> Any:
        self._count += 1
        self._send({"id": self._count, "method": method, "params": params})
        answer = self._answers.get(timeout=PATIENCE)
        assert answer["id"] == self._count
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def _tell(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout
        while header := self._process.stdout.readline():
            while line := self._process.stdout.readline().strip():
                header += line
            size = int(header.split(b":")[1].split()[0])
            self._hear(json.loads(self._process.stdout.read(size)))

    def _hear(self, message: dict[str, Any]) -> None:
        method, params = message.get("method"), message.get("params")
        if method is None:
            self._answers.put(message)
        elif method == "textDocument/publishDiagnostics":
            self._reports.put((params["uri"], params["diagnostics"]))
        elif method == "workspace/configuration":
            self._send({"id": message["id"], "result": [self._setting(item["section"]) for item in params["items"]]})
        elif "id" in message:
            self._send({"id": message["id"], "result": None})
        elif (method == "telemetry/event" and "error" in params.get("name", "")) or (
            method in ("window/logMessage", "window/showMessage") and params["type"] == 1
        ):
            self.errors.append(json.dumps(params))

    def _setting(self, section: str) -> dict[str, Any]:
        """The settings below `section`, nested as the server wants them."""
        found: dict[str, Any] = {}
        for name, value in self.settings.items():
            *outer, last = name.split(".")
            if outer[:1] == [section]:
                place = found
                for part in outer[1:]:
                    place = place.setdefault(part, {})
                place[last] = value
        return found
