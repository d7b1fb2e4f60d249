"""What all doors share: who is asking and who may, errors, headers, static files, templates. It writes nothing."""
