from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.civil import effective_zone, zone


@pytest.mark.parametrize("name", ["Asia/Shanghai", "America/Argentina/Buenos_Aires", "Etc/GMT+12", "UTC", "PRC"])
def test_names_of_the_database_are_zones(name: str) -> None:
    found = zone(name)
    assert found is not None
    assert found.key == name
    assert zone(name) is found


@pytest.mark.parametrize(
    "name",
    [
        None,
        "",
        " ",
        "Mars/Olympus",
        "UTC+8",
        "GMT+08:00",
        "+08:00",
        "asia/shanghai",
        "Asia/Shanghai ",
        "Asia",
        "Asia/",
        "/etc/localtime",
        "../Asia/Shanghai",
        "Asia/../Asia/Shanghai",
        "posix/Asia/Shanghai",
        "right/UTC",
        "localtime",
        "Factory",
        "zone.tab",
        "Asia/Shanghai\0",
        "中国标准时间",
        "x" * 10_000,
    ],
)
def test_anything_else_is_none(name: str | None) -> None:
    assert zone(name) is None
    assert effective_zone(name).key == "UTC"


def test_the_first_valid_name_holds() -> None:
    assert effective_zone(None, "", "Nowhere/Land", "Asia/Tokyo", "Europe/Berlin").key == "Asia/Tokyo"
    assert effective_zone("Europe/Berlin", "Asia/Tokyo").key == "Europe/Berlin"
    assert effective_zone().key == "UTC"


@given(st.text())
def test_no_text_raises(name: str) -> None:
    assert zone(name) is None or name in available_timezones()
