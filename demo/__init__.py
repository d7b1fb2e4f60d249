"""The demo's content: people, posts, members, letters. The application runs without it."""
