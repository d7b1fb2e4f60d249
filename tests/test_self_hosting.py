"""What compose.yaml puts together, without containers: nginx with our configuration, two `bin/start`, PostgreSQL."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

import pytest
import yaml
from postgres import create_database, drop_database
from serving import ROOT, free_port
from stripe import WebhookSignature

from settings import Settings

KEY, WEBHOOK = "kX9vQ2mP7rT4wY8zB3nC6fH1jL5sD0gA", "whsec_T7wY8zB3nC6fH1jL5sD0gAkX9vQ2mP7r"
THREADS = 2 * 2 * 16  # of both machines
AS_US = "daemon off;" + (" user root;" if os.geteuid() == 0 else "")  # the folder of the test is ours alone
PASSWORD = "a-long-way-down-the-hall"


@pytest.fixture(scope="module")
def nginx():
    """The program, from Debian's package."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if not program:
        pytest.skip("nginx is not here, and could not be installed: apt-get install nginx-light")
    return program


@contextmanager
def running(command, **rest):
    """Run a command in a process group of its own until the block ends."""
    process = subprocess.Popen(command, start_new_session=True, **rest)
    try:
        yield process
    finally:
        kill(process, signal.SIGTERM)


def kill(process, how):
    """End a process and its workers, if it still runs."""
    if process.poll() is None:
        os.killpg(process.pid, how)
    process.wait(30)


