"""Plans as rows: what engine/plans wishes for, kept, driven by the market's clock and by fills, and shown."""
