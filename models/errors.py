"""What a verb raises when it cannot do what it was asked."""


class NotFound(LookupError):
    """Not there, or not yours: whoever asks cannot tell which."""
