"""The strategies pages, by what they are about. Views parse, pass the gate, call one service and render."""
