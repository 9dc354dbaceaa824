import base64
import stat
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from demo.protection.login import Login, add_line, line_of, read_users


@pytest.fixture
def users(tmp_path: Path) -> Path:
    path = tmp_path / "users.txt"
    add_line(path, "ada", "correct horse")
    add_line(path, "bob", "battery staple")
    return path


@pytest.fixture
def client(users: Path) -> TestClient:
    app = FastAPI()
    app.get("/health")(lambda: {})
    app.get("/secret")(lambda: {})
    app.add_middleware(Login, users=read_users(users), is_behind_proxy=False)
    return TestClient(app)


def test_the_right_name_and_password_open_everything(client: TestClient) -> None:
    assert client.get("/secret", auth=("ada", "correct horse")).status_code == 200
    assert client.get("/secret", auth=("ada", "correct horse")).status_code == 200
    assert client.get("/secret", auth=("bob", "battery staple")).status_code == 200
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize(
    "authorization",
    [
        None, "", "Basic", "Basic !!!", "Bearer x", "Basic /////w==",
        b"Basic \xe9", b"Basic \xc3\xa9",
        *(
            "Basic " + base64.b64encode(pair.encode()).decode()
            for pair in ("ada:wrong horse", "ada:", "ada", "eve:correct horse", "bob:correct horse")
        ),
    ],
)  # fmt: skip
def test_anything_else_opens_nothing_and_a_browser_is_told_to_ask(
    client: TestClient, authorization: str | bytes | None
) -> None:
    headers = [] if authorization is None else [(b"authorization", _bytes(authorization))]
    answer = client.get("/secret", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic ")


def test_guessing_is_slowed_down_and_does_not_lock_out_who_is_in(client: TestClient) -> None:
    assert client.get("/secret", auth=("ada", "correct horse")).status_code == 200
    codes = [client.get("/secret", auth=("ada", str(n))).status_code for n in range(12)]
    assert codes[0] == 401
    assert codes[-1] == 429
    assert client.get("/secret", auth=("ada", "correct horse")).status_code == 200


def test_passwords_are_not_in_the_file_and_it_is_its_owners(users: Path) -> None:
    assert "horse" not in users.read_text()
    assert stat.S_IMODE(users.stat().st_mode) == 0o600
    assert line_of("ada", "correct horse") != line_of("ada", "correct horse"), "salted"


def test_a_user_gets_another_password(users: Path) -> None:
    before = read_users(users)
    add_line(users, "ada", "another horse")
    after = read_users(users)
    assert after["bob"] == before["bob"]
    assert after["ada"] != before["ada"]
    assert len(after) == 2


def test_a_file_that_names_nobody_or_is_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "users.txt"
    with pytest.raises(FileNotFoundError, match="--add_user=NAME"):
        read_users(path)
    path.write_text("\n")
    with pytest.raises(ValueError, match="names nobody"):
        read_users(path)
    path.write_text("ada:plain password\n")
    with pytest.raises(ValueError, match="line 1 is damaged"):
        read_users(path)


def test_names_with_a_colon_and_short_passwords_are_refused() -> None:
    with pytest.raises(ValueError, match="no colon"):
        line_of("a:b", "long enough")
    with pytest.raises(ValueError, match="at least 8"):
        line_of("ada", "short")


def _bytes(written: str | bytes) -> bytes:
    return written if isinstance(written, bytes) else written.encode()