class House:
    """nginx and two machines behind it, as visitors see them."""

    def __init__(self, port, machines, environment):
        self.port, self.machines, self.environment = port, machines, environment

    def ask(self, method, path, body="", **headers):
        """Return status, headers and text of an answer."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Host": f"localhost:{self.port}"} | {name.replace("_", "-"): text for name, text in headers.items()}
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, answer.headers, text

    def act(self, action, page, **fields):
        """Send a form as a browser does."""
        own = {"Origin": f"http://localhost:{self.port}", "Sec-Fetch-Site": "same-origin"}
        own["Content-Type"] = "application/x-www-form-urlencoded"
        return self.ask("POST", f"/_actions/{action}?{urlencode({'_page': page})}", urlencode(fields), **own)


@pytest.fixture(scope="module")
def house(nginx, tmp_path_factory):
    """The whole house, in production, with an owner."""
    folder, port, ports = tmp_path_factory.mktemp("house"), free_port(), [free_port(), free_port()]
    url = create_database(folder)
    environment = {**os.environ, "DATABASE_URL": url, "DEMO": "0", "SECRET_KEY": KEY, "TRUSTED_PROXIES": "1"}
    environment |= {"TRUSTED_HOSTS": "localhost", "PUBLIC_URL": f"http://localhost:{port}"}
    environment |= {"STRIPE_WEBHOOK_SECRET": WEBHOOK, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    configure(folder, port, ports)
    with ExitStack() as rooms, (folder / "log").open("wb") as log:
        machines = []
        for number in ports:
            mine = environment | {"PORT": str(number), "DATA_DIR": str(folder / str(number))}
            machine = running([ROOT / "bin/start"], env=mine, stdout=log, stderr=log)
            machines.append(rooms.enter_context(machine))
        for number in ports:
            wait_for(number, folder / "log")
        create = ["users", "create", "--name", "Ada", "--email", "ada@x.example", "--role", "owner"]
        command = [sys.executable, "-m", "flask", *create, "--password", PASSWORD]
        subprocess.run(command, cwd=ROOT, env=mine, check=True, capture_output=True)
        command = [nginx, "-p", folder, "-c", folder / "nginx.conf", "-g", AS_US]
        rooms.enter_context(running(command, stdout=log, stderr=log))
        wait_for(port, folder / "log")
        yield House(port, machines, mine)
    drop_database(folder)


def configure(folder, port, ports):
    """Copy our configuration; only places on this machine are others."""
    text = (ROOT / "deploy/nginx.conf").read_text()
    (folder / "nginx.conf").write_text(text.replace("/tmp/", f"{folder}/"))
    places = (ROOT / "deploy/upstream.conf").read_text()
    for name, number in zip(("one", "two"), ports, strict=True):
        places = places.replace(f"{name}:8000", f"127.0.0.1:{number}")
    (folder / "upstream.conf").write_text(places)
    (folder / "listen.conf").write_text(f"listen 127.0.0.1:{port};")


def wait_for(port, log):
    """Return when somebody listens on a port."""
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(log.read_text())


def test_pages_come_through_and_are_fresh_on_both_machines(house):
    for _ in range(4):
        assert {house.ask("GET", page)[0] for page in ("/", "/blog", "/feed.xml", "/api/v1/posts")} == {200}

    status, headers, _ = house.act("accounts.sign_in", "/sign-in", email="ada@x.example", password=PASSWORD)
    assert status == 303
    cookie = headers["Set-Cookie"].partition(";")[0]
    with_cookie = {"Cookie": cookie, "Origin": f"http://localhost:{house.port}", "Sec-Fetch-Site": "same-origin"}
    with_cookie["Content-Type"] = "application/x-www-form-urlencoded"
    for number in range(4):
        fields = urlencode({"title": f"Through the proxy {number}", "body": "Words"})
        created = house.ask("POST", "/_actions/posts.create_post?_page=/dashboard/posts", fields, **with_cookie)
        assert created[0] == 303, created[2]
        desk = house.ask("GET", "/dashboard/posts", Cookie=cookie)[2]
        post_id = re.search(r"posts\.publish_post\?post_id=(\d+)", desk)[1]
        path = f"/_actions/posts.publish_post?post_id={post_id}&_page=/dashboard/posts"
        assert house.ask("POST", path, **with_cookie)[0] == 303

        assert [f"Through the proxy {number}" in house.ask("GET", "/blog")[2] for _ in range(4)] == [True] * 4


def test_form_from_another_site_is_refused(house):
    status, _, _ = house.ask("POST", "/_actions/messages.send_message", "x=1", Origin="http://evil.example")

    assert status == 403


def test_visitor_is_who_nginx_says_and_not_who_they_say(house):
    answers = [house.ask("GET", "/api/v1/tags", X_Forwarded_For=f"192.0.2.{number}") for number in range(3)]

    left = [int(re.search(r"r=(\d+)", headers["RateLimit"])[1]) for _, headers, _ in answers]
    assert left == [left[0], left[0] - 1, left[0] - 2]


def test_signed_webhook_comes_through_byte_for_byte(house):
    body = '{"id": "evt_proxy",  "object": "event", "type": "ping", "livemode": false, "data": {"object": {}}}'
    signed = WebhookSignature.generate_signature_header(body, WEBHOOK, timestamp=int(time.time()))

    assert house.ask("POST", "/api/webhooks/stripe", body, Stripe_Signature=signed)[0] == 200
    assert house.ask("POST", "/api/webhooks/stripe", body + " ", Stripe_Signature=signed)[0] == 401


def test_static_files_are_kept_by_nginx(house):
    path = re.search(r'href="(/static/site\.css[^"]*)"', house.ask("GET", "/")[2])[1]
    status, headers, _ = house.ask("GET", path)
    assert status == 200
    assert "max-age=31536000" in headers["Cache-Control"]

    for machine in house.machines:
        os.killpg(machine.pid, signal.SIGSTOP)
    try:
        assert house.ask("GET", path)[0] == 200
    finally:
        for machine in house.machines:
            os.killpg(machine.pid, signal.SIGCONT)


def test_clients_that_send_slowly_hold_no_thread(house):
    head = f"POST /_actions/messages.send_message HTTP/1.1\r\nHost: localhost:{house.port}\r\nContent-Length: 500\r\n"
    head += "Content-Type: application/x-www-form-urlencoded\r\n\r\nname="
    slow = [socket.create_connection(("127.0.0.1", house.port), timeout=30) for _ in range(3 * THREADS)]
    for client in slow:
        client.sendall(head.encode())

    assert {house.ask("GET", page)[0] for page in ("/", "/blog", "/contact", "/readyz")} == {200}

    for client in slow:
        client.close()


def test_one_machine_killed_is_not_noticed_by_readers(house):
    kill(house.machines[0], signal.SIGKILL)

    assert {house.ask("GET", page)[0] for page in ("/", "/blog", "/feed.xml", "/contact") for _ in range(5)} == {200}
    letter = {"name": "Ina", "email": "ina@x.example", "message": "Are you still there?"}
    assert house.act("messages.send_message", "/contact", **letter)[0] == 303


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


def test_compose_file_names_what_is_there(services):
    assert list(services) == ["one", "two", "database", "proxy"]
    assert services["one"]["environment"].keys() <= {name.upper() for name in Settings.model_fields}
    for volume in services["proxy"]["volumes"]:
        assert (ROOT / volume.partition(":")[0]).is_file()


def test_samples_are_configurations_that_nginx_takes(nginx, tmp_path):
    configure(tmp_path, free_port(), [free_port(), free_port()])
    certificate = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-days", "1"]
    certificate += ["-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"]
    subprocess.run(certificate, check=True, capture_output=True)
    tls = (ROOT / "deploy/listen-tls.conf").read_text().replace("/etc/nginx/tls", str(tmp_path))

    for text in ((ROOT / "deploy/listen.conf").read_text(), tls):
        (tmp_path / "listen.conf").write_text(text)
        command = [nginx, "-t", "-p", tmp_path, "-c", tmp_path / "nginx.conf"]
        tried = subprocess.run(command, capture_output=True, text=True)
        assert tried.returncode == 0, tried.stderr


def test_nginx_hangs_up_before_the_application_does():
    proxy = re.search(r"keepalive_timeout (\d+)s;", (ROOT / "deploy/upstream.conf").read_text())
    application = re.search(r"^keepalive = (\d+)", (ROOT / "gunicorn.conf.py").read_text(), re.MULTILINE)

    assert int(proxy[1]) < int(application[1])


def test_guide_names_every_variable_that_has_to_be_given():
    guide = (ROOT / "docs/self-hosting.md").read_text()

    assert set(re.findall(r"\$\{(\w+):\?\}", (ROOT / "compose.yaml").read_text())) <= set(re.findall(r"\w+", guide))
    assert "docker compose up" in guide
