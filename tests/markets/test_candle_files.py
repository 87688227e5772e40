"""The forms in which candles come: told apart by content, read alike, refused with file, row and reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from engine.candles import Candles
from markets.candle_files import FileName, MalformedCandles, parse_name, read_raw
from tests.markets.files import (
    Row,
    rows_of,
    write_binance_csv,
    write_freqtrade_feather,
    write_freqtrade_json,
    write_shared_parquet,
)
from tests.markets.series import NOON_MS, candles_at

Write = Callable[[Path, Sequence[Row]], Path]


def _write_csv_micro(path: Path, rows: Sequence[Row]) -> Path:
    return write_binance_csv(path, rows, microseconds=True)


def _write_csv_headed(path: Path, rows: Sequence[Row]) -> Path:
    return write_binance_csv(path, rows, header=True)


FORMS: dict[str, tuple[Write, str, int]] = {
    # Writer, what the form is called, the number of the first row in the file.
    "shared Parquet": (write_shared_parquet, "Parquet", 1),
    "freqtrade Feather": (write_freqtrade_feather, "Feather", 1),
    "freqtrade JSON": (write_freqtrade_json, "freqtrade JSON", 1),
    "Binance CSV": (write_binance_csv, "Binance CSV", 1),
    "Binance CSV in microseconds": (_write_csv_micro, "Binance CSV", 1),
    "Binance CSV with a header": (_write_csv_headed, "Binance CSV", 2),
}


def _exact() -> Candles:
    """Candles whose figures show any rounding."""
    candles = candles_at([0, 5, 10])
    candles.open[:] = [0.1 + 0.2, 42283.58, 8.12e-06]
    candles.volume[:] = [0.0, 123456.789, 1e-8]
    return candles


def _refusal(path: Path) -> MalformedCandles:
    with pytest.raises(MalformedCandles) as refused:
        read_raw(path)
    assert refused.value.code == "CANDLES_MALFORMED"
    assert refused.value.message.startswith(f"{path.name}: ")
    assert refused.value.message.endswith("Nothing of it was stored.")
    return refused.value


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_numbers(tmp_path: Path, form: str) -> None:
    write, name, first_row = FORMS[form]
    raw = read_raw(write(tmp_path / "whatever.bin", rows_of(_exact())))
    assert raw.form == name
    assert rows_of(raw.candles) == rows_of(_exact())
    assert raw.rows.tolist() == [first_row, first_row + 1, first_row + 2]
    assert (str(raw.candles.opened_at.dtype), str(raw.candles.open.dtype)) == ("int64", "float64")


def test_milliseconds_and_microseconds_may_follow_each_other(tmp_path: Path) -> None:
    rows = rows_of(candles_at([0, 5, 10]))
    path = write_binance_csv(tmp_path / "a.csv", rows[:1])
    path.write_text(path.read_text() + write_binance_csv(tmp_path / "b.csv", rows[1:], microseconds=True).read_text())
    assert rows_of(read_raw(path).candles) == rows


def test_a_table_without_compression_is_read_too(tmp_path: Path) -> None:
    rows = rows_of(candles_at([0, 5]))
    times, *columns = map(list, zip(*rows, strict=True))
    names = ("timestamp", "open", "high", "low", "close", "volume")
    table = pa.table(dict(zip(names, (times, *columns), strict=True)))
    feather.write_feather(table, tmp_path / "plain", compression="uncompressed")
    assert rows_of(read_raw(tmp_path / "plain").candles) == rows


def test_whole_numbers_and_nanosecond_dates_are_candles_too(tmp_path: Path) -> None:
    table = pa.table(
        {
            "volume": pa.array([1, 2]),
            "close": pa.array([10, 11]),
            "low": pa.array([9.5, 9.5], type=pa.float32()),
            "high": pa.array([12, 12]),
            "open": pa.array([10, 11]),
            "date": pa.array([NOON_MS * 10**6, (NOON_MS + 60_000) * 10**6], type=pa.timestamp("ns")),
        }
    )
    pq.write_table(table, tmp_path / "x.parquet")
    assert rows_of(read_raw(tmp_path / "x.parquet").candles) == [
        (NOON_MS, 10.0, 12.0, 9.5, 10.0, 1.0),
        (NOON_MS + 60_000, 11.0, 12.0, 9.5, 11.0, 2.0),
    ]


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kept", [0.97, 0.5, 0.05])
def test_a_truncated_file_is_refused(tmp_path: Path, form: str, kept: float) -> None:
    whole = FORMS[form][0](tmp_path / "whole", rows_of(candles_at(range(0, 500, 5)))).read_bytes()
    path = tmp_path / "cut"
    cut = round(len(whole) * kept)
    while b"\n" in whole[cut - 1 : cut + 1]:  # between two rows nobody can see that more should follow
        cut -= 2
    path.write_bytes(whole[:cut])
    assert "truncated" in _refusal(path).message


def test_a_csv_cut_inside_a_row_names_the_row(tmp_path: Path) -> None:
    path = write_binance_csv(tmp_path / "x.csv", rows_of(candles_at([0, 5, 10])))
    path.write_text(path.read_text()[:-30])
    refused = _refusal(path)
    assert "row 3 has " in refused.message
    assert "of 12 columns: it is truncated or damaged." in refused.message
    assert [row["row"] for row in refused.context["rows"]] == [3]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it is empty."),
        (b"PAR1 is only how it begins", "it is truncated or damaged"),
        (b"ARROW1 is only how it begins", "it is truncated or damaged"),
        (b"[[1, 2", "it is truncated or not JSON"),
        (b"[]", "it has no candles."),
        (b"[[1, 2, 3, 4, 5]]", "row 1: it has 5 columns, not 6."),
        (b"[[1, 2, 3, 4, 5, 6, 7]]", "row 1: it has 7 columns, not 6."),
        (b"[[1, 2, 3, 4, 5, 6], 7]", "row 2: it is not a time and five numbers."),
        (b'[[1, 2, 3, 4, 5, "six"]]', "row 1: it is not a time and five numbers."),
        (b"[[1, 2, 3, 4, 5, null]]", "row 1: it is not a time and five numbers."),
        (b"[[1.5, 2, 3, 4, 5, 6]]", "row 1: it is not a time and five numbers."),
        (b"[[1e999, 2, 3, 4, 5, 6]]", "row 1: it is not a time and five numbers."),
        (b"[[1e30, 2, 3, 4, 5, 6]]", "row 1: it is not a time and five numbers."),
        (b"[[true, 2, 3, 4, 5, 6]]", "row 1: it is not a time and five numbers."),
        (b"[[]]", "row 1: it is not a time and five numbers."),
        (b"{}", "it is no candle file known here"),
        (b"hello, world\n", "it is no candle file known here"),
        (b"\x00\xff\xfe\x01" * 40, "it is no candle file known here"),
        (b"open_time,open\n", "it has no candles."),
        (b"1,2,3,4,5,x,7,8,9,10,11,12\n", "row 1: it is not a time and five numbers."),
        (b"1,2,3,4,5,6,7,8,9,10,11,12\n\n", "row 2 has 0 of 12 columns"),
    ],
)
def test_what_is_no_candle_file_is_refused_with_the_reason(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "candles"
    path.write_bytes(content)
    assert problem in _refusal(path).message


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path: Path) -> None:
    assert "it cannot be read (No such file or directory)." in _refusal(tmp_path / "nowhere").message
    assert "it cannot be read (Is a directory)." in _refusal(tmp_path).message


def test_a_time_between_two_milliseconds_is_named(tmp_path: Path) -> None:
    rows = rows_of(candles_at([0, 5]))
    path = write_binance_csv(tmp_path / "x.csv", rows, microseconds=True)
    path.write_text(path.read_text().replace(f"{NOON_MS + 300_000}000,", f"{NOON_MS + 300_000}007,", 1))
    refused = _refusal(path)
    assert "row 2: its time is not a whole millisecond." in refused.message
    assert refused.context["rows"] == [{"row": 2, "reason": "its time is not a whole millisecond"}]


@pytest.mark.parametrize(
    ("column", "values", "problem"),
    [
        ("close", pa.array(["10", "11"]), "its column close holds string, not numbers."),
        ("close", pa.array([10.0, None]), "row 2: close is missing."),
        ("timestamp", pa.array([NOON_MS, None]), "row 2: timestamp is missing."),
        ("timestamp", pa.array(["a", "b"]), "its times are not whole milliseconds"),
        ("timestamp", pa.array([1.5, 2.5]), "its times are not whole milliseconds"),
        ("volume", None, "it has no column volume."),
        ("timestamp", None, "it has no column date."),
    ],
)
def test_a_table_with_wrong_columns_is_refused(
    tmp_path: Path, column: str, values: pa.Array | None, problem: str
) -> None:
    columns: dict[str, Any] = {"timestamp": [NOON_MS, NOON_MS + 60_000]}
    columns |= {name: [10.0, 11.0] for name in ("open", "high", "low", "close", "volume")}
    columns[column] = values
    table = pa.table({name: held for name, held in columns.items() if held is not None})
    pq.write_table(table, tmp_path / "x.parquet")
    assert problem in _refusal(tmp_path / "x.parquet").message


def test_a_refusal_is_ready_for_json(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text("[[1]]")
    assert json.loads(json.dumps(_refusal(path).context))["file"] == str(path)


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("binance__BTC-USDT__5m.parquet", FileName("binance", "BTC-USDT", "5m")),
        ("binanceusdm__BTC-USDT-PERP__1m.parquet", FileName("binanceusdm", "BTC-USDT-PERP", "1m")),
        ("Binance__btc-usdt__1d.parquet", FileName("binance", "BTC-USDT", "1d")),
        ("binance__BTC-USDT__funding.parquet", FileName("binance", "BTC-USDT", "")),
        ("BTC_USDT-5m.feather", FileName("", "BTC-USDT", "5m")),
        ("ETH_BTC-1h.json", FileName("", "ETH-BTC", "1h")),
        ("BTC_USDT_USDT-1m-futures.feather", FileName("", "BTC-USDT-PERP", "1m")),
        ("BTCUSDT-5m-2024-01.csv", FileName("binance", "BTC-USDT", "5m")),
        ("ETHBTC-1d-2024-01-31.csv", FileName("binance", "ETH-BTC", "1d")),
        ("1000PEPEFDUSD-1m-2025-02.csv", FileName("binance", "1000PEPE-FDUSD", "1m")),
        ("USDT-1m-2025-02.csv", FileName("binance", "", "1m")),
        ("ABCXYZ-1m-2025-02.csv", FileName("binance", "", "1m")),
        ("candles.csv", FileName()),
        ("my-notes.json", FileName()),
    ],
)
def test_a_name_says_whose_candles_of_what_and_how_long(name: str, meaning: FileName) -> None:
    assert parse_name(Path("/data") / name) == meaning
