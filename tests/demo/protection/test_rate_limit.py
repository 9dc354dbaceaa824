from typing import Any

import pytest

from demo.protection.rate_limit import Buckets, client_of


def test_a_client_has_so_many_at_once_and_then_one_by_one() -> None:
    now = 0.0
    buckets = Buckets(60, lambda: now)
    assert [buckets.take("a") for _ in range(60)] == [0.0] * 60
    assert buckets.take("a") == pytest.approx(1.0)
    now = 0.75
    assert buckets.take("a") == pytest.approx(0.25)
    assert buckets.take("b") == 0.0, "others are not affected"
    now = 1.0
    assert buckets.take("a") == 0.0
    assert buckets.take("a") == pytest.approx(1.0)
    now = 10_000.0
    assert [buckets.take("a") for _ in range(61)][-1] > 0, "no more than a minute's are saved up"


def test_as_many_clients_are_remembered_as_memory_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.protection.rate_limit._CLIENTS", 3)
    buckets = Buckets(1, lambda: 0.0)
    for client in "abcd":
        buckets.take(client)
    assert buckets.take("d") > 0
    assert buckets.take("a") == 0.0, "the one not seen for longest was forgotten"


def _scope(address: str, forwarded: str | None = None) -> dict[str, Any]:
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    return {"client": (address, 5), "headers": headers}


def test_a_forwarded_address_is_believed_of_ones_own_proxy_alone() -> None:
    spoofed = _scope("10.0.0.1", "1.1.1.1, 9.9.9.9")
    assert client_of(spoofed, is_behind_proxy=False) == "10.0.0.1"
    assert client_of(spoofed, is_behind_proxy=True) == "9.9.9.9", "the proxy's own word is last"
    assert client_of(_scope("10.0.0.1"), is_behind_proxy=True) == "10.0.0.1"


def test_all_addresses_of_one_household_are_one_client() -> None:
    one, other = _scope("2001:db8:1:2::3"), _scope("2001:db8:1:2:ffff::1")
    assert client_of(one, False) == client_of(other, False)
    assert client_of(one, False) != client_of(_scope("2001:db8:1:3::3"), False)
