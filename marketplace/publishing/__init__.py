"""How a listing becomes public: what it says, the gate it passes, an operator's review, its versions and pictures."""
