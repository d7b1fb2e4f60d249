"""Writing, from our own forms. One file per noun; each function is reachable by anyone and defends itself."""
