"""The ways to a person: each sends one thing and says what came of it. Nothing here touches the database."""
