"""Firefox as the system has it, by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/), which it speaks itself.

Playwright drives a Firefox of its own only. Here are the few commands that `test_browser_firefox.py` needs.
"""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PATIENCE = 20.0  # seconds
CONTROL, ENTER, HOME = "\ue009", "\ue007", "\ue011"  # WebDriver's names of keys
_LISTENING = re.compile(r"BiDi listening on (ws://\S+)")
_QUIET = {"app.normandy.enabled": False, "nimbus.rollouts.enabled": False, "browser.aboutConfig.showWarning": False}


class Tab:
    """A tab, with cookies and storage of its own."""

    def __init__(self, firefox: "Firefox") -> None:
        self._firefox = firefox
        user = firefox.send("browser.createUserContext")["userContext"]
        self._context = firefox.send("browsingContext.create", type="tab", userContext=user)["context"]

    def show(self) -> None:
        """Bring it before the other tabs: what is hidden draws nothing, and asks for nothing."""
        self._send("browsingContext.activate")

    def goto(self, url: str) -> None:
        """Open a page, and wait for its load."""
        self._send("browsingContext.navigate", url=url, wait="complete")

    def reload(self) -> None:
        """Press F5."""
        self._send("browsingContext.reload", wait="complete")

    def back(self) -> None:
        """Go back by one page, which may come from memory."""
        self._send("browsingContext.traverseHistory", delta=-1)

    def js(self, expression: str) -> Any:
        """Return the value of an expression in the page. Raises RuntimeError where it throws."""
        asked = f"Promise.resolve({expression}).then(value => JSON.stringify(value ?? null))"
        answer = self._firefox.send(
            "script.evaluate", expression=asked, target={"context": self._context}, awaitPromise=True
        )
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def wait_for(self, expression: str) -> None:
        """Wait until an expression holds; a page that is being left or loaded cannot tell."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                if self.js(f"Boolean({expression})"):
                    return
            except RuntimeError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not within {PATIENCE} s: {expression}\n{self.js('document.body.innerText')[:2000]}")

    def press(self, role: str, name: str) -> None:
        """Press what has this role and name, by a real pointer."""
        element = {"type": "element", "element": {"sharedId": self._find(role, name)}}
        pointer = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": element},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        self._send("input.performActions", actions=[{"type": "pointer", "id": "mouse", "actions": pointer}])

    def type(self, text: str, *held: str) -> None:
        """Type text, while other keys are held."""
        keys = [{"type": "keyDown", "value": key} for key in held]
        keys += [{"type": type, "value": char} for char in text for type in ("keyDown", "keyUp")]
        keys += [{"type": "keyUp", "value": key} for key in held]
        self._send("input.performActions", actions=[{"type": "key", "id": "keyboard", "actions": keys}])

    def _find(self, role: str, name: str) -> Any:
        locator = {"type": "accessibility", "value": {"role": role, "name": name}}
        deadline = time.monotonic() + PATIENCE
        while not (nodes := self._send("browsingContext.locateNodes", locator=locator)["nodes"]):
            assert time.monotonic() < deadline, f"no {role} {name!r}\n{self.js('document.body.innerText')[:2000]}"
            time.sleep(0.05)
        into_view = "element => element.scrollIntoView({block: 'center', behavior: 'instant'})"
        self._firefox.send(
            "script.callFunction",
            functionDeclaration=into_view,
            arguments=[{"sharedId": nodes[0]["sharedId"]}],
            target={"context": self._context},
            awaitPromise=False,
        )
        return nodes[0]["sharedId"]

    def _send(self, method: str, **values: Any) -> Any:
        return self._firefox.send(method, context=self._context, **values)


class Firefox:
    """A running Firefox, and what its pages have complained about."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket, self._number = socket, 0
        self.complaints: list[str] = []
        self.send("session.new", capabilities={})
        self.send("session.subscribe", events=["log.entryAdded"])

    def send(self, method: str, **values: Any) -> Any:
        """Send a command, and return its result. Raises RuntimeError where Firefox refuses it."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": values}))
        while True:
            answer = json.loads(self._socket.recv(timeout=2 * PATIENCE))
            if answer.get("method") == "log.entryAdded" and answer["params"]["level"] == "error":
                self.complaints.append(answer["params"]["text"])
            if answer.get("id") == self._number:
                break
        if answer["type"] == "error":
            raise RuntimeError(answer["message"])
        return answer["result"]


@contextmanager
def running(program: str, profile: Path, **preferences: Any) -> Iterator[Firefox]:
    """Run Firefox without a window, on a new profile, until the block ends."""
    profile.mkdir()
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in (_QUIET | preferences).items()]
    (profile / "user.js").write_text("\n".join(lines))
    flags = ["--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", str(profile), "about:blank"]
    log = profile / "log"
    with log.open("wb") as file:
        process = subprocess.Popen([program, *flags], stdout=subprocess.DEVNULL, stderr=file)
    try:
        with connect(f"{_address(process, log)}/session", max_size=None) as socket:
            yield Firefox(socket)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    while not (found := _LISTENING.search(log.read_text(errors="replace"))):
        assert process.poll() is None, f"Firefox has ended: {log.read_text(errors='replace')[-2000:]}"
        time.sleep(0.05)
    return found[1]
