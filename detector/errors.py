"""Errors, one subclass per reaction: tell the user, stop the worker, or send to dead letters."""


class KozamoriError(Exception):
    """Base of every error this project raises on purpose."""


class UserError(KozamoriError):
    """Something a person must change; shown as one line, exit status 2, never a traceback.

    The message says what was got, what was expected, and what to do.
    """


class KafkaAwayError(UserError):
    """No broker answers. A command tells the user; a worker waits until one does."""


class OvertakenError(UserError):
    """Another process has begun what only one at a time can do. A command tells the user, or tries again."""


class WorkerError(KozamoriError):
    """The worker cannot keep its promises; the process ends with status 1 before any acknowledgement."""
