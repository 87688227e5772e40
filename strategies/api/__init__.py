"""The API of strategies, by what it is about. Views parse, pass the gate, call one service and answer."""
