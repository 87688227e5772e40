"""Write all fills into an Arrow file and a CSV file, and count the rows: export_fills.py FOLDER. Needs pyarrow."""

import os
import sys
from pathlib import Path

import pyarrow as pa

from slipstream_client import Client

folder = Path(sys.argv[1])
with Client(os.environ["SLIPSTREAM_URL"], os.environ["SLIPSTREAM_TOKEN"]) as client:
    client.exports.fills(folder / "fills.arrow", form="arrow")
    client.exports.fills(folder / "fills.csv", form="csv", fields="happened_at,symbol,side,quantity,price,fee")
with pa.OSFile(str(folder / "fills.arrow")) as file:
    table = pa.ipc.open_stream(file).read_all()
print(f"{table.num_rows} fills, quantity {table.schema.field('quantity').type}")
print((folder / "fills.csv").read_text(), end="")
