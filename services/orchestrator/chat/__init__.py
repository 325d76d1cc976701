"""Chat: sessions of users, what was said in them, and what an agent is told of it."""
