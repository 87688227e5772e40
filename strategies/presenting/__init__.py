"""What the strategies pages show, made from what is stored: rows, arrays and summaries become figures and words."""
