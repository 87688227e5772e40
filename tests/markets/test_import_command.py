"""`manage.py import_candles`: every form, several files, one bad one among good ones."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from markets.models import Exchange, Instrument
from markets.selectors import FAR_FUTURE, candle_arrays, instruments
from tests.markets.files import (
    rows_of,
    write_binance_csv,
    write_freqtrade_feather,
    write_freqtrade_json,
    write_shared_parquet,
)
from tests.markets.series import candles_at, minutes_of

pytestmark = pytest.mark.django_db
ROWS = rows_of(candles_at([0, 5, 10]))
LATER = rows_of(candles_at([15, 20]))


def _run(*arguments: str | Path) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("import_candles", *map(str, arguments), stdout=out, stderr=err, no_color=True)
    return out.getvalue(), err.getvalue()


def _minutes(pair: str = "BTC-USDT", timeframe: str = "5m") -> list[int]:
    return minutes_of(candle_arrays(instruments().get(symbol=pair), timeframe, end=FAR_FUTURE))


def test_a_shared_file_is_stored_and_reported_and_again_it_changes_nothing(tmp_path: Path) -> None:
    path = write_shared_parquet(tmp_path / "binance__BTC-USDT__5m.parquet", ROWS)
    found = (
        "binance__BTC-USDT__5m.parquet: BTC-USDT 5m (Parquet),"
        " 3 candles from 2026-03-02 12:00 to 2026-03-02 12:10 UTC, no gaps; "
    )
    assert _run(path) == (f"{found}3 new, 0 replaced, 0 as before: BTC-USDT on Binance.\n", "")
    assert _run(path) == (f"{found}0 new, 0 replaced, 3 as before: BTC-USDT on Binance.\n", "")
    assert _minutes() == [0, 5, 10]


def test_all_forms_meet_in_one_series(tmp_path: Path) -> None:
    rows = [rows_of(candles_at([minute, minute + 5])) for minute in range(0, 50, 10)]
    _run(
        write_shared_parquet(tmp_path / "binance__BTC-USDT__5m.parquet", rows[0]),
        write_binance_csv(tmp_path / "BTCUSDT-5m-2024-12.csv", rows[1]),
        write_binance_csv(tmp_path / "BTCUSDT-5m-2025-01.csv", rows[2], microseconds=True, header=True),
        write_freqtrade_feather(tmp_path / "BTC_USDT-5m.feather", rows[3]),
        write_freqtrade_json(tmp_path / "BTC_USDT-5m.json", rows[4]),
        "--exchange",
        "binance",
    )
    assert _minutes() == list(range(0, 50, 5))
    assert Instrument.objects.count() == 1


def test_options_say_what_a_name_does_not(tmp_path: Path) -> None:
    path = write_freqtrade_json(tmp_path / "download.json", ROWS)
    _run(path, "--exchange", "kraken", "--instrument", "eth-eur", "--timeframe", "5m")
    assert (Exchange.objects.get().code, _minutes("ETH-EUR")) == ("kraken", [0, 5, 10])


def test_a_dry_run_stores_and_registers_nothing(tmp_path: Path, candle_dir: Path) -> None:
    path = write_shared_parquet(tmp_path / "binance__BTC-USDT__5m.parquet", ROWS)
    out, _ = _run(path, "--dry-run")
    assert out.endswith("3 candles from 2026-03-02 12:00 to 2026-03-02 12:10 UTC, no gaps; nothing stored (dry run).\n")
    assert (Exchange.objects.count(), Instrument.objects.count(), candle_dir.exists()) == (0, 0, False)


def test_of_a_bad_file_nothing_is_stored_while_good_ones_beside_it_are(tmp_path: Path, candle_dir: Path) -> None:
    good = write_shared_parquet(tmp_path / "binance__BTC-USDT__5m.parquet", ROWS)
    bad_rows = [list(row) for row in LATER]
    bad_rows[1][2] = 1.0
    bad = write_shared_parquet(tmp_path / "binance__ETH-USDT__5m.parquet", bad_rows)
    cut = tmp_path / "binance__SOL-USDT__5m.parquet"
    cut.write_bytes(good.read_bytes()[:-20])
    err = StringIO()
    with pytest.raises(CommandError, match="2 of 3 files were refused"):
        call_command("import_candles", str(bad), str(cut), str(good), stdout=StringIO(), stderr=err, no_color=True)
    lines = err.getvalue().splitlines()
    assert lines[0] == (
        "binance__ETH-USDT__5m.parquet: row 2: its high is below its open or close. Nothing of it was stored."
    )
    assert lines[1] == "  row 2: its high is below its open or close"
    assert lines[2].startswith("binance__SOL-USDT__5m.parquet: it is truncated or damaged (")
    assert _minutes() == [0, 5, 10]
    assert [path.name for path in candle_dir.glob("*.parquet")] == ["binance__BTC-USDT__5m.parquet"]
    assert list(Instrument.objects.values_list("symbol", flat=True)) == ["BTC-USDT"]


def test_a_bad_file_leaves_what_was_stored_before_as_it_was(tmp_path: Path) -> None:
    path = write_shared_parquet(tmp_path / "binance__BTC-USDT__5m.parquet", ROWS)
    _run(path)
    bad_rows = [list(row) for row in LATER]
    bad_rows[0][5] = -1.0
    write_shared_parquet(path, bad_rows)
    with pytest.raises(CommandError, match="1 of 1 files were refused"):
        _run(path)
    assert _minutes() == [0, 5, 10]


def test_a_file_that_names_nobody_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = write_freqtrade_json(tmp_path / "BTC_USDT-5m.json", ROWS)
    err = StringIO()
    with pytest.raises(CommandError):
        call_command("import_candles", str(path), stdout=StringIO(), stderr=err, no_color=True)
    assert err.getvalue() == (
        "BTC_USDT-5m.json does not say whose candles it holds: name them with --exchange and --instrument.\n"
    )
