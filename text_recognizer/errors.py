"""Errors that speak to the user: what is wrong, why, and what to do."""


class UserError(ValueError):
    """Input, data or environment that the user can mend. The command line prints it and exits with 1."""

    exit_code = 1


class UsageError(UserError):
    """A flag or argument with an impossible value. The command line prints it and exits with 2."""

    exit_code = 2
